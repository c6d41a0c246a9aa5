//! What a write promises when things go wrong: 2xx is written, 503 is not, 504 can be asked again with the same key.

use std::time::Duration;

use bartab_chat::Config;
use bartab_core::store::verify_log;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::support::{Client, Fault, Reply, World, settle};

/// Posts in the background.
fn posting(client: &Client, room: &str, text: &str) -> JoinHandle<Reply> {
    let (client, path) = (client.clone(), format!("/v1/rooms/{room}/messages"));
    let body = json!({"text": text});
    tokio::spawn(async move { client.call("POST", &path, body).await })
}

fn texts(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|item| item["text"].as_str().unwrap()).collect()
}

fn is_unavailable(reply: &Reply, code: &str) {
    assert_eq!((reply.status, reply.code()), (503, code), "{}", reply.json);
    assert!(reply.headers["retry-after"].to_str().unwrap().parse::<u64>().unwrap() > 0);
}

#[tokio::test]
async fn a_full_queue_refuses_and_writes_nothing() {
    let config = Config { queue: 3, batch: 1, ..Config::default() };
    let (world, log) = World::faulty(config).await;
    let ann = world.person("ann");
    let room = ann.public_room().await;
    log.hold(true);
    let mut calls = Vec::new();
    for index in 0..10 {
        calls.push(posting(&ann, &room, &format!("m{index}")));
        settle().await;
    }
    // Reading goes on meanwhile.
    assert_eq!(ann.get(&format!("/v1/rooms/{room}/messages")).await["items"], json!([]));
    log.hold(false);
    let mut written = Vec::new();
    for (index, call) in calls.into_iter().enumerate() {
        let reply = call.await.unwrap();
        if reply.status == 201 { written.push(format!("m{index}")) } else { is_unavailable(&reply, "overloaded") }
    }
    assert_eq!(written.len(), 4, "one that is being written and three that wait");
    let page = ann.get(&format!("/v1/rooms/{room}/messages?dir=f")).await;
    assert_eq!(texts(&page), written, "exactly what was acknowledged, in its order");
    ann.say(&room, "after").await;
}

#[tokio::test(start_paused = true)]
async fn a_command_that_waited_too_long_is_dropped_undecided() {
    let config = Config { batch: 1, command_deadline_ms: 100, ..Config::default() };
    let (world, log) = World::faulty(config).await;
    let ann = world.person("ann");
    let room = ann.public_room().await;
    log.hold(true);
    let first = posting(&ann, &room, "first");
    settle().await;
    let late = posting(&ann, &room, "late");
    tokio::time::sleep(Duration::from_millis(200)).await;
    log.hold(false);
    assert_eq!(first.await.unwrap().status, 201, "what was decided in time is written, however long that takes");
    is_unavailable(&late.await.unwrap(), "overloaded");
    assert_eq!(texts(&ann.get(&format!("/v1/rooms/{room}/messages")).await), ["first"]);
}

