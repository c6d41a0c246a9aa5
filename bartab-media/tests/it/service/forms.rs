//! Uploads by a form.

use std::time::Duration;

use bartab_media::Config;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::Method;
use http_body::Frame;
use http_body_util::StreamBody;
use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::support::{Answer, World, as_, person};

const FORM: &str = "multipart/form-data; boundary=cut";

fn part(disposition: &str, content: &str) -> String {
    format!("--cut\r\nContent-Disposition: form-data; {disposition}\r\n\r\n{content}\r\n")
}

fn file(content: &str) -> String {
    part("name=\"file\"; filename=\"list.txt\"", content)
}

/// Sends the form in pieces of that size.
async fn send(world: &World, query: &str, headers: &[(&str, &str)], form: &[u8], piece: usize) -> Answer {
    let mut request = as_(&person(1), Method::POST, &format!("/v1/media{query}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let pieces: Vec<_> = form.chunks(piece).map(|piece| Ok(Frame::data(Bytes::copy_from_slice(piece)))).collect();
    world.send_body(request.body(StreamBody::new(stream::iter(pieces))).unwrap()).await
}

async fn post(world: &World, form: &str) -> Answer {
    send(world, "", &[("content-type", FORM)], form.as_bytes(), usize::MAX).await
}

async fn name_of(world: &World, answer: &Answer) -> Option<String> {
    let id = answer.json()["media_id"].as_str().unwrap().parse().unwrap();
    world.record(id).await.filename
}

#[tokio::test]
async fn the_file_of_a_form_is_stored_however_it_is_cut() {
    let (world, robin) = (World::new(), person(1));
    let content = "\r\n--cu\r\n--cut\u{0}no\r--cut\n".repeat(20);
    let content = content.replace("\r\n--cut\u{0}", "\r\n-cut\u{0}");
    let form = format!("before\r\n{}{}--cut--\r\nafter", part("name=public", "true"), file(&content));
    for piece in [1, 2, 3, 7, 64, usize::MAX] {
        let stored = send(&world, "", &[("content-type", FORM)], form.as_bytes(), piece).await;
        assert_eq!(stored.status, 201, "{piece}: {stored:?}");
        let json = stored.json();
        let hash: String = Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!((&json["sha256"], &json["public"]), (&hash.as_str().into(), &true.into()), "{piece}");
        assert_eq!(name_of(&world, &stored).await.as_deref(), Some("list.txt"));
    }
    world.settled(&robin).await;
    assert_eq!(world.names().await.len(), 1);
}

#[tokio::test]
async fn the_query_says_more_than_the_form_and_a_field_more_than_the_part() {
    let world = World::new();
    let named = format!("{}{}--cut--\r\n", part("name=\"filename\"", "field.txt"), file("x"));
    assert_eq!(name_of(&world, &post(&world, &named).await).await.as_deref(), Some("field.txt"));
    let both = format!("{}{named}", part("name=\"public\"", "true"));
    let answer = send(&world, "?filename=query.txt&public=false", &[("content-type", FORM)], both.as_bytes(), 5).await;
    assert_eq!(answer.json()["public"], false);
    assert_eq!(name_of(&world, &answer).await.as_deref(), Some("query.txt"));
    let none = part("name=\"file\"", "x") + "--cut--\r\n";
    assert_eq!(name_of(&world, &post(&world, &none).await).await, None);
    let path = part("name=file; filename=\"../../\u{202e}evil.txt\"", "x") + "--cut--";
    assert_eq!(name_of(&world, &post(&world, &path).await).await.as_deref(), Some("evil.txt"));
}

#[tokio::test]
async fn a_form_that_is_none_is_refused_and_leaves_nothing() {
    let (world, robin) = (World::new(), person(1));
    let endless = format!("--cut\r\nContent-Disposition: form-data; name=file\r\nX: {}", "x".repeat(200_000));
    let many: String = (0..2_000).map(|number| format!("X-{number}: {number}\r\n")).collect();
    let cases = [
        String::new(),
        "garbage".to_owned(),
        "x".repeat(200_000),
        "--cut--\r\n".to_owned(),
        "--cut\r\n\r\nx\r\n--cut--\r\n".to_owned(),
        "--cut\r\nContent-Disposition: attachment; name=file\r\n\r\nx\r\n--cut--\r\n".to_owned(),
        format!("--cut\r\n{many}Content-Disposition: form-data; name=file\r\n\r\nx\r\n--cut--\r\n"),
        endless.clone(),
        format!("{endless}\r\n\r\nx\r\n--cut--\r\n"),
        part("name=colour", "red") + &file("x") + "--cut--\r\n",
        part("name=public", "maybe") + &file("x") + "--cut--\r\n",
        part("name=public", &"x".repeat(10_000)) + &file("x") + "--cut--\r\n",
        part("name=public", "true") + &part("name=public", "true") + &file("x") + "--cut--\r\n",
        file("x"),
        file("x") + "--cut",
        file("x") + &file("y") + "--cut--\r\n",
        file("x") + &part("name=public", "true") + "--cut--\r\n",
        file("x") + "--cut--\r\n" + &"x".repeat(200_000),
    ];
    for form in &cases {
        for piece in [100, usize::MAX] {
            let answer = send(&world, "", &[("content-type", FORM)], form.as_bytes(), piece).await;
            answer.is_problem(400, "request.invalid");
        }
    }
    let good = file("x") + "--cut--\r\n";
    let long = format!("multipart/form-data; boundary={}", "x".repeat(71));
    for kind in ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; \"", &long] {
        let answer = send(&world, "", &[("content-type", kind)], good.as_bytes(), 64).await;
        answer.is_problem(400, "request.invalid");
    }
    world.settled(&robin).await;
    assert_eq!((world.files(&robin).await, world.names().await.len()), (0, 0));
}

#[tokio::test]
async fn what_never_ends_is_not_gathered() {
    let world = World::new();
    for start in
        ["", "--cut\r\nX: ", "--cut\r\nContent-Disposition: form-data; name=public\r\n\r\n", &(file("x") + "--cut--")]
    {
        let start = Bytes::copy_from_slice(start.as_bytes());
        let body = stream::iter([start]).chain(stream::repeat(Bytes::from_static(&[b'x'; 16 << 10])));
        let request = as_(&person(1), Method::POST, "/v1/media").header("content-type", FORM);
        let answer = world.send_body(request.body(StreamBody::new(body.map(|bytes| Ok(Frame::data(bytes))))).unwrap());
        answer.await.is_problem(400, "request.invalid");
    }
}

#[tokio::test]
async fn a_digest_is_of_the_whole_form() {
    let (world, robin) = (World::new(), person(1));
    let form = file("milk") + "--cut--\r\nafter";
    for (of, status) in [(form.as_str(), 201), ("milk", 400), (form.trim_end_matches("after"), 400)] {
        let said = format!("sha-256=:{}:", STANDARD.encode(Sha256::digest(of)));
        let headers = [("content-type", FORM), ("content-digest", said.as_str())];
        let answer = send(&world, "", &headers, form.as_bytes(), 16).await;
        assert_eq!(answer.status, status, "{of}: {answer:?}");
        assert!(status == 201 || answer.json()["code"] == "media.digest_mismatch");
    }
    world.settled(&robin).await;
    assert_eq!((world.files(&robin).await, world.names().await.len()), (1, 1));
}

#[tokio::test]
async fn a_file_in_a_form_is_as_large_as_one_may_be() {
    let world = World::with(Config { file_bytes: 100_000, ..Config::default() });
    let form = |size| file(&"x".repeat(size)) + "--cut--\r\n";
    assert_eq!(post(&world, &form(100_000)).await.status, 201);
    post(&world, &form(100_001)).await.is_problem(413, "media.too_large");
}

#[tokio::test(start_paused = true)]
async fn who_stops_sending_is_not_waited_for() {
    let (world, robin) = (World::new(), person(1));
    let started = tokio::time::Instant::now();
    for (kind, start) in [("text/plain", "some"), (FORM, "--cut\r\nContent"), (FORM, &*file("x"))] {
        let start = Bytes::copy_from_slice(start.as_bytes());
        let body = stream::iter([Ok(Frame::data(start))]).chain(stream::pending());
        let request = as_(&robin, Method::POST, "/v1/media").header("content-type", kind);
        world.send_body(request.body(StreamBody::new(body)).unwrap()).await.is_problem(408, "request.timeout");
    }
    assert!(started.elapsed() < Duration::from_secs(200), "{:?}", started.elapsed());
    world.settled(&robin).await;
    assert_eq!(world.names().await.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn who_is_slow_but_goes_on_is_waited_for() {
    let world = World::new();
    let pieces = stream::iter(0..10).then(async |_| {
        tokio::time::sleep(Duration::from_secs(50)).await;
        Ok(Frame::data(Bytes::from_static(b"x")))
    });
    let request = as_(&person(1), Method::POST, "/v1/media").body(StreamBody::new(Box::pin(pieces))).unwrap();
    assert_eq!(world.send_body(request).await.json()["size"], 10);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_content_of_the_file_is_what_the_client_put_there(
        content in "[x\r\n-]{0,40}(--cut)?[x\r\n-]{0,40}",
        piece in 1..50_usize,
    ) {
        prop_assume!(!format!("\r\n{content}").contains("\r\n--cut"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let form = file(&content) + "--cut--";
            let answer = send(&World::new(), "", &[("content-type", FORM)], form.as_bytes(), piece).await;
            let hash: String = Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(answer.json()["sha256"], hash, "{answer:?}");
        });
    }
}
