//! `POST /v1/uploads`.

use std::time::Duration;

use bartab_media::Config;
use http_body::Frame;
use http_body_util::StreamBody;

use super::*;

#[tokio::test]
async fn an_upload_is_begun_and_says_what_was_said_of_it() {
    let world = World::new();
    let metadata = format!("filename {},public {},mood", encode("list.txt"), encode("true"));
    let path = create(&world, 5, &metadata).await;
    let begun = head(&world, &path).await;
    assert_eq!((begun.status, begun.body.len()), (200, 0));
    for (name, value) in [
        ("upload-offset", "0"),
        ("upload-length", "5"),
        ("upload-metadata", &metadata),
        ("upload-expires", "Sat, 16 Jan 2027 08:00:00 GMT"),
        ("cache-control", "no-store"),
        ("tus-resumable", "1.0.0"),
    ] {
        assert_eq!(begun.header(name), Some(value), "{name}");
    }
    assert_eq!(made(&begun), None);
    let last = patch(&world, &path, 0, "hello").await;
    let record = world.record(made(&last).unwrap()).await;
    assert_eq!((record.filename.as_deref(), record.blob.public, record.size), (Some("list.txt"), true, 5));
}

#[tokio::test]
async fn the_first_bytes_may_come_at_once_and_all_of_them() {
    let world = World::new();
    let begin = async |bytes: &'static str| {
        let request = tus(&robin(), Method::POST, "/v1/uploads").header("upload-length", 5);
        world.send(request.header("content-type", PIECE).body(Full::new(bytes.into())).unwrap()).await
    };
    let some = begin("he").await;
    assert_eq!((some.status, some.header("upload-offset"), made(&some)), (201, Some("2"), None));
    let path = some.header("location").unwrap();
    let rest = patch(&world, path, 2, "llo").await;
    assert_eq!(world.content(made(&rest).unwrap()).await, "hello");
    let all = begin("hello").await;
    assert_eq!((all.status, all.header("upload-offset")), (201, Some("5")));
    assert_eq!(world.content(made(&all).unwrap()).await, "hello");
    begin("hello world").await.is_problem(413, "media.too_large");
}

#[tokio::test]
async fn a_body_that_turns_out_empty_is_none() {
    let world = World::new();
    for kind in [None, Some("text/plain"), Some(PIECE)] {
        let nothing = futures_util::stream::iter([Ok(Frame::data(Bytes::new()))]);
        let mut request = tus(&robin(), Method::POST, "/v1/uploads").header("upload-length", 5);
        if let Some(kind) = kind {
            request = request.header("content-type", kind);
        }
        let answer = world.send_body(request.body(StreamBody::new(nothing)).unwrap()).await;
        assert_eq!((answer.status, answer.header("upload-offset")), (201, Some("0")), "{kind:?}");
    }
}

#[tokio::test]
async fn an_empty_file_is_made_at_once() {
    let world = World::new();
    let request = tus(&robin(), Method::POST, "/v1/uploads").header("upload-length", 0);
    let answer = world.send(request.body(Full::default()).unwrap()).await;
    assert_eq!(answer.status, 201);
    assert_eq!(world.record(made(&answer).unwrap()).await.size, 0);
    let path = answer.header("location").unwrap();
    assert_eq!(made(&head(&world, path).await), made(&answer));
}

type Headers<'a> = &'a [(&'a str, &'a str)];

