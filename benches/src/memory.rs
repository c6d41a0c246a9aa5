//! Memory of waiting polls, against a bare handler that waits; of open idle tenants; and the time until the first
//! good answer.

use std::time::{Duration, Instant};

use bartab_core::SystemRandom;
use bartab_storage::sqlite::{SqliteOptions, SqliteStore};

use crate::Result;
use crate::client::{Connection, text_after};
use crate::process::Server;
use crate::stats::{Latencies, figure, millis, ratio};
use crate::tenant::{join, person, room};

const SETTLE: Duration = Duration::from_secs(2);

pub(crate) async fn run(polls: usize, tenants: usize) -> Result<()> {
    let bare = bare_waits(polls).await?;
    let ours = sync_waits(polls).await?;
    figure("bare handler that waits, KiB each", format!("{bare:.1}"));
    figure("waiting /v1/sync, KiB each", format!("{ours:.1}"));
    ratio("waiting /v1/sync / bare handler", ours / bare, "<= 1.4");
    figure("open idle store, KiB each", format!("{:.1}", idle_stores(tenants).await?));
    start().await
}

async fn bare_waits(polls: usize) -> Result<f64> {
    let server = Server::nothing().await?;
    let mut set_up = Connection::open(&server.addr).await?;
    set_up.call("POST", "/nothing", None, "", b"").await?;
    let before = server.memory_kib()?;
    let mut held = Vec::new();
    for _ in 0..polls {
        let mut connection = Connection::open(&server.addr).await?;
        held.push(tokio::spawn(async move { connection.call("GET", "/wait", None, "", b"").await.map(|_| ()) }));
    }
    tokio::time::sleep(SETTLE).await;
    let each = (server.memory_kib()?.saturating_sub(before)) as f64 / polls as f64;
    held.iter().for_each(tokio::task::JoinHandle::abort);
    server.stop().await?;
    Ok(each)
}

async fn sync_waits(polls: usize) -> Result<f64> {
    let folder = tempfile::tempdir_in(".")?;
    let server = Server::tenant(folder.path()).await?;
    let mut set_up = Connection::open(&server.addr).await?;
    let owner = person(&mut set_up, "founder").await?;
    let room = room(&mut set_up, &owner, "bench").await?;
    let mut people = Vec::new();
    for index in 0..polls {
        let someone = person(&mut set_up, &format!("waiter{index}")).await?;
        join(&mut set_up, &someone, &room).await?;
        people.push(someone);
    }
    let mut caught_up = Vec::new();
    for someone in people {
        let (_, snapshot) = set_up.call("GET", "/v1/sync", Some(&someone.token), "", b"").await?;
        let next = text_after(snapshot, b"\"next\":\"").ok_or("no token")?.to_owned();
        caught_up.push((someone, next));
    }
    let before = server.memory_kib()?;
    let mut held = Vec::new();
    for (someone, next) in caught_up {
        let mut connection = Connection::open(&server.addr).await?;
        held.push(tokio::spawn(async move {
            let path = format!("/v1/sync?since={next}&timeout=55000");
            connection.call("GET", &path, Some(&someone.token), "", b"").await.map(|_| ())
        }));
    }
    tokio::time::sleep(SETTLE).await;
    let each = (server.memory_kib()?.saturating_sub(before)) as f64 / polls as f64;
    held.iter().for_each(tokio::task::JoinHandle::abort);
    server.stop().await?;
    Ok(each)
}

/// Opens stores in this process and reads what each one adds to it.
async fn idle_stores(tenants: usize) -> Result<f64> {
    let folder = tempfile::tempdir_in(".")?;
    let open = async |index: usize| {
        let tenant = folder.path().join(index.to_string());
        std::fs::create_dir(&tenant)?;
        let store = SqliteStore::open(tenant.join("tenant.db"), SqliteOptions::default(), &SystemRandom).await?;
        let stores = bartab_chat::ChatStores {
            log: std::sync::Arc::new(store.clone()),
            markers: std::sync::Arc::new(store.clone()),
            snapshots: Some(std::sync::Arc::new(store)),
        };
        let (clock, random) = (std::sync::Arc::new(bartab_core::SystemClock), std::sync::Arc::new(SystemRandom));
        Ok::<_, crate::BoxError>(bartab_chat::Chat::open(stores, bartab_chat::Config::default(), clock, random).await?)
    };
    let first = open(0).await?;
    let before = own_memory_kib()?;
    let mut held = vec![first];
    for index in 1..=tenants {
        held.push(open(index).await?);
    }
    tokio::time::sleep(SETTLE).await;
    let each = (own_memory_kib()?.saturating_sub(before)) as f64 / tenants as f64;
    for chat in held {
        chat.close().await;
    }
    Ok(each)
}

fn own_memory_kib() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/smaps_rollup")?;
    let line = status.lines().find_map(|line| line.strip_prefix("Pss:")).ok_or("no figure")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse()?)
}

/// From the start of the process to the first good answer, on a folder that has been used.
async fn start() -> Result<()> {
    let folder = tempfile::tempdir_in(".")?;
    Server::tenant(folder.path()).await?.stop().await?;
    let mut times = Latencies::default();
    for _ in 0..11 {
        let begin = Instant::now();
        let server = Server::tenant(folder.path()).await?;
        let mut connection = Connection::open(&server.addr).await?;
        let (status, _) = connection.call("GET", "/readyz", None, "", b"").await?;
        times.push(begin.elapsed());
        if status != 200 {
            return Err(format!("readyz: {status}").into());
        }
        server.stop().await?;
    }
    figure("start to first good answer, median (target 20 ms)", millis(times.percentile(0.5)));
    Ok(())
}
