//! Files are given out to who may read them, whole or in part, and with headers that make them harmless.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bartab_core::{Actor, ActorKind, MediaId, RoomId, Scope, Scopes};
use bartab_media::{Fit, MediaError, ThumbnailAccept, ThumbnailFormat, ThumbnailSize};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::TryStreamExt;
use http::Method;
use sha2::{Digest, Sha256};

use super::counting::Counting;
use super::fakes::message;
use super::reading::tenant;
use super::support::{World, person};
use crate::pictures::fixtures;

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes that are streamed, since they are too many for memory.
fn large() -> Vec<u8> {
    (0..300_000_u32).flat_map(u32::to_le_bytes).collect()
}

#[tokio::test]
async fn a_file_comes_with_every_header_that_makes_it_harmless() {
    let (world, robin) = (World::new(), person(1));
    let (_, path) = world.placed(&robin, "?filename=na%C3%AFve.txt", "remember the milk").await;
    let answer = world.get(Some(&robin), &path).await;
    assert_eq!((answer.status, &answer.body[..]), (200, &b"remember the milk"[..]));
    let digest = STANDARD.encode(Sha256::digest(b"remember the milk"));
    let expected = [
        ("content-type", "text/plain; charset=utf-8"),
        ("content-length", "17"),
        ("content-disposition", "attachment; filename=\"na_ve.txt\"; filename*=UTF-8''na%C3%AFve.txt"),
        ("etag", &format!("\"{}\"", hex(b"remember the milk"))),
        ("repr-digest", &format!("sha-256=:{digest}:")),
        ("accept-ranges", "bytes"),
        ("cache-control", "private, max-age=31536000, immutable"),
        ("vary", "Authorization"),
        ("x-content-type-options", "nosniff"),
        (
            "content-security-policy",
            "sandbox; default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'",
        ),
        ("cross-origin-resource-policy", "same-origin"),
        ("referrer-policy", "no-referrer"),
        ("cache-status", "bartab; fwd=miss"),
    ];
    for (name, value) in expected {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
    assert_eq!(answer.headers.len(), expected.len(), "{:?}", answer.headers);

    let head = world.ask(Method::HEAD, Some(&robin), &path, &[]).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    for (name, value) in expected {
        let value = if name == "cache-status" { "bartab; hit" } else { value };
        assert_eq!(head.header(name), Some(value), "{name}");
    }

    let (_, path) = world.placed(&robin, "?public=true&filename=a.png", fixtures::png(2, 2)).await;
    let public = world.get(None, &path).await;
    assert_eq!(public.header("cache-control"), Some("public, max-age=31536000, immutable"));
    assert_eq!(public.header("cross-origin-resource-policy"), Some("cross-origin"));
    assert_eq!(public.header("content-disposition"), Some("inline; filename=\"a.png\""));
    assert_eq!((public.header("content-type"), public.header("vary")), (Some("image/png"), None));
}

#[tokio::test]
async fn a_stranger_learns_nothing() {
    let (world, robin, stranger) = (World::new(), person(1), person(2));
    tenant(&world);
    let (_, private) = world.placed(&robin, "", "secret").await;
    let unknown = format!("/v1/media/{}", MediaId::from_u128(42));
    let told = |mut answer: super::support::Answer| {
        let mut body = answer.json();
        body.as_object_mut().unwrap().remove("instance");
        answer.headers.remove("content-length");
        (answer.status, answer.headers, body)
    };
    let guest = Actor { kind: ActorKind::Guest { room: RoomId::from_u128(1) }, ..person(3) };
    let without = Actor { scopes: Scopes::PERSON.without(Scope::MediaRead), ..person(4) };
    for (who, status, code) in [
        (None, 401, "auth.required"),
        (Some(&stranger), 404, "media.not_found"),
        (Some(&guest), 404, "media.not_found"),
        (Some(&without), 403, "auth.insufficient_scope"),
    ] {
        for method in [Method::GET, Method::HEAD] {
            for tail in ["", "/thumbnail", "/thumbnail?w=64"] {
                let ask = async |path| {
                    let uri = format!("{path}{tail}");
                    world.ask(method.clone(), who, &uri, &[("range", "bytes=0-0")]).await
                };
                let (foreign, none) = (ask(&private).await, ask(&unknown).await);
                none.is_problem(status, code);
                assert_eq!(told(foreign), told(none), "{who:?} {tail}");
            }
        }
    }
    let head = world.get(None, &private).await;
    assert_eq!(head.header("www-authenticate"), Some("Bearer realm=\"bartab\""));
    assert_eq!(head.header("cache-control"), Some("no-store"));
    world.get(Some(&robin), "/v1/media/room_00000000000000000000000001").await.is_problem(400, "request.invalid_id");
    world.get(Some(&robin), &format!("{private}?colour=red")).await.is_problem(400, "request.invalid");
    let reader = Actor { scopes: Scopes::NONE, ..robin };
    world.get(Some(&reader), &private).await.is_problem(403, "auth.insufficient_scope");
}

#[tokio::test]
async fn a_private_file_is_read_by_who_reads_what_carries_it() {
    let (world, robin, sam) = (World::new(), person(1), person(2));
    let (id, path) = world.placed(&robin, "", "for Sam").await;
    world.get(Some(&sam), &path).await.is_problem(404, "media.not_found");
    let tenant = tenant(&world);
    world.get(Some(&sam), &path).await.is_problem(404, "media.not_found");
    // Nobody told media that the log has grown.
    tenant.carries(message(1), &[id]);
    tenant.may_read(&sam, message(1));
    assert_eq!(world.get(Some(&sam), &path).await.body, "for Sam");
    assert_eq!(world.media().read(Some(&sam), id).await.unwrap().media_id, id);
    world.get(Some(&person(3)), &path).await.is_problem(404, "media.not_found");
    // By which message the file was read is remembered, and asked about again.
    assert_eq!(world.get(Some(&sam), &path).await.header("cache-status"), Some("bartab; hit"));
    world.get(Some(&person(3)), &path).await.is_problem(404, "media.not_found");
    tenant.carries(message(2), &[id]);
    tenant.may_read(&person(3), message(2));
    assert_eq!(world.get(Some(&person(3)), &path).await.status, 200);
    assert_eq!(world.get(Some(&sam), &path).await.status, 200);
    // What is held in memory gives no access.
    tenant.hide(message(1));
    world.get(Some(&sam), &path).await.is_problem(404, "media.not_found");
    assert_eq!(world.get(Some(&robin), &path).await.status, 200);
    tenant.is_down.store(true, Ordering::Relaxed);
    world.get(Some(&sam), &path).await.is_problem(503, "store.unavailable");
    tenant.is_down.store(false, Ordering::Relaxed);
    // Closing lets go of chat.
    tenant.may_read(&sam, message(1));
    assert_eq!(world.get(Some(&sam), &path).await.status, 200);
    world.media().close().await;
    world.get(Some(&sam), &path).await.is_problem(404, "media.not_found");
    assert_eq!(Arc::strong_count(&tenant), 1);
}

#[tokio::test]
async fn ranges_and_conditions_are_answered_as_http_says() {
    let folder = tempfile::tempdir().unwrap();
    for (world, bytes) in
        [(World::new(), b"0123456789".to_vec()), (World::new(), large()), (World::local(folder.path()), large())]
    {
        let robin = person(1);
        let (_, path) = world.placed(&robin, "", bytes.clone()).await;
        let (length, etag) = (bytes.len(), format!("\"{}\"", hex(&bytes)));
        let ask = |headers| world.ask(Method::GET, Some(&robin), &path, headers);
        let whole = ask(&[]).await;
        assert_eq!((whole.status, whole.body == bytes), (200, true));

        for (range, start, end) in [
            ("bytes=0-0".to_owned(), 0, 1),
            (format!("bytes=2-{}", length + 5), 2, length),
            ("bytes=-3".to_owned(), length - 3, length),
            (format!("bytes={}-", length - 1), length - 1, length),
        ] {
            let part = world.ask(Method::GET, Some(&robin), &path, &[("range", &range)]).await;
            assert_eq!((part.status, part.body == bytes[start..end]), (206, true), "{range}");
            let expected = format!("bytes {start}-{}/{length}", end - 1);
            assert_eq!(part.header("content-range"), Some(expected.as_str()));
            assert_eq!(part.header("content-length"), Some((end - start).to_string().as_str()));
            assert_eq!(part.header("etag"), Some(etag.as_str()));
        }
        let several = ask(&[("range", "bytes=0-1,4-5")]).await;
        assert_eq!((several.status, several.body == bytes), (200, true));
        let beyond = ask(&[("range", "bytes=99999999-")]).await;
        beyond.is_problem(416, "request.range_not_satisfiable");
        assert_eq!(beyond.header("content-range"), Some(format!("bytes */{length}").as_str()));
        let changed = ask(&[("range", "bytes=0-0"), ("if-range", "\"other\"")]).await;
        assert_eq!((changed.status, changed.body.len()), (200, length));
        let same = world.ask(Method::GET, Some(&robin), &path, &[("range", "bytes=0-0"), ("if-range", &etag)]).await;
        assert_eq!((same.status, same.body.len()), (206, 1));

        for method in [Method::GET, Method::HEAD] {
            let had = world.ask(method.clone(), Some(&robin), &path, &[("if-none-match", &etag)]).await;
            assert_eq!((had.status, had.body.len(), had.header("etag")), (304, 0, Some(etag.as_str())));
            assert!(had.header("cache-control").is_some() && had.header("vary").is_some());
            assert!(had.header("content-length").is_none() && had.header("content-type").is_none());
            let other = world.ask(method.clone(), Some(&robin), &path, &[("if-match", "\"other\"")]).await;
            other.is_problem(412, "request.precondition_failed");
            assert_eq!(world.ask(method, Some(&robin), &path, &[("if-match", &etag)]).await.status, 200);
        }
        let head = world.ask(Method::HEAD, Some(&robin), &path, &[("range", "bytes=0-0")]).await;
        assert_eq!((head.status, head.header("content-length")), (200, Some(length.to_string().as_str())));
    }
}

#[tokio::test]
async fn an_empty_file_is_given_out_too() {
    let (world, robin) = (World::new(), person(1));
    let (_, path) = world.placed(&robin, "", "").await;
    let answer = world.get(Some(&robin), &path).await;
    assert_eq!((answer.status, answer.header("content-length"), answer.body.len()), (200, Some("0"), 0));
    let range = world.ask(Method::GET, Some(&robin), &path, &[("range", "bytes=0-")]).await;
    range.is_problem(416, "request.range_not_satisfiable");
}

#[tokio::test]
async fn a_small_file_is_read_once_and_then_comes_from_memory() {
    let (bytes, robin) = (Counting::new(), person(1));
    let world = World::over(Default::default(), bytes.clone());
    let (id, path) = world.placed(&robin, "", "hot").await;
    let head = world.ask(Method::HEAD, Some(&robin), &path, &[]).await;
    assert_eq!(head.header("cache-status"), Some("bartab; fwd=miss"));
    assert_eq!(bytes.reads_of("private/"), 0, "a HEAD does not open the bytes");
    for expected in ["bartab; fwd=miss", "bartab; hit", "bartab; hit"] {
        assert_eq!(world.get(Some(&robin), &path).await.header("cache-status"), Some(expected));
    }
    let part = world.ask(Method::GET, Some(&robin), &path, &[("range", "bytes=1-")]).await;
    assert_eq!((part.status, &part.body[..], part.header("cache-status")), (206, &b"ot"[..], Some("bartab; hit")));
    assert_eq!(bytes.reads_of("private/"), 1);
    // Its bytes may be lost: what is held is given out.
    world.lose(&world.names().await[0]).await;
    assert_eq!(world.get(Some(&robin), &path).await.body, "hot");

    let (_, path) = world.placed(&robin, "", large()).await;
    for _ in 0..2 {
        assert_eq!(world.get(Some(&robin), &path).await.header("cache-status"), Some("bartab; fwd=bypass"));
    }
    world.lose(&world.names().await[0]).await;
    world.get(Some(&robin), &path).await.is_problem(503, "storage.unavailable");
    assert!(world.media().read(Some(&robin), id).await.is_ok());
}

#[tokio::test]
async fn what_was_stored_shorter_is_not_given_out() {
    let folder = tempfile::tempdir().unwrap();
    let (world, robin) = (World::local(folder.path()), person(1));
    for bytes in [b"0123456789".to_vec(), large()] {
        let (_, path) = world.placed(&robin, "", bytes.clone()).await;
        let name = world.names().await.into_iter().find(|name| name.ends_with(&hex(&bytes))).unwrap();
        std::fs::File::options().write(true).open(folder.path().join(name)).unwrap().set_len(5).unwrap();
        world.get(Some(&robin), &path).await.is_problem(503, "storage.unavailable");
    }
}

#[tokio::test]
async fn in_process_the_same_is_read_without_http() {
    let (world, robin) = (World::new(), person(1));
    let media = world.media();
    for bytes in [b"0123456789".to_vec(), large()] {
        let (id, _) = world.placed(&robin, "", bytes.clone()).await;
        let length = bytes.len() as u64;
        for (range, expected) in [
            (None, &bytes[..]),
            (Some(2..5), &bytes[2..5]),
            (Some(8..u64::MAX), &bytes[8..]),
            (Some(length..length + 1), &[]),
            (Some(5..5), &[]),
        ] {
            let pieces = media.download(Some(&robin), id, range.clone()).await.unwrap();
            let pieces: Vec<_> = pieces.try_collect().await.unwrap();
            assert!(pieces.concat() == expected, "{range:?}");
        }
        assert!(matches!(media.download(Some(&person(2)), id, None).await, Err(MediaError::NotFound)));
    }
    let (id, _) = world.placed(&robin, "?public=true", fixtures::jpeg(40, 30)).await;
    let (size, accept) = (ThumbnailSize::new(32, 32), ThumbnailAccept::Any);
    let (bytes, format) = media.thumbnail(None, id, size, Fit::Cover, accept).await.unwrap();
    let picture = image::load_from_memory(&bytes).unwrap();
    assert_eq!((picture.width(), picture.height(), format), (32, 30, ThumbnailFormat::Jpeg));
}

#[tokio::test]
async fn a_file_that_is_not_there_is_looked_for_like_somebody_elses() {
    let (world, robin, eve) = (World::new(), person(1), person(2));
    let tenant = tenant(&world);
    let (_, foreign) = world.placed(&robin, "", "robin's").await;
    let unknown = format!("/v1/media/{}", MediaId::from_u128(1));
    for down in [false, true] {
        // What cannot be asked now is not asked about the one alone: otherwise the answer would tell that it is there.
        tenant.is_down.store(down, Ordering::Relaxed);
        for path in [&foreign, &unknown] {
            let answer = world.get(Some(&eve), path).await;
            match down {
                false => answer.is_problem(404, "media.not_found"),
                true => answer.is_problem(503, "store.unavailable"),
            }
        }
    }
}
