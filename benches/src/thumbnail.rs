//! A thumbnail that is held in memory, against a handler that does nothing, and one that gives as many bytes.

use std::time::Duration;

use crate::Result;
use crate::client::Connection;
use crate::load::{WARM_UP, repeated};
use crate::picture::{photo, upload_to};
use crate::process::Server;
use crate::stats::{figure, millis, ratios};
use crate::tenant::person;

/// How large the thumbnail is to be.
const BYTES: usize = 20 << 10;
/// The sizes that it is looked for in.
const SIZES: [&str; 6] = ["w=256&h=256", "w=320&h=240", "w=512&h=512", "w=640&h=480", "w=800&h=800", "w=1280&h=720"];

pub(crate) async fn run(connections: usize, secs: u64, rounds: u32) -> Result<()> {
    let folder = tempfile::tempdir_in(".")?;
    let nothing = Server::nothing().await?;
    let tenant = Server::tenant(folder.path()).await?;
    let mut set_up = Connection::open(&tenant.addr).await?;
    let owner = person(&mut set_up, "photographer").await?;
    let private = upload_to(&mut set_up, &owner, "/v1/media", &photo(1)?).await?;
    let public = upload_to(&mut set_up, &owner, "/v1/media?public=true", &photo(1)?).await?;
    let mut found: Option<(usize, &str)> = None;
    for size in SIZES {
        for id in [&private, &public] {
            let path = format!("/v1/media/{id}/thumbnail?{size}");
            let (status, bytes) = set_up.call("GET", &path, Some(&owner.token), "", b"").await?;
            if status != 200 {
                return Err(format!("thumbnail: {status}").into());
            }
            if found.is_none_or(|(length, _)| bytes.len().abs_diff(BYTES) < length.abs_diff(BYTES)) {
                found = Some((bytes.len(), size));
            }
        }
    }
    let (length, size) = found.ok_or("no thumbnail")?;
    figure("bytes of the thumbnail", length);

    let time = Duration::from_secs(secs);
    let get = |path: &str, headers: &str| format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n");
    let authorization = format!("authorization: Bearer {}\r\n", owner.token);
    let asked = [
        ("public", get(&format!("/v1/media/{public}/thumbnail?{size}"), "")),
        ("private", get(&format!("/v1/media/{private}/thumbnail?{size}"), &authorization)),
    ];
    let (mut of_nothing, mut of_bytes) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
    for _ in 0..rounds {
        let (empty, _) = repeated(&nothing.addr, &get("/nothing", ""), connections, time).await?;
        let (bytes, _) = repeated(&nothing.addr, &get(&format!("/bytes/{length}"), ""), connections, time).await?;
        figure("empty GET, requests/s", empty.round());
        figure("GET of as many bytes from an empty handler, requests/s", bytes.round());
        for (index, (what, request)) in asked.iter().enumerate() {
            let cpu = tenant.cpu()?;
            let (rate, mut latencies) = repeated(&tenant.addr, request, connections, time).await?;
            let cpu = tenant.cpu()?.saturating_sub(cpu).as_secs_f64();
            figure(&format!("{what} thumbnail, requests/s"), rate.round());
            figure("p50", millis(latencies.percentile(0.5)));
            figure("p99", millis(latencies.percentile(0.99)));
            let each = cpu * 1e6 / (rate * (time + WARM_UP).as_secs_f64());
            figure("server processor time each, µs", format!("{each:.1}"));
            if let (Some(of_nothing), Some(of_bytes)) = (of_nothing.get_mut(index), of_bytes.get_mut(index)) {
                of_nothing.push(rate / empty);
                of_bytes.push(rate / bytes);
            }
        }
    }
    for ((what, _), (of_nothing, of_bytes)) in asked.iter().zip(of_nothing.into_iter().zip(of_bytes)) {
        ratios(&format!("{what} thumbnail / empty GET"), of_nothing, ">= 0.50");
        ratios(&format!("{what} thumbnail / GET of as many bytes"), of_bytes, "none");
    }
    tenant.stop().await?;
    nothing.stop().await
}
