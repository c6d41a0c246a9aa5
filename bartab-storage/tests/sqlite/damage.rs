//! A damaged file is an error, never a panic, and never a wrong answer that verifies.

use bartab_core::store::conformance::fixtures::{ChainBuilder, person, room};
use bartab_core::store::{Audience, Direction, EventLog, PageQuery, StoreError, verify_log};
use bartab_core::{SeededRandom, SystemRandom};
use bartab_storage::sqlite::{SqliteOptions, SqliteStore};
use rusqlite::Connection;

use crate::folder::Folder;

async fn fill(folder: &Folder) {
    let store = folder.open("a").await;
    let mut chain = ChainBuilder::on(&store, 1).await.unwrap();
    for number in 0..200 {
        let id = chain.say(person(number % 7), room(number % 3), &"words ".repeat(number as usize % 50));
        chain.react(person(1), room(number % 3), id, "👍", true);
        chain.commit(&store).await.unwrap();
    }
    store.close().await;
}

/// Asks for everything there is; errors are as good as answers.
async fn use_all(store: &SqliteStore) {
    let _ = store.get(&[1, 50, 399]).await;
    let _ =
        EventLog::read(store, 0, 400, &Audience { rooms: vec![(room(1), 0)], person: None, tenant: true }, 50).await;
    let query = PageQuery { room: room(1), direction: Direction::Backward, from: None, since: 0, limit: 50 };
    let _ = store.room_page(query).await;
    let _ = store.rebuild_views().await;
    if let Ok(mut chain) = ChainBuilder::on(store, 2).await {
        chain.say(person(1), room(1), "after the damage");
        let _ = chain.commit(store).await;
    }
}

#[tokio::test]
async fn flipped_bytes_are_errors_or_are_found_by_the_chain() {
    let folder = Folder::default();
    fill(&folder).await;
    let whole = std::fs::read(folder.file("a")).unwrap();
    let random = SeededRandom::new(3);
    for round in 0..40 {
        let name = format!("damaged-{round}");
        let mut bytes = whole.clone();
        for _ in 0..=random.below(30) {
            let at = random.below(bytes.len() as u64) as usize;
            bytes[at] = random.next_u64() as u8;
        }
        if round % 8 == 7 {
            bytes.truncate(random.below(bytes.len() as u64) as usize);
        }
        std::fs::write(folder.file(&name), bytes).unwrap();
        if let Ok(store) = SqliteStore::open(folder.file(&name), SqliteOptions::default(), &SystemRandom).await {
            let _ = verify_log(&store).await;
            use_all(&store).await;
            store.close().await;
        }
    }
}

#[tokio::test]
async fn a_row_that_the_program_could_not_have_written_is_a_backend_error() {
    let folder = Folder::default();
    fill(&folder).await;
    let conn = Connection::open(folder.file("a")).unwrap();
    conn.execute_batch("UPDATE events SET sender = x'0102' WHERE seq = 3; UPDATE events SET type = 99 WHERE seq = 4")
        .unwrap();
    drop(conn);
    let store = folder.open("a").await;
    for seq in [3, 4] {
        assert!(matches!(store.get(&[seq]).await, Err(StoreError::Backend(_))));
    }
    assert!(store.get(&[5]).await.unwrap()[0].is_some());
}

#[tokio::test]
async fn a_changed_row_does_not_verify() {
    let folder = Folder::default();
    fill(&folder).await;
    let conn = Connection::open(folder.file("a")).unwrap();
    conn.execute("UPDATE events SET hops = 1 WHERE seq = 10", []).unwrap();
    drop(conn);
    assert!(verify_log(&folder.open("a").await).await.is_err());
}
