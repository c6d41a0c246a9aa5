//! Durable appends through the sequencer to SQLite, against a bare loop that writes one 300-byte row with one index in
//! batches of the same size.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bartab_chat::{Chat, ChatStores, Config, MessageDraft, RoomDraft};
use bartab_core::{Actor, SystemClock, SystemRandom, UserId};
use bartab_storage::sqlite::{SqliteOptions, SqliteStore};

use crate::Result;
use crate::stats::{figure, ratio};

pub(crate) async fn run(callers: usize, secs: u64) -> Result<()> {
    let folder = tempfile::tempdir_in(".")?;
    // Before and after, so that a machine that changes its mind is seen.
    let batch = callers.max(1);
    let before = bare(&folder.path().join("before.db"), batch, secs)?;
    let (rate, mean_batch) = through_sequencer(folder.path(), callers, secs).await?;
    let after = bare(&folder.path().join("after.db"), mean_batch.round().max(1.0) as usize, secs)?;
    figure(&format!("bare SQLite, batches of {batch}, rows/s"), before.round());
    figure(&format!("bare SQLite, batches of {}, rows/s", mean_batch.round()), after.round());
    figure(&format!("sequencer, {callers} callers, messages/s"), rate.round());
    figure("mean batch of the sequencer", format!("{mean_batch:.1}"));
    ratio("sequencer / bare SQLite in batches of the same size", rate / after, ">= 0.45");
    Ok(())
}

fn bare(path: &Path, batch: usize, secs: u64) -> Result<f64> {
    let mut db = rusqlite::Connection::open(path)?;
    db.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
         CREATE TABLE rows (seq INTEGER PRIMARY KEY, room INTEGER, body BLOB);
         CREATE INDEX by_room ON rows (room, seq);",
    )?;
    let body = vec![b'x'; 300];
    let (start, mut rows) = (Instant::now(), 0_u64);
    while start.elapsed() < Duration::from_secs(secs) {
        let transaction = db.transaction()?;
        let mut insert = transaction.prepare_cached("INSERT INTO rows (room, body) VALUES (?1, ?2)")?;
        for _ in 0..batch {
            insert.execute((7, &body))?;
        }
        drop(insert);
        transaction.commit()?;
        rows += batch as u64;
    }
    Ok(rows as f64 / start.elapsed().as_secs_f64())
}

/// Messages a second, and how many of them were written together.
async fn through_sequencer(folder: &Path, callers: usize, secs: u64) -> Result<(f64, f64)> {
    let store = SqliteStore::open(folder.join("tenant.db"), SqliteOptions::default(), &SystemRandom).await?;
    let stores = ChatStores { log: Arc::new(store.clone()), markers: Arc::new(store.clone()), snapshots: None };
    let chat = Chat::open(stores, Config::default(), Arc::new(SystemClock), Arc::new(SystemRandom)).await?;
    let owner = Arc::new(Actor::person(UserId::from_external("bench", "0"), "owner"));
    let room = chat.create_room(&owner, RoomDraft::public("bench")).await?;
    let done = Arc::new(AtomicBool::new(false));
    let mut tasks = Vec::new();
    let mut actors = Vec::new();
    for caller in 1..=callers {
        let actor = Arc::new(Actor::person(UserId::from_external("bench", &caller.to_string()), "caller"));
        chat.join(&actor, room).await?;
        actors.push(actor);
    }
    let (start, before) = (Instant::now(), chat.stats().batches);
    for actor in actors {
        let (chat, done) = (chat.clone(), Arc::clone(&done));
        tasks.push(tokio::spawn(async move {
            let mut sent = 0_u64;
            while !done.load(Ordering::Relaxed) {
                chat.post_message(&actor, room, MessageDraft::text("x".repeat(300))).await?;
                sent += 1;
            }
            Ok::<u64, bartab_chat::ChatError>(sent)
        }));
    }
    tokio::time::sleep(Duration::from_secs(secs)).await;
    done.store(true, Ordering::Relaxed);
    let mut sent = 0;
    for task in tasks {
        sent += task.await??;
    }
    let elapsed = start.elapsed().as_secs_f64();
    let batches = chat.stats().batches - before;
    chat.close().await;
    store.close().await;
    Ok((sent as f64 / elapsed, sent as f64 / batches.max(1) as f64))
}
