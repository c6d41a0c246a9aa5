//! Whether signing in holds up chat: messages at a steady pace while nobody signs in, and while many do without a pause,
//! with passwords hashed as on a real server.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bartab_core::SystemRandom;
use serde_json::json;

use crate::Result;
use crate::client::Connection;
use crate::process::Server;
use crate::stats::{Latencies, figure, millis, ratio};
use crate::tenant::{Person, key, person, room};

pub(crate) async fn run(logins: usize, rate: u32, secs: u64) -> Result<()> {
    let folder = tempfile::tempdir_in(".")?;
    let tenant = Server::tenant_with_real_passwords(folder.path()).await?;
    let mut connection = Connection::open(&tenant.addr).await?;
    let sender = person(&mut connection, "sender").await?;
    let room = room(&mut connection, &sender, "bench").await?;
    for index in 0..logins {
        person(&mut connection, &format!("visitor{index}")).await?;
    }
    let time = Duration::from_secs(secs);
    send(&mut connection, &sender, &room, rate, Duration::from_secs(1)).await?;
    let mut idle = send(&mut connection, &sender, &room, rate, time).await?;

    let (going, signed_in) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicU64::new(0)));
    let mut visitors = Vec::new();
    for index in 0..logins {
        let mut connection = Connection::open(&tenant.addr).await?;
        let (going, signed_in) = (Arc::clone(&going), Arc::clone(&signed_in));
        visitors.push(tokio::spawn(async move {
            let name = format!("visitor{index}");
            let body = json!({ "username": name, "password": format!("{name}-benchmark") }).to_string();
            while going.load(Ordering::Relaxed) {
                let (status, _) = connection.call("POST", "/v1/auth/login", None, "", body.as_bytes()).await?;
                if status != 200 {
                    return Err::<(), crate::BoxError>(format!("login: {status}").into());
                }
                signed_in.fetch_add(1, Ordering::Relaxed);
            }
            Ok(())
        }));
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = signed_in.load(Ordering::Relaxed);
    let mut busy = send(&mut connection, &sender, &room, rate, time).await?;
    let per_second = (signed_in.load(Ordering::Relaxed) - before) as f64 / time.as_secs_f64();
    going.store(false, Ordering::Relaxed);
    for visitor in visitors {
        visitor.await??;
    }
    let (quiet, loud) = (idle.percentile(0.5), busy.percentile(0.5));
    figure(&format!("{rate} messages/s, nobody signs in: median"), millis(quiet));
    figure("the same, p99", millis(idle.percentile(0.99)));
    figure(&format!("{logins} connections signing in: logins/s"), format!("{per_second:.1}"));
    figure("messages meanwhile: median", millis(loud));
    figure("the same, p99", millis(busy.percentile(0.99)));
    ratio("median send with logins / without", loud.as_secs_f64() / quiet.as_secs_f64(), "<= 2");
    tenant.stop().await
}

/// Sends at this rate; a message that is late does not make the next ones late.
async fn send(
    connection: &mut Connection,
    sender: &Person,
    room: &str,
    rate: u32,
    time: Duration,
) -> Result<Latencies> {
    let path = format!("/v1/rooms/{room}/messages");
    let mut latencies = Latencies::default();
    let mut pace = tokio::time::interval(Duration::from_secs(1) / rate.max(1));
    pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let began = Instant::now();
    while began.elapsed() < time {
        pace.tick().await;
        let asked = Instant::now();
        let headers = key(&SystemRandom);
        let (status, _) =
            connection.call("POST", &path, Some(&sender.token), &headers, br#"{"text":"still here?"}"#).await?;
        if status != 201 {
            return Err(format!("send: {status}").into());
        }
        latencies.push(asked.elapsed());
    }
    Ok(latencies)
}
