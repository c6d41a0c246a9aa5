//! The layer in front of a stranger's service: who gets through as whom, and what the others are told.

use std::convert::Infallible;
use std::sync::Arc;

use bartab_core::Actor;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use tower::{Layer as _, Service, ServiceExt as _, service_fn};

use crate::world::World;

/// Answers with the caller's name.
fn who() -> impl Service<Request<()>, Response = Response<Full<Bytes>>, Error = Infallible, Future: Send> + Clone {
    service_fn(async |request: Request<()>| {
        let actor = request.extensions().get::<Arc<Actor>>();
        let name = actor.map_or("nobody".to_owned(), |actor| actor.profile.name.to_string());
        Ok(Response::new(Full::from(name)))
    })
}

async fn ask(world: &World, request: Request<()>) -> (StatusCode, http::HeaderMap, String) {
    let (parts, body) = world.service.layer().layer(who()).oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (parts.status, parts.headers, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn a_good_token_puts_its_actor_there() {
    let world = World::open().await;
    let tokens = world.person("alice").await;
    for _ in 0..3 {
        let request = Request::get("/").header("authorization", format!("Bearer {}", tokens.access_token));
        let (status, _, body) = ask(&world, request.body(()).unwrap()).await;
        assert_eq!((status.as_u16(), &*body), (200, "alice"));
    }
}

#[tokio::test]
async fn the_actor_of_a_known_token_is_shared() {
    let world = World::open().await;
    let tokens = world.person("alice").await;
    let verifier = world.service.auth().verifier();
    let first = verifier.verify(&tokens.access_token).unwrap();
    assert!(Arc::ptr_eq(&first, &verifier.verify(&tokens.access_token).unwrap()));
}

#[tokio::test]
async fn without_a_token_the_request_goes_through() {
    let world = World::open().await;
    let tokens = world.person("alice").await;
    let query = format!("/?access_token={}", tokens.access_token);
    for request in [Request::get("/"), Request::get(query), Request::get("/").header("authorization", "Basic YTpi")] {
        let (status, _, body) = ask(&world, request.body(()).unwrap()).await;
        assert_eq!((status.as_u16(), &*body), (200, "nobody"));
    }
    let request = Request::get("/").extension(Arc::new(Actor::person(tokens.user_id, "embedded")));
    assert_eq!(ask(&world, request.body(()).unwrap()).await.2, "embedded");
}

#[tokio::test]
async fn a_bad_token_is_answered_by_the_layer() {
    let world = World::open().await;
    let request = Request::get("/v1/rooms?x=1").header("authorization", "Bearer x.y.z").header("x-request-id", "r9");
    let (status, headers, body) = ask(&world, request.body(()).unwrap()).await;
    assert_eq!(status, 401);
    assert_eq!(headers["content-type"], "application/problem+json");
    assert!(headers["www-authenticate"].to_str().unwrap().starts_with("Bearer error=\"invalid_token\""));
    let json: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (&json["code"], &json["instance"], &json["request_id"]),
        (&"auth.invalid_token".into(), &"/v1/rooms".into(), &"r9".into())
    );
}

#[tokio::test]
async fn a_lenient_layer_lets_a_bad_token_through_as_nobody() {
    let world = World::open().await;
    let tokens = world.person("alice").await;
    let layer = world.service.layer().lenient();
    for (token, name) in [(tokens.access_token.as_str(), "alice"), ("x.y.z", "nobody")] {
        let request = Request::get("/").header("authorization", format!("Bearer {token}")).body(()).unwrap();
        let response = layer.layer(who()).oneshot(request).await.unwrap();
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), name);
    }
}

#[tokio::test]
async fn two_authorization_headers_are_refused() {
    let world = World::open().await;
    let tokens = world.person("alice").await;
    let bearer = format!("Bearer {}", tokens.access_token);
    for other in [&*bearer, "Basic YTpi"] {
        let request = Request::get("/").header("authorization", &bearer).header("authorization", other);
        let (status, headers, body) = ask(&world, request.body(()).unwrap()).await;
        assert_eq!(status, 400, "{body}");
        assert_eq!(headers["www-authenticate"], "Bearer error=\"invalid_request\"");
    }
}

#[tokio::test]
async fn it_stands_in_front_of_the_service_itself_too() {
    let world = World::open().await;
    let tokens = world.person("alice").await;
    let service = world.service.layer().layer(world.service.clone());
    let request = Request::get("/v1/me").header("authorization", format!("Bearer {}", tokens.access_token));
    let answer = service.oneshot(request.body(Full::<Bytes>::default()).unwrap()).await.unwrap();
    assert_eq!(answer.status(), 200);
}
