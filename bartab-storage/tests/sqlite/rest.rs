//! A store that nobody uses lets go of everything but its lock, and is there at once when it is asked.

use std::time::{Duration, Instant};

use bartab_core::SystemRandom;
use bartab_core::event::{Idempotency, KeyHash};
use bartab_core::store::EventLog;
use bartab_core::store::conformance::fixtures::{ChainBuilder, person, room};
use bartab_storage::sqlite::{SqliteOptions, SqliteStore};

use crate::folder::Folder;

#[tokio::test]
async fn an_idle_store_closes_its_connections_and_opens_them_again() {
    let folder = Folder::default();
    let options = SqliteOptions::default().with_idle_after(Duration::from_millis(30));
    let store = SqliteStore::open(folder.file("rest"), options, &SystemRandom).await.unwrap();
    let mut chain = ChainBuilder::on(&store, 1).await.unwrap();
    for round in 0..3 {
        for number in 0..10 {
            chain.say(person(1), room(1), "words");
            let key = KeyHash::new(person(1), &format!("{round} {number}"));
            chain.key(Idempotency { key, fingerprint: None, status: 201, count: 1 });
            chain.commit(&store).await.unwrap();
        }
        assert_eq!(store.head().await.unwrap(), chain.head());
        let began = Instant::now();
        // Without a connection there is no WAL.
        while folder.files("rest").len() > 2 {
            assert!(began.elapsed() < Duration::from_secs(10), "the store does not rest: {:?}", folder.files("rest"));
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let key = KeyHash::new(person(1), &format!("{round} 9"));
        assert_eq!(store.find_keys(&[key]).await.unwrap(), [Some((round + 1) * 10)]);
    }
}

#[tokio::test]
async fn a_store_that_is_used_all_the_time_does_not_rest() {
    let folder = Folder::default();
    let options = SqliteOptions::default().with_idle_after(Duration::from_millis(200));
    let store = SqliteStore::open(folder.file("busy"), options, &SystemRandom).await.unwrap();
    let mut chain = ChainBuilder::on(&store, 1).await.unwrap();
    chain.say(person(1), room(1), "words");
    chain.commit(&store).await.unwrap();
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(700) {
        chain.say(person(1), room(1), "words");
        chain.commit(&store).await.unwrap();
        assert!(folder.files("busy").len() > 2);
    }
}
