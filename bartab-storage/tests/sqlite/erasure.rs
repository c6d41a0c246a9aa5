//! After a deletion, no file of the tenant's folder holds the text any more.

use std::time::{Duration, Instant};

use bartab_core::SeededRandom;
use bartab_core::store::conformance::fixtures::{ChainBuilder, person, room};
use bartab_core::store::{EventLog, verify_log};
use rusqlite::Connection;

use crate::folder::Folder;

/// A text that stands nowhere else.
fn secret(number: u64) -> String {
    format!("secret-{number:05}-{:016x}", SeededRandom::new(number).next_u64())
}

/// Messages of many lengths with edits, reactions and threads, most of them deleted again in odd order: pages of every
/// table are split, merged and freed on the way.
async fn erase_many(name: &str, seed: u64) {
    let folder = Folder::default();
    let store = folder.open(name).await;
    let random = SeededRandom::new(seed);
    let mut chain = ChainBuilder::on(&store, seed).await.unwrap();
    let (mut next, mut live, mut erased) = (0, Vec::new(), Vec::new());
    let mut words = || {
        next += 1;
        let padding = "lorem ipsum ".repeat(random.below(40) as usize * if random.below(20) == 0 { 30 } else { 1 });
        (next, format!("{padding}{}{padding}", secret(next)))
    };
    for _ in 0..120 {
        for _ in 0..random.below(12) {
            let (number, text) = words();
            let id = chain.say(person(random.below(5)), room(random.below(4)), &text);
            live.push((id, vec![number]));
        }
        for _ in 0..random.below(6) {
            let Some(index) = (!live.is_empty()).then(|| random.below(live.len() as u64) as usize) else { continue };
            let (id, numbers) = &mut live[index];
            let (number, text) = words();
            match random.below(3) {
                0 => drop(chain.react(person(random.below(9)), room(1), *id, "👍", true)),
                _ => {
                    chain.edit(person(1), room(1), *id, &text);
                    numbers.push(number);
                }
            }
        }
        for _ in 0..random.below(8) {
            if live.len() > 20 {
                let (id, numbers) = live.swap_remove(random.below(live.len() as u64) as usize);
                chain.delete(person(1), room(1), id, "gone");
                erased.extend(numbers);
            }
        }
        chain.commit(&store).await.unwrap();
    }
    let no_one: [u64; 0] = [];
    let held = || {
        let found = folder.after(name, b"secret-", 5);
        let held: Vec<u64> = erased.iter().copied().filter(|number| found.contains(&format!("{number:05}"))).collect();
        assert!(!found.is_empty(), "what was not erased is to be found");
        held
    };
    assert_eq!(held(), no_one, "of {} erased texts these are still there", erased.len());
    store.rebuild_views().await.unwrap();
    verify_log(&store).await.unwrap();
    store.close().await;
    assert_eq!(held(), no_one);
}

#[tokio::test]
async fn erased_texts_are_in_no_file() {
    for seed in 0..4 {
        erase_many("erased", seed).await;
    }
}

#[tokio::test]
async fn a_reader_in_the_way_delays_erasure_but_does_not_prevent_it() {
    let folder = Folder::default();
    let store = folder.open("read").await;
    let mut chain = ChainBuilder::on(&store, 1).await.unwrap();
    let id = chain.say(person(1), room(1), &secret(1));
    chain.commit(&store).await.unwrap();

    let reader = Connection::open(folder.file("read")).unwrap();
    reader.execute_batch("BEGIN").unwrap();
    reader.query_row("SELECT count(*) FROM events", [], |row| row.get::<_, u64>(0)).unwrap();

    chain.delete(person(1), room(1), id, "gone");
    let began = Instant::now();
    chain.commit(&store).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(5), "a deletion does not wait for readers without end");
    assert!(folder.holds("read", secret(1).as_bytes()), "the reader still needs it");

    reader.execute_batch("COMMIT").unwrap();
    let began = Instant::now();
    while folder.holds("read", secret(1).as_bytes()) {
        assert!(began.elapsed() < Duration::from_secs(10), "the text stays");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn an_erasure_that_a_kill_interrupted_is_finished_when_the_file_is_opened() {
    let folder = Folder::default();
    let store = folder.open("killed").await;
    let mut chain = ChainBuilder::on(&store, 1).await.unwrap();
    let id = chain.say(person(1), room(1), &secret(1));
    chain.commit(&store).await.unwrap();
    let reader = Connection::open(folder.file("killed")).unwrap();
    reader.execute_batch("BEGIN").unwrap();
    reader.query_row("SELECT count(*) FROM events", [], |row| row.get::<_, u64>(0)).unwrap();
    chain.delete(person(1), room(1), id, "gone");
    chain.commit(&store).await.unwrap();

    folder.copy("killed", "again");
    assert!(folder.holds("again", secret(1).as_bytes()));
    let again = folder.open("again").await;
    assert!(!folder.holds("again", secret(1).as_bytes()));
    assert!(again.get(&[id.seq()]).await.unwrap()[0].as_ref().unwrap().is_erased());
}
