//! Files in a bucket over the network, which breaks, or stalls, or answers nothing but errors.

use std::time::{Duration, Instant};

use bartab_host::Config;
use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufStream};
use tokio::net::TcpStream;

use super::moto::{BUCKET, Moto};
use super::tus::tuspy;
use super::{MediaServer, eventually, noise, picture, read};
use crate::proxy::{Fault, Proxy};

/// Several parts of an upload to S3, and more than what is kept in memory.
const LARGE: usize = 20 * 1024 * 1024 + 1;

/// A server whose files are in a bucket, and the network between the two.
struct World {
    server: MediaServer,
    network: Proxy,
    moto: Moto,
}

impl World {
    async fn open() -> Self {
        let moto = Moto::start().await;
        let network = Proxy::start().await;
        network.lead_to(moto.address);
        let storage = json!({
            "kind": "s3",
            "bucket": BUCKET,
            "endpoint": network.url(),
            "access_key_id": "id",
            "secret_access_key": "key",
            "allow_http": true,
        });
        let media = serde_json::from_value(json!({"storage": storage, "sweep_seconds": 1})).unwrap();
        let server = MediaServer::with(Config { media, ..Config::default() }).await;
        Self { server, network, moto }
    }

    /// Waits until the bucket holds as many objects as are expected below each of these, and nothing else is there or
    /// counts.
    async fn holds(&self, expected: &[(&str, usize)]) {
        let all: usize = expected.iter().map(|(_, count)| count).sum();
        eventually(async || {
            let objects = self.moto.objects().await;
            let below = |folder: &str| objects.iter().filter(|name| name.starts_with(folder)).count();
            let as_expected = |(folder, count): &(&str, usize)| below(&format!("tenants/acme/{folder}/")) == *count;
            let is_so = objects.len() == all && expected.iter().all(as_expected);
            if is_so { Ok(()) } else { Err(objects) }
        })
        .await;
        self.server.person().has_nothing_under_way().await;
    }

