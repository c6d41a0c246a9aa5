//! The same key and request again is answered the same again, and done once.

use bartab_chat::Config;
use serde_json::{Value, json};

use crate::support::{Client, World};

/// Calls twice with a key; both answers must be the same, status and body, and the second append nothing.
async fn twice(world: &World, client: &Client, key: &str, path: &str, body: Value) -> Value {
    let first = client.keyed(key, "POST", path, body.clone()).await;
    let head = world.chat.head();
    let second = client.keyed(key, "POST", path, body).await;
    assert_eq!((first.status, &first.json), (second.status, &second.json), "{path}");
    assert_eq!(world.chat.head(), head, "{path}: done twice");
    first.json
}

#[tokio::test]
async fn every_post_can_be_asked_twice() {
    let world = World::new().await;
    let (ann, bob) = (world.person("ann"), world.person("bob"));
    bob.arrive().await;
    let draft = json!({"name": "kitchen", "visibility": "public", "topic": "tea", "members": [bob.id()]});
    let room = twice(&world, &ann, "k1", "/v1/rooms", draft).await["room_id"].as_str().unwrap().to_owned();
    let path = |rest: &str| format!("/v1/rooms/{room}/{rest}");
    let message = twice(&world, &ann, "k2", &path("messages"), json!({"text": "hi", "nonce": "n"})).await;
    assert_eq!((&message["number"], &message["nonce"]), (&json!(1), &json!("n")));
    twice(&world, &ann, "k3", &path("events"), json!({"type": "x.tick", "content": {"a": 1}})).await;
    let joined = twice(&world, &bob, "k4", &path("join"), Value::Null).await;
    assert_eq!(joined["type"], "member.joined");
    twice(&world, &bob, "k5", &path("leave"), json!({})).await;
    // The key of the join still stands, though the membership does not.
    assert_eq!(bob.keyed("k4", "POST", &path("join"), Value::Null).await.json, joined);
    bob.refused(403, "room.not_member", "POST", &path("messages"), json!({"text": "x"})).await;
}

#[tokio::test]
async fn keys_survive_opening_the_stores_again() {
    let world = World::new().await;
    let ann = world.person("ann");
    let draft = json!({"name": "kitchen"});
    let made = ann.keyed("room", "POST", "/v1/rooms", draft.clone()).await;
    let messages = format!("/v1/rooms/{}/messages", made.json["room_id"].as_str().unwrap());
    let said = ann.keyed("said", "POST", &messages, json!({"text": "hi"})).await;
    world.chat.close().await;
    let head = world.chat.head();
    let world = World::over(world.stores.clone(), Config::default()).await;
    let ann = ann.at(&world.service);
    let again = ann.keyed("room", "POST", "/v1/rooms", draft).await;
    assert_eq!((again.status, again.json), (201, made.json));
    let again = ann.keyed("said", "POST", &messages, json!({"text": "hi"})).await;
    assert_eq!((again.status, again.bytes), (201, said.bytes), "byte for byte");
    let other = ann.keyed("said", "POST", &messages, json!({"text": "ho"})).await;
    assert_eq!((other.status, other.code()), (422, "idempotency.mismatch"));
    assert_eq!(world.chat.head(), head);
}

#[tokio::test]
async fn a_key_is_for_one_request() {
    let world = World::new().await;
    let ann = world.person("ann");
    let (room, other) = (ann.public_room().await, ann.public_room().await);
    let messages = format!("/v1/rooms/{room}/messages");
    ann.keyed("k", "POST", &messages, json!({"text": "hi"})).await;
    for (path, body) in [
        (messages.clone(), json!({"text": "ho"})),
        (messages.clone(), json!({"text": "hi", "nonce": "n"})),
        (format!("/v1/rooms/{other}/messages"), json!({"text": "hi"})),
        (format!("/v1/rooms/{room}/events"), json!({"text": "hi"})),
        ("/v1/rooms".to_owned(), json!({"name": "x"})),
        (format!("/v1/rooms/{room}/leave"), Value::Null),
    ] {
        let reply = ann.keyed("k", "POST", &path, body).await;
        // A body that is of another shape is refused as such before its key is looked at.
        let expected = if path.ends_with("events") { (400, "request.invalid") } else { (422, "idempotency.mismatch") };
        assert_eq!((reply.status, reply.code()), expected, "{path}");
    }
}

