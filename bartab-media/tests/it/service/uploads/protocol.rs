//! What every request has in common.

use bartab_core::http::PublicBase;
use bartab_core::{Actor, ActorKind, RoomId, Scopes};
use http::{Method, Request};
use http_body_util::Full;

use super::*;

#[tokio::test]
async fn anybody_is_told_what_is_spoken() {
    let world = World::new();
    for path in ["/v1/uploads", "/v1/uploads/upload_01jd7v3k5n8q2r4t6w8y0a2c4e"] {
        let answer = world.send(Request::options(path).body(Full::default()).unwrap()).await;
        assert_eq!(answer.status, 204);
        for (name, value) in [
            ("tus-resumable", "1.0.0"),
            ("tus-version", "1.0.0"),
            ("tus-max-size", "268435456"),
            ("tus-extension", "creation,creation-with-upload,checksum,expiration,termination"),
            ("tus-checksum-algorithm", "sha1,sha256,sha512"),
        ] {
            assert_eq!(answer.header(name), Some(value));
        }
    }
}

#[tokio::test]
async fn another_version_is_refused() {
    let world = World::new();
    let path = create(&world, 3, "").await;
    for version in [None, Some("0.2.2"), Some("2.0.0")] {
        for (method, path) in [(Method::POST, "/v1/uploads"), (Method::HEAD, &path), (Method::PATCH, &path)] {
            let mut request = as_(&robin(), method, path);
            if let Some(version) = version {
                request = request.header("tus-resumable", version);
            }
            let answer = world.send(request.body(Full::default()).unwrap()).await;
            answer.is_problem(412, "upload.unsupported_version");
            assert_eq!((answer.header("tus-version"), answer.header("tus-resumable")), (Some("1.0.0"), Some("1.0.0")));
        }
    }
}

#[tokio::test]
async fn an_upload_is_its_owners_alone() {
    let world = World::new();
    let path = create(&world, 3, "").await;
    let robin = robin();
    let ask = async |actor: Option<&Actor>, method: Method| {
        let request = match actor {
            Some(actor) => tus(actor, method, &path),
            None => Request::builder().method(method).uri(&path).header("tus-resumable", "1.0.0"),
        };
        let request = request.header("upload-offset", 0).header("content-type", PIECE);
        world.send(request.body(Full::new("abc".into())).unwrap()).await
    };
    let reader = Actor { scopes: Scopes::NONE, ..robin.clone() };
    let guest = Actor { kind: ActorKind::Guest { room: RoomId::from_u128(1) }, ..robin.clone() };
    for method in [Method::HEAD, Method::PATCH, Method::DELETE] {
        let stranger = ask(Some(&person(2)), method.clone()).await;
        stranger.is_problem(404, "upload.not_found");
        assert_eq!(stranger.header("tus-resumable"), Some("1.0.0"));
        ask(Some(&reader), method.clone()).await.is_problem(403, "auth.insufficient_scope");
        ask(Some(&guest), method.clone()).await.is_problem(403, "actor.kind_not_allowed");
        ask(None, method).await.is_problem(401, "auth.required");
    }
    assert_eq!(offset(&world, &path).await, 0);
    let create = tus(&guest, Method::POST, "/v1/uploads").header("upload-length", 1);
    world.send(create.body(Full::default()).unwrap()).await.is_problem(403, "actor.kind_not_allowed");
}

#[tokio::test]
async fn an_unknown_upload_is_not_found_and_a_wrong_id_is_refused() {
    let world = World::new();
    let unknown = "/v1/uploads/upload_01jd7v3k5n8q2r4t6w8y0a2c4e";
    head(&world, unknown).await.is_problem(404, "upload.not_found");
    patch(&world, unknown, 0, "x").await.is_problem(404, "upload.not_found");
    head(&world, "/v1/uploads/media_01jd7v3k5n8q2r4t6w8y0a2c4e").await.is_problem(400, "request.invalid_id");
    let get = tus(&robin(), Method::GET, unknown).body(Full::default()).unwrap();
    world.send(get).await.is_problem(405, "route.method_not_allowed");
}

#[tokio::test]
async fn a_post_may_stand_for_another_method() {
    let world = World::new();
    let path = create(&world, 3, "").await;
    let instead = |method: &str, of: Method| {
        let request = tus(&robin(), of, &path).header("x-http-method-override", method);
        request.header("upload-offset", 0).header("content-type", PIECE)
    };
    let send = async |request: request::Builder| world.send(request.body(Full::new("ab".into())).unwrap()).await;
    assert_eq!(send(instead("PATCH", Method::POST)).await.status, 204);
    assert_eq!(send(instead("HEAD", Method::POST)).await.header("upload-offset"), Some("2"));
    send(instead("DELETE", Method::GET)).await.is_problem(405, "route.method_not_allowed");
    send(instead("PUT", Method::POST)).await.is_problem(405, "route.method_not_allowed");
    assert_eq!(send(instead("DELETE", Method::POST)).await.status, 204);
    head(&world, &path).await.is_problem(404, "upload.not_found");
    let elsewhere = as_(&robin(), Method::POST, "/v1/media").header("x-http-method-override", "DELETE");
    assert_eq!(send(elsewhere).await.status, 201, "only here");
}

#[tokio::test]
async fn urls_begin_where_the_service_is_reached() {
    let world = World::new();
    let base = PublicBase("https://chat.example/t/acme".into());
    let request = tus(&robin(), Method::POST, "/v1/uploads").header("upload-length", 2).header("content-type", PIECE);
    let answer = world.send(request.extension(base).body(Full::new("ab".into())).unwrap()).await;
    assert_eq!(answer.status, 201);
    assert!(answer.header("location").unwrap().starts_with("https://chat.example/t/acme/v1/uploads/upload_"));
    assert!(answer.header("content-location").unwrap().starts_with("https://chat.example/t/acme/v1/media/media_"));
}
