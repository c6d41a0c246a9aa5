//! `PATCH /v1/uploads/{upload}`: bytes come in pieces, connections break, and clients come back.

use std::convert::Infallible;
use std::time::Duration;

use bartab_media::Config;
use futures_util::{StreamExt, stream};
use http_body::Frame;
use http_body_util::StreamBody;
use tokio::sync::mpsc;
use tower::ServiceExt;

use super::*;
use crate::pictures::fixtures;

#[tokio::test]
async fn pieces_become_a_file_that_the_last_answer_and_every_later_one_names() {
    let world = World::new();
    let path = create(&world, 11, "").await;
    let first = patch(&world, &path, 0, "hello").await;
    assert_eq!((first.status, first.header("upload-offset"), made(&first)), (204, Some("5"), None));
    assert!(first.header("upload-expires").is_some());
    assert_eq!(patch(&world, &path, 5, "").await.header("upload-offset"), Some("5"));
    let last = patch(&world, &path, 5, " world").await;
    assert_eq!((last.status, last.header("upload-offset")), (204, Some("11")));
    let id = made(&last).unwrap();
    assert_eq!(world.content(id).await, "hello world");
    for answer in [head(&world, &path).await, patch(&world, &path, 11, "").await] {
        assert_eq!((made(&answer), answer.header("upload-offset")), (Some(id), Some("11")));
    }
    assert_eq!(world.files(&robin()).await, 1);
    parts_are_gone(&world).await;
    let gone = tus(&robin(), Method::DELETE, &path).body(Full::default()).unwrap();
    assert_eq!(world.send(gone).await.status, 204);
    assert_eq!(world.content(id).await, "hello world", "the file stays");
}

