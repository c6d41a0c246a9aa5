//! Who may not see a room learns nothing of it: every door answers as it does for a room that does not exist.

use bartab_core::TenantRole;
use serde_json::{Value, json};

use crate::support::{Client, World};

const NOWHERE: &str = "room_01j9z3k4m5n6p7q8r9s0t1v2w3";
const SECRET: &str = "the safe is behind the clock";

/// Every request about a room that anyone can make.
fn doors(room: &str, message: &str, user: &str) -> Vec<(&'static str, String, Value)> {
    let at = format!("/v1/rooms/{room}");
    let thumb = "%F0%9F%91%8D";
    vec![
        ("GET", at.clone(), Value::Null),
        ("PATCH", at.clone(), json!({"name": "x"})),
        ("PATCH", at.clone(), json!({})),
        ("POST", format!("{at}/join"), Value::Null),
        ("POST", format!("{at}/leave"), Value::Null),
        ("GET", format!("{at}/members"), Value::Null),
        ("PUT", format!("{at}/members/{user}"), json!({"membership": "invited"})),
        ("PUT", format!("{at}/members/{user}"), json!({"role": "owner"})),
        ("DELETE", format!("{at}/members/{user}"), Value::Null),
        ("PUT", format!("{at}/receipt"), json!({"event_id": message})),
        ("POST", format!("{at}/events"), json!({"type": "x.a", "content": {}})),
        ("POST", format!("{at}/messages"), json!({"text": "x"})),
        ("POST", format!("{at}/messages"), json!({"text": "x", "reply_to": message})),
        ("GET", format!("{at}/messages"), Value::Null),
        ("GET", format!("{at}/messages?dir=f"), Value::Null),
        ("GET", format!("{at}/messages?from={message}"), Value::Null),
        ("GET", format!("{at}/messages?around={message}"), Value::Null),
        ("GET", format!("{at}/messages/{message}"), Value::Null),
        ("PATCH", format!("{at}/messages/{message}"), json!({"text": "x"})),
        ("DELETE", format!("{at}/messages/{message}"), Value::Null),
        ("GET", format!("{at}/messages/{message}/edits"), Value::Null),
        ("PUT", format!("{at}/messages/{message}/reactions/{thumb}"), Value::Null),
        ("DELETE", format!("{at}/messages/{message}/reactions/{thumb}"), Value::Null),
    ]
}

/// Whoever asks at any door of the room is answered, byte for byte, as at those of a room that is not there.
async fn sees_nothing(who: &Client, room: &str, message: &str, user: &str) {
    for (here, nowhere) in doors(room, message, user).into_iter().zip(doors(NOWHERE, message, user)) {
        let told = who.call(here.0, &here.1, here.2).await;
        let expected = who.call(nowhere.0, &nowhere.1, nowhere.2).await;
        assert_eq!((told.status, told.code()), (404, "room.not_found"), "{} {}", here.0, here.1);
        let same = String::from_utf8(told.bytes.to_vec()).unwrap().replace(room, NOWHERE);
        assert_eq!(same, String::from_utf8(expected.bytes.to_vec()).unwrap(), "{} {}", here.0, here.1);
    }
}

/// A private room with a message that was edited and reacted to, by Ann, with Bob in it.
async fn private(world: &World, ann: &Client, bob: &Client) -> (String, String) {
    bob.arrive().await;
    let room = ann.room(json!({"name": "vault", "topic": SECRET, "members": [bob.id()]})).await;
    bob.join(&room).await;
    let said = ann.say(&room, SECRET).await["event_id"].as_str().unwrap().to_owned();
    let path = format!("/v1/rooms/{room}/messages/{said}");
    ann.expect(200, "PATCH", &path, json!({"text": format!("{SECRET}!")})).await;
    bob.expect(200, "PUT", &format!("{path}/reactions/%F0%9F%91%8D"), Value::Null).await;
    assert!(world.chat.head() > 0);
    (room, said)
}