#[tokio::test]
async fn what_cannot_be_begun_leaves_nothing() {
    let world = World::with(Config { file_bytes: 100, ..Config::default() });
    let send = async |headers: Headers<'_>, body: &'static str| {
        let mut request = tus(&robin(), Method::POST, "/v1/uploads");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        world.send(request.body(Full::new(body.into())).unwrap()).await
    };
    let cases: &[(Headers<'_>, &str, u16, &str)] = &[
        (&[], "", 400, "request.invalid"),
        (&[("upload-length", "")], "", 400, "request.invalid"),
        (&[("upload-length", "-1")], "", 400, "request.invalid"),
        (&[("upload-length", "1.5")], "", 400, "request.invalid"),
        (&[("upload-length", "1"), ("upload-length", "2")], "", 400, "request.invalid"),
        (&[("upload-length", "99999999999999999999")], "", 400, "request.invalid"),
        (&[("upload-defer-length", "1")], "", 400, "request.invalid"),
        (&[("upload-length", "101")], "", 413, "media.too_large"),
        (&[("upload-length", "18446744073709551615")], "", 413, "media.too_large"),
        (&[("upload-length", "5"), ("upload-metadata", "filename %")], "", 400, "request.invalid"),
        (&[("upload-length", "5"), ("upload-metadata", "a YQ==,a YQ==")], "", 400, "request.invalid"),
        (&[("upload-length", "5"), ("upload-metadata", "public bWF5YmU=")], "", 400, "request.invalid"),
        (&[("upload-length", "5")], "hello", 415, "upload.unsupported_type"),
        (&[("upload-length", "5"), ("content-type", "text/plain")], "hello", 415, "upload.unsupported_type"),
        (
            &[("upload-length", "5"), ("content-type", PIECE), ("upload-checksum", "md5 AAAA")],
            "hello",
            400,
            "request.invalid",
        ),
        (&[("upload-length", "4"), ("content-type", PIECE)], "hello", 413, "media.too_large"),
        (&[("upload-length", "4"), ("content-type", PIECE), ("content-length", "5")], "hello", 413, "media.too_large"),
        (
            &[
                ("upload-length", "5"),
                ("content-type", PIECE),
                ("upload-checksum", "sha1 qUqP5cyxm6YcTAhz05Hph5gvu9M="),
            ],
            "hello",
            460,
            "upload.checksum_mismatch",
        ),
    ];
    for (headers, body, status, code) in cases {
        let answer = send(headers, body).await;
        answer.is_problem(*status, code);
        assert_eq!(answer.header("tus-resumable"), Some("1.0.0"));
    }
    world.settled(&robin()).await;
    assert_eq!((world.files(&robin()).await, world.names().await.len()), (0, 0));
}

#[tokio::test]
async fn what_is_announced_counts_from_the_beginning() {
    let config = Config { person_bytes: Some(10), person_uploads: 2, ..Config::default() };
    let world = World::with(config);
    let begin = async |length: usize| {
        let request = tus(&robin(), Method::POST, "/v1/uploads").header("upload-length", length);
        world.send(request.body(Full::default()).unwrap()).await
    };
    let first = create(&world, 6, "").await;
    let full = begin(5).await;
    full.is_problem(403, "quota.exceeded");
    assert_eq!((full.json()["limit"].as_u64(), full.json()["used"].as_u64()), (Some(10), Some(6)));
    assert_eq!(begin(1).await.status, 201);
    begin(1).await.is_problem(403, "quota.exceeded");
    let gone = tus(&robin(), Method::DELETE, &first).body(Full::default()).unwrap();
    assert_eq!(world.send(gone).await.status, 204);
    assert_eq!(begin(5).await.status, 201);
}

#[tokio::test(start_paused = true)]
async fn first_bytes_that_do_not_all_come_leave_nothing() {
    let world = World::new();
    let start = futures_util::stream::iter([Ok(Frame::data(Bytes::from_static(b"he")))]);
    let body = StreamBody::new(futures_util::StreamExt::chain(start, futures_util::stream::pending()));
    let request = tus(&robin(), Method::POST, "/v1/uploads").header("upload-length", 5).header("content-type", PIECE);
    let before = tokio::time::Instant::now();
    world.send_body(request.body(body).unwrap()).await.is_problem(408, "request.timeout");
    assert!(before.elapsed() <= Duration::from_secs(61));
    world.settled(&robin()).await;
}

#[tokio::test]
async fn a_client_that_goes_away_before_it_knows_of_its_upload_leaves_nothing() {
    let world = World::new();
    let start = futures_util::stream::iter([Ok(Frame::data(Bytes::from_static(b"he")))]);
    let body = StreamBody::new(futures_util::StreamExt::chain(start, futures_util::stream::pending()));
    let request = tus(&robin(), Method::POST, "/v1/uploads").header("upload-length", 5).header("content-type", PIECE);
    let begun = async {
        while world.uploads(&robin()).await == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        answer = world.send_body(request.body(body).unwrap()) => panic!("{answer:?}"),
        () = begun => {}
    }
    let settled = tokio::time::timeout(Duration::from_secs(10), world.settled(&robin())).await;
    assert!(settled.is_ok(), "the upload is still there");
}