#[tokio::test]
async fn quoted_and_bare_name_the_same_key() {
    let world = World::new().await;
    let ann = world.person("ann");
    let messages = format!("/v1/rooms/{}/messages", ann.public_room().await);
    for (quoted, bare) in [("\"k\"", "k"), ("\"a b\"", " a b "), (r#""a\"b\\c""#, r#"a"b\c"#)] {
        let body = json!({"text": bare});
        let first = ann.keyed(quoted, "POST", &messages, body.clone()).await;
        assert_eq!(first.status, 201, "{quoted}");
        assert_eq!(ann.keyed(bare, "POST", &messages, body).await.json, first.json, "{bare}");
    }
    let long = "x".repeat(255);
    assert_eq!(ann.keyed(&long, "POST", &messages, json!({"text": "x"})).await.status, 201);
}

#[tokio::test]
async fn what_is_no_key_is_refused() {
    let world = World::new().await;
    let ann = world.person("ann");
    let messages = format!("/v1/rooms/{}/messages", ann.public_room().await);
    let head = world.chat.head();
    let long = "x".repeat(256);
    for key in ["", " ", "\"\"", "\"k", "\"a\"b\"", r#""a\n""#, "\"k\";x=1", "a\tb", "caf\u{e9}", &long] {
        let reply = ann.keyed(key, "POST", &messages, json!({"text": "hi"})).await;
        assert_eq!((reply.status, reply.field()), (400, ("Idempotency-Key", "invalid")), "{key:?}");
    }
    let twice = [("idempotency-key", "a"), ("idempotency-key", "b")];
    assert_eq!(ann.raw("POST", &messages, &twice, r#"{"text":"hi"}"#).await.status, 400);
    assert_eq!(world.chat.head(), head);
}

#[tokio::test]
async fn the_keys_of_two_people_are_two_keys() {
    let world = World::new().await;
    let (ann, bob) = (world.person("ann"), world.person("bob"));
    let room = ann.public_room().await;
    bob.join(&room).await;
    let messages = format!("/v1/rooms/{room}/messages");
    let first = ann.keyed("k", "POST", &messages, json!({"text": "hi"})).await;
    let second = bob.keyed("k", "POST", &messages, json!({"text": "hi"})).await;
    assert_eq!((first.status, second.status), (201, 201));
    assert_ne!(first.json["event_id"], second.json["event_id"]);
}

#[tokio::test]
async fn what_was_refused_can_be_asked_again_with_its_key() {
    let world = World::new().await;
    let (ann, bob) = (world.person("ann"), world.person("bob"));
    let room = ann.public_room().await;
    let messages = format!("/v1/rooms/{room}/messages");
    assert_eq!(bob.keyed("k", "POST", &messages, json!({"text": "hi"})).await.status, 403);
    bob.join(&room).await;
    assert_eq!(bob.keyed("k", "POST", &messages, json!({"text": "hi"})).await.status, 201);
}

#[tokio::test]
async fn duplicates_in_flight_are_one_event() {
    for batch in [1, 2, 512] {
        let (world, log) = World::faulty(Config { batch, ..Config::default() }).await;
        let ann = world.person("ann");
        let room = ann.public_room().await;
        let messages = format!("/v1/rooms/{room}/messages");
        log.hold(true);
        let calls: Vec<_> = (0..20)
            .map(|index| {
                let (ann, messages) = (ann.clone(), messages.clone());
                // Four requests, each five times.
                let key = format!("k{}", index % 4);
                tokio::spawn(async move { ann.keyed(&key, "POST", &messages, json!({"text": key.clone()})).await })
            })
            .collect();
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        log.hold(false);
        let mut events = std::collections::BTreeSet::new();
        for call in calls {
            let reply = call.await.unwrap();
            assert_eq!(reply.status, 201);
            events.insert(reply.json["event_id"].as_str().unwrap().to_owned());
        }
        assert_eq!(events.len(), 4);
        assert_eq!(ann.get(&format!("/v1/rooms/{room}")).await["last_number"], 4);
    }
}

#[tokio::test]
async fn a_key_outlives_the_text_of_its_message() {
    let world = World::new().await;
    let ann = world.person("ann");
    let room = ann.public_room().await;
    let messages = format!("/v1/rooms/{room}/messages");
    let body = json!({"text": "secret", "nonce": "n"});
    let said = ann.keyed("k", "POST", &messages, body.clone()).await;
    let path = format!("{messages}/{}", said.json["event_id"].as_str().unwrap());
    ann.expect(200, "DELETE", &path, Value::Null).await;
    let head = world.chat.head();
    let again = ann.keyed("k", "POST", &messages, body).await;
    assert_eq!((again.status, &again.json["event_id"]), (201, &said.json["event_id"]));
    assert_eq!((&again.json["erased"], &again.json["content"]), (&json!(true), &Value::Null));
    // The fingerprint of the request went with the text; the key of another kind of request still is another's.
    let reply = ann.keyed("k", "POST", "/v1/rooms", json!({"name": "x"})).await;
    assert_eq!((reply.status, reply.code()), (422, "idempotency.mismatch"));
    assert_eq!(world.chat.head(), head);
}