#[tokio::test]
async fn a_private_room_does_not_exist_for_others() {
    let world = World::new().await;
    let (ann, bob) = (world.person("ann"), world.person("bob"));
    let (room, said) = private(&world, &ann, &bob).await;
    let kitchen = ann.public_room().await;
    for who in [
        world.person("stranger"),
        world.official("officer", TenantRole::Moderator),
        world.official("admin", TenantRole::Administrator),
        world.official("chief", TenantRole::Owner),
        world.guest("guest", &room),
        world.guest("other guest", &kitchen),
        world.bot("bot", &bob),
    ] {
        sees_nothing(&who, &room, &said, &bob.id().to_string()).await;
        who.arrive().await;
        sees_nothing(&who, &room, &said, &who.id().to_string()).await;
        let listed = who.get("/v1/rooms").await.to_string();
        assert!(!listed.contains(&room) && !listed.contains("vault"));
    }
    ann.get(&format!("/v1/rooms/{room}/messages")).await;
}

#[tokio::test]
async fn who_was_put_out_sees_nothing_any_more() {
    let world = World::new().await;
    let names = ["ann", "bob", "kicked", "banned", "left", "declined"];
    let [ann, bob, kicked, banned, left, declined] = names.map(|name| world.person(name));
    let (room, said) = private(&world, &ann, &bob).await;
    for who in [&kicked, &banned, &left, &declined] {
        who.arrive().await;
        ann.set(&room, who, json!({"membership": "invited"})).await;
    }
    for who in [&kicked, &banned, &left] {
        who.join(&room).await;
    }
    ann.expect(200, "DELETE", &format!("/v1/rooms/{room}/members/{}", kicked.id()), Value::Null).await;
    ann.set(&room, &banned, json!({"membership": "banned"})).await;
    left.expect(201, "POST", &format!("/v1/rooms/{room}/leave"), Value::Null).await;
    declined.expect(201, "POST", &format!("/v1/rooms/{room}/leave"), Value::Null).await;
    for who in [&kicked, &banned, &left, &declined] {
        sees_nothing(who, &room, &said, &bob.id().to_string()).await;
        assert_eq!(who.get("/v1/sync").await["snapshot"]["rooms"], json!([]));
    }
}

#[tokio::test]
async fn a_banned_person_does_not_see_a_public_room() {
    let world = World::new().await;
    let (ann, bob) = (world.person("ann"), world.person("bob"));
    bob.arrive().await;
    let room = ann.public_room().await;
    let said = ann.say(&room, SECRET).await["event_id"].as_str().unwrap().to_owned();
    ann.set(&room, &bob, json!({"membership": "banned"})).await;
    sees_nothing(&bob, &room, &said, &ann.id().to_string()).await;
    assert_eq!(bob.get("/v1/rooms").await["items"], json!([]));
}

#[tokio::test]
async fn a_guest_has_one_room() {
    let world = World::new().await;
    let ann = world.person("ann");
    let (one, other) = (ann.public_room().await, ann.public_room().await);
    let said = ann.say(&other, SECRET).await["event_id"].as_str().unwrap().to_owned();
    let guest = world.guest("guest", &one);
    guest.arrive().await;
    sees_nothing(&guest, &one, &said, &ann.id().to_string()).await;
    // Even an invitation does not lead a guest into another room.
    ann.set(&one, &guest, json!({"membership": "invited"})).await;
    ann.set(&other, &guest, json!({"membership": "invited"})).await;
    guest.join(&one).await;
    sees_nothing(&guest, &other, &said, &ann.id().to_string()).await;
    guest.refused(403, "actor.kind_not_allowed", "POST", "/v1/rooms", json!({"name": "x"})).await;
    let mut reader = guest.reader().await;
    ann.say(&other, SECRET).await;
    world.person("newcomer").arrive().await;
    ann.say(&one, "welcome").await;
    let seen = reader.events("").await;
    assert_eq!(seen.len(), 1, "neither the other room nor who comes and goes: {seen:?}");
    assert_eq!(seen[0]["content"]["text"], "welcome");
    let snapshot = guest.get("/v1/sync").await.to_string();
    assert!(!snapshot.contains(&other) && !snapshot.contains(SECRET));
}

