//! Pages of a room's messages.

use serde_json::{Value, json};

use crate::support::{Client, World};

fn numbers(page: &Value) -> Vec<u64> {
    page["items"].as_array().unwrap().iter().map(|item| item["number"].as_u64().unwrap()).collect()
}

/// A room in which messages and other events take turns; gives the messages' ids.
async fn filled(ann: &Client, messages: u64) -> (String, Vec<String>) {
    let room = ann.public_room().await;
    let mut ids = Vec::new();
    for number in 1..=messages {
        ids.push(ann.say(&room, &format!("m{number}")).await["event_id"].as_str().unwrap().to_owned());
        ann.expect(201, "POST", &format!("/v1/rooms/{room}/events"), json!({"type": "x.tick", "content": {}})).await;
    }
    (room, ids)
}

#[tokio::test]
async fn pages_run_both_ways_and_miss_nothing() {
    let world = World::new().await;
    let ann = world.person("ann");
    let (room, ids) = filled(&ann, 11).await;
    for limit in 1..=12 {
        for (dir, expected) in [("b", (1..=11).rev().collect::<Vec<u64>>()), ("f", (1..=11).collect())] {
            let (mut seen, mut from) = (Vec::new(), String::new());
            loop {
                let page = ann.get(&format!("/v1/rooms/{room}/messages?dir={dir}&limit={limit}{from}")).await;
                let items = page["items"].as_array().unwrap();
                assert!(items.len() <= limit);
                assert_eq!(page["start"], items.first().map_or(Value::Null, |item| item["event_id"].clone()));
                assert_eq!(page["end"], items.last().map_or(Value::Null, |item| item["event_id"].clone()));
                seen.extend(numbers(&page));
                if page["has_more"] == false {
                    break;
                }
                from = format!("&from={}", page["end"].as_str().unwrap());
            }
            assert_eq!(seen, expected, "{dir} by {limit}");
        }
    }
    let default = ann.get(&format!("/v1/rooms/{room}/messages")).await;
    assert_eq!(numbers(&default), (1..=11).rev().collect::<Vec<_>>(), "newest first unless said");
    // From an event that is no message, exclusive.
    let tick =
        world.records().await.iter().rev().find(|it| it.envelope.event_type.name() == "x.tick").unwrap().envelope.id;
    let page = ann.get(&format!("/v1/rooms/{room}/messages?from={tick}&limit=2")).await;
    assert_eq!(numbers(&page), [11, 10]);
    let page = ann.get(&format!("/v1/rooms/{room}/messages?dir=f&from={}", ids[10])).await;
    assert_eq!((&page["items"], &page["start"], &page["has_more"]), (&json!([]), &Value::Null, &json!(false)));
}

#[tokio::test]
async fn around_an_event_both_sides_are_there() {
    let world = World::new().await;
    let ann = world.person("ann");
    let (room, ids) = filled(&ann, 9).await;
    let around = async |index: usize, limit: usize| {
        let page = ann.get(&format!("/v1/rooms/{room}/messages?around={}&limit={limit}", ids[index])).await;
        assert!(page.get("has_more").is_none());
        let more = (page["has_more_before"] == true, page["has_more_after"] == true);
        (numbers(&page), more)
    };
    assert_eq!(around(4, 5).await, (vec![3, 4, 5, 6, 7], (true, true)));
    assert_eq!(around(4, 4).await, (vec![4, 5, 6, 7], (true, true)));
    assert_eq!(around(4, 1).await, (vec![5], (true, true)));
    assert_eq!(around(0, 6).await, (vec![1, 2, 3, 4], (false, true)));
    assert_eq!(around(8, 6).await, (vec![7, 8, 9], (true, false)));
    assert_eq!(around(4, 100).await, ((1..=9).collect(), (false, false)));
    let both = format!("/v1/rooms/{room}/messages?around={}&dir=f", ids[0]);
    assert_eq!(ann.refused(400, "request.invalid", "GET", &both, Value::Null).await.field(), ("?dir", "unknown_field"));
}

#[tokio::test]
async fn a_page_carries_the_profiles_of_everyone_in_it() {
    let world = World::new().await;
    let (ann, bob, cat) = (world.person("ann"), world.person("bob"), world.person("cat"));
    cat.arrive().await;
    let room = ann.public_room().await;
    bob.join(&room).await;
    let body = json!({"text": "hi", "mentions": {"users": [cat.id()]}});
    bob.expect(201, "POST", &format!("/v1/rooms/{room}/messages"), body).await;
    let page = ann.get(&format!("/v1/rooms/{room}/messages")).await;
    let profile = |name: &str| json!({"display_name": name, "avatar": null, "kind": "person"});
    let mut users = serde_json::Map::new();
    users.insert(bob.id().to_string(), profile("bob"));
    users.insert(cat.id().to_string(), profile("cat"));
    assert_eq!(page["users"], Value::Object(users), "and of nobody else");
}

