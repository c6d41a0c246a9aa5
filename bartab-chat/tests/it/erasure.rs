//! After a deletion the text is nowhere: not in the log, the views, the ring, or any answer.

use std::sync::Arc;

use bartab_chat::Config;
use bartab_core::store::verify_log;
use serde_json::{Value, json};

use crate::support::{Client, Files, World, settle};

const SECRET: &str = "zanzibar";

/// Nothing that anybody can be given holds the text.
async fn is_nowhere(world: &World, clients: &[&Client], room: &str, tokens: &[String]) {
    for record in world.records().await {
        let content = record.content.as_ref().map(|content| content.json.to_string()).unwrap_or_default();
        assert!(!content.contains(SECRET), "the event at {} holds it", record.seq());
    }
    let seqs: Vec<u64> = (1..=world.chat.head()).collect();
    for row in world.stores.log.messages(&seqs).await.unwrap().into_iter().flatten() {
        assert!(!String::from_utf8_lossy(&row.view.unwrap_or_default()).contains(SECRET));
    }
    for client in clients {
        let mut paths = vec![
            "/v1/sync".to_owned(),
            format!("/v1/rooms/{room}/messages"),
            format!("/v1/rooms/{room}/messages?dir=f"),
        ];
        paths.extend(tokens.iter().map(|token| format!("/v1/sync?since={token}&timeout=0")));
        for record in world.records().await.iter().filter(|record| record.envelope.number.is_some()) {
            paths.push(format!("/v1/rooms/{room}/messages/{}", record.envelope.id));
            paths.push(format!("/v1/rooms/{room}/messages/{}/edits", record.envelope.id));
        }
        for path in paths {
            assert!(!client.get(&path).await.to_string().contains(SECRET), "{path}");
        }
    }
    verify_log(&*world.stores.log).await.unwrap();
}

#[tokio::test]
async fn a_deleted_text_is_gone_with_its_edits() {
    // With a ring that reaches back over everything, and with one that does not.
    for recent_events in [4_096, 3] {
        let config = Config { recent_events, ..Config::default() };
        let world = World::with(config.clone()).await;
        let (ann, bob) = (world.person("ann"), world.person("bob"));
        let room = ann.public_room().await;
        bob.join(&room).await;
        let messages = format!("/v1/rooms/{room}/messages");
        let files = Arc::new(Files::default());
        world.chat.use_media(files.clone());
        let draft = json!({"text": SECRET, "nonce": SECRET, "attachments": [files.upload(&ann, SECRET)]});
        let mut tokens = vec![bob.reader().await.next];
        let said = ann.expect(201, "POST", &messages, draft).await;
        assert_eq!(said["content"]["attachments"][0]["filename"], SECRET);
        let path = format!("{messages}/{}", said["event_id"].as_str().unwrap());
        tokens.push(bob.reader().await.next);
        ann.expect(200, "PATCH", &path, json!({"text": format!("{SECRET} 2")})).await;
        bob.say(&room, "what?").await;
        ann.expect(200, "PATCH", &path, json!({"text": format!("{SECRET} 3")})).await;
        tokens.push(bob.reader().await.next);
        bob.expect(200, "PUT", &format!("{path}/reactions/%F0%9F%91%8D"), Value::Null).await;
        let thread = json!({"text": "reply", "thread": said["event_id"], "reply_to": said["event_id"]});
        bob.expect(201, "POST", &messages, thread).await;
        ann.expect(200, "DELETE", &path, Value::Null).await;
        is_nowhere(&world, &[&ann, &bob], &room, &tokens).await;
        // Sync says of each of them that it was erased.
        let missed = bob.get(&format!("/v1/sync?since={}&timeout=0", tokens[0])).await;
        let events = missed["events"].as_array().unwrap();
        let types: Vec<(&str, bool)> =
            events.iter().map(|event| (event["type"].as_str().unwrap(), event["erased"] == true)).collect();
        let expected = [
            ("message.created", true),
            ("message.edited", true),
            ("message.created", false),
            ("message.edited", true),
            ("reaction.added", false),
            ("message.created", false),
            ("message.deleted", false),
        ];
        assert_eq!(types, expected);
        assert!(events.iter().filter(|event| event["erased"] == true).all(|event| event.get("nonce").is_none()));
        let world = World::over(world.stores.clone(), config).await;
        let (ann, bob) = (ann.at(&world.service), bob.at(&world.service));
        is_nowhere(&world, &[&ann, &bob], &room, &tokens).await;
    }
}

