//! The index of idempotency keys is a cache: whatever state it is in, every key is found.

use std::time::{Duration, Instant};

use bartab_core::event::{Idempotency, KeyHash};
use bartab_core::store::EventLog;
use bartab_core::store::conformance::fixtures::{ChainBuilder, person, room};
use bartab_storage::sqlite::SqliteStore;
use rusqlite::Connection;

use crate::folder::Folder;

fn key(number: u64) -> KeyHash {
    KeyHash::new(person(1), &number.to_string())
}

/// Appends messages with the keys `numbers`, a hundred at a time.
async fn append(store: &SqliteStore, numbers: std::ops::Range<u64>) {
    let mut chain = ChainBuilder::on(store, numbers.start).await.unwrap();
    for number in numbers {
        chain.say(person(1), room(1), "words");
        chain.key(Idempotency { key: key(number), fingerprint: Some([1; 16]), status: 201, count: 1 });
        if number % 100 == 99 {
            chain.commit(store).await.unwrap();
        }
    }
    chain.commit(store).await.unwrap();
}

async fn all_are_found(store: &SqliteStore, until: u64) {
    for start in (0..until).step_by(1_000) {
        let end = (start + 1_000).min(until);
        let keys: Vec<KeyHash> = (start..end).map(key).collect();
        let expected: Vec<Option<u64>> = (start..end).map(|number| Some(number + 1)).collect();
        assert!(!store.surely_unknown(&keys[..1]));
        assert_eq!(store.find_keys(&keys).await.unwrap(), expected);
    }
    let unknown: Vec<KeyHash> = (until..until + 200).map(key).collect();
    assert_eq!(store.find_keys(&unknown).await.unwrap(), [None; 200]);
    // The filter is made in the background.
    let began = Instant::now();
    while unknown.iter().filter(|key| store.surely_unknown(&[**key])).count() < 150 {
        assert!(began.elapsed() < Duration::from_secs(10), "there is no filter, or it is of no use");
        store.find_keys(&unknown).await.unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn indexed(folder: &Folder, name: &str) -> (u64, u64) {
    let conn = Connection::open(folder.file(name)).unwrap();
    let position = "SELECT coalesce((SELECT value FROM meta WHERE name = 'idempotency_until'), 0)";
    let position = conn.query_row(position, [], |row| row.get(0)).unwrap();
    (position, conn.query_row("SELECT count(*) FROM idempotency", [], |row| row.get(0)).unwrap())
}

#[tokio::test]
async fn keys_are_found_while_the_index_catches_up_and_after_a_kill_at_any_time() {
    let folder = Folder::default();
    let store = folder.open("keys").await;
    for round in 0..12 {
        append(&store, round * 1_000..(round + 1) * 1_000).await;
        all_are_found(&store, (round + 1) * 1_000).await;
        if round % 3 == 2 {
            let copy = format!("keys-{round}");
            folder.copy("keys", &copy);
            all_are_found(&folder.open(&copy).await, (round + 1) * 1_000).await;
        }
    }
    store.close().await;
    assert_eq!(indexed(&folder, "keys"), (12_000, 12_000));
    let store = folder.open("keys").await;
    all_are_found(&store, 12_000).await;
    append(&store, 12_000..12_500).await;
    all_are_found(&store, 12_500).await;
}

#[tokio::test]
async fn an_index_that_was_dropped_is_made_again_from_the_log() {
    let folder = Folder::default();
    let store = folder.open("keys").await;
    append(&store, 0..300).await;
    store.close().await;
    let conn = Connection::open(folder.file("keys")).unwrap();
    conn.execute_batch("DELETE FROM idempotency; DELETE FROM meta WHERE name LIKE 'idempotency%'").unwrap();
    drop(conn);
    let store = folder.open("keys").await;
    all_are_found(&store, 300).await;
    store.close().await;
    assert_eq!(indexed(&folder, "keys"), (300, 300));
}

#[tokio::test]
async fn keys_that_share_a_hash_are_told_apart() {
    let folder = Folder::default();
    let store = folder.open("keys").await;
    let keys: Vec<KeyHash> = (0..3).map(|last| KeyHash([7, 7, 7, 7, 7, 7, 7, 7, 0, 0, 0, 0, 0, 0, 0, last])).collect();
    let mut chain = ChainBuilder::on(&store, 1).await.unwrap();
    for key in &keys[..2] {
        chain.say(person(1), room(1), "words");
        chain.key(Idempotency { key: *key, fingerprint: None, status: 201, count: 1 });
    }
    chain.commit(&store).await.unwrap();
    assert_eq!(store.find_keys(&keys).await.unwrap(), [Some(1), Some(2), None]);
    store.close().await;
    assert_eq!(folder.open("keys").await.find_keys(&keys).await.unwrap(), [Some(1), Some(2), None]);
}
