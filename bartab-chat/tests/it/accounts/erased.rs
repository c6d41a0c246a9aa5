//! Somebody who is erased is named nowhere, is in no room, and has said nothing when that was chosen.

use bartab_chat::Config;
use bartab_core::store::{AccountChange, verify_log};
use serde_json::{Value, json};

use super::named;
use super::world::{Accounts, Tenant};
use crate::support::{Client, World, settle};

/// What Bob is called and says: everything of his has it, and nothing of anybody else's.
const BOB: &str = "zanzibar";

/// Bob lives here for a while: names, rooms, messages, edits, custom events, reasons.
pub(super) struct Life {
    pub(super) kitchen: String,
    pub(super) attic: String,
    /// A message of Bob's that Ann answered and reacted to.
    pub(super) said: String,
}

pub(super) async fn live(tenant: &Tenant, accounts: &Accounts) -> Life {
    for name in ["ann", BOB, "cat"] {
        accounts.register(name, &[]).await;
    }
    accounts.change(BOB, named("zanzibar the first")).await;
    tenant.world.chat.accounts_changed();
    settle().await;
    accounts.change(BOB, named("zanzibar the second")).await;
    tenant.world.chat.accounts_changed();
    settle().await;
    let (ann, bob, cat) = (tenant.person("ann"), tenant.person(BOB), tenant.person("cat"));
    let (kitchen, attic) = (ann.public_room().await, bob.room(json!({"name": "attic", "members": [ann.id()]})).await);
    bob.join(&kitchen).await;
    ann.join(&attic).await;
    ann.room(json!({"kind": "direct", "members": [bob.id()]})).await;
    ann.room(json!({"name": "invited", "members": [bob.id()]})).await;
    let said = bob.say(&kitchen, BOB).await["event_id"].as_str().unwrap().to_owned();
    let path = format!("/v1/rooms/{kitchen}/messages/{said}");
    bob.expect(200, "PATCH", &path, json!({"text": format!("{BOB} again")})).await;
    ann.expect(200, "PUT", &format!("{path}/reactions/%F0%9F%91%8D"), Value::Null).await;
    let thread = json!({"text": "why?", "thread": said, "reply_to": said});
    ann.expect(201, "POST", &format!("/v1/rooms/{kitchen}/messages"), thread).await;
    for number in 0..450 {
        bob.say(&attic, &format!("{BOB} {number}")).await;
    }
    let custom = json!({"type": "x.move", "content": {"to": BOB}});
    bob.expect(201, "POST", &format!("/v1/rooms/{attic}/events"), custom).await;
    bob.set(&attic, &cat, json!({"membership": "banned", "reason": BOB})).await;
    let gone = bob.say(&attic, "gone").await["event_id"].as_str().unwrap().to_owned();
    let path = format!("/v1/rooms/{attic}/messages/{gone}?reason={BOB}");
    bob.expect(200, "DELETE", &path, Value::Null).await;
    Life { kitchen, attic, said }
}

/// The rows that hold the word.
pub(super) async fn rows_with(world: &World, word: &str) -> Vec<String> {
    let mut found = Vec::new();
    for record in world.records().await {
        if record.content.as_ref().is_some_and(|content| content.json.contains(word)) {
            found.push(record.envelope.event_type.to_string());
        }
    }
    let seqs: Vec<u64> = (1..=world.chat.head()).collect();
    for row in world.stores.log.messages(&seqs).await.unwrap().into_iter().flatten() {
        if String::from_utf8_lossy(&row.view.unwrap_or_default()).contains(word) {
            found.push("view".to_owned());
        }
    }
    found
}

/// Nothing that anybody can be given holds the word.
async fn is_shown_nowhere(reader: &Client, life: &Life, token: &str) {
    let mut paths = vec!["/v1/sync".to_owned()];
    for room in [&life.kitchen, &life.attic] {
        paths.push(format!("/v1/rooms/{room}/members"));
        paths.push(format!("/v1/rooms/{room}/messages?limit=200"));
    }
    paths.push(format!("/v1/rooms/{}/messages/{}", life.kitchen, life.said));
    paths.push(format!("/v1/rooms/{}/messages/{}/edits", life.kitchen, life.said));
    for path in paths {
        assert!(!reader.get(&path).await.to_string().contains(BOB), "{path}");
    }
    let mut next = token.to_owned();
    loop {
        let answer = reader.get(&format!("/v1/sync?since={next}&timeout=0")).await;
        assert!(!answer.to_string().contains(BOB), "{answer}");
        if answer["more"] != true {
            break;
        }
        next = answer["next"].as_str().unwrap().to_owned();
    }
}

