//! Read markers: unread is a subtraction, and a marker never moves back.

use serde_json::{Value, json};

use crate::support::{Client, World};

/// `(last_number, read_number, unread, mentions)` of a room as somebody sees it, the same from every place that tells.
async fn counts(client: &Client, room: &str) -> (u64, u64, u64, u64) {
    let of = |seen: &Value| {
        let number = |name: &str| seen[name].as_u64().unwrap();
        (number("last_number"), number("read_number"), number("unread"), number("mentions"))
    };
    let alone = of(&client.get(&format!("/v1/rooms/{room}")).await);
    let places =
        [client.get("/v1/rooms").await["items"].clone(), client.get("/v1/sync").await["snapshot"]["rooms"].clone()];
    for place in places {
        let listed = place.as_array().unwrap().iter().find(|listed| listed["room_id"] == room);
        if let Some(listed) = listed {
            assert_eq!(of(listed), alone);
        }
    }
    alone
}

async fn mark(client: &Client, room: &str, event: &Value) {
    client.expect(204, "PUT", &format!("/v1/rooms/{room}/receipt"), json!({"event_id": event["event_id"]})).await;
}

#[tokio::test]
async fn unread_is_what_came_after_the_marker() {
    let world = World::new().await;
    let (ann, bob) = (world.person("ann"), world.person("bob"));
    let room = ann.public_room().await;
    let old = ann.say(&room, "0").await;
    bob.join(&room).await;
    assert_eq!(counts(&bob, &room).await, (1, 1, 0, 0), "what was said before one joined is not unread");
    let first = ann.say(&room, "1").await;
    let second = ann.say(&room, "2").await;
    ann.say(&room, "3").await;
    assert_eq!(counts(&bob, &room).await, (4, 1, 3, 0));
    assert_eq!(counts(&ann, &room).await, (4, 4, 0, 0), "posting moves one's own marker");
    mark(&bob, &room, &second).await;
    assert_eq!(counts(&bob, &room).await, (4, 3, 1, 0));
    mark(&bob, &room, &first).await;
    mark(&bob, &room, &old).await;
    assert_eq!(counts(&bob, &room).await, (4, 3, 1, 0), "a marker never moves back");
    let path = format!("/v1/rooms/{room}/messages/{}", second["event_id"].as_str().unwrap());
    ann.expect(200, "DELETE", &path, Value::Null).await;
    assert_eq!(counts(&bob, &room).await, (4, 3, 1, 0), "deleted messages count");
    // An event that is no message marks what was said before it.
    let custom = json!({"type": "x.tick", "content": {}});
    let tick = ann.expect(201, "POST", &format!("/v1/rooms/{room}/events"), custom).await;
    mark(&bob, &room, &tick).await;
    assert_eq!(counts(&bob, &room).await, (4, 4, 0, 0));
    ann.say(&room, "5").await;
    bob.say(&room, "6").await;
    assert_eq!(counts(&bob, &room).await, (6, 6, 0, 0));
    let world = World::over(world.stores.clone(), bartab_chat::Config::default()).await;
    assert_eq!(counts(&bob.at(&world.service), &room).await, (6, 6, 0, 0), "markers are durable");
}

#[tokio::test]
async fn mentions_count_the_unread_messages_that_call_one() {
    let world = World::new().await;
    let (ann, bob, cat) = (world.person("ann"), world.person("bob"), world.person("cat"));
    let room = ann.public_room().await;
    bob.join(&room).await;
    cat.join(&room).await;
    let messages = format!("/v1/rooms/{room}/messages");
    let call =
        async |mentions: Value| ann.expect(201, "POST", &messages, json!({"text": "hey", "mentions": mentions})).await;
    let first = call(json!({"users": [bob.id()]})).await;
    call(json!({"users": [cat.id()]})).await;
    call(json!({"room": true, "users": [bob.id()]})).await;
    let last = call(json!({"room": true})).await;
    assert_eq!(counts(&bob, &room).await, (4, 0, 4, 3));
    assert_eq!(counts(&cat, &room).await, (4, 0, 4, 3));
    mark(&bob, &room, &first).await;
    assert_eq!(counts(&bob, &room).await, (4, 1, 3, 2));
    let path = format!("{messages}/{}", last["event_id"].as_str().unwrap());
    ann.expect(200, "DELETE", &path, Value::Null).await;
    assert_eq!(counts(&bob, &room).await, (4, 1, 3, 1), "a message that was taken back calls nobody");
}

#[tokio::test]
async fn only_members_mark_and_only_what_is_there() {
    let world = World::new().await;
    let (ann, bob) = (world.person("ann"), world.person("bob"));
    let room = ann.public_room().await;
    let other = ann.public_room().await;
    let here = ann.say(&room, "here").await;
    let there = ann.say(&other, "there").await;
    let receipt = format!("/v1/rooms/{room}/receipt");
    bob.refused(403, "room.not_member", "PUT", &receipt, json!({"event_id": here["event_id"]})).await;
    bob.join(&room).await;
    for event in
        [&there["event_id"], &json!("evt_01j9z3k4m5n6p7q8r9s0t1v2w3"), &json!("evt_7zzzzzzzzzzzzzzzzzzzzzzzzz")]
    {
        bob.refused(404, "message.not_found", "PUT", &receipt, json!({"event_id": event})).await;
    }
    for (body, field) in [
        (json!({}), ("/event_id", "missing")),
        (json!({"event_id": room}), ("/event_id", "invalid")),
        (json!({"event_id": 7}), ("/event_id", "invalid")),
        (json!({"event_id": here["event_id"], "at": 1}), ("/at", "unknown_field")),
    ] {
        assert_eq!(bob.refused(400, "request.invalid", "PUT", &receipt, body).await.field(), field);
    }
}

#[tokio::test]
async fn a_new_membership_begins_with_nothing_unread() {
    let world = World::new().await;
    let (ann, bob) = (world.person("ann"), world.person("bob"));
    let room = ann.public_room().await;
    bob.join(&room).await;
    ann.say(&room, "1").await;
    assert_eq!(counts(&bob, &room).await, (1, 0, 1, 0));
    bob.expect(201, "POST", &format!("/v1/rooms/{room}/leave"), Value::Null).await;
    assert_eq!(counts(&bob, &room).await, (1, 1, 0, 0), "who is no member has nothing unread");
    ann.say(&room, "2").await;
    bob.join(&room).await;
    assert_eq!(counts(&bob, &room).await, (2, 2, 0, 0));
    ann.say(&room, "3").await;
    assert_eq!(counts(&bob, &room).await, (3, 2, 1, 0));
}