async fn parts_are_gone(world: &World) {
    while world.names().await.iter().any(|name| name.starts_with("uploads/")) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_piece_that_is_not_what_goes_on_is_refused_and_changes_nothing() {
    let world = World::new();
    let path = create(&world, 8, "").await;
    assert_eq!(patch(&world, &path, 0, "abc").await.status, 204);
    for offset in [0, 2, 4, 8] {
        patch(&world, &path, offset, "d").await.is_problem(409, "upload.offset_mismatch");
    }
    patch(&world, &path, 3, "defghi").await.is_problem(413, "media.too_large");
    let announced = piece(&path, 3).header("content-length", 6).body(Full::new("defghi".into())).unwrap();
    world.send(announced).await.is_problem(413, "media.too_large");
    for kind in [None, Some("text/plain"), Some("application/octet-stream")] {
        let mut request = tus(&robin(), Method::PATCH, &path).header("upload-offset", 3);
        if let Some(kind) = kind {
            request = request.header("content-type", kind);
        }
        let answer = world.send(request.body(Full::new("d".into())).unwrap()).await;
        answer.is_problem(415, "upload.unsupported_type");
    }
    for offset in ["", "-3", "+3", "3.0", "three", "3, 3"] {
        let request = tus(&robin(), Method::PATCH, &path).header("content-type", PIECE).header("upload-offset", offset);
        world.send(request.body(Full::new("d".into())).unwrap()).await.is_problem(400, "request.invalid");
    }
    let none = tus(&robin(), Method::PATCH, &path).header("content-type", PIECE).body(Full::new("d".into())).unwrap();
    world.send(none).await.is_problem(400, "request.invalid");
    assert_eq!(offset(&world, &path).await, 3);
    let last = patch(&world, &path, 3, "defgh").await;
    assert_eq!(world.content(made(&last).unwrap()).await, "abcdefgh");
    patch(&world, &path, 8, "more").await;
    assert_eq!(world.content(made(&last).unwrap()).await, "abcdefgh");
}

type Told = mpsc::Sender<&'static str>;

/// A body that comes as it is told to.
fn told() -> (Told, impl http_body::Body<Data = Bytes, Error = Infallible> + Send + 'static) {
    let (sender, mut receiver) = mpsc::channel(1);
    let pieces = stream::poll_fn(move |context| receiver.poll_recv(context));
    (sender, StreamBody::new(pieces.map(|bytes: &'static str| Ok(Frame::data(Bytes::from_static(bytes.as_bytes()))))))
}

/// Sends more, and waits until it was taken.
async fn tell(body: &Told, bytes: &'static str) {
    body.send(bytes).await.unwrap();
    while body.capacity() == 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_came_before_the_client_fell_silent_is_kept() {
    let world = World::new();
    let path = create(&world, 9, "").await;
    let (sender, body) = told();
    sender.send("abc").await.unwrap();
    world.send_body(piece(&path, 0).body(body).unwrap()).await.is_problem(408, "request.timeout");
    assert_eq!(offset(&world, &path).await, 3);
    drop(sender);
}

#[tokio::test]
async fn what_came_of_a_request_that_nobody_waits_for_is_kept() {
    let world = World::new();
    let path = create(&world, 9, "").await;
    let (sender, body) = told();
    let answer = tokio::spawn(world.service.clone().oneshot(piece(&path, 0).body(body).unwrap()));
    tell(&sender, "abc").await;
    answer.abort();
    // As hyper has it: the handler is gone, and then the body.
    assert!(answer.await.is_err());
    tell(&sender, "def").await;
    drop(sender);
    assert_eq!(offset(&world, &path).await, 6);
    let last = patch(&world, &path, 6, "ghi").await;
    assert_eq!(world.content(made(&last).unwrap()).await, "abcdefghi");
}

#[tokio::test(start_paused = true)]
async fn an_upload_is_not_swept_away_under_who_sends_it_but_after() {
    let world = World::with(Config { upload_seconds: 100, idle_seconds: 10_000, ..Config::default() });
    let path = create(&world, 9, "").await;
    let (sender, body) = told();
    let answer = tokio::spawn(world.service.clone().oneshot(piece(&path, 0).body(body).unwrap()));
    tell(&sender, "abc").await;
    world.clock.advance(Duration::from_secs(101));
    let sweeps = async || tokio::time::sleep(Duration::from_secs(61)).await;
    sweeps().await;
    head(&world, &path).await.is_problem(410, "upload.expired");
    tell(&sender, "def").await;
    drop(sender);
    assert_eq!(answer.await.unwrap().unwrap().status(), 410);
    sweeps().await;
    world.settled(&robin()).await;
    head(&world, &path).await.is_problem(404, "upload.not_found");
    assert_eq!(world.names().await.len(), 0);
}

#[tokio::test]
async fn what_came_before_the_server_stops_is_kept() {
    let world = World::new();
    let path = create(&world, 9, "").await;
    let (sender, body) = told();
    let answer = tokio::spawn(world.service.clone().oneshot(piece(&path, 0).body(body).unwrap()));
    tell(&sender, "abc").await;
    world.media().close().await;
    assert_eq!(answer.await.unwrap().unwrap().status(), 503);
    let world = world.killed();
    assert_eq!(offset(&world, &path).await, 3);
    drop(sender);
}

#[tokio::test]
async fn who_comes_back_before_the_server_noticed_goes_on_at_once() {
    let world = World::new();
    let path = create(&world, 9, "").await;
    let (sender, body) = told();
    let first = tokio::spawn(world.service.clone().oneshot(piece(&path, 0).body(body).unwrap()));
    tell(&sender, "abc").await;
    assert_eq!(offset(&world, &path).await, 3);
    let answer = first.await.unwrap().unwrap();
    assert_eq!(answer.status(), 409, "a newer request came");
    let last = patch(&world, &path, 3, "defghi").await;
    assert_eq!(world.content(made(&last).unwrap()).await, "abcdefghi");
    drop(sender);
}

#[tokio::test]
async fn of_two_pieces_for_one_place_one_counts() {
    let world = World::new();
    let path = create(&world, 6, "").await;
    let (one, other) = tokio::join!(patch(&world, &path, 0, "aaa"), patch(&world, &path, 0, "bbb"));
    let statuses = [one.status, other.status];
    assert!(statuses.contains(&204) && statuses.contains(&409), "{statuses:?}");
    assert_eq!(offset(&world, &path).await, 3);
    let last = patch(&world, &path, 3, "ccc").await;
    let content = world.content(made(&last).unwrap()).await;
    assert_eq!(content, if one.status == 204 { "aaaccc" } else { "bbbccc" });
}

#[tokio::test]
async fn many_small_pieces_are_few_parts_and_large_ones_are_cut() {
    let world = World::with(Config { part_bytes: 10, ..Config::default() });
    let path = create(&world, 45, "").await;
    for number in 0..9 {
        assert_eq!(patch(&world, &path, number, vec![b'a' + number as u8; 1]).await.status, 204);
    }
    assert_eq!(world.names().await.len(), 1, "one part");
    let pieces = stream::iter(["jkl", "mnopqrstuvwxyz0123456789", "ABC"]);
    let body = StreamBody::new(pieces.map(|bytes| Ok(Frame::data(Bytes::from_static(bytes.as_bytes())))));
    assert_eq!(world.send_body(piece(&path, 9).body(body).unwrap()).await.status, 204);
    assert_eq!(world.names().await.len(), 3);
    let last = patch(&world, &path, 39, "DEFGHI").await;
    assert_eq!(world.content(made(&last).unwrap()).await, "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHI");
    parts_are_gone(&world).await;
}

#[tokio::test]
async fn a_picture_loses_what_it_tells_and_one_that_is_none_is_refused_with_its_upload() {
    let world = World::new();
    let picture = fixtures::with_segments(&fixtures::jpeg(40, 30), &[fixtures::exif_segment(6)]);
    let path = create(&world, picture.len(), "").await;
    let (start, end) = picture.split_at(100);
    assert_eq!(patch(&world, &path, 0, start.to_vec()).await.status, 204);
    let last = patch(&world, &path, 100, end.to_vec()).await;
    let record = world.record(made(&last).unwrap()).await;
    assert_eq!((record.mime.as_str(), record.width, record.height), ("image/jpeg", Some(30), Some(40)));
    assert!(world.content(record.media_id).await.len() < picture.len());

    let broken = b"\x89PNG\r\n\x1a\n<script>alert(1)</script>";
    let path = create(&world, broken.len(), "").await;
    patch(&world, &path, 0, &broken[..]).await.is_problem(422, "media.picture_refused");
    head(&world, &path).await.is_problem(404, "upload.not_found");
    parts_are_gone(&world).await;
    assert_eq!(world.names().await.len(), 1);
}
