//! Kills the server at random moments under load, again and again, and checks what it has promised (`docs/rfd/0017`):
//! everything that was acknowledged is there once, in one order, and no half of anything.
//!
//! `BARTAB_CRASH_KILLS` says how often (8), `BARTAB_CRASH_SEED` which moments are chosen.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod client;
#[path = "../needles/mod.rs"]
mod needles;
mod proof;
mod reader;
mod sender;
mod server;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bartab_core::SeededRandom;
use serde_json::json;

use client::Person;
use proof::Proof;
use server::Server;

const SENDERS: u64 = 6;
const READERS: u64 = 3;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().unwrap_or_else(|_| panic!("{name} is no number")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_every_kill() {
    let kills = setting("BARTAB_CRASH_KILLS", 8);
    let seed = setting("BARTAB_CRASH_SEED", u64::from(std::process::id()));
    println!("seed {seed}");
    let random = SeededRandom::new(seed);
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path(), &random);
    server.ready().await;

    let host = Person::register(&server.url, "host").await;
    let room = json!({"name": "crash", "visibility": "public"});
    let room = host.patiently("POST", "/v1/rooms", Some("room"), &room).await.expect(201);
    let room: Arc<str> = room["room_id"].as_str().unwrap().into();
    let stop = Arc::new(AtomicBool::new(false));
    let mut readers = Vec::new();
    for reader in 0..READERS {
        let person = Person::register(&server.url, &format!("reader{reader}")).await;
        person.join(&room).await;
        readers.push(tokio::spawn(reader::follow(person, room.clone(), "The end.")));
    }
    // What the last reader will read, who comes when all is over: everything from here on.
    let beginning = host.get("/v1/sync").await["next"].as_str().unwrap().to_owned();
    let mut senders = Vec::new();
    for sender in 0..SENDERS {
        let person = Person::register(&server.url, &format!("sender{sender}")).await;
        person.join(&room).await;
        let random = SeededRandom::new(seed.wrapping_add(sender + 1));
        senders.push(tokio::spawn(sender::send(person, room.clone(), random, stop.clone())));
    }

    let began = Instant::now();
    let mut slowest = Duration::ZERO;
    for kill in 0..kills {
        // Now and then while it is still opening; else when it has worked for a moment.
        let opening = random.below(5) == 0;
        if opening {
            tokio::time::sleep(Duration::from_millis(random.below(40))).await;
        } else {
            let start = server.ready().await;
            // The first start has made people and rooms, and the accounts of this test were made after it.
            slowest = if kill == 0 { slowest } else { slowest.max(start) };
            tokio::time::sleep(Duration::from_millis(20 + random.below(230))).await;
        }
        server.kill();
        server.restart();
        if kill % 20 == 19 {
            println!("{} kills after {:.0?}", kill + 1, began.elapsed());
        }
    }
    slowest = slowest.max(server.ready().await);
    tokio::time::sleep(Duration::from_millis(100)).await;
    stop.store(true, Ordering::Relaxed);
    let mut sent = Vec::new();
    for sender in senders {
        sent.push(sender.await.unwrap());
    }
    let end = json!({"text": "The end."});
    host.patiently("POST", &format!("/v1/rooms/{room}/messages"), Some("end"), &end).await.expect(201);
    let mut followed = Vec::new();
    for reader in readers {
        followed.push(reader.await.unwrap());
    }
    let took = began.elapsed();

    // Once more, at rest: what the files hold by themselves is what everybody was told.
    server.kill();
    let proof = Proof { room, sent, followed };
    let log = proof.of_the_files(folder.path()).await;
    server.restart();
    server.ready().await;
    let late = reader::read_all(&host, &proof.room, &beginning).await;
    proof.of_a_late_reader(&log, &late);
    proof.of_the_history(&host).await;
    server.kill();
    println!("{} kills in {took:.1?}: {}; a start took {slowest:.0?} at most", server.kills(), proof.summary(&log));
}
