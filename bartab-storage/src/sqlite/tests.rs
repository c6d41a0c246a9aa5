//! The writer from inside: who shares a transaction with whom, and what its failures touch.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bartab_core::SystemRandom;
use bartab_core::event::KeyHash;
use bartab_core::store::conformance::fixtures::{ChainBuilder, person, room};
use bartab_core::store::{EventLog, Marker, MarkerStore, StoreError};
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::{SqliteOptions, SqliteStore};

async fn open() -> (TempDir, SqliteStore) {
    open_with(SqliteOptions::default()).await
}

async fn open_with(options: SqliteOptions) -> (TempDir, SqliteStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("tenant.db"), options, &SystemRandom).await.unwrap();
    (folder, store)
}

fn marker(number: u64) -> Marker {
    Marker { user: person(number), room: room(1), number }
}

/// Occupies the writer until the sender is used, so that what is asked meanwhile meets in one transaction.
async fn hold(store: &SqliteStore) -> oneshot::Sender<()> {
    let (go, wait) = oneshot::channel();
    let (here, arrived) = oneshot::channel();
    let store = store.clone();
    tokio::spawn(async move {
        store
            .write(move |_| {
                here.send(()).unwrap();
                wait.blocking_recv().unwrap();
                Ok(())
            })
            .await
    });
    arrived.await.unwrap();
    go
}

/// Lets what was spawned reach the queue.
async fn settle(store: &SqliteStore, waiting: usize) {
    while store.0.writer.waiting() < waiting {
        tokio::task::yield_now().await;
    }
}

/// Counts commits on the connection that is open now.
fn count_commits(store: &SqliteStore) -> Arc<AtomicUsize> {
    let commits = Arc::new(AtomicUsize::new(0));
    let counter = commits.clone();
    store.0.writer.with_connection(|conn| {
        let hook = move || {
            counter.fetch_add(1, Ordering::SeqCst);
            false
        };
        conn.commit_hook(Some(hook)).unwrap();
    });
    commits
}

async fn markers(store: &SqliteStore, numbers: std::ops::Range<u64>) -> usize {
    let mut there = 0;
    for number in numbers {
        there += store.of_user(person(number)).await.unwrap().len();
    }
    there
}

#[tokio::test]
async fn what_waits_together_is_committed_together() {
    let (_folder, store) = open().await;
    store.advance(&[marker(0)]).await.unwrap();
    let commits = count_commits(&store);
    let go = hold(&store).await;
    let tasks: Vec<_> = (1..21)
        .map(|number| {
            let store = store.clone();
            tokio::spawn(async move { store.advance(&[marker(number)]).await })
        })
        .collect();
    settle(&store, 20).await;
    go.send(()).unwrap();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    // The one that held the writer wrote nothing; its commit counts all the same.
    assert!(commits.load(Ordering::SeqCst) <= 2);
    assert_eq!(markers(&store, 1..21).await, 20);
}

#[tokio::test]
async fn a_write_that_fails_or_panics_takes_nothing_with_it() {
    let (_folder, store) = open().await;
    let go = hold(&store).await;
    let mut chain = ChainBuilder::new(store.head().await.unwrap(), 1);
    chain.say(person(1), room(1), "first");
    let (_, first) = chain.take();
    let (_, late) = {
        chain.say(person(1), room(1), "second");
        chain.take()
    };
    let good = tokio::spawn({
        let store = store.clone();
        async move { store.append(0, first).await }
    });
    settle(&store, 1).await;
    // After the first, within one transaction: the head has moved already.
    let conflict = tokio::spawn({
        let (store, late) = (store.clone(), late.clone());
        async move { store.append(0, late).await }
    });
    settle(&store, 2).await;
    let panic = tokio::spawn({
        let store = store.clone();
        async move {
            store
                .write::<(), _>(|work| {
                    work.conn.execute("DELETE FROM events", [])?;
                    work.pending.head = 77;
                    panic!("on purpose")
                })
                .await
        }
    });
    settle(&store, 3).await;
    let next = tokio::spawn({
        let (store, late) = (store.clone(), late.clone());
        async move { store.append(1, late).await }
    });
    settle(&store, 4).await;
    go.send(()).unwrap();
    good.await.unwrap().unwrap();
    assert!(matches!(conflict.await.unwrap(), Err(StoreError::Conflict)));
    assert!(matches!(panic.await.unwrap(), Err(StoreError::Backend(_))));
    next.await.unwrap().unwrap();
    assert_eq!(store.head().await.unwrap(), chain.head());
}

#[tokio::test]
async fn a_panic_alone_leaves_no_transaction_open() {
    let (_folder, store) = open().await;
    let answer = store.write::<(), _>(|_| panic!("on purpose")).await;
    assert!(matches!(answer, Err(StoreError::Backend(_))));
    store.advance(&[marker(1)]).await.unwrap();
    assert_eq!(markers(&store, 1..2).await, 1);
}