    async fn close(self) {
        self.server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_in_a_bucket_are_read_in_parts_made_small_and_deleted() {
    let world = World::open().await;
    let person = world.server.person();
    let large = noise(LARGE);
    let path = person.upload(&large).await.stored();
    world.holds(&[("private", 1)]).await;
    assert!(person.ask(Method::GET, &path).await.body == large);
    let part = read(person.request(Method::GET, &path).header("range", "bytes=9000000-9000099")).await;
    assert_eq!((part.status, &part.body[..]), (206, &large[9_000_000..9_000_100]));

    let drawn = person.upload(&picture()).await.stored();
    let small = person.ask(Method::GET, &format!("{drawn}/thumbnail?w=320&h=240")).await;
    assert_eq!((small.status, &small.headers["content-type"]), (200, &"image/jpeg".parse().unwrap()));
    world.holds(&[("private", 2), ("thumbs", 1)]).await;

    for path in [&path, &drawn] {
        assert!([200, 204].contains(&person.ask(Method::DELETE, path).await.status));
        person.ask(Method::GET, path).await.is_problem(404, "media.not_found");
    }
    world.holds(&[]).await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_the_bucket_does_not_take_leaves_nothing() {
    let world = World::open().await;
    let person = world.server.person();
    let (large, small) = (noise(LARGE), noise(1000));
    let faults = [
        (Fault::Answer(500), &small),
        (Fault::Answer(503), &large),
        // Less than a request: of one that it understands the server may do what it says, and nobody learns of it.
        (Fault::CutUploads(10), &small),
        // Within the first part.
        (Fault::CutUploads(3 * 1024 * 1024), &large),
    ];
    for (fault, bytes) in faults {
        world.network.suffer(fault, u32::MAX);
        let began = Instant::now();
        let answer = person.upload(bytes).await;
        answer.is_problem(503, "storage.unavailable");
        assert!(answer.headers.contains_key("retry-after"), "{answer:?}");
        assert!(began.elapsed() < Duration::from_secs(45), "{fault:?}: {:?}", began.elapsed());
        world.network.suffer(Fault::None, 0);
        world.holds(&[]).await;
    }
    // One connection that breaks is no matter.
    world.network.suffer(Fault::CutUploads(3 * 1024 * 1024), 1);
    let path = person.upload(&large).await.stored();
    assert_eq!(world.network.cuts_left(), 0);
    assert!(person.ask(Method::GET, &path).await.body == large);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_bucket_took_of_a_file_is_taken_back_once_it_answers_again() {
    let world = World::open().await;
    let server = &world.server;
    let head = format!(
        "POST /t/acme/v1/media HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\ncontent-length: {LARGE}\r\n\r\n",
        server.token,
    );
    let large = noise(LARGE);
    let (first, rest) = large.split_at(12 * 1024 * 1024);
    let mut client = BufStream::new(TcpStream::connect(server.running.address()).await.unwrap());
    client.write_all(head.as_bytes()).await.unwrap();
    client.write_all(first).await.unwrap();
    client.flush().await.unwrap();
    eventually(async || {
        let objects = world.moto.objects().await;
        if objects.iter().any(|name| name.contains("/uploads/")) { Ok(()) } else { Err(objects) }
    })
    .await;
    world.network.suffer(Fault::Answer(500), 0);
    // The server may close before all is sent.
    let _closed = client.write_all(rest).await.and(client.flush().await);
    let mut status = String::new();
    client.read_line(&mut status).await.unwrap();
    assert!(status.starts_with("HTTP/1.1 503 "), "{status}");
    assert_eq!(world.moto.objects().await.len(), 1);
    world.network.suffer(Fault::None, 0);
    world.holds(&[]).await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tuspy_goes_on_when_the_bucket_failed_and_the_server_was_started_anew() {
    let World { server, network, moto } = World::open().await;
    let failed = async |server: MediaServer| {
        network.suffer(Fault::CutUploads(100_000), 1);
        server.restarted().await
    };
    let server = tuspy(server, failed).await;
    assert_eq!(network.cuts_left(), 0);
    let world = World { server, network, moto };
    world.holds(&[("private", 1)]).await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_in_the_middle_leaves_nothing_in_the_bucket() {
    let world = World::open().await;
    let person = world.server.person();
    world.server.proxy.suffer(Fault::CutUploads(12 * 1024 * 1024), 1);
    assert!(person.request(Method::POST, "/v1/media").body(noise(LARGE)).send().await.is_err());
    world.holds(&[]).await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_stalls_is_given_up_and_found_again() {
    let world = World::open().await;
    let person = world.server.person();
    let large = noise(LARGE);
    let path = person.upload(&large).await.stored();
    world.network.suffer(Fault::Stall, 0);
    let began = Instant::now();
    let other = noise(1000);
    let (uploaded, asked) = tokio::join!(person.upload(&other), person.ask(Method::GET, &path));
    uploaded.is_problem(503, "storage.unavailable");
    asked.is_problem(503, "storage.unavailable");
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    // Chat goes on meanwhile.
    assert_eq!(person.ask(Method::GET, "/v1/rooms").await.status, 200);
    world.network.suffer(Fault::None, 0);
    world.holds(&[("private", 1)]).await;
    assert!(person.ask(Method::GET, &path).await.body == large);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_that_the_bucket_breaks_off_is_never_taken_for_whole() {
    let world = World::open().await;
    let person = world.server.person();
    let large = noise(LARGE);
    let path = person.upload(&large).await.stored();
    world.network.suffer(Fault::CutDownloads(3 * 1024 * 1024), u32::MAX);
    let response = person.request(Method::GET, &path).send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.content_length()), (200, Some(LARGE as u64)));
    assert!(response.bytes().await.is_err());
    world.network.suffer(Fault::Answer(503), 0);
    person.ask(Method::GET, &path).await.is_problem(503, "storage.unavailable");
    world.network.suffer(Fault::None, 0);
    assert!(person.ask(Method::GET, &path).await.body == large);
    world.close().await;
}
