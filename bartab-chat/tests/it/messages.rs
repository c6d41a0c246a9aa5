//! Messages: posting, editing, deleting, reacting, custom events.

use serde_json::{Value, json};

use crate::support::World;

const THUMB: &str = "%F0%9F%91%8D";

fn id(event: &Value) -> &str {
    event["event_id"].as_str().unwrap()
}

#[tokio::test]
async fn a_message_is_what_was_said() {
    let world = World::new().await;
    let (ann, bob) = (world.person("ann"), world.person("bob"));
    bob.arrive().await;
    let room = ann.public_room().await;
    let messages = format!("/v1/rooms/{room}/messages");
    let first = ann.say(&room, "  two\nlines \u{1f600} ").await;
    let body = json!({
        "text": "*hi*", "format": "markdown", "reply_to": id(&first), "thread": id(&first),
        "mentions": {"users": [bob.id(), bob.id()], "room": true}, "nonce": "n-1",
    });
    let event = ann.expect(201, "POST", &messages, body).await;
    assert_eq!(
        (&event["type"], &event["number"], &event["nonce"]),
        (&json!("message.created"), &json!(2), &json!("n-1"))
    );
    let content = json!({
        "text": "*hi*", "format": "markdown", "reply_to": id(&first), "thread": id(&first),
        "mentions": {"users": [bob.id()], "room": true}, "attachments": [],
    });
    assert_eq!(event["content"], content);
    let message = bob.get(&format!("{messages}/{}", id(&event))).await;
    for (field, value) in content.as_object().unwrap() {
        assert_eq!(&message[field], value, "{field}");
    }
    for field in ["event_id", "seq", "number", "room_id", "sender", "timestamp"] {
        assert_eq!(message[field], event[field], "{field}");
    }
    assert_eq!((&message["version"], &message["edited_at"]), (&event["seq"], &Value::Null));
    let root = bob.get(&format!("{messages}/{}", id(&first))).await;
    assert_eq!((&root["text"], &root["thread_count"]), (&json!("  two\nlines \u{1f600} "), &json!(1)));
    assert_eq!(root["version"], event["seq"], "the reply counts into its root");
    ann.refused(400, "message.nested_thread", "POST", &messages, json!({"text": "x", "thread": id(&event)})).await;
    let bot = world.bot("bot", &ann);
    bot.join(&room).await;
    let by_bot = bot.say(&room, "beep").await;
    assert_eq!(by_bot["bot"], true);
    assert_eq!(bob.get(&format!("{messages}/{}", id(&by_bot))).await["bot"], true);
}

#[tokio::test]
async fn a_message_that_cannot_be_is_refused_with_the_field() {
    let world = World::new().await;
    let ann = world.person("ann");
    let room = ann.public_room().await;
    let messages = format!("/v1/rooms/{room}/messages");
    let before = world.chat.head();
    for (body, field) in [
        (json!({}), ("/text", "missing")),
        (json!({"text": ""}), ("/text", "too_short")),
        (json!({"text": " \n\t "}), ("/text", "too_short")),
        (json!({"text": "x".repeat(8_001)}), ("/text", "too_long")),
        (json!({"text": "a\u{0}"}), ("/text", "invalid")),
        (json!({"text": 5}), ("/text", "invalid")),
        (json!({"text": "x", "format": "html"}), ("/format", "invalid")),
        (json!({"text": "x", "nonce": "n".repeat(65)}), ("/nonce", "too_long")),
        (json!({"text": "x", "reply_to": room}), ("/reply_to", "invalid")),
        (json!({"text": "x", "thread": "evt_7"}), ("/thread", "invalid")),
        (json!({"text": "x", "mentions": {"users": vec![ann.id(); 101]}}), ("/mentions/users", "too_long")),
        (json!({"text": "x", "mentions": {"all": true}}), ("/mentions/all", "unknown_field")),
        (json!({"text": "x", "colour": 1}), ("/colour", "unknown_field")),
    ] {
        let reply = ann.refused(400, "request.invalid", "POST", &messages, body.clone()).await;
        assert_eq!(reply.field(), field, "{body}");
    }
    let missing = "evt_01j9z3k4m5n6p7q8r9s0t1v2w3";
    ann.refused(404, "message.not_found", "POST", &messages, json!({"text": "x", "reply_to": missing})).await;
    // The room's own creation is an event, but no message.
    let created = world.records().await[1].envelope.id;
    ann.refused(404, "message.not_found", "POST", &messages, json!({"text": "x", "reply_to": created})).await;
    assert_eq!(world.chat.head(), before);
    ann.say(&room, &"\u{1f600}".repeat(8_000)).await;
}

