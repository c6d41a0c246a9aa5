//! Opening stores that hold something: from the start, from a snapshot, past a bad one; all come to the same.

use std::sync::Arc;
use std::time::Duration;

use bartab_chat::{ChatStores, Config};
use bartab_core::store::{MemoryLog, MemorySnapshots, Snapshot};
use bartab_core::{Clock as _, Timestamp};
use serde_json::{Value, json};

use crate::support::{Client, World, stores};

/// Rooms of every sort with names and topics that came and went, and people in every relation to them.
async fn lived_in(world: &World) -> Vec<Client> {
    let people: Vec<Client> = ["ann", "bob", "cat", "dan"].map(|name| world.person(name)).into();
    for who in &people {
        who.arrive().await;
    }
    let [ann, bob, cat, dan] = &people[..] else { unreachable!() };
    let kitchen = ann.room(json!({"name": "kitchen", "visibility": "public", "topic": "tea"})).await;
    let attic = bob.room(json!({"name": "attic", "history": "joined", "members": [ann.id(), cat.id()]})).await;
    ann.room(json!({"kind": "direct", "members": [cat.id()]})).await;
    for (room, change) in [
        (&kitchen, json!({"name": "pantry"})),
        (&kitchen, json!({"topic": "jam"})),
        (&kitchen, json!({"name": "cellar", "topic": "wine"})),
        (&kitchen, json!({"topic": ""})),
    ] {
        ann.expect(200, "PATCH", &format!("/v1/rooms/{room}"), change).await;
    }
    bob.expect(200, "PATCH", &format!("/v1/rooms/{attic}"), json!({"topic": "dust"})).await;
    for who in [bob, cat, dan] {
        who.join(&kitchen).await;
        who.say(&kitchen, "hi").await;
    }
    ann.join(&attic).await;
    bob.say(&attic, "hello").await;
    ann.set(&kitchen, dan, json!({"membership": "banned"})).await;
    ann.set(&kitchen, cat, json!({"role": "moderator"})).await;
    people
}

/// What everyone sees of everything.
async fn seen(world: &World, people: &[Client]) -> Vec<Value> {
    let mut all = Vec::new();
    for who in people {
        let who = who.at(&world.service);
        for path in ["/v1/sync", "/v1/rooms"] {
            all.push(who.get(path).await);
        }
        let rooms = all.last().unwrap()["items"].as_array().unwrap().clone();
        for room in rooms {
            let id = room["room_id"].as_str().unwrap();
            all.push(who.get(&format!("/v1/rooms/{id}/members")).await);
        }
    }
    all
}

/// A snapshot of the chat, which is stored beside the work.
async fn stored(world: &World) -> Snapshot {
    loop {
        if let Some(snapshot) = world.stores.snapshots.as_ref().unwrap().load().await.unwrap() {
            return snapshot;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn with_snapshots(stores: &ChatStores, snapshot: Option<Snapshot>) -> ChatStores {
    let snapshots = MemorySnapshots::new();
    if let Some(snapshot) = snapshot {
        let saved = bartab_core::store::SnapshotStore::save(&snapshots, snapshot);
        futures_util::FutureExt::now_or_never(saved).unwrap().unwrap();
    }
    ChatStores { snapshots: Some(Arc::new(snapshots)), ..stores.clone() }
}

#[tokio::test]
async fn every_way_of_opening_comes_to_the_same() {
    // With a snapshot after every few events, so that the last one is old.
    let world = World::with(Config { snapshot_every: 7, ..Config::default() }).await;
    let people = lived_in(&world).await;
    let old = stored(&world).await;
    people[0].public_room().await;
    let expected = seen(&world, &people).await;
    assert!(old.seq < world.chat.head(), "{} {}", old.seq, world.chat.head());
    world.chat.close().await;
    let new = world.stores.snapshots.as_ref().unwrap().load().await.unwrap().unwrap();
    assert_eq!(new.seq, world.chat.head());
    let garbage = Snapshot { bytes: b"{\"digest\":7}".to_vec(), ..new.clone() };
    let of_tomorrow = Snapshot { format: u32::MAX, ..new.clone() };
    let elsewhere = Snapshot { seq: new.seq - 1, ..new.clone() };
    let beyond = Snapshot { seq: new.seq + 1, ..new.clone() };
    for snapshot in [None, Some(old), Some(new), Some(garbage), Some(of_tomorrow), Some(elsewhere), Some(beyond)] {
        let what = snapshot.as_ref().map(|snapshot| (snapshot.seq, snapshot.format));
        let again = World::over(with_snapshots(&world.stores, snapshot), Config::default()).await;
        assert_eq!(seen(&again, &people).await, expected, "{what:?}");
        assert_eq!(again.chat.head(), world.chat.head());
    }
    let without = World::over(ChatStores { snapshots: None, ..world.stores.clone() }, Config::default()).await;
    assert_eq!(seen(&without, &people).await, expected);
    without.chat.close().await;
}

#[tokio::test]
async fn a_snapshot_of_another_log_is_dropped() {
    let world = World::new().await;
    lived_in(&world).await;
    world.chat.close().await;
    let snapshot = world.stores.snapshots.as_ref().unwrap().load().await.unwrap();
    let other =
        World::over(ChatStores { log: Arc::new(MemoryLog::new(b"other")), ..stores() }, Config::default()).await;
    let people = lived_in(&other).await;
    let expected = seen(&other, &people).await;
    let again = World::over(with_snapshots(&other.stores, snapshot), Config::default()).await;
    assert_eq!(seen(&again, &people).await, expected);
}

#[tokio::test]
async fn a_snapshot_holds_no_content() {
    let world = World::new().await;
    lived_in(&world).await;
    world.chat.close().await;
    let snapshot = world.stores.snapshots.as_ref().unwrap().load().await.unwrap().unwrap();
    let text = String::from_utf8(snapshot.bytes).unwrap();
    for word in ["kitchen", "cellar", "dust", "hello", "ann"] {
        assert!(!text.contains(&format!("\"{word}")), "{word}");
    }
}

#[tokio::test]
async fn time_never_runs_backwards_in_a_log() {
    let world = World::new().await;
    let ann = world.person("ann");
    let room = ann.public_room().await;
    let before = world.clock.now();
    let mut last = ann.say(&room, "now").await;
    for (time, expected) in [
        (Timestamp::from_secs(5), before),
        (before, before),
        (before.after(Duration::from_secs(9)), before.after(Duration::from_secs(9))),
        (Timestamp::from_secs(0), before.after(Duration::from_secs(9))),
    ] {
        world.clock.set(time);
        let said = ann.say(&room, "then").await;
        assert_eq!(said["timestamp"], expected.to_string());
        assert!(said["event_id"].as_str() > last["event_id"].as_str(), "ids sort as the log does");
        last = said;
    }
    // Also when the stores are opened again by a machine whose clock is behind.
    world.chat.close().await;
    let again = World::over(world.stores.clone(), Config::default()).await;
    again.clock.set(Timestamp::from_secs(1));
    let said = ann.at(&again.service).say(&room, "later").await;
    assert!(said["event_id"].as_str() > last["event_id"].as_str());
    assert_eq!(said["timestamp"], last["timestamp"]);
}
