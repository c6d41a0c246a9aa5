//! Thumbnails are made once, kept, and gone with their file.

use bartab_media::{Config, PictureLimits};
use futures_util::future::join_all;
use http::Method;

use super::counting::Counting;
use super::support::{World, person};
use crate::pictures::fixtures;

/// The dimensions of a picture.
fn size(bytes: &[u8]) -> (u32, u32) {
    let picture = image::load_from_memory(bytes).unwrap();
    (picture.width(), picture.height())
}

/// A transparent picture.
fn pane() -> Vec<u8> {
    fixtures::encode(fixtures::transparent(60, 40), image::ImageFormat::Png)
}

#[tokio::test]
async fn a_thumbnail_has_the_next_size_and_the_format_that_the_client_takes() {
    let (world, robin) = (World::new(), person(1));
    let (_, path) = world.placed(&robin, "?filename=a.jpg", fixtures::jpeg(1000, 500)).await;
    for (query, expected) in [
        ("", (256, 128)),
        ("?w=100", (128, 64)),
        ("?h=100", (128, 64)),
        ("?w=300&h=170", (320, 160)),
        ("?w=300&h=170&fit=cover", (320, 180)),
        ("?w=300&h=170&fit=contain", (320, 160)),
        ("?w=64&h=64&fit=cover", (64, 64)),
        ("?w=99999", (1000, 500)),
    ] {
        let answer = world.get(Some(&robin), &format!("{path}/thumbnail{query}")).await;
        assert_eq!((answer.status, size(&answer.body)), (200, expected), "{query}");
    }
    for query in ["?w=0", "?h=-1", "?w=x", "?fit=fill", "?w=4294967296", "?w=1&w=2", "?size=3"] {
        let refused = world.get(Some(&robin), &format!("{path}/thumbnail{query}")).await;
        refused.is_problem(400, "request.invalid");
    }

    let uri = format!("{path}/thumbnail");
    let answer = world.get(Some(&robin), &uri).await;
    let etag = answer.header("etag").unwrap().to_owned();
    let length = answer.body.len().to_string();
    let expected = [
        ("content-type", "image/jpeg"),
        ("content-length", &length),
        ("content-disposition", "inline"),
        ("accept-ranges", "none"),
        ("cache-control", "private, max-age=31536000, immutable"),
        ("vary", "Accept, Authorization"),
        ("x-content-type-options", "nosniff"),
        ("cross-origin-resource-policy", "same-origin"),
        ("referrer-policy", "no-referrer"),
        ("cache-status", "bartab; hit"),
    ];
    let head = world.ask(Method::HEAD, Some(&robin), &uri, &[]).await;
    assert_eq!((head.status, head.body.len(), head.header("etag")), (200, 0, Some(etag.as_str())));
    for (name, value) in expected {
        assert_eq!((answer.header(name), head.header(name)), (Some(value), Some(value)), "{name}");
    }
    assert!(answer.header("content-security-policy").unwrap().starts_with("sandbox; default-src 'none'"));
    assert!(answer.header("repr-digest").is_some());
    let had = world.ask(Method::GET, Some(&robin), &uri, &[("if-none-match", &etag)]).await;
    assert_eq!((had.status, had.body.len(), had.header("content-length")), (304, 0, None));
    let range = world.ask(Method::GET, Some(&robin), &uri, &[("range", "bytes=0-0")]).await;
    assert_eq!((range.status, range.body.len()), (200, answer.body.len()));

    let (_, path) = world.placed(&robin, "?public=true", pane()).await;
    for (accept, mime) in [("*/*", "image/png"), ("image/avif,image/webp,*/*;q=0.8", "image/webp")] {
        let answer = world.ask(Method::GET, None, &format!("{path}/thumbnail"), &[("accept", accept)]).await;
        assert_eq!((answer.header("content-type"), size(&answer.body)), (Some(mime), (60, 40)));
        assert_eq!(
            (answer.header("vary"), answer.header("cross-origin-resource-policy")),
            (Some("Accept"), Some("cross-origin"))
        );
    }
}

#[tokio::test]
async fn what_is_no_picture_has_no_thumbnail() {
    let (world, robin) = (World::new(), person(1));
    let (_, path) = world.placed(&robin, "", "words").await;
    world.get(Some(&robin), &format!("{path}/thumbnail")).await.is_problem(404, "media.no_thumbnail");
}