#[tokio::test]
async fn editing_is_the_authors() {
    let world = World::new().await;
    let (ann, bob) = (world.person("ann"), world.person("bob"));
    let room = ann.public_room().await;
    bob.join(&room).await;
    let event = bob.say(&room, "one").await;
    let path = format!("/v1/rooms/{room}/messages/{}", id(&event));
    ann.refused(403, "message.not_author", "PATCH", &path, json!({"text": "mine"})).await;
    let edit = bob.expect(200, "PATCH", &path, json!({"text": "two"})).await;
    assert_eq!(edit["content"], json!({"target": id(&event), "text": "two"}));
    assert_eq!(bob.expect(200, "PATCH", &path, json!({"text": "two"})).await, json!({}), "no change, no event");
    world.clock.advance(std::time::Duration::from_secs(5));
    let last = bob.expect(200, "PATCH", &path, json!({"text": "three"})).await;
    let read = ann.get(&path).await;
    assert_eq!(
        (&read["text"], &read["edited_at"], &read["version"]),
        (&json!("three"), &last["timestamp"], &last["seq"])
    );
    let versions = ann.get(&format!("{path}/edits")).await;
    let texts: Vec<&Value> = versions["items"].as_array().unwrap().iter().map(|version| &version["text"]).collect();
    assert_eq!(texts, ["one", "two", "three"]);
    for (body, field) in
        [(json!({"text": ""}), "/text"), (json!({}), "/text"), (json!({"text": "x", "format": "plain"}), "/format")]
    {
        assert_eq!(bob.refused(400, "request.invalid", "PATCH", &path, body).await.field().0, field);
    }
    bob.expect(201, "POST", &format!("/v1/rooms/{room}/leave"), Value::Null).await;
    bob.refused(403, "room.not_member", "PATCH", &path, json!({"text": "four"})).await;
}

#[tokio::test]
async fn a_deleted_message_stays_as_a_tombstone() {
    let world = World::new().await;
    let (ann, bob) = (world.person("ann"), world.person("bob"));
    let room = ann.public_room().await;
    bob.join(&room).await;
    let (mine, yours) = (ann.say(&room, "mine").await, bob.say(&room, "yours").await);
    let path = |event: &Value| format!("/v1/rooms/{room}/messages/{}", id(event));
    bob.refused(403, "room.role_too_low", "DELETE", &path(&mine), Value::Null).await;
    bob.expect(200, "PUT", &format!("{}/reactions/{THUMB}", path(&yours)), Value::Null).await;
    bob.expect(200, "PATCH", &path(&yours), json!({"text": "edited"})).await;
    let gone = ann.expect(200, "DELETE", &format!("{}?reason=off%20topic", path(&yours)), Value::Null).await;
    assert_eq!(gone["content"], json!({"target": id(&yours), "reason": "off topic"}));
    assert_eq!(ann.expect(200, "DELETE", &path(&yours), Value::Null).await, json!({}));
    let read = bob.get(&path(&yours)).await;
    assert_eq!((&read["deleted"], &read["text"], &read["reactions"]), (&json!(true), &json!(""), &json!([])));
    assert_eq!((&read["number"], &read["sender"]), (&json!(2), &json!(bob.id())));
    assert_eq!(bob.get(&format!("{}/edits", path(&yours))).await["items"], json!([]));
    bob.refused(409, "message.deleted", "PATCH", &path(&yours), json!({"text": "x"})).await;
    bob.refused(409, "message.deleted", "PUT", &format!("{}/reactions/{THUMB}", path(&yours)), Value::Null).await;
    bob.expect(200, "DELETE", &path(&yours), Value::Null).await;
    let page = bob.get(&format!("/v1/rooms/{room}/messages")).await;
    assert_eq!(page["items"].as_array().unwrap().len(), 2, "deleted ones stay in the page");
    assert_eq!(ann.expect(200, "DELETE", &path(&mine), Value::Null).await["content"]["target"], mine["event_id"]);
}

#[tokio::test]
async fn reactions_count_people_and_keep_the_order_of_first_use() {
    let world = World::new().await;
    let (ann, bob) = (world.person("ann"), world.person("bob"));
    let room = ann.public_room().await;
    let event = ann.say(&room, "vote").await;
    let path = format!("/v1/rooms/{room}/messages/{}", id(&event));
    let reaction = |emoji: &str| format!("{path}/reactions/{emoji}");
    let (a, m, i) = ("%F0%9F%85%B0", "%E2%93%82%EF%B8%8F", "%E2%84%B9%EF%B8%8F");
    bob.refused(403, "room.not_member", "PUT", &reaction(a), Value::Null).await;
    bob.join(&room).await;
    for emoji in [a, m, i] {
        let event = ann.expect(200, "PUT", &reaction(emoji), Value::Null).await;
        assert_eq!(event["type"], "reaction.added");
        assert_eq!(ann.expect(200, "PUT", &reaction(emoji), Value::Null).await, json!({}));
    }
    bob.expect(200, "PUT", &reaction(m), Value::Null).await;
    ann.expect(200, "DELETE", &reaction(a), Value::Null).await;
    assert_eq!(ann.expect(200, "DELETE", &reaction(a), Value::Null).await, json!({}));
    assert_eq!(bob.expect(200, "DELETE", &reaction(i), Value::Null).await, json!({}), "it is not one's own");
    let seen = |count, emoji, me| json!({"emoji": emoji, "count": count, "me": me});
    let (m_text, i_text) = ("\u{24c2}\u{fe0f}", "\u{2139}\u{fe0f}");
    assert_eq!(bob.get(&path).await["reactions"], json!([seen(2, m_text, true), seen(1, i_text, false)]));
    bob.expect(200, "PUT", &reaction(a), Value::Null).await;
    let first = &ann.get(&path).await["reactions"][0];
    assert_eq!(first, &seen(1, "\u{1f170}", false), "the first use counts, also after nobody used it");
    for text in ["a", "%2B1", "%20", "%C3%A9", "%F0%9F%91%8D%F0%9F%91%8D"] {
        let reply = bob.refused(400, "request.invalid", "PUT", &reaction(text), Value::Null).await;
        assert_eq!(reply.field(), ("{emoji}", "invalid"), "{text}");
    }
    let missing = format!("/v1/rooms/{room}/messages/evt_01j9z3k4m5n6p7q8r9s0t1v2w3/reactions/{a}");
    bob.refused(404, "message.not_found", "PUT", &missing, Value::Null).await;
}

