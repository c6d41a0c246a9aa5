//! Resumable upload by clients that others wrote.

use super::{MediaServer, noise};
use crate::proxy::Fault;
use crate::script::{Language, run, run_with};

/// Not a multiple of any chunk.
const SIZE: usize = 4 * 1024 * 1024 + 12_345;

/// Begins with one process of tuspy and goes on with another, with `between` in between.
pub(super) async fn tuspy(server: MediaServer, between: impl AsyncFnOnce(MediaServer) -> MediaServer) -> MediaServer {
    let file = server.file("noise", &noise(SIZE));
    let mut environment = server.environment(&file);
    environment.push(("KNOWN", server.path("known.json").to_str().unwrap().to_owned()));
    run_with(Language::Python, "tuspy_upload.py", &["begin"], &environment).await;
    let server = between(server).await;
    run_with(Language::Python, "tuspy_upload.py", &["resume"], &environment).await;
    assert_eq!(server.proxy.cuts_left(), 0);
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn tuspy_goes_on_where_another_process_stopped_through_broken_connections() {
    let cut = async |server: MediaServer| {
        // Each chunk of 256 KiB comes by a connection of its own, and three are cut within.
        server.proxy.suffer(Fault::CutUploads(100_000), 3);
        server
    };
    tuspy(MediaServer::open().await, cut).await.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tuspy_goes_on_after_the_server_was_stopped_and_started() {
    tuspy(MediaServer::open().await, MediaServer::restarted).await.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tus_js_client_resumes_terminates_and_uploads_with_creation() {
    let server = MediaServer::open().await;
    let file = server.file("noise", &noise(SIZE));
    let mut environment = server.environment(&file);
    environment.push(("KNOWN", server.folder.path().to_str().unwrap().to_owned()));
    environment.push(("CUTS", "3".to_owned()));
    server.proxy.suffer(Fault::CutUploads(1024 * 1024), 3);
    run(Language::Node, "tus_js.mjs", &environment).await;
    assert_eq!(server.proxy.cuts_left(), 0);
    server.stop().await;
}
