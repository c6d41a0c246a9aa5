//! What the bare machine gives: a handler that does nothing, one that only waits, one flush to disk.

use std::fs::File;
use std::io::Write as _;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use axum::serve::ListenerExt as _;
use bytes::Bytes;

use crate::Result;
use crate::stats::Latencies;

const MOST_BYTES: usize = 1 << 20;

/// Serves `/nothing`, so many bytes at `/bytes/{length}`, and `GET /wait` until it is ended.
pub(crate) async fn serve() -> Result<()> {
    let bytes = Bytes::from(vec![7; MOST_BYTES]);
    let some = async move |Path(length): Path<usize>| bytes.slice(..length.min(MOST_BYTES));
    let app =
        Router::new().route("/nothing", get(async || "").post(async || "")).route("/bytes/{length}", get(some)).route(
            "/wait",
            get(async || {
                tokio::time::sleep(Duration::from_secs(3600)).await;
                ""
            }),
        );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on {}", listener.local_addr()?);
    let listener = listener.tap_io(|stream| {
        // Without it the kernel waits for more before it sends; failing costs only time.
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, app).await?;
    Ok(())
}

/// The median time of writing 512 bytes to the end of a file and flushing them.
pub(crate) fn fdatasync() -> Result<Duration> {
    let folder = tempfile::tempdir_in(".")?;
    let mut file = File::create(folder.path().join("probe"))?;
    let mut times = Latencies::default();
    for _ in 0..500 {
        let start = Instant::now();
        file.write_all(&[7; 512])?;
        file.sync_data()?;
        times.push(start.elapsed());
    }
    Ok(times.percentile(0.5))
}
