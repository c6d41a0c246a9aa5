//! Events at a steady rate to people on long polls: latency from the moment an event is due until a receiver holds
//! its bytes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bartab_core::SystemRandom;
use tokio::sync::Barrier;

use crate::Result;
use crate::client::{Connection, find, text_after};
use crate::process::Server;
use crate::stats::{Latencies, figure, millis};
use crate::tenant::{Person, join, key, person, room};

const SENDERS: usize = 4;
/// After the last event everyone has this long to receive it.
const GRACE: Duration = Duration::from_secs(5);

pub(crate) async fn run(people: usize, rate: u64, secs: u64) -> Result<()> {
    let folder = tempfile::tempdir_in(".")?;
    let server = Server::tenant(folder.path()).await?;
    let mut set_up = Connection::open(&server.addr).await?;
    let owner = person(&mut set_up, "founder").await?;
    let room = room(&mut set_up, &owner, "bench").await?;
    let events = rate * secs;
    let ready = Arc::new(Barrier::new(people + 1));
    let epoch = Instant::now();
    let mut readers = Vec::new();
    for index in 0..people {
        let someone = person(&mut set_up, &format!("reader{index}")).await?;
        join(&mut set_up, &someone, &room).await?;
        let reader = Reader { addr: server.addr.clone(), someone, events, epoch, ready: Arc::clone(&ready) };
        readers.push(tokio::spawn(reader.run()));
    }
    ready.wait().await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let (cpu, start) = (server.cpu()?, Instant::now());
    send(&server.addr, &owner, &room, rate, events, epoch).await?;
    let (cpu, elapsed) = (server.cpu()?.saturating_sub(cpu), start.elapsed());
    let mut all = Latencies::default();
    let mut lost = 0;
    for reader in readers {
        let (latencies, missing) = tokio::time::timeout(GRACE + Duration::from_secs(60), reader).await???;
        all.extend(latencies);
        lost += missing;
    }
    figure(&format!("{people} people, {rate} events/s, {secs} s: deliveries"), all.len());
    figure("lost or out of order (target 0)", lost);
    figure("p50 (target 12 ms)", millis(all.percentile(0.5)));
    figure("p99 (target 30 ms)", millis(all.percentile(0.99)));
    figure("slowest", millis(all.percentile(1.0)));
    let cores = cpu.as_secs_f64() / elapsed.as_secs_f64();
    figure("server cores (target 0.65)", format!("{cores:.2}"));
    server.stop().await
}

/// Posts events when they are due, however long the answers take.
async fn send(addr: &str, owner: &Person, room: &str, rate: u64, events: u64, epoch: Instant) -> Result<()> {
    let path = format!("/v1/rooms/{room}/messages");
    let start = Instant::now() + Duration::from_millis(100);
    let mut senders = Vec::new();
    for sender in 0..SENDERS as u64 {
        let mut connection = Connection::open(addr).await?;
        let (path, token) = (path.clone(), owner.token.clone());
        senders.push(tokio::spawn(async move {
            for event in (sender..events).step_by(SENDERS) {
                let due = start + Duration::from_nanos(1_000_000_000 / rate * event);
                tokio::time::sleep_until(due.into()).await;
                let mark = due.duration_since(epoch).as_nanos();
                let body = format!(r#"{{"text":"mark:{event}:{mark}:{}"}}"#, "x".repeat(250));
                let headers = key(&SystemRandom);
                let (status, _) = connection.call("POST", &path, Some(&token), &headers, body.as_bytes()).await?;
                if status != 201 {
                    return Err(format!("status {status}").into());
                }
            }
            Ok::<_, crate::BoxError>(())
        }));
    }
    for sender in senders {
        sender.await??;
    }
    Ok(())
}

struct Reader {
    addr: String,
    someone: Person,
    events: u64,
    epoch: Instant,
    ready: Arc<Barrier>,
}

impl Reader {
    /// Follows until every event has come; gives the latencies and how many events are missing.
    async fn run(self) -> Result<(Latencies, u64)> {
        let mut connection = Connection::open(&self.addr).await?;
        let token = Some(self.someone.token.as_str());
        let (_, snapshot) = connection.call("GET", "/v1/sync", token, "", b"").await?;
        let mut next = text_after(snapshot, b"\"next\":\"").ok_or("no token")?.to_owned();
        self.ready.wait().await;
        let mut latencies = Latencies::default();
        let (mut seen, mut last) = (0, Instant::now());
        while seen < self.events && last.elapsed() < GRACE + Duration::from_secs(2) {
            let path = format!("/v1/sync?since={next}&timeout=3000");
            let (status, body) = connection.call("GET", &path, token, "", b"").await?;
            let now = Instant::now();
            if status != 200 {
                return Err(format!("status {status}").into());
            }
            next = text_after(body, b"\"next\":\"").ok_or("no token")?.to_owned();
            let mut rest = body;
            while let Some(at) = find(rest, b"mark:") {
                rest = &rest[at + 5..];
                let mut parts = rest.splitn(3, |byte| *byte == b':').skip(1);
                let mark: u64 = std::str::from_utf8(parts.next().unwrap_or_default())?.parse()?;
                latencies.push(now.duration_since(self.epoch + Duration::from_nanos(mark)));
                seen += 1;
                last = now;
            }
        }
        Ok((latencies, self.events.abs_diff(seen)))
    }
}
