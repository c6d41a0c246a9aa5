//! What the tenant publishes of itself: keys and metadata, cacheable, and nothing that is not there.

use bartab_core::store::KeyState;
use serde_json::{Value, json};

use crate::world::{ISSUER, World, config};

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
async fn the_metadata_names_what_there_is() {
    let world = World::open().await;
    for path in ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"] {
        let answer = world.get(path, "").await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.header("cache-control"), "public, max-age=300");
        let json = answer.json();
        assert_eq!(json["issuer"], ISSUER);
        assert_eq!(json["jwks_uri"], format!("{ISSUER}/.well-known/jwks.json"));
        assert_eq!(json["grant_types_supported"], json!(["refresh_token"]));
        assert_eq!(json["authorization_endpoint"], Value::Null);
        for endpoint in ["token_endpoint", "revocation_endpoint"] {
            let path = json[endpoint].as_str().unwrap().strip_prefix(ISSUER).unwrap().to_owned();
            // It is there: an empty form is refused in the shape of RFC 6749.
            world.form(&path, "").await.assert_oauth(400, "invalid_request");
        }
    }
}

#[tokio::test]
async fn the_service_is_ready_when_its_store_answers() {
    let world = World::open().await;
    assert!(world.service.ready().await.is_ok());
}

#[test]
fn every_route_is_in_the_openapi_document() {
    let document = bartab_auth::openapi();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let paths = document["paths"].as_object().unwrap();
    let operations: usize = paths.values().map(|path| path.as_object().unwrap().len()).sum();
    assert_eq!((paths.len(), operations), (11, 13));
    assert!(document["components"]["schemas"]["Tokens"]["properties"]["refresh_token"].is_object());
}