#[tokio::test]
async fn a_store_that_fails_is_503_and_recovers() {
    let (world, log) = World::faulty(Config::default()).await;
    let (ann, bob) = (world.person("ann"), world.person("bob"));
    let room = ann.public_room().await;
    bob.join(&room).await;
    let mut reader = bob.reader().await;
    for fault in [Fault::Unavailable, Fault::Backend] {
        let head = world.chat.head();
        log.fail(fault);
        is_unavailable(&posting(&ann, &room, "lost").await.unwrap(), "store.unavailable");
        assert_eq!(world.chat.head(), head);
        assert_eq!(reader.events("").await, Vec::<Value>::new(), "nobody sees what was not written");
        let said = ann.say(&room, "kept").await;
        assert_eq!(said["seq"], head + 1, "no position is lost");
        assert_eq!(reader.events("").await, [said]);
    }
    log.fail_reads(true);
    let reply = ann.call("GET", &format!("/v1/rooms/{room}/messages"), Value::Null).await;
    is_unavailable(&reply, "store.unavailable");
    assert!(!reply.json.to_string().contains("as told"), "what the log says is not what the client reads");
    let path = format!("/v1/rooms/{room}/messages/evt_01j9z3k4m5n6p7q8r9s0t1v2w3");
    is_unavailable(&ann.call("PATCH", &path, json!({"text": "x"})).await, "store.unavailable");
    log.fail_reads(false);
    assert_eq!(texts(&ann.get(&format!("/v1/rooms/{room}/messages")).await), ["kept", "kept"]);
    verify_log(log.inner()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_unknown_outcome_is_found_out() {
    let (world, log) = World::faulty(Config::default()).await;
    let ann = world.person("ann");
    let room = ann.public_room().await;
    log.fail(Fault::WrittenUnknown);
    assert_eq!(posting(&ann, &room, "written").await.unwrap().status, 201);
    log.fail(Fault::LostUnknown);
    is_unavailable(&posting(&ann, &room, "lost").await.unwrap(), "store.unavailable");
    assert_eq!(texts(&ann.get(&format!("/v1/rooms/{room}/messages")).await), ["written"]);
    assert_eq!(ann.say(&room, "next").await["number"], 2);
    verify_log(log.inner()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_outcome_that_stays_unknown_is_504_and_the_key_makes_it_once() {
    for fault in [Fault::WrittenUnknown, Fault::LostUnknown] {
        let (world, log) = World::faulty(Config::default()).await;
        let (ann, bob) = (world.person("ann"), world.person("bob"));
        let room = ann.public_room().await;
        bob.join(&room).await;
        let mut reader = bob.reader().await;
        let messages = format!("/v1/rooms/{room}/messages");
        log.fail(fault);
        log.fail_head(true);
        let reply = ann.keyed("k", "POST", &messages, json!({"text": "once"})).await;
        assert_eq!((reply.status, reply.code()), (504, "write.unknown"));
        log.fail_head(false);
        let reply = ann.keyed("k", "POST", &messages, json!({"text": "once"})).await;
        assert_eq!(reply.status, 201, "{}", reply.json);
        let next = ann.say(&room, "next").await;
        assert_eq!(texts(&ann.get(&format!("{messages}?dir=f")).await), ["once", "next"]);
        assert_eq!(reader.events("").await, [reply.json, next]);
        verify_log(log.inner()).await.unwrap();
    }
}

#[tokio::test]
async fn a_batch_fails_as_one() {
    let (world, log) = World::faulty(Config::default()).await;
    let ann = world.person("ann");
    let room = ann.public_room().await;
    log.hold(true);
    let first = posting(&ann, &room, "first");
    settle().await;
    let calls: Vec<_> = (0..5).map(|index| posting(&ann, &room, &format!("m{index}"))).collect();
    settle().await;
    log.fail(Fault::LostUnknown);
    log.fail(Fault::Unavailable);
    log.hold(false);
    is_unavailable(&first.await.unwrap(), "store.unavailable");
    for call in calls {
        is_unavailable(&call.await.unwrap(), "store.unavailable");
    }
    assert_eq!(ann.get(&format!("/v1/rooms/{room}")).await["last_number"], 0);
    assert_eq!(ann.say(&room, "again").await["number"], 1);
}

#[tokio::test]
async fn a_batch_sees_its_own_earlier_commands() {
    let (world, log) = World::faulty(Config::default()).await;
    let (ann, bob) = (world.person("ann"), world.person("bob"));
    let room = ann.public_room().await;
    log.hold(true);
    let first = posting(&ann, &room, "first");
    settle().await;
    // Refused, then allowed, then refused again: as if each had waited for the one before.
    let messages = format!("/v1/rooms/{room}/messages");
    let calls = [
        (&bob, messages.clone(), json!({"text": "too early"}), 403),
        (&bob, format!("/v1/rooms/{room}/join"), Value::Null, 201),
        (&bob, messages.clone(), json!({"text": "hi"}), 201),
        (&bob, format!("/v1/rooms/{room}/join"), Value::Null, 200),
        (&bob, format!("/v1/rooms/{room}/leave"), Value::Null, 201),
        (&bob, messages.clone(), json!({"text": "too late"}), 403),
        (&ann, messages.clone(), json!({"text": "bye"}), 201),
    ];
    let mut tasks = Vec::new();
    for (who, path, body, status) in calls {
        let who = who.clone();
        tasks.push((tokio::spawn(async move { who.call("POST", &path, body).await }), status));
        settle().await;
    }
    let before = log.appends();
    log.hold(false);
    first.await.unwrap();
    for (task, status) in tasks {
        let reply = task.await.unwrap();
        assert_eq!(reply.status, status, "{}", reply.json);
    }
    assert_eq!(log.appends(), before + 1);
    let page = ann.get(&format!("{messages}?dir=f")).await;
    assert_eq!(texts(&page), ["first", "hi", "bye"]);
}

#[tokio::test]
async fn two_nodes_over_one_log_agree() {
    let one = World::new().await;
    let two = World::over(one.stores.clone(), Config::default()).await;
    let ann = one.person("ann");
    let room = ann.public_room().await;
    // The second node has seen none of it, and finds the room by losing its first append or deciding against it.
    let bob = two.person("bob");
    bob.refused(404, "room.not_found", "POST", &format!("/v1/rooms/{room}/join"), Value::Null).await;
    bob.arrive().await;
    bob.join(&room).await;
    let (mut at_one, mut at_two) = (ann.reader().await, bob.reader().await);
    let mut calls = Vec::new();
    for index in 0..40 {
        let who = if index % 2 == 0 { &ann } else { &bob };
        // Every request also arrives at the other node, as when a client loses its connection and asks again.
        for node in [&one, &two] {
            let (who, path) = (who.at(&node.service), format!("/v1/rooms/{room}/messages"));
            calls.push(tokio::spawn(async move {
                who.keyed(&format!("k{index}"), "POST", &path, json!({"text": format!("m{index}")})).await
            }));
        }
        if index % 7 == 0 {
            settle().await;
        }
    }
    let mut ids = std::collections::BTreeSet::new();
    for call in calls {
        let reply = call.await.unwrap();
        assert_eq!(reply.status, 201, "{}", reply.json);
        ids.insert(reply.json["event_id"].as_str().unwrap().to_owned());
    }
    assert_eq!(ids.len(), 40, "each is there once");
    // One more at each node, so that both have seen everything.
    ann.say(&room, "done here").await;
    bob.say(&room, "done there").await;
    ann.say(&room, "all done").await;
    bob.say(&room, "really").await;
    ann.say(&room, "yes").await;
    let pages = [
        ann.get(&format!("/v1/rooms/{room}/messages?limit=200")).await,
        bob.get(&format!("/v1/rooms/{room}/messages?limit=200")).await,
    ];
    assert_eq!(pages[0]["items"].as_array().unwrap().len(), 45);
    let (seen_one, seen_two) = (at_one.events("").await, at_two.events("").await);
    let messages = |events: &[Value]| -> Vec<Value> {
        events.iter().filter(|event| event["type"] == "message.created").cloned().collect()
    };
    let (all, some) = (messages(&seen_one), messages(&seen_two));
    assert_eq!(all.len(), 45);
    assert_eq!(all[..some.len()], some, "one order");
    let numbers: Vec<u64> = all.iter().map(|event| event["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=45).collect::<Vec<_>>());
    verify_log(&*one.stores.log).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_unknown_outcome_is_found_out_behind_what_another_node_wrote() {
    for fault in [Fault::WrittenUnknown, Fault::LostUnknown] {
        let other = World::new().await;
        let (world, log) = World::faulty_over(other.stores.clone(), Config::default()).await;
        let ann = world.person("ann");
        let room = ann.public_room().await;
        other.person("bob").arrive().await;
        let at_other = ann.at(&other.service);
        at_other.say(&room, "caught up").await;
        ann.say(&room, "here too").await;
        log.fail(fault);
        log.fail_head(true);
        let asked = posting(&ann, &room, "mine");
        settle().await;
        // While this one asks for the head in vain, the other one writes.
        at_other.say(&room, "theirs").await;
        log.fail_head(false);
        assert_eq!(asked.await.unwrap().status, 201, "{fault:?}");
        ann.say(&room, "last").await;
        let page = ann.get(&format!("/v1/rooms/{room}/messages?dir=f")).await;
        let mut said = texts(&page);
        assert_eq!((said.remove(0), said.remove(0), said.pop()), ("caught up", "here too", Some("last")));
        said.sort_unstable();
        assert_eq!(said, ["mine", "theirs"], "each is there once: {fault:?}");
        verify_log(log.inner()).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn what_another_node_writes_reaches_those_who_wait_here() {
    let other = World::new().await;
    let (world, log) = World::faulty_over(other.stores.clone(), Config::default()).await;
    let ann = other.person("ann");
    let room = ann.public_room().await;
    log.announce(other.chat.head());
    settle().await;
    let bob = world.person("bob");
    bob.join(&room).await;
    let mut reader = bob.reader().await;
    let poll = {
        let (bob, since) = (bob.clone(), reader.next.clone());
        tokio::spawn(async move { bob.get(&format!("/v1/sync?since={since}")).await })
    };
    world.until_waiting(1).await;
    let said = ann.say(&room, "from afar").await;
    log.announce(other.chat.head());
    assert_eq!(poll.await.unwrap()["events"], json!([said]));
    // A head that is known already, or that lies: nothing happens.
    log.announce(1);
    log.announce(u64::MAX);
    settle().await;
    assert_eq!(reader.events("").await, [said]);
    assert_eq!(world.chat.head(), other.chat.head());
}

#[tokio::test]
async fn a_node_shows_no_more_than_it_has_applied() {
    let other = World::new().await;
    let (world, log) = World::faulty_over(other.stores.clone(), Config::default()).await;
    let ann = other.person("ann");
    let room = ann.public_room().await;
    let first = ann.say(&room, "1").await;
    ann.say(&room, "2").await;
    log.announce(other.chat.head());
    settle().await;
    ann.say(&room, "3").await;
    ann.say(&room, "4").await;
    // The rows are there already, but membership and counts are as of what this node has applied.
    let here = ann.at(&world.service);
    let (messages, first) = (format!("/v1/rooms/{room}/messages"), first["event_id"].as_str().unwrap());
    for (query, expected) in [
        ("", vec!["2", "1"]),
        ("?dir=f", vec!["1", "2"]),
        (&format!("?dir=f&from={first}"), vec!["2"]),
        (&format!("?around={first}"), vec!["1", "2"]),
    ] {
        let page = here.get(&format!("{messages}{query}")).await;
        assert_eq!(texts(&page), expected, "{query}");
        assert!(page["has_more"] != true && page["has_more_after"] != true, "{query}");
    }
    let snapshot = here.get("/v1/sync").await;
    assert_eq!(snapshot["snapshot"]["rooms"][0]["timeline"].as_array().unwrap().len(), 2);
    let page = ann.get(&messages).await;
    let last = page["items"][0]["event_id"].as_str().unwrap();
    for path in [format!("{messages}/{last}"), format!("{messages}?from={last}")] {
        here.refused(404, "message.not_found", "GET", &path, Value::Null).await;
    }
    let receipt = format!("/v1/rooms/{room}/receipt");
    here.refused(404, "message.not_found", "PUT", &receipt, json!({"event_id": last})).await;
}

#[tokio::test]
async fn closing_writes_what_waits_and_refuses_what_comes() {
    let (world, log) = World::faulty(Config::default()).await;
    let ann = world.person("ann");
    let room = ann.public_room().await;
    log.hold(true);
    let calls: Vec<_> = (0..5).map(|index| posting(&ann, &room, &format!("m{index}"))).collect();
    settle().await;
    let closing = {
        let chat = world.chat.clone();
        tokio::spawn(async move { chat.close().await })
    };
    settle().await;
    is_unavailable(&posting(&ann, &room, "late").await.unwrap(), "closing");
    log.hold(false);
    closing.await.unwrap();
    for call in calls {
        assert_eq!(call.await.unwrap().status, 201);
    }
    assert!(world.chat.ready().await.is_err());
    // The state was stored; opening again begins from it and finds the same.
    let snapshot = world.stores.snapshots.as_ref().unwrap().load().await.unwrap().unwrap();
    assert_eq!(snapshot.seq, world.chat.head());
    let world = World::over(world.stores.clone(), Config::default()).await;
    let ann = ann.at(&world.service);
    assert_eq!(texts(&ann.get(&format!("/v1/rooms/{room}/messages?dir=f")).await), ["m0", "m1", "m2", "m3", "m4"]);
    assert_eq!(ann.get(&format!("/v1/rooms/{room}")).await["name"], "kitchen");
    assert_eq!(ann.say(&room, "m5").await["number"], 6);
}
