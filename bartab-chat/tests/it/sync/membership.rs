//! Joining, leaving and being put out, as the reader sees it.

use bartab_chat::Config;
use serde_json::{Value, json};

use crate::support::{Client, World};

fn told(events: &[Value]) -> Vec<String> {
    let tell = |event: &Value| match event["content"]["text"].as_str() {
        Some(text) => text.to_owned(),
        None => event["type"].as_str().unwrap().to_owned(),
    };
    events.iter().map(tell).collect()
}

async fn remove(owner: &Client, room: &str, who: &Client) {
    owner.expect(200, "DELETE", &format!("/v1/rooms/{room}/members/{}", who.id()), Value::Null).await;
}

/// Both a ring that holds everything and one that sends readers to the store.
const RINGS: [usize; 2] = [4_096, 2];

#[tokio::test]
async fn ones_own_kick_is_the_last_thing_one_gets() {
    for recent_events in RINGS {
        for how in ["kick", "ban", "leave"] {
            let world = World::with(Config { recent_events, ..Config::default() }).await;
            let (ann, bob) = (world.person("ann"), world.person("bob"));
            let room = ann.public_room().await;
            bob.join(&room).await;
            let mut reader = bob.reader().await;
            let mut slow = reader.clone();
            ann.say(&room, "1").await;
            assert_eq!(told(&reader.events("").await), ["1"]);
            ann.say(&room, "2").await;
            let last = match how {
                "kick" => {
                    remove(&ann, &room, &bob).await;
                    "member.kicked"
                }
                "ban" => {
                    ann.set(&room, &bob, json!({"membership": "banned", "reason": "noise"})).await;
                    "member.banned"
                }
                _ => {
                    bob.expect(201, "POST", &format!("/v1/rooms/{room}/leave"), Value::Null).await;
                    "member.left"
                }
            };
            ann.say(&room, "3").await;
            ann.expect(200, "PATCH", &format!("/v1/rooms/{room}"), json!({"topic": "secret"})).await;
            assert_eq!(told(&reader.events("").await), [last], "{how}");
            assert_eq!(told(&slow.events("").await), [last], "{how}: nor what one had not fetched yet");
            ann.say(&room, "4").await;
            assert_eq!(reader.events("").await, Vec::<Value>::new());
            assert_eq!(reader.next, slow.answer("").await["next"], "the place moves on");
        }
    }
}

#[tokio::test]
async fn coming_back_begins_at_the_new_membership() {
    for recent_events in RINGS {
        let world = World::with(Config { recent_events, ..Config::default() }).await;
        let (ann, bob) = (world.person("ann"), world.person("bob"));
        let room = ann.public_room().await;
        bob.join(&room).await;
        let start = bob.reader().await;
        ann.say(&room, "before").await;
        remove(&ann, &room, &bob).await;
        ann.say(&room, "while away").await;
        bob.join(&room).await;
        ann.say(&room, "after").await;
        let mut reader = start.clone();
        let answer = reader.answer("").await;
        let events = answer["events"].as_array().unwrap();
        assert_eq!(told(events), ["member.kicked", "member.joined", "after"]);
        let timeline = answer["rooms"][0]["timeline"].as_array().unwrap();
        let texts: Vec<&str> = timeline.iter().map(|item| item["text"].as_str().unwrap()).collect();
        assert_eq!(texts, ["before", "while away", "after"], "history shows what sync does not");
        // Cut in two, the rooms come with the answer that carries the join.
        let mut reader = start;
        let first = reader.answer("&limit=1").await;
        assert_eq!(
            (told(first["events"].as_array().unwrap()), first.get("rooms")),
            (vec!["member.kicked".to_owned()], None)
        );
        let second = reader.answer("&limit=1").await;
        assert_eq!(second["rooms"][0]["room_id"], room.as_str());
        assert_eq!(second["rooms"][0]["timeline"].as_array().unwrap().len(), 3);
        assert!(second["users"][ann.id().to_string()]["display_name"].is_string());
        let third = reader.answer("&limit=1").await;
        assert_eq!((told(third["events"].as_array().unwrap()), third.get("rooms")), (vec!["after".to_owned()], None));
    }
}