#[tokio::test]
async fn a_message_has_a_bounded_number_of_reactions() {
    let world = World::new().await;
    let ann = world.person("ann");
    let room = ann.public_room().await;
    let event = ann.say(&room, "vote").await;
    let reaction = |index: u32| {
        let emoji = char::from_u32(0x1f400 + index).unwrap().to_string();
        let encoded: String = emoji.bytes().map(|byte| format!("%{byte:02X}")).collect();
        format!("/v1/rooms/{room}/messages/{}/reactions/{encoded}", id(&event))
    };
    for index in 0..64 {
        ann.expect(200, "PUT", &reaction(index), Value::Null).await;
    }
    ann.refused(409, "message.too_many_reactions", "PUT", &reaction(64), Value::Null).await;
    // One that is there may be used by more people; one that nobody uses any more makes room for another.
    let bob = world.person("bob");
    bob.join(&room).await;
    bob.expect(200, "PUT", &reaction(3), Value::Null).await;
    ann.expect(200, "DELETE", &reaction(4), Value::Null).await;
    ann.expect(200, "PUT", &reaction(64), Value::Null).await;
    ann.refused(409, "message.too_many_reactions", "PUT", &reaction(4), Value::Null).await;
    let read = ann.get(&format!("/v1/rooms/{room}/messages/{}", id(&event))).await;
    assert_eq!(read["reactions"].as_array().unwrap().len(), 64);
}

#[tokio::test]
async fn a_custom_event_carries_any_object() {
    let world = World::new().await;
    let (ann, bob) = (world.person("ann"), world.person("bob"));
    let room = ann.public_room().await;
    let events = format!("/v1/rooms/{room}/events");
    let mut reader = ann.reader().await;
    let body = json!({"type": "x.game-move.v2", "content": {"to": "e4", "n": [1, 2.5, null]}});
    bob.refused(403, "room.not_member", "POST", &events, body.clone()).await;
    let event = ann.expect(201, "POST", &events, body).await;
    assert_eq!(
        (&event["type"], &event["content"]),
        (&json!("x.game-move.v2"), &json!({"to": "e4", "n": [1, 2.5, null]}))
    );
    assert!(event.get("number").is_none(), "it is no message");
    assert_eq!(reader.events("").await, [event]);
    assert_eq!(ann.get(&format!("/v1/rooms/{room}/messages")).await["items"], json!([]));
    let deep = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels - 1), "]".repeat(levels - 1));
    let content = |content: &str| format!("{{\"type\":\"x.a\",\"content\":{content}}}");
    for (body, field) in [
        (content("[]"), ("/content", "invalid")),
        (content("7"), ("/content", "invalid")),
        (content(&format!("{{\"a\":\"{}\"}}", "x".repeat(64 * 1024))), ("/content", "too_long")),
        (content(&deep(65)), ("/content", "too_deep")),
        (content(&deep(1_000)), ("/content", "invalid")),
        (content("{\"a\":1e999}"), ("/content", "invalid")),
        (content("{\"a\":\"\\ud800\"}"), ("/content", "invalid")),
        ("{\"type\":\"message.created\",\"content\":{}}".to_owned(), ("/type", "invalid")),
        ("{\"type\":\"x.A\",\"content\":{}}".to_owned(), ("/type", "invalid")),
        ("{\"content\":{}}".to_owned(), ("/type", "missing")),
        ("{\"type\":\"x.a\"}".to_owned(), ("/content", "missing")),
    ] {
        let reply = ann.raw("POST", &events, &[], body.clone()).await;
        assert_eq!((reply.status, reply.field()), (400, field), "{body:.80}: {}", reply.json);
    }
    assert_eq!(ann.raw("POST", &events, &[], content(&deep(64))).await.status, 201);
}
