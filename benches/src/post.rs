//! `POST` of messages over HTTP, every one with a fresh key and durable, against a handler that does nothing.

use std::time::Duration;

use bartab_core::SystemRandom;

use crate::Result;
use crate::baseline::fdatasync;
use crate::client::Connection;
use crate::load::{Load, WARM_UP, collect};
use crate::process::Server;
use crate::stats::{Latencies, figure, millis, ratio};
use crate::tenant::{join, key, person, room};

pub(crate) async fn run(connections: usize, secs: u64) -> Result<()> {
    let folder = tempfile::tempdir_in(".")?;
    let nothing = Server::nothing().await?;
    let tenant = Server::tenant(folder.path()).await?;
    let time = Duration::from_secs(secs);
    let (mut single, flush) = (nothing_rate(&nothing.addr, 1, time / 4).await?, fdatasync()?);
    let (_, mut empty) = (single.0, std::mem::take(&mut single.1));
    let empty = empty.percentile(0.5);
    let (_, mut lone) = messages_rate(&tenant.addr, 1, time / 4).await?;
    let lone_median = lone.percentile(0.5);
    let (base, _) = nothing_rate(&nothing.addr, connections, time).await?;
    let cpu = tenant.cpu()?;
    let (rate, mut latencies) = messages_rate(&tenant.addr, connections, time).await?;
    let cpu = tenant.cpu()?.saturating_sub(cpu);
    let (again, _) = nothing_rate(&nothing.addr, connections, time / 2).await?;
    figure(&format!("empty POST, {connections} connections, requests/s"), base.round());
    figure("the same afterwards", again.round());
    figure(&format!("message POST, {connections} connections, requests/s"), rate.round());
    figure("message POST p50", millis(latencies.percentile(0.5)));
    figure("message POST p99", millis(latencies.percentile(0.99)));
    let per_message = cpu.as_secs_f64() * 1e6 / (rate * (time + WARM_UP).as_secs_f64());
    figure("server processor time per message, µs", format!("{per_message:.1}"));
    ratio("message POST / empty POST", rate / ((base + again) / 2.0), ">= 0.30");
    figure("one connection: empty POST median", millis(empty));
    figure("one fdatasync", millis(flush));
    figure("one connection: message POST median", millis(lone_median));
    let bound = (flush + empty).as_secs_f64();
    ratio("one connection: message / (fdatasync + empty)", lone_median.as_secs_f64() / bound, "<= 1.8");
    tenant.stop().await?;
    nothing.stop().await
}

async fn nothing_rate(addr: &str, connections: usize, time: Duration) -> Result<(f64, Latencies)> {
    let mut tasks = Vec::new();
    for _ in 0..connections {
        let mut connection = Connection::open(addr).await?;
        tasks.push(tokio::spawn(async move {
            let mut load = Load::new(time);
            while load.running() {
                let (status, _) = connection.call("POST", "/nothing", None, "", b"").await?;
                load.done(status, 200)?;
            }
            Ok::<_, crate::BoxError>(load.latencies)
        }));
    }
    collect(tasks, time).await
}

async fn messages_rate(addr: &str, connections: usize, time: Duration) -> Result<(f64, Latencies)> {
    let mut set_up = Connection::open(addr).await?;
    let owner = person(&mut set_up, "founder").await?;
    let room = room(&mut set_up, &owner, "bench").await?;
    let mut people = Vec::new();
    for index in 0..connections {
        let someone = person(&mut set_up, &format!("poster{index}")).await?;
        join(&mut set_up, &someone, &room).await?;
        people.push((Connection::open(addr).await?, someone));
    }
    let body = format!(r#"{{"text":"{}"}}"#, "x".repeat(300));
    let path = format!("/v1/rooms/{room}/messages");
    let tasks = people.into_iter().map(|(mut connection, someone)| {
        let (body, path) = (body.clone(), path.clone());
        tokio::spawn(async move {
            let mut load = Load::new(time);
            while load.running() {
                let headers = key(&SystemRandom);
                let token = Some(someone.token.as_str());
                let (status, _) = connection.call("POST", &path, token, &headers, body.as_bytes()).await?;
                load.done(status, 201)?;
            }
            Ok::<_, crate::BoxError>(load.latencies)
        })
    });
    collect(tasks.collect(), time).await
}