#[tokio::test]
async fn joins_carry_the_rooms_that_one_still_sees() {
    let world = World::new().await;
    let (ann, bob) = (world.person("ann"), world.person("bob"));
    let mut reader = bob.reader().await;
    let draft = |visibility: &str| json!({"name": visibility, "visibility": visibility, "members": [bob.id()]});
    let (public, private, kept) =
        (ann.room(draft("public")).await, ann.room(draft("private")).await, ann.room(draft("private")).await);
    for room in [&public, &private, &kept] {
        bob.join(room).await;
        ann.say(room, "hi").await;
    }
    let direct = ann.room(json!({"kind": "direct", "members": [bob.id()]})).await;
    for room in [&public, &private] {
        bob.expect(201, "POST", &format!("/v1/rooms/{room}/leave"), Value::Null).await;
    }
    let answer = reader.answer("").await;
    let mut shown: Vec<(&str, &Value, usize)> = answer["rooms"]
        .as_array()
        .unwrap()
        .iter()
        .map(|room| {
            (room["room_id"].as_str().unwrap(), &room["membership"], room["timeline"].as_array().unwrap().len())
        })
        .collect();
    shown.sort_by_key(|(id, ..)| *id);
    let (joined, none) = (json!("joined"), Value::Null);
    let mut expected = [(public.as_str(), &none, 0), (kept.as_str(), &joined, 1), (direct.as_str(), &joined, 0)];
    expected.sort_by_key(|(id, ..)| *id);
    assert_eq!(shown, expected, "a room that one left shows nothing more, a private one not even itself");
}

#[tokio::test]
async fn changes_of_others_reach_the_members() {
    let world = World::new().await;
    let (ann, bob, cat) = (world.person("ann"), world.person("bob"), world.person("cat"));
    let room = ann.public_room().await;
    bob.join(&room).await;
    let mut reader = bob.reader().await;
    cat.arrive().await;
    ann.set(&room, &cat, json!({"membership": "invited"})).await;
    cat.join(&room).await;
    ann.set(&room, &cat, json!({"role": "moderator"})).await;
    remove(&ann, &room, &cat).await;
    ann.set(&room, &cat, json!({"membership": "banned"})).await;
    remove(&ann, &room, &cat).await;
    let expected = [
        "user.created",
        "member.invited",
        "member.joined",
        "member.updated",
        "member.kicked",
        "member.banned",
        "member.unbanned",
    ];
    assert_eq!(reader.types().await, expected);
}

#[tokio::test]
async fn a_new_profile_reaches_everyone_once() {
    let world = World::new().await;
    let ann = world.person("ann");
    let mut reader = ann.reader().await;
    let bob = |name: &str, rev: u64| {
        let mut actor = crate::support::person("bob");
        actor.profile = std::sync::Arc::new(bartab_core::Profile { name: name.into(), avatar: None, rev });
        world.client(actor)
    };
    bob("Bob", 1).arrive().await;
    bob("Robert", 3).arrive().await;
    bob("Bobby", 2).arrive().await;
    bob("Robert", 3).arrive().await;
    let events = reader.events("").await;
    let names: Vec<&str> = events.iter().map(|event| event["content"]["display_name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Bob", "Robert"], "only a higher revision changes a profile");
    assert_eq!(events[1]["type"], "user.updated");
    let room = ann.public_room().await;
    bob("Bobby", 2).join(&room).await;
    let page = ann.get(&format!("/v1/rooms/{room}/members")).await;
    let name = &page["users"][bob("", 1).id().to_string()]["display_name"];
    assert_eq!(name, "Robert");
}
