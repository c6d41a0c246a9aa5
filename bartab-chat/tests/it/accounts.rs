//! Chat follows the account feed: whoever has an account is known, as it is now, and each entry takes effect once.

mod crashes;
mod erased;
mod world;

use bartab_core::TenantRole;
use bartab_core::store::{AccountChange, Holder, MediaAccess as _, ProfileChange};
use serde_json::{Value, json};

use self::world::{Accounts, Tenant};
use crate::support::{Client, World, settle};

fn named(name: &str) -> AccountChange {
    AccountChange::Profile(ProfileChange { display_name: Some(name.to_owned()), avatar: None })
}

async fn member_count(client: &Client, room: &str) -> u64 {
    client.get(&format!("/v1/rooms/{room}")).await["member_count"].as_u64().unwrap()
}

#[tokio::test]
async fn whoever_has_an_account_is_known_when_the_chat_opens() {
    let accounts = Accounts::default();
    for name in ["ann", "bob"] {
        accounts.register(name, &[]).await;
    }
    accounts.bot("helper", "ann").await;
    let tenant = Tenant::open(&accounts).await;
    let (ann, bob) = (tenant.person("ann"), tenant.person("bob"));
    let room = ann.room(json!({"name": "attic", "members": [bob.id()]})).await;
    let members = ann.get(&format!("/v1/rooms/{room}/members")).await;
    let shown = &members["users"][bob.id().to_string()];
    assert_eq!(*shown, json!({"display_name": "bob", "avatar": null, "kind": "person"}));
    ann.set(&room, &tenant.person("helper"), json!({"membership": "invited"})).await;
    let members = ann.get(&format!("/v1/rooms/{room}/members")).await;
    assert_eq!(members["users"][tenant.person("helper").id().to_string()]["kind"], "bot");
    // A token that says the same as the account changes nothing.
    let head = tenant.world.chat.head();
    ann.arrive().await;
    bob.arrive().await;
    assert_eq!(tenant.world.chat.head(), head);
}

#[tokio::test]
async fn somebody_who_has_just_registered_can_be_named_at_once() {
    let accounts = Accounts::default();
    accounts.register("ann", &[]).await;
    let tenant = Tenant::open(&accounts).await;
    let ann = tenant.person("ann");
    let room = ann.public_room().await;
    // Nobody says that the feed has grown.
    accounts.register("bob", &[]).await;
    ann.room(json!({"kind": "direct", "members": [tenant.person("bob").id()]})).await;
    accounts.register("cat", &[]).await;
    ann.set(&room, &tenant.person("cat"), json!({"membership": "invited"})).await;
    accounts.register("dan", &[]).await;
    let path = format!("/v1/rooms/{room}/members/{}", tenant.person("dan").id());
    ann.refused(404, "member.not_found", "DELETE", &path, Value::Null).await;
    let reads = accounts.reads();
    let path = format!("/v1/rooms/{room}/members/{}", tenant.person("nobody").id());
    ann.refused(404, "user.not_found", "PUT", &path, json!({"membership": "invited"})).await;
    assert_eq!(accounts.reads(), reads + 1, "once for whoever is not known at all");
    ann.say(&room, "hello").await;
    assert_eq!(accounts.reads(), reads + 1);
}

#[tokio::test]
async fn a_nudge_brings_what_is_new() {
    let accounts = Accounts::default();
    for name in ["ann", "bob"] {
        accounts.register(name, &[]).await;
    }
    let tenant = Tenant::open(&accounts).await;
    let mut ann = tenant.person("ann").reader().await;
    accounts.change("bob", named("Bob B.")).await;
    accounts.change("bob", AccountChange::Role(TenantRole::Moderator)).await;
    accounts.change("bob", named("Bob C.")).await;
    tenant.world.chat.accounts_changed();
    settle().await;
    let events = ann.events("").await;
    // Both changes had happened when the first entry was read.
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!((&events[0]["type"], &events[0]["sender"]), (&json!("user.updated"), &json!(tenant.person("bob").id())));
    assert_eq!(events[0]["content"], json!({"display_name": "Bob C.", "avatar": null, "kind": "person"}));
    // An old token does not bring the old name back.
    tenant.person("bob").arrive().await;
    assert_eq!(ann.events("").await, Vec::<Value>::new());
    tenant.world.chat.accounts_changed();
    settle().await;
    assert_eq!(ann.events("").await, Vec::<Value>::new());
}

