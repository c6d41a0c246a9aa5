//! Pages of 50 messages from a room of 1,000 and from a long one, read at random places over HTTP.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bartab_core::SeededRandom;

use crate::Result;
use crate::client::{Connection, find, text_after};
use crate::process::Server;
use crate::stats::{Latencies, figure, millis, ratio};
use crate::tenant::{Person, join, person, room};

const SHORT: u64 = 1_000;
const WRITERS: u64 = 64;

pub(crate) async fn run(messages: u64, readers: usize, secs: u64) -> Result<()> {
    let folder = tempfile::tempdir_in(".")?;
    let server = Server::tenant(folder.path()).await?;
    let mut set_up = Connection::open(&server.addr).await?;
    let owner = person(&mut set_up, "founder").await?;
    let (short, long) = (room(&mut set_up, &owner, "short").await?, room(&mut set_up, &owner, "long").await?);
    let begin = Instant::now();
    fill(&server.addr, &short, SHORT).await?;
    fill(&server.addr, &long, messages).await?;
    figure(&format!("filled {messages} messages, seconds"), begin.elapsed().as_secs());
    figure("folder, MiB", folder_size(folder.path())? >> 20);
    let time = Duration::from_secs(secs);
    let mut results = Vec::new();
    for (name, room) in [("short room", &short), ("long room", &long)] {
        let places = Arc::new(places(&mut set_up, &owner, room).await?);
        let cpu = server.cpu()?;
        let (rate, mut latencies) = pages(&server.addr, &owner, room, places.clone(), readers, time).await?;
        let cpu = server.cpu()?.saturating_sub(cpu).as_secs_f64() * 1e6 / (rate * secs as f64);
        let (_, mut lone) = pages(&server.addr, &owner, room, places, 1, time / 2).await?;
        figure(&format!("{name}: pages/s over HTTP, {readers} readers (target 8,000)"), rate.round());
        figure(&format!("{name}: page p50 with {readers} readers"), millis(latencies.percentile(0.5)));
        figure(&format!("{name}: server processor time per page, µs"), format!("{cpu:.0}"));
        figure(&format!("{name}: page p50 with one reader"), millis(lone.percentile(0.5)));
        results.push(lone.percentile(0.5).as_secs_f64());
    }
    ratio("a page of the long room / of the short room", results[1] / results[0], "<= 2.0");
    server.stop().await
}

async fn fill(addr: &str, room: &str, messages: u64) -> Result<()> {
    let path = format!("/v1/rooms/{room}/messages");
    let body = format!(r#"{{"text":"{}"}}"#, "x".repeat(120));
    let mut tasks = Vec::new();
    let mut set_up = Connection::open(addr).await?;
    for writer in 0..WRITERS {
        let someone = person(&mut set_up, &format!("writer{writer}")).await?;
        join(&mut set_up, &someone, room).await?;
        let mut connection = Connection::open(addr).await?;
        let (path, body) = (path.clone(), body.clone());
        let share = messages / WRITERS + u64::from(writer < messages % WRITERS);
        tasks.push(tokio::spawn(async move {
            for _ in 0..share {
                let token = Some(someone.token.as_str());
                let (status, _) = connection.call("POST", &path, token, "", body.as_bytes()).await?;
                if status != 201 {
                    return Err(format!("status {status}").into());
                }
            }
            Ok::<_, crate::BoxError>(())
        }));
    }
    for task in tasks {
        task.await??;
    }
    Ok(())
}

/// Ids of messages all over the room, found by walking it in the largest pages.
async fn places(connection: &mut Connection, owner: &Person, room: &str) -> Result<Vec<String>> {
    let mut places = Vec::new();
    let mut from = String::new();
    loop {
        let path = format!("/v1/rooms/{room}/messages?limit=200{from}");
        let (status, body) = connection.call("GET", &path, Some(&owner.token), "", b"").await?;
        if status != 200 {
            return Err(format!("status {status}").into());
        }
        let end = text_after(body, b"\"end\":\"").ok_or("no end")?.to_owned();
        if find(body, b"\"has_more\":true").is_none() {
            return Ok(places);
        }
        from = format!("&from={end}");
        places.push(end);
    }
}

async fn pages(
    addr: &str,
    owner: &Person,
    room: &str,
    places: Arc<Vec<String>>,
    readers: usize,
    time: Duration,
) -> Result<(f64, Latencies)> {
    let mut tasks = Vec::new();
    for reader in 0..readers as u64 {
        let mut connection = Connection::open(addr).await?;
        let (token, room, places) = (owner.token.clone(), room.to_owned(), Arc::clone(&places));
        tasks.push(tokio::spawn(async move {
            let random = SeededRandom::new(reader);
            let (start, mut latencies) = (Instant::now(), Latencies::default());
            while start.elapsed() < time {
                let place = &places[random.below(places.len() as u64) as usize];
                let path = format!("/v1/rooms/{room}/messages?limit=50&from={place}");
                let asked = Instant::now();
                let (status, _) = connection.call("GET", &path, Some(&token), "", b"").await?;
                if status != 200 {
                    return Err(format!("status {status}").into());
                }
                latencies.push(asked.elapsed());
            }
            Ok::<_, crate::BoxError>(latencies)
        }));
    }
    let mut all = Latencies::default();
    for task in tasks {
        all.extend(task.await??);
    }
    Ok((all.len() as f64 / time.as_secs_f64(), all))
}

fn folder_size(folder: &Path) -> Result<u64> {
    let mut size = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.metadata()?;
        size += if kind.is_dir() { folder_size(&entry.path())? } else { kind.len() };
    }
    Ok(size)
}