#[tokio::test]
async fn with_what_they_wrote() {
    // With a ring that reaches back over everything, and with one that does not.
    for recent_events in [4_096, 3] {
        let accounts = Accounts::default();
        let config = Config { recent_events, ..Config::default() };
        let tenant = Tenant::follow(World::with(config).await, &accounts).await;
        let token = tenant.person("ann").reader().await.next;
        let life = live(&tenant, &accounts).await;
        let (ann, bob) = (tenant.person("ann"), tenant.person(BOB));
        accounts.change(BOB, AccountChange::Erase { messages: true }).await;
        let feed = tenant.world.chat.clone();
        feed.accounts_changed();
        until_done(&tenant).await;

        assert_eq!(rows_with(&tenant.world, BOB).await, [""; 0]);
        is_shown_nowhere(&ann, &life, &token).await;
        verify_log(&*tenant.world.stores.log).await.unwrap();
        let members = ann.get(&format!("/v1/rooms/{}/members", life.attic)).await;
        assert_eq!(members["items"].as_array().unwrap().len(), 1, "{members}");
        let page = ann.get(&format!("/v1/rooms/{}/messages", life.kitchen)).await;
        let messages = page["items"].as_array().unwrap();
        assert_eq!((messages.len(), &messages[0]["text"]), (2, &json!("why?")));
        assert_eq!((&messages[1]["deleted"], &messages[1]["thread_count"]), (&json!(true), &json!(1)));
        let nobody = json!({"display_name": "", "avatar": null, "kind": "person", "deleted": true});
        assert_eq!(page["users"][bob.id().to_string()], nobody);

        // A token that is still about does nothing; nobody can name the person any more.
        let messages = format!("/v1/rooms/{}/messages", life.kitchen);
        bob.refused(403, "account.suspended", "POST", &messages, json!({"text": BOB})).await;
        let path = format!("/v1/rooms/{}/members/{}", life.kitchen, bob.id());
        ann.refused(404, "user.not_found", "PUT", &path, json!({"membership": "invited"})).await;
        let direct = json!({"kind": "direct", "members": [bob.id()]});
        ann.refused(404, "user.not_found", "POST", "/v1/rooms", direct).await;

        let head = tenant.world.chat.head();
        let tenant = tenant.reopen(&accounts).await;
        assert_eq!(tenant.world.chat.head(), head);
        is_shown_nowhere(&tenant.person("ann"), &life, &token).await;
        let page = tenant.person("ann").get(&format!("/v1/rooms/{}/messages", life.kitchen)).await;
        assert_eq!(page["users"][bob.id().to_string()], nobody);
    }
}

#[tokio::test]
async fn without_what_they_wrote() {
    let accounts = Accounts::default();
    let tenant = Tenant::open(&accounts).await;
    let life = live(&tenant, &accounts).await;
    accounts.change(BOB, AccountChange::Erase { messages: false }).await;
    tenant.world.chat.accounts_changed();
    until_done(&tenant).await;
    let rows = rows_with(&tenant.world, BOB).await;
    assert!(!rows.iter().any(|row| row.starts_with("user.")), "{rows:?}");
    assert_eq!(rows.iter().filter(|row| *row == "message.created").count(), 451);
    let ann = tenant.person("ann");
    let message = ann.get(&format!("/v1/rooms/{}/messages/{}", life.kitchen, life.said)).await;
    assert_eq!((&message["text"], &message["deleted"]), (&json!("zanzibar again"), &json!(false)));
    let members = ann.get(&format!("/v1/rooms/{}/members", life.kitchen)).await;
    assert_eq!(members["items"].as_array().unwrap().len(), 1, "{members}");
}

#[tokio::test]
async fn what_they_wrote_goes_also_when_it_is_asked_for_later() {
    // Read one after the other, and both at once.
    for between in [true, false] {
        let accounts = Accounts::default();
        let tenant = Tenant::open(&accounts).await;
        let token = tenant.person("ann").reader().await.next;
        let life = live(&tenant, &accounts).await;
        accounts.change(BOB, AccountChange::Erase { messages: false }).await;
        if between {
            tenant.world.chat.follow_accounts(accounts.feed()).await.unwrap();
            assert!(rows_with(&tenant.world, BOB).await.contains(&"message.created".to_owned()));
        }
        accounts.change(BOB, AccountChange::Erase { messages: true }).await;
        tenant.world.chat.follow_accounts(accounts.feed()).await.unwrap();
        assert_eq!(rows_with(&tenant.world, BOB).await, [""; 0]);
        is_shown_nowhere(&tenant.person("ann"), &life, &token).await;
        verify_log(&*tenant.world.stores.log).await.unwrap();
        // Each entry was done once, and the facts of the last say what is gone.
        let records = tenant.world.records().await;
        let done = records.iter().filter(|row| row.facts.contains("\"erased\"") && row.facts.contains("\"feed\""));
        let done: Vec<bool> = done.map(|row| row.facts.contains("\"written\":true")).collect();
        assert_eq!(done, [false, true]);
        let head = tenant.world.chat.head();
        assert_eq!(tenant.reopen(&accounts).await.world.chat.head(), head);
    }
}

#[tokio::test]
async fn on_another_node_too() {
    let accounts = Accounts::default();
    let tenant = Tenant::open(&accounts).await;
    let (other, log) = World::faulty_over(tenant.world.stores.clone(), Config::default()).await;
    let token = tenant.person("ann").reader().await.next;
    let life = live(&tenant, &accounts).await;
    let there = tenant.person("ann").at(&other.service);
    log.announce(tenant.world.chat.head());
    settle().await;
    assert!(there.get(&format!("/v1/sync?since={token}&timeout=0")).await.to_string().contains(BOB));
    accounts.change(BOB, AccountChange::Erase { messages: true }).await;
    tenant.world.chat.accounts_changed();
    until_done(&tenant).await;
    log.announce(tenant.world.chat.head());
    settle().await;
    is_shown_nowhere(&there, &life, &token).await;
}

/// Waits until the last step of the erasure is in the log.
pub(super) async fn until_done(tenant: &Tenant) {
    for _ in 0..10_000 {
        tokio::task::yield_now().await;
        let records = tenant.world.records().await;
        if records.iter().any(|record| record.facts.contains("\"erased\"") && record.facts.contains("\"feed\"")) {
            return;
        }
    }
    panic!("the erasure comes to no end");
}