#[tokio::test]
async fn who_is_a_guest_by_role_has_the_rooms_they_were_let_into() {
    let world = World::new().await;
    let ann = world.person("ann");
    let (one, other) = (ann.public_room().await, ann.public_room().await);
    let said = ann.say(&other, SECRET).await["event_id"].as_str().unwrap().to_owned();
    let guest = world.official("gus", TenantRole::Guest);
    guest.arrive().await;
    for room in [&one, &other] {
        sees_nothing(&guest, room, &said, &ann.id().to_string()).await;
    }
    guest.refused(403, "actor.kind_not_allowed", "POST", "/v1/rooms", json!({"name": "x"})).await;
    ann.set(&one, &guest, json!({"membership": "invited"})).await;
    guest.join(&one).await;
    sees_nothing(&guest, &other, &said, &ann.id().to_string()).await;
    let mut reader = guest.reader().await;
    ann.say(&other, SECRET).await;
    world.person("newcomer").arrive().await;
    ann.say(&one, "welcome").await;
    let seen = reader.events("").await;
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert_eq!(seen[0]["content"]["text"], "welcome");
}

#[tokio::test]
async fn an_invited_person_sees_the_room_but_not_what_is_said() {
    let world = World::new().await;
    let (ann, bob, cat) = (world.person("ann"), world.person("bob"), world.person("cat"));
    let (room, said) = private(&world, &ann, &bob).await;
    cat.arrive().await;
    let mut reader = cat.reader().await;
    ann.set(&room, &cat, json!({"membership": "invited"})).await;
    assert_eq!(reader.types().await, ["member.invited"]);
    ann.say(&room, SECRET).await;
    assert_eq!(reader.events("").await, Vec::<Value>::new());
    let snapshot = cat.get("/v1/sync").await;
    assert_eq!(snapshot["snapshot"]["rooms"][0]["timeline"], json!([]));
    assert_eq!(snapshot["snapshot"]["rooms"][0]["membership"], "invited");
    for (method, path, body) in doors(&room, &said, &bob.id().to_string()) {
        let read = path.contains("/messages") || path.ends_with("receipt") || path.ends_with("events");
        if read {
            cat.refused(403, "room.not_member", method, &path, body).await;
        }
    }
}

#[tokio::test]
async fn a_message_of_a_hidden_room_cannot_be_reached_through_another() {
    let world = World::new().await;
    let (ann, bob, eve) = (world.person("ann"), world.person("bob"), world.person("eve"));
    let (_, said) = private(&world, &ann, &bob).await;
    let room = eve.public_room().await;
    for (method, path, body) in doors(&room, &said, &ann.id().to_string()) {
        if path.contains(&said) || body.to_string().contains(&said) {
            eve.refused(404, "message.not_found", method, &path, body).await;
        }
    }
    let body = json!({"text": "x", "thread": said});
    eve.refused(404, "message.not_found", "POST", &format!("/v1/rooms/{room}/messages"), body).await;
}

#[tokio::test]
async fn sync_gives_a_stranger_nothing_of_a_room() {
    let world = World::new().await;
    let (ann, bob, eve) = (world.person("ann"), world.person("bob"), world.person("eve"));
    let mut reader = eve.reader().await;
    let (room, _) = private(&world, &ann, &bob).await;
    let public = ann.public_room().await;
    ann.say(&public, "in public, but she has not joined").await;
    let mut filtered = reader.clone();
    let seen = reader.events("").await;
    assert!(seen.iter().all(|event| event["type"] == "user.created"), "{seen:?}");
    assert_eq!(filtered.events(&format!("&rooms={room},{public}")).await, Vec::<Value>::new());
    let counted = eve.get("/v1/rooms").await;
    assert_eq!(counted["items"].as_array().unwrap().len(), 1);
}