#[tokio::test]
async fn an_invite_s_rooms_are_joined_once() {
    let accounts = Accounts::default();
    accounts.register("ann", &[]).await;
    let tenant = Tenant::open(&accounts).await;
    let ann = tenant.person("ann");
    let (kitchen, attic) = (ann.public_room().await, ann.room(json!({"name": "attic"})).await);
    accounts.register("cat", &[]).await;
    let cat = tenant.person("cat");
    let direct = ann.room(json!({"kind": "direct", "members": [cat.id()]})).await;
    let nowhere = format!("room_{}", "0".repeat(26));
    let rooms = [&*kitchen, &attic, &direct, &nowhere, &kitchen];
    accounts.register("bob", &rooms).await;
    tenant.world.chat.accounts_changed();
    settle().await;
    let bob = tenant.person("bob");
    let joined = bob.get("/v1/rooms?joined=true").await;
    let mut names: Vec<&str> =
        joined["items"].as_array().unwrap().iter().map(|room| room["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["attic", "kitchen"]);
    assert_eq!(bob.get(&format!("/v1/rooms/{attic}")).await["role"], "member");

    // Bob leaves; nothing that is read again brings him back.
    bob.expect(201, "POST", &format!("/v1/rooms/{attic}/leave"), Value::Null).await;
    for _ in 0..2 {
        let tenant = tenant.reopen(&accounts).await;
        let (ann, bob) = (tenant.person("ann"), tenant.person("bob"));
        assert_eq!((member_count(&ann, &attic).await, member_count(&bob, &kitchen).await), (1, 2));
    }
}

#[tokio::test]
async fn nobody_invites_into_a_private_room_that_is_not_theirs_any_more() {
    let accounts = Accounts::default();
    accounts.register("ann", &[]).await;
    accounts.register("mal", &[]).await;
    let tenant = Tenant::open(&accounts).await;
    let (ann, mal) = (tenant.person("ann"), tenant.person("mal"));
    let (kitchen, attic) = (ann.public_room().await, ann.room(json!({"name": "attic"})).await);
    ann.set(&attic, &mal, json!({"membership": "invited"})).await;
    mal.expect(201, "POST", &format!("/v1/rooms/{attic}/join"), Value::Null).await;
    accounts.invited("guest", &[&attic], Some(mal.id())).await;
    tenant.world.chat.accounts_changed();
    settle().await;
    assert_eq!(member_count(&ann, &attic).await, 3);

    ann.expect(200, "DELETE", &format!("/v1/rooms/{attic}/members/{}", mal.id()), Value::Null).await;
    accounts.invited("puppet", &[&attic, &kitchen], Some(mal.id())).await;
    tenant.world.chat.accounts_changed();
    settle().await;
    assert_eq!((member_count(&ann, &attic).await, member_count(&ann, &kitchen).await), (2, 2));
    let puppet = tenant.person("puppet");
    puppet.refused(404, "room.not_found", "GET", &format!("/v1/rooms/{attic}"), Value::Null).await;
}

#[tokio::test]
async fn somebody_who_was_kept_out_before_they_had_an_account_stays_out() {
    let accounts = Accounts::default();
    accounts.register("ann", &[]).await;
    let tenant = Tenant::open(&accounts).await;
    let (ann, bob) = (tenant.person("ann"), tenant.person("bob"));
    let room = ann.public_room().await;
    // Known by a token of before, banned here, invited there with a role.
    bob.arrive().await;
    let other = ann.room(json!({"name": "attic"})).await;
    ann.set(&room, &bob, json!({"membership": "banned"})).await;
    ann.set(&other, &bob, json!({"membership": "invited", "role": "moderator"})).await;
    accounts.register("bob", &[&room, &other]).await;
    tenant.world.chat.accounts_changed();
    settle().await;
    bob.refused(404, "room.not_found", "GET", &format!("/v1/rooms/{room}"), Value::Null).await;
    assert_eq!(bob.get(&format!("/v1/rooms/{other}")).await["role"], "moderator");
    // Not even once the ban is lifted and all is read again.
    ann.expect(200, "DELETE", &format!("/v1/rooms/{room}/members/{}", bob.id()), Value::Null).await;
    let tenant = tenant.reopen(&accounts).await;
    assert_eq!(member_count(&tenant.person("ann"), &room).await, 1);
}

#[tokio::test]
async fn who_is_suspended_can_do_nothing_until_restored() {
    let accounts = Accounts::default();
    for name in ["ann", "bob"] {
        accounts.register(name, &[]).await;
    }
    accounts.bot("helper", "bob").await;
    let tenant = Tenant::open(&accounts).await;
    let (ann, bob, helper) = (tenant.person("ann"), tenant.person("bob"), tenant.bot("helper", "bob"));
    let room = ann.public_room().await;
    bob.join(&room).await;
    helper.join(&room).await;
    accounts.change("bob", AccountChange::Suspend).await;
    tenant.world.chat.accounts_changed();
    settle().await;
    let messages = format!("/v1/rooms/{room}/messages");
    for who in [&bob, &helper] {
        who.refused(403, "account.suspended", "POST", &messages, json!({"text": "still here"})).await;
        let leave = format!("/v1/rooms/{room}/leave");
        who.refused(403, "account.suspended", "POST", &leave, Value::Null).await;
    }
    let direct = json!({"kind": "direct", "members": [bob.id()]});
    ann.refused(409, "user.suspended", "POST", "/v1/rooms", direct.clone()).await;
    assert_eq!(member_count(&ann, &room).await, 3);
    // Also after a restart, from a snapshot.
    let tenant = tenant.reopen(&accounts).await;
    let (ann, bob) = (tenant.person("ann"), tenant.person("bob"));
    bob.refused(403, "account.suspended", "POST", &messages, json!({"text": "still here"})).await;
    accounts.change("bob", AccountChange::Restore).await;
    tenant.world.chat.accounts_changed();
    settle().await;
    bob.say(&room, "back").await;
    tenant.bot("helper", "bob").say(&room, "back").await;
    ann.room(direct).await;
}

#[tokio::test]
async fn who_is_suspended_reads_no_files_and_who_is_erased_shows_none() {
    let accounts = Accounts::default();
    for name in ["ann", "bob"] {
        accounts.register(name, &[]).await;
    }
    accounts.bot("helper", "bob").await;
    let tenant = Tenant::open(&accounts).await;
    let (ann, bob, helper) = (tenant.person("ann"), tenant.person("bob"), tenant.bot("helper", "bob"));
    let room = ann.public_room().await;
    let said = ann.say(&room, "look").await["event_id"].as_str().unwrap().parse().unwrap();
    let (message, face) = ([Holder::Message(said)], [Holder::Profile(bob.id())]);
    let chat = tenant.world.chat.downgrade();
    let reads = async |who: &Client| {
        let actor = who.actor.as_ref().unwrap();
        (chat.may_read(actor, &message).await.unwrap(), chat.may_read(actor, &face).await.unwrap())
    };
    let changed = async |change| {
        accounts.change("bob", change).await;
        tenant.world.chat.accounts_changed();
        settle().await;
    };
    for who in [&ann, &bob, &helper] {
        assert_eq!(reads(who).await, (true, true));
    }
    changed(AccountChange::Suspend).await;
    for who in [&bob, &helper] {
        assert_eq!(reads(who).await, (false, false));
    }
    assert_eq!(reads(&ann).await, (true, true));
    changed(AccountChange::Restore).await;
    assert_eq!(reads(&bob).await, (true, true));
    changed(AccountChange::Erase { messages: false }).await;
    assert_eq!(reads(&bob).await, (false, false));
    assert_eq!(reads(&ann).await, (true, false));
}

#[tokio::test]
async fn entries_without_a_trace_are_not_read_again_and_again() {
    let accounts = Accounts::default();
    for number in 0..3 {
        accounts.register(&format!("person {number}"), &[]).await;
    }
    // Known by their tokens: their entries ask for nothing.
    let world = World::new().await;
    for number in 0..3 {
        world.person(&format!("person {number}")).arrive().await;
    }
    let tenant = Tenant::follow(world, &accounts).await;
    let head = tenant.world.chat.head();
    assert_eq!(head, 3);
    for round in 0..600 {
        let roles = [TenantRole::Moderator, TenantRole::Member];
        accounts.change("person 1", AccountChange::Role(roles[round % 2])).await;
    }
    let tenant = tenant.reopen(&accounts).await;
    assert_eq!(tenant.world.chat.head(), head + 1, "one event says how far it was read");
    let (reads, entries) = (accounts.reads(), accounts.entries());
    let tenant = tenant.reopen(&accounts).await;
    assert_eq!(tenant.world.chat.head(), head + 1);
    assert!(accounts.reads() <= reads + 3 && accounts.entries() <= entries + 2);
}

#[tokio::test]
async fn a_feed_that_fails_is_read_again() {
    tokio::time::pause();
    let accounts = Accounts::default();
    accounts.register("ann", &[]).await;
    accounts.fail(true);
    let world = World::new().await;
    assert!(world.chat.follow_accounts(accounts.feed()).await.is_err());
    accounts.fail(false);
    let tenant = Tenant::follow(world, &accounts).await;
    let mut ann = tenant.person("ann").reader().await;
    accounts.fail(true);
    accounts.register("bob", &[]).await;
    tenant.world.chat.accounts_changed();
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    assert_eq!(ann.types().await, [""; 0]);
    // A name that is not known is refused, and the rest goes on.
    let room = tenant.person("ann").public_room().await;
    let path = format!("/v1/rooms/{room}/members/{}", tenant.person("bob").id());
    let invited = json!({"membership": "invited"});
    tenant.person("ann").refused(404, "user.not_found", "PUT", &path, invited).await;
    ann.types().await;
    accounts.fail(false);
    tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    assert_eq!(ann.types().await, ["user.created"]);
}

#[tokio::test]
async fn a_chat_that_is_closed_reads_no_more() {
    let accounts = Accounts::default();
    accounts.register("ann", &[]).await;
    let tenant = Tenant::open(&accounts).await;
    tenant.world.chat.close().await;
    let reads = accounts.reads();
    accounts.register("bob", &[]).await;
    tenant.world.chat.accounts_changed();
    settle().await;
    assert_eq!(accounts.reads(), reads);
}
