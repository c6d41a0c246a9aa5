//! A real browser shows files, and runs none.

use super::MediaServer;
use crate::install::chromium;
use crate::script::{Language, run};

#[tokio::test(flavor = "multi_thread")]
async fn chromium_shows_thumbnails_by_link_and_runs_nothing_that_was_uploaded() {
    let server = MediaServer::open().await;
    let mut environment = server.environment(server.folder.path());
    environment.push(("CHROMIUM", chromium().to_owned()));
    run(Language::Node, "chromium_media.mjs", &environment).await;
    server.stop().await;
}