#[tokio::test]
async fn a_full_queue_refuses_and_a_full_disk_recovers() {
    let (_folder, store) = open_with(SqliteOptions::default().with_queue(2)).await;
    let go = hold(&store).await;
    let tasks: Vec<_> = (1..3)
        .map(|number| {
            let store = store.clone();
            tokio::spawn(async move { store.advance(&[marker(number)]).await })
        })
        .collect();
    settle(&store, 2).await;
    assert!(matches!(store.advance(&[marker(9)]).await, Err(StoreError::Unavailable(_))));
    go.send(()).unwrap();
    for task in tasks {
        task.await.unwrap().unwrap();
    }

    let pages = |limit: &'static str| {
        store.write(move |work| {
            work.conn.query_row(&format!("PRAGMA max_page_count = {limit}"), [], |row| row.get::<_, u64>(0))?;
            Ok(())
        })
    };
    pages("1").await.unwrap();
    let mut chain = ChainBuilder::on(&store, 1).await.unwrap();
    let mut written = 0;
    let (expected, refused) = loop {
        chain.say(person(1), room(1), &"words ".repeat(2_000));
        let (expected, batch) = chain.take();
        match store.append(expected, batch.clone()).await {
            Ok(()) => written += 1,
            Err(StoreError::Unavailable(Some(_))) => break (expected, batch),
            Err(other) => panic!("{other:?}"),
        }
        assert!(written < 100, "the disk is never full");
    };
    assert_eq!(store.head().await.unwrap().seq, expected);
    pages("1000000").await.unwrap();
    store.append(expected, refused).await.unwrap();
    assert_eq!(store.head().await.unwrap(), chain.head());
}

#[tokio::test]
async fn after_a_commit_of_unknown_outcome_the_file_is_opened_again_and_believed() {
    let (_folder, store) = open().await;
    let mut chain = ChainBuilder::on(&store, 1).await.unwrap();
    chain.say(person(1), room(1), "before");
    chain.commit(&store).await.unwrap();
    // The hook makes COMMIT fail; it goes with the connection.
    store.0.writer.with_connection(|conn| conn.commit_hook(Some(|| true)).unwrap());
    chain.say(person(1), room(1), "lost");
    let (expected, batch) = chain.take();
    assert!(matches!(store.append(expected, batch.clone()).await, Err(StoreError::OutcomeUnknown(_))));
    let head = store.head().await.unwrap();
    assert_eq!(head.seq, 1);
    store.append(head.seq, batch).await.unwrap();
    assert_eq!(store.head().await.unwrap(), chain.head());
}

#[tokio::test]
async fn while_an_outcome_is_unknown_nothing_is_said_about_it() {
    let (_folder, store) = open().await;
    let mut chain = ChainBuilder::on(&store, 1).await.unwrap();
    chain.say(person(1), room(1), "before");
    chain.commit(&store).await.unwrap();
    // A reader in the way keeps the WAL from being emptied, and so the doubt from being settled.
    let other = rusqlite::Connection::open(store.path()).unwrap();
    other.execute_batch("BEGIN; SELECT * FROM events").unwrap();
    store.0.writer.with_connection(|conn| conn.commit_hook(Some(|| true)).unwrap());
    chain.say(person(1), room(1), "lost");
    let (expected, batch) = chain.take();
    assert!(matches!(store.append(expected, batch.clone()).await, Err(StoreError::OutcomeUnknown(_))));
    let key = KeyHash([7; 16]);
    assert!(!store.surely_unknown(&[key]));
    assert!(matches!(store.head().await, Err(StoreError::Unavailable(_))));
    assert!(matches!(store.get(&[2]).await, Err(StoreError::Unavailable(_))));
    assert!(matches!(store.find_keys(&[key]).await, Err(StoreError::Unavailable(_))));
    assert!(matches!(store.append(expected, batch.clone()).await, Err(StoreError::Unavailable(_))));
    other.execute_batch("COMMIT").unwrap();
    // A key that memory has not seen, as that of a commit which turns out to have happened.
    let happened = "UPDATE events SET idempotency_key = ?1, status = 201, count = 1 WHERE seq = 1";
    other.execute(happened, [key.0]).unwrap();
    assert_eq!(store.find_keys(&[key]).await.unwrap(), [Some(1)]);
    assert_eq!(store.head().await.unwrap().seq, 1);
    store.append(expected, batch).await.unwrap();
    assert_eq!(store.head().await.unwrap(), chain.head());
}

#[tokio::test]
async fn a_deletion_of_unknown_outcome_still_empties_the_wal() {
    let (_folder, store) = open().await;
    store.advance(&[marker(1)]).await.unwrap();
    let other = rusqlite::Connection::open(store.path()).unwrap();
    other.execute_batch("BEGIN; SELECT * FROM markers").unwrap();
    store.0.writer.with_connection(|conn| conn.commit_hook(Some(|| true)).unwrap());
    let erased = store.write(|work| {
        work.conn.execute("DELETE FROM markers", [])?;
        work.pending.erasures += 1;
        Ok(())
    });
    assert!(matches!(erased.await, Err(StoreError::OutcomeUnknown(_))));
    assert!(store.0.writer.is_erasing());
    other.execute_batch("COMMIT").unwrap();
    while store.0.writer.is_erasing() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert!(!store.0.writer.in_doubt());
}

#[tokio::test]
async fn what_is_asked_before_closing_is_answered() {
    let (_folder, store) = open().await;
    let tasks: Vec<_> = (0..50)
        .map(|number| {
            let store = store.clone();
            tokio::spawn(async move { store.advance(&[marker(number)]).await })
        })
        .collect();
    settle(&store, 0).await;
    tokio::task::yield_now().await;
    store.close().await;
    for task in tasks {
        match task.await.unwrap() {
            Ok(()) | Err(StoreError::Unavailable(_)) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
}
