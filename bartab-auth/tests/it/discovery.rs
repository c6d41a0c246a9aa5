//! What the tenant publishes of itself: keys and metadata, cacheable, and nothing that is not there.

use std::collections::BTreeSet;

use bartab_core::store::KeyState;

use crate::world::{World, config};

#[tokio::test]
async fn the_public_key_is_published_and_nothing_else_of_it() {
    let world = World::open().await;
    let answer = world.get("/.well-known/jwks.json", "").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "application/jwk-set+json");
    assert_eq!(answer.header("cache-control"), "public, max-age=300");
    let json = answer.json();
    let keys = json["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 1);
    let mut members: Vec<&str> = keys[0].as_object().unwrap().keys().map(String::as_str).collect();
    members.sort_unstable();
    assert_eq!(members, ["alg", "crv", "kid", "kty", "use", "x"]);
    let stored = world.stores.keys.list().await.unwrap();
    assert_eq!((keys[0]["kid"].as_str().unwrap(), stored[0].state), (&*stored[0].kid, KeyState::Active));
    assert!(format!("{stored:?}").contains("private: PrivateKey(..)"));
}

#[tokio::test]
async fn the_key_is_made_once() {
    let world = World::open().await;
    let again = World::on(world.stores.clone(), config(), 7).await;
    let keys = world.get("/.well-known/jwks.json", "").await.body;
    assert_eq!(again.get("/.well-known/jwks.json", "").await.body, keys);
    let other = World::on(crate::world::memory(), config(), 7).await;
    assert_ne!(other.get("/.well-known/jwks.json", "").await.body, keys);
}

#[tokio::test]
async fn the_service_is_ready_when_its_store_answers() {
    let world = World::open().await;
    assert!(world.service.ready().await.is_ok());
}

#[test]
fn every_route_is_in_the_openapi_document_and_no_other() {
    let document = bartab_auth::openapi();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let documented: BTreeSet<String> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, methods)| methods.as_object().unwrap().keys().map(move |method| format!("{method} {path}")))
        .collect();
    // The file shows every route as `.route("path", get(…).post(…))`.
    let source = include_str!("../../src/routes.rs");
    let other_providers = |path: &str| path.starts_with("/v1/auth/providers") || path.starts_with("/v1/me/identities");
    let routed: BTreeSet<String> = source
        .split(".route(")
        .skip(1)
        .flat_map(|route| {
            let path = route.split('"').nth(1).unwrap();
            let methods = ["get", "post", "put", "patch", "delete"];
            let left_out = cfg!(not(feature = "openid-providers")) && other_providers(path);
            let used = methods.into_iter().filter(move |method| {
                !left_out
                    && route.match_indices(&format!("{method}(")).any(|(at, _)| {
                        let before = route[..at].chars().next_back();
                        matches!(before, Some(' ' | '.' | '\n'))
                    })
            });
            used.map(move |method| format!("{method} {path}"))
        })
        .collect();
    assert_eq!(documented, routed);
    assert!(document["components"]["schemas"]["Tokens"]["properties"]["refresh_token"].is_object());
}
