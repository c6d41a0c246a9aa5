//! Tokens: a place in one history, recognised for what it is; snapshots, filters, `max_behind`.

use std::sync::Arc;

use bartab_chat::{ChatStores, Config};
use bartab_core::store::MemoryLog;
use serde_json::{Value, json};

use super::oracle::position;
use crate::support::{World, stores};

#[tokio::test]
async fn a_snapshot_is_everything_as_of_its_token() {
    let world = World::with(Config { timeline: 3, ..Config::default() }).await;
    let (ann, bob) = (world.person("ann"), world.person("bob"));
    let room = ann.public_room().await;
    let others = ann.public_room().await;
    bob.join(&room).await;
    for index in 0..5 {
        ann.say(&room, &format!("m{index}")).await;
        ann.say(&others, "elsewhere").await;
    }
    let answer = bob.get("/v1/sync").await;
    assert_eq!(position(answer["next"].as_str().unwrap()), world.chat.head());
    assert_eq!((&answer["events"], answer.get("reset"), answer.get("more")), (&json!([]), None, None));
    let snapshot = &answer["snapshot"];
    assert_eq!(snapshot["me"], json!({"user_id": bob.id(), "display_name": "bob", "avatar": null}));
    assert_eq!((&snapshot["groups"], &snapshot["friends"]), (&json!([]), &json!([])));
    let rooms = snapshot["rooms"].as_array().unwrap();
    assert_eq!(rooms.len(), 1, "one's own rooms, not all that one could see");
    let mut alone = rooms[0].clone();
    let timeline = alone.as_object_mut().unwrap().remove("timeline").unwrap();
    assert_eq!(alone, bob.get(&format!("/v1/rooms/{room}")).await);
    let texts: Vec<&str> = timeline.as_array().unwrap().iter().map(|item| item["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["m2", "m3", "m4"], "the latest, oldest first");
    let users: Vec<String> = snapshot["users"].as_object().unwrap().keys().cloned().collect();
    let mut expected = [ann.id().to_string(), bob.id().to_string()];
    expected.sort();
    assert_eq!(users, expected);
}

#[tokio::test]
async fn a_token_of_another_history_resets() {
    let world = World::new().await;
    let ann = world.person("ann");
    let room = ann.public_room().await;
    let token = ann.reader().await.next;
    // Another tenant: another log, which happens to be as long.
    let strangers = ChatStores { log: Arc::new(MemoryLog::new(b"another")), ..stores() };
    let other = World::over(strangers, Config::default()).await;
    let there = ann.at(&other.service);
    there.public_room().await;
    let empty = World::with(Config { recent_events: 0, ..Config::default() }).await;
    let foreign = there.reader().await.next;
    assert_eq!(position(&foreign), position(&token));
    let cases = [
        ("another log", foreign),
        ("past the end", "s_4000_0000000000000000".to_owned()),
        ("far past the end", "s_9007199254740991_ffffffffffffffff".to_owned()),
        ("another digest", format!("{}{}", &token[..token.len() - 1], if token.ends_with('0') { '1' } else { '0' })),
        ("another digest at the start", "s_0_0000000000000001".to_owned()),
        ("another digest in between", "s_1_0000000000000001".to_owned()),
    ];
    for (what, token) in cases {
        let answer = ann.get(&format!("/v1/sync?since={token}&timeout=0")).await;
        assert_eq!((&answer["reset"], &answer["events"]), (&json!(true), &json!([])), "{what}");
        assert_eq!(answer["snapshot"]["rooms"][0]["room_id"], room.as_str(), "{what}");
        assert_eq!(position(answer["next"].as_str().unwrap()), world.chat.head());
    }
    // An empty log has a first place too.
    let start = empty.person("ann").get("/v1/sync?since=s_0_0000000000000000&timeout=0").await;
    assert_eq!(start["reset"], true);
}

#[tokio::test]
async fn a_token_holds_after_the_stores_are_opened_again_and_below_the_ring() {
    for recent_events in [0, 1, 4_096] {
        let config = Config { recent_events, ..Config::default() };
        let world = World::with(config.clone()).await;
        let ann = world.person("ann");
        let room = ann.public_room().await;
        let mut readers = vec![ann.reader().await];
        for index in 0..4 {
            ann.say(&room, &format!("m{index}")).await;
            readers.push(ann.reader().await);
        }
        world.chat.close().await;
        let world = World::over(world.stores.clone(), config).await;
        for (index, reader) in readers.iter_mut().enumerate() {
            reader.client = reader.client.at(&world.service);
            let answer = reader.answer("").await;
            assert_eq!(answer.get("reset"), None);
            assert_eq!(answer["events"].as_array().unwrap().len(), 4 - index);
        }
    }
}

#[tokio::test]
async fn the_first_place_of_a_log_is_a_token_too() {
    let world = World::new().await;
    let genesis = world.stores.log.genesis().await.unwrap();
    let ann = world.person("ann");
    ann.public_room().await;
    let since = format!("s_0_{:016x}", genesis.head());
    for world in [&world, &World::over(world.stores.clone(), Config { recent_events: 0, ..Config::default() }).await] {
        let answer = ann.at(&world.service).get(&format!("/v1/sync?since={since}&timeout=0")).await;
        let types: Vec<&str> =
            answer["events"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap()).collect();
        assert_eq!(types, ["user.created", "member.joined"], "the room itself was made before the membership");
    }
}

#[tokio::test]
async fn who_is_far_behind_may_prefer_a_snapshot() {
    let world = World::new().await;
    let ann = world.person("ann");
    let room = ann.public_room().await;
    let token = ann.reader().await.next;
    for _ in 0..5 {
        ann.say(&room, "x").await;
    }
    let behind = async |most: u64| ann.get(&format!("/v1/sync?since={token}&timeout=0&max_behind={most}")).await;
    assert_eq!(behind(5).await["events"].as_array().unwrap().len(), 5);
    let answer = behind(4).await;
    assert_eq!((&answer["reset"], &answer["events"]), (&json!(true), &json!([])));
    assert_eq!(position(answer["next"].as_str().unwrap()), world.chat.head());
    // Without it nobody is skipped ahead, however far behind.
    let answer = ann.get(&format!("/v1/sync?since={token}&timeout=0&limit=1")).await;
    assert_eq!((&answer["more"], answer["events"].as_array().unwrap().len()), (&json!(true), 1));
}

#[tokio::test]
async fn an_answer_has_a_largest_size() {
    let world = World::with(Config { recent_events: 2, ..Config::default() }).await;
    let ann = world.person("ann");
    let room = ann.public_room().await;
    let mut reader = ann.reader().await;
    let mut expected = Vec::new();
    let text = "x".repeat(8_000);
    let events = format!("/v1/rooms/{room}/events");
    for _ in 0..160 {
        expected
            .push(ann.expect(201, "POST", &events, json!({"type": "x.big", "content": {"a": text.repeat(8)}})).await);
    }
    let (mut seen, mut answers) = (Vec::new(), 0);
    loop {
        let answer = reader.answer("&limit=1000").await;
        assert!(answer.to_string().len() < 5 * 1024 * 1024);
        seen.extend(answer["events"].as_array().unwrap().iter().cloned());
        answers += 1;
        if !reader.more {
            break;
        }
    }
    assert_eq!(answers, 3);
    assert!(seen == expected, "nothing is lost for being large");
}

#[tokio::test]
async fn in_process_a_limit_is_kept_within_bounds() {
    let world = World::new().await;
    let ann = world.person("ann");
    let room = ann.public_room().await;
    let since = ann.reader().await.next;
    for _ in 0..3 {
        ann.say(&room, "x").await;
    }
    for (limit, expected) in [(0, 1), (usize::MAX, 3)] {
        let query = bartab_chat::SyncQuery {
            since: Some(since.parse().unwrap()),
            timeout: std::time::Duration::MAX,
            limit,
            filter: bartab_chat::SyncFilter::default(),
            max_behind: None,
        };
        let answer = world.chat.sync(ann.actor.as_ref().unwrap(), &query).await.unwrap();
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        assert_eq!(answer["events"].as_array().unwrap().len(), expected);
        assert_eq!(answer["more"] == true, expected == 1, "and nothing is skipped");
        let query = bartab_chat::HistoryQuery { direction: bartab_core::store::Direction::Forward, from: None, limit };
        let page = world.chat.history(ann.actor.as_ref().unwrap(), room.parse().unwrap(), query).await.unwrap();
        let page: Value = serde_json::from_slice(&page).unwrap();
        assert_eq!(page["items"].as_array().unwrap().len(), expected);
    }
}

#[tokio::test]
async fn a_filter_advances_past_what_it_leaves_out() {
    for recent_events in [4_096, 2] {
        let world = World::with(Config { recent_events, ..Config::default() }).await;
        let ann = world.person("ann");
        let (one, other) = (ann.public_room().await, ann.public_room().await);
        let mut reader = ann.reader().await;
        let mut by_type = reader.clone();
        for _ in 0..6 {
            ann.say(&one, "x").await;
        }
        assert_eq!(reader.events(&format!("&rooms={other}")).await, Vec::<Value>::new());
        assert_eq!(position(&reader.next), world.chat.head());
        let mut found = by_type.events("&types=x.never&limit=2").await;
        while by_type.more {
            found.extend(by_type.events("&types=x.never&limit=2").await);
        }
        assert_eq!((found, position(&by_type.next)), (Vec::new(), world.chat.head()));
        let said = ann.say(&other, "here").await;
        assert_eq!(reader.events(&format!("&rooms={other}&types=message.created")).await, [said]);
        // An empty list names no room.
        ann.say(&other, "again").await;
        assert_eq!(reader.events("&rooms=").await, Vec::<Value>::new());
    }
}