#[tokio::test]
async fn what_is_said_and_taken_back_in_one_batch_is_never_stored() {
    let (world, log) = World::faulty(Config::default()).await;
    let (ann, bob) = (world.person("ann"), world.person("bob"));
    let room = ann.public_room().await;
    bob.join(&room).await;
    let token = bob.reader().await.next;
    let messages = format!("/v1/rooms/{room}/messages");
    // While one batch is held up, the next gathers; its message's id can be foretold, its position is the next.
    log.hold(true);
    let first = {
        let (ann, room) = (ann.clone(), room.clone());
        tokio::spawn(async move { ann.say(&room, "first").await })
    };
    tokio::task::yield_now().await;
    let now = bartab_core::Clock::now(&*world.clock);
    let id = bartab_core::EventId::at(now, 0, world.chat.head() + 2);
    let path = format!("{messages}/{id}");
    let calls = [
        ("POST", messages.clone(), json!({"text": SECRET, "mentions": {"users": [bob.id()]}})),
        ("PATCH", path.clone(), json!({"text": format!("{SECRET} 2")})),
        ("PUT", format!("{path}/reactions/%F0%9F%91%8D"), Value::Null),
        ("DELETE", path.clone(), Value::Null),
    ];
    let mut tasks = Vec::new();
    for (method, path, body) in calls {
        let ann = ann.clone();
        tasks.push(tokio::spawn(async move { ann.call(method, &path, body).await }));
        tokio::task::yield_now().await;
    }
    let before = log.appends();
    log.hold(false);
    first.await.unwrap();
    for task in tasks {
        let reply = task.await.unwrap();
        assert!(matches!(reply.status, 200 | 201), "{}", reply.json);
    }
    assert_eq!(log.appends(), before + 1, "the four are one batch");
    is_nowhere(&world, &[&ann, &bob], &room, &[token]).await;
    let seen = bob.get(&format!("/v1/rooms/{room}")).await;
    assert_eq!((&seen["unread"], &seen["mentions"]), (&json!(2), &json!(0)));
}

#[tokio::test]
async fn a_deletion_that_its_own_batch_allows_erases_the_edits_too() {
    let (world, log) = World::faulty(Config::default()).await;
    let (ann, bob) = (world.person("ann"), world.person("bob"));
    let room = ann.public_room().await;
    bob.join(&room).await;
    let token = bob.reader().await.next;
    let said = ann.say(&room, SECRET).await;
    let path = format!("/v1/rooms/{room}/messages/{}", said["event_id"].as_str().unwrap());
    for index in 0..3 {
        ann.expect(200, "PATCH", &path, json!({"text": format!("{SECRET} {index}")})).await;
    }
    log.hold(true);
    let member = format!("/v1/rooms/{room}/members/{}", bob.id());
    let mut tasks = Vec::new();
    for (who, method, path, body) in [
        (&ann, "POST", format!("/v1/rooms/{room}/messages"), json!({"text": "first"})),
        (&ann, "PUT", member, json!({"role": "moderator"})),
        (&ann, "PATCH", path.clone(), json!({"text": format!("{SECRET} 3")})),
        // When the batch begins Bob may not do this yet; when it is his turn he may.
        (&bob, "DELETE", path.clone(), Value::Null),
    ] {
        let who = who.clone();
        tasks.push(tokio::spawn(async move { who.call(method, &path, body).await }));
        settle().await;
    }
    let before = log.appends();
    log.hold(false);
    for task in tasks {
        let reply = task.await.unwrap();
        assert!(matches!(reply.status, 200 | 201), "{}", reply.json);
    }
    assert_eq!(log.appends(), before + 1);
    is_nowhere(&world, &[&ann, &bob], &room, &[token]).await;
}

#[tokio::test]
async fn another_node_forgets_it_too() {
    let world = World::new().await;
    let (other, log) = World::faulty_over(world.stores.clone(), Config::default()).await;
    let ann = world.person("ann");
    let room = ann.public_room().await;
    // One log, so a token of the one is a token of the other; it lies before all that the other's ring will hold.
    let token = ann.reader().await.next;
    let said = ann.say(&room, SECRET).await;
    let path = format!("/v1/rooms/{room}/messages/{}", said["event_id"].as_str().unwrap());
    ann.expect(200, "PATCH", &path, json!({"text": format!("{SECRET} 2")})).await;
    // The other node catches up: first with the text, then with the deletion.
    let there = ann.at(&other.service);
    log.announce(world.chat.head());
    settle().await;
    assert!(there.get(&format!("/v1/sync?since={token}&timeout=0")).await.to_string().contains(SECRET));
    ann.expect(200, "DELETE", &path, Value::Null).await;
    log.announce(world.chat.head());
    settle().await;
    is_nowhere(&other, &[&there], &room, &[token]).await;
    is_nowhere(&world, &[&ann], &room, &[]).await;
}