#[tokio::test]
async fn a_picture_beyond_new_limits_is_looked_at_once() {
    let (bytes, robin) = (Counting::new(), person(1));
    let world = World::over(Config::default(), bytes.clone());
    let (_, path) = world.placed(&robin, "", fixtures::jpeg(100, 100)).await;
    let pictures = PictureLimits { max_pixels: 9_999, ..PictureLimits::default() };
    let world = world.again(Config { pictures, ..Config::default() }).await;
    for _ in 0..3 {
        world.get(Some(&robin), &format!("{path}/thumbnail")).await.is_problem(404, "media.no_thumbnail");
    }
    assert_eq!(bytes.reads_of("private/"), 1);
    assert_eq!(world.get(Some(&robin), &path).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_waiting_crowd_costs_one_decoding_whatever_it_takes() {
    let (bytes, robin) = (Counting::new(), person(1));
    let world = World::over(Config::default(), bytes.clone());
    let (_, path) = world.placed(&robin, "", fixtures::jpeg(800, 600)).await;
    let uri = format!("{path}/thumbnail?w=200&h=200");
    let crowd = (0..50).map(async |number| {
        let accept = if number % 2 == 0 { "image/webp" } else { "*/*" };
        world.ask(Method::GET, Some(&robin), &uri, &[("accept", accept)]).await
    });
    let answers = join_all(crowd).await;
    assert!(answers.iter().all(|answer| answer.status == 200 && answer.body == answers[0].body));
    assert_eq!(bytes.reads_of("private/"), 1, "the picture was read, and so decoded, once");
}

#[tokio::test]
async fn who_goes_away_does_not_end_what_others_wait_for() {
    let (bytes, robin) = (Counting::new(), person(1));
    let world = World::over(Config::default(), bytes.clone());
    let (_, path) = world.placed(&robin, "", fixtures::jpeg(400, 300)).await;
    let uri = format!("{path}/thumbnail");
    bytes.hold(true);
    tokio::select! {
        answer = world.get(Some(&robin), &uri) => panic!("{answer:?}"),
        () = bytes.reading() => {}
    }
    assert_eq!(bytes.reads_of("private/"), 1);
    bytes.hold(false);
    assert_eq!(world.get(Some(&robin), &uri).await.status, 200);
    assert_eq!(bytes.reads_of("private/"), 0, "what was begun is what others get");
}

#[tokio::test]
async fn a_thumbnail_is_found_again_after_a_restart_and_without_memory_of_it() {
    let (bytes, robin) = (Counting::new(), person(1));
    let world = World::over(Config::default(), bytes.clone());
    let (_, path) = world.placed(&robin, "", fixtures::jpeg(400, 300)).await;
    let (_, pane) = world.placed(&robin, "", pane()).await;
    let ask = async |world: &World, path: &str, accept: &str| {
        world.ask(Method::GET, Some(&robin), &format!("{path}/thumbnail"), &[("accept", accept)]).await
    };
    let first = ask(&world, &path, "*/*").await;
    assert_eq!(first.header("cache-status"), Some("bartab; fwd=miss"));
    assert_eq!(ask(&world, &path, "*/*").await.header("cache-status"), Some("bartab; hit"));
    assert_eq!(ask(&world, &pane, "image/webp").await.status, 200);
    assert_eq!(bytes.reads_of("private/"), 2);
    let world = world.again(Config::default()).await;
    let stored: Vec<_> = world.names().await.into_iter().filter(|name| name.starts_with("thumbs/")).collect();
    assert_eq!(stored.len(), 2, "{stored:?}");
    assert!(stored.iter().any(|name| name.ends_with("/256x256-contain.jpg")));
    assert!(stored.iter().any(|name| name.ends_with("/256x256-contain.webp")));
    for accept in ["*/*", "image/webp"] {
        let again = ask(&world, &path, accept).await;
        assert_eq!((again.body == first.body, again.header("etag")), (true, first.header("etag")));
        assert_eq!(again.header("cache-status"), Some("bartab; fwd=miss"));
    }
    assert_eq!(ask(&world, &pane, "image/webp").await.header("content-type"), Some("image/webp"));
    assert_eq!(bytes.reads_of("private/"), 0);
    // What is derived can be lost, and is made again.
    for name in &stored {
        world.lose(name).await;
    }
    let world = world.again(Config::default()).await;
    assert_eq!(ask(&world, &path, "*/*").await.body, first.body);
    assert_eq!(bytes.reads_of("private/"), 1);
}

#[tokio::test]
async fn a_thumbnail_comes_from_memory_when_the_store_has_neither_it_nor_the_file() {
    let (world, robin) = (World::new(), person(1));
    let (_, path) = world.placed(&robin, "", fixtures::jpeg(400, 300)).await;
    let uri = format!("{path}/thumbnail");
    let first = world.get(Some(&robin), &uri).await;
    world.media().close().await;
    for name in world.names().await {
        world.lose(&name).await;
    }
    let held = world.get(Some(&robin), &uri).await;
    assert_eq!((held.header("cache-status"), held.body == first.body), (Some("bartab; hit"), true));
}

#[tokio::test]
async fn a_thumbnail_does_not_come_back_after_its_file_is_deleted_while_it_is_made() {
    let (bytes, robin) = (Counting::new(), person(1));
    let world = World::over(Config::default(), bytes.clone());
    let (_, path) = world.placed(&robin, "", fixtures::jpeg(400, 300)).await;
    let uri = format!("{path}/thumbnail");
    bytes.hold(true);
    let (made, deleted) = tokio::join!(world.get(Some(&robin), &uri), async {
        bytes.reading().await;
        let deleted = world.ask(Method::DELETE, Some(&robin), &path, &[]).await;
        bytes.hold(false);
        deleted
    });
    assert_eq!((made.status, deleted.status), (200, 204), "who asked before may get it");
    for uri in [&uri, &path] {
        world.get(Some(&robin), uri).await.is_problem(404, "media.not_found");
    }
    world.media().close().await;
    assert_eq!(world.names().await, Vec::<String>::new());
}

#[tokio::test]
async fn what_is_held_in_memory_is_gone_with_the_file_and_closed_with_its_quarantine() {
    let (world, robin) = (World::new(), person(1));
    let (_, path) = world.placed(&robin, "", fixtures::jpeg(400, 300)).await;
    let uris = [path.clone(), format!("{path}/thumbnail"), format!("{path}/thumbnail?w=64&fit=cover")];
    let held = async || {
        for uri in &uris {
            assert_eq!(world.get(Some(&robin), uri).await.status, 200);
            assert_eq!(world.get(Some(&robin), uri).await.header("cache-status"), Some("bartab; hit"));
        }
    };
    held().await;
    let quarantine = world.ask(Method::POST, Some(&robin), &format!("{path}/quarantine"), &[]).await;
    assert_eq!(quarantine.status, 200, "{quarantine:?}");
    for uri in &uris {
        world.get(Some(&robin), uri).await.is_problem(410, "media.quarantined");
        world.get(Some(&person(2)), uri).await.is_problem(404, "media.not_found");
        world.get(None, uri).await.is_problem(401, "auth.required");
    }
    assert_eq!(world.ask(Method::POST, Some(&robin), &format!("{path}/restore"), &[]).await.status, 200);
    for uri in &uris {
        assert_eq!(world.get(Some(&robin), uri).await.header("cache-status"), Some("bartab; fwd=miss"));
    }
    held().await;
    assert_eq!(world.ask(Method::DELETE, Some(&robin), &path, &[]).await.status, 204);
    for uri in &uris {
        world.get(Some(&robin), uri).await.is_problem(404, "media.not_found");
    }
    // The same bytes again are another file: nothing of the first one is held.
    let (_, again) = world.placed(&robin, "", fixtures::jpeg(400, 300)).await;
    for uri in uris {
        let uri = uri.replace(&path, &again);
        assert_eq!(world.get(Some(&robin), &uri).await.header("cache-status"), Some("bartab; fwd=miss"));
    }
}

#[tokio::test]
async fn who_uploads_the_bytes_of_a_private_file_does_not_learn_that_somebody_reads_it() {
    let (world, robin, sam) = (World::new(), person(1), person(2));
    let (_, mine) = world.placed(&robin, "", fixtures::jpeg(400, 300)).await;
    for tail in ["", "/thumbnail"] {
        world.get(Some(&robin), &format!("{mine}{tail}")).await;
        assert_eq!(world.get(Some(&robin), &format!("{mine}{tail}")).await.header("cache-status"), Some("bartab; hit"));
    }
    let (_, guessed) = world.placed(&sam, "", fixtures::jpeg(400, 300)).await;
    for tail in ["", "/thumbnail"] {
        let uri = format!("{guessed}{tail}");
        assert_eq!(world.get(Some(&sam), &uri).await.header("cache-status"), Some("bartab; fwd=miss"), "{tail}");
        assert_eq!(world.get(Some(&sam), &uri).await.header("cache-status"), Some("bartab; hit"), "{tail}");
    }
}
