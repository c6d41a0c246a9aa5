//! Files without chat: the media service in a program of one's own, with sign-in and a page of one's own.
//!
//! Bytes are in a folder, records in memory; `SqliteStore` keeps those, too. Nothing says who carries a file here, so
//! each stays until its owner deletes it.
//!
//! ```text
//! cargo run --example embed_media
//! ```

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::get;
use bartab_core::http::PublicBase;
use bartab_core::store::MemoryMedia;
use bartab_core::{Actor, SystemClock, SystemRandom, UserId};
use bartab_media::{Blobs, Config, Media, MediaService, MediaStores, PicturePool};
use serde_json::{Value, json};
use tokio::net::TcpListener;

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// The stranger's sign-in: a name in a header is believed, which is no example to follow.
async fn who_asks(mut request: Request, next: Next) -> Response {
    let name = request.headers().get("x-name").and_then(|name| name.to_str().ok()).map(str::to_owned);
    if let Some(name) = name {
        let user = UserId::from_external("https://shop.example", &name);
        request.extensions_mut().insert(Arc::new(Actor::person(user, name)));
    }
    next.run(request).await
}

#[tokio::main]
async fn main() -> Outcome {
    let folder = tempfile::tempdir()?;
    let stores = MediaStores::of(Arc::new(MemoryMedia::new()), Blobs::local(folder.path())?);
    let config = Config { file_bytes: 10 << 20, ..Config::default() };
    let media = Media::open(stores, config, PicturePool::shared(), Arc::new(SystemClock), Arc::new(SystemRandom));

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let base = PublicBase(url.as_str().into());
    let app = Router::new()
        .route("/", get(async || "a shop, and the pictures of what it sells"))
        .fallback_service(MediaService::new(media.clone()))
        .layer(from_fn(who_asks))
        .layer(from_fn(move |mut request: Request, next: Next| {
            request.extensions_mut().insert(base.clone());
            async { next.run(request).await }
        }));
    let server = tokio::spawn(async { axum::serve(listener, app).await });

    let client = reqwest::Client::new();
    let upload = client.post(format!("{url}/v1/media?filename=price-list.txt")).header("x-name", "alice");
    let file: Value = upload.body("tea 3, coffee 4").send().await?.error_for_status()?.json().await?;
    println!("stored: {file}");
    let (id, at) = (&file["media_id"], file["url"].as_str().ok_or("no url")?);

    let stranger = client.get(at).header("x-name", "bob").send().await?.status();
    println!("bob, who is nobody to it: {stranger}");
    let sign = client.post(format!("{url}/v1/media/sign")).header("x-name", "alice");
    let links: Value = sign.body(json!({"ids": [id]}).to_string()).send().await?.error_for_status()?.json().await?;
    let link = links["items"][0]["url"].as_str().ok_or("no link")?;
    let page = client.get(link).send().await?.error_for_status()?;
    let shown = page.headers()["content-disposition"].clone();
    println!("a page with alice's link: {shown:?}, {}", page.text().await?);

    assert_eq!(stranger, 404);
    server.abort();
    media.close().await;
    Ok(())
}