#[tokio::test]
async fn a_room_that_shows_what_came_since_one_joined_shows_no_more() {
    let world = World::new().await;
    let (ann, bob) = (world.person("ann"), world.person("bob"));
    bob.arrive().await;
    let draft = json!({"name": "x", "visibility": "private", "history": "joined", "members": [bob.id()]});
    let room = ann.room(draft).await;
    let messages = format!("/v1/rooms/{room}/messages");
    let old = ann.say(&room, "before").await["event_id"].as_str().unwrap().to_owned();
    bob.refused(403, "room.not_member", "GET", &messages, Value::Null).await;
    bob.join(&room).await;
    ann.say(&room, "after").await;
    assert_eq!(numbers(&bob.get(&messages).await), [2]);
    assert_eq!(numbers(&bob.get(&format!("{messages}?dir=f")).await), [2]);
    assert_eq!(bob.get(&messages).await["has_more"], false);
    for (method, path, body) in [
        ("GET", format!("{messages}?from={old}"), Value::Null),
        ("GET", format!("{messages}?around={old}"), Value::Null),
        ("GET", format!("{messages}/{old}"), Value::Null),
        ("GET", format!("{messages}/{old}/edits"), Value::Null),
        ("POST", messages.clone(), json!({"text": "x", "reply_to": old})),
        ("POST", messages.clone(), json!({"text": "x", "thread": old})),
        ("PUT", format!("{messages}/{old}/reactions/%F0%9F%91%8D"), Value::Null),
        ("PUT", format!("/v1/rooms/{room}/receipt"), json!({"event_id": old})),
        ("PATCH", format!("{messages}/{old}"), json!({"text": "x"})),
        ("DELETE", format!("{messages}/{old}"), Value::Null),
    ] {
        bob.refused(404, "message.not_found", method, &path, body).await;
    }
    // Around an event that one may read nothing older is shown either.
    let new = ann.say(&room, "more").await["event_id"].as_str().unwrap().to_owned();
    let page = bob.get(&format!("{messages}?around={new}")).await;
    assert_eq!((numbers(&page), &page["has_more_before"]), (vec![2, 3], &json!(false)));
    // Who comes back begins anew.
    bob.expect(201, "POST", &format!("/v1/rooms/{room}/leave"), Value::Null).await;
    ann.set(&room, &bob, json!({"membership": "invited"})).await;
    bob.join(&room).await;
    assert_eq!(bob.get(&messages).await["items"], json!([]));
    assert_eq!(numbers(&ann.get(&messages).await), [3, 2, 1], "the maker was there from the start");
}

#[tokio::test]
async fn a_public_room_is_read_without_joining() {
    let world = World::new().await;
    let ann = world.person("ann");
    let (room, _) = filled(&ann, 3).await;
    let bob = world.person("bob");
    assert_eq!(numbers(&bob.get(&format!("/v1/rooms/{room}/messages")).await), [3, 2, 1]);
    let seen = bob.get(&format!("/v1/rooms/{room}")).await;
    assert_eq!((&seen["unread"], &seen["membership"], &seen["role"]), (&json!(0), &Value::Null, &Value::Null));
}

#[tokio::test]
async fn an_absurd_page_is_refused() {
    let world = World::new().await;
    let ann = world.person("ann");
    let (room, ids) = filled(&ann, 1).await;
    let other = ann.public_room().await;
    let elsewhere = ann.say(&other, "x").await["event_id"].as_str().unwrap().to_owned();
    let messages = format!("/v1/rooms/{room}/messages");
    for (query, field) in [
        ("limit=0".to_owned(), ("?limit", "out_of_range")),
        ("limit=201".to_owned(), ("?limit", "out_of_range")),
        ("limit=99999999999999999999".to_owned(), ("?limit", "invalid")),
        ("limit=-1".to_owned(), ("?limit", "invalid")),
        ("limit=two".to_owned(), ("?limit", "invalid")),
        ("dir=up".to_owned(), ("?dir", "invalid")),
        ("from=7".to_owned(), ("?from", "invalid")),
        (format!("from={room}"), ("?from", "invalid")),
        (format!("around={room}"), ("?around", "invalid")),
        ("page=2".to_owned(), ("?page", "unknown_field")),
        ("limit=2&limit=3".to_owned(), ("?limit", "duplicate_field")),
    ] {
        let reply = ann.refused(400, "request.invalid", "GET", &format!("{messages}?{query}"), Value::Null).await;
        assert_eq!(reply.field(), field, "{query}");
    }
    for event in ["evt_01j9z3k4m5n6p7q8r9s0t1v2w3", "evt_7zzzzzzzzzzzzzzzzzzzzzzzzz", elsewhere.as_str()] {
        for path in
            [format!("{messages}?from={event}"), format!("{messages}?around={event}"), format!("{messages}/{event}")]
        {
            ann.refused(404, "message.not_found", "GET", &path, Value::Null).await;
        }
    }
    // The position of a message with another time is not the message.
    let id: bartab_core::EventId = ids[0].parse().unwrap();
    let forged = bartab_core::EventId::at(bartab_core::Timestamp::from_secs(5), 0, id.seq());
    ann.refused(404, "message.not_found", "GET", &format!("{messages}/{forged}"), Value::Null).await;
    ann.refused(404, "message.not_found", "PATCH", &format!("{messages}/{forged}"), json!({"text": "x"})).await;
}
