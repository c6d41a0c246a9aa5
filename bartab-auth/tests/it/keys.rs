//! Signing keys: which one signs when, what is published of them, and what they look like at rest.

use std::collections::BTreeSet;
use std::sync::Arc;

use bartab_auth::{
    Act, AuthError, AuthService, Authority, Config, KeyRotation, NewClient, SealError, SealingKeys, TokenError,
};
use bartab_core::store::{AuditActor, AuditEntry, AuditFilter, KeyAlgorithm, KeyState};
use bartab_core::{SeededRandom, TenantRole};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use http::Request;
use http_body_util::Full;
use serde_json::{Value, json};

use crate::world::{World, config, memory};

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;
const JWKS: &str = "/.well-known/jwks.json";

fn header(token: &str) -> Value {
    serde_json::from_slice(&BASE64.decode(token.split('.').next().unwrap()).unwrap()).unwrap()
}

/// What the trail says of keys, newest first.
async fn trail(world: &World) -> Vec<AuditEntry> {
    let entries = world.stores.audit.list(&AuditFilter::default(), None, 100).await.unwrap();
    entries.into_iter().filter(|entry| entry.action.starts_with("key.")).collect()
}

fn because() -> Act {
    Act::operator("a test")
}

/// The key that signs, and those that are published.
async fn kids(world: &World, username: &str) -> (String, BTreeSet<String>) {
    let token = world.person(username).await.access_token;
    (header(&token)["kid"].as_str().unwrap().to_owned(), published(world).await)
}

async fn published(world: &World) -> BTreeSet<String> {
    let document = world.get(JWKS, "").await.json();
    document["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

/// The states of the keys, by name: those that were made at the same time come in any order.
fn states(world: &World) -> Vec<KeyState> {
    let mut states: Vec<KeyState> =
        world.service.auth().keys(&Authority::Operator).unwrap().iter().map(|key| key.state).collect();
    states.sort_by_key(|state| state.name());
    states
}

async fn rotate(world: &World, now: bool) {
    let rotation = KeyRotation { now, ..KeyRotation::default() };
    world.service.auth().rotate_keys(&because(), rotation).await.unwrap();
}

#[tokio::test]
async fn access_tokens_are_signed_as_the_tenant_chooses() {
    for algorithm in [KeyAlgorithm::EdDsa, KeyAlgorithm::Es256, KeyAlgorithm::Rs256] {
        let world = World::with(Config { token_algorithm: algorithm, ..config() }).await;
        let token = world.person("alice").await.access_token;
        assert_eq!(header(&token)["alg"], algorithm.name());
        assert_eq!(world.get("/v1/me", &token).await.status, 200);
        let key = &world.get(JWKS, "").await.json()["keys"][0];
        assert_eq!((&key["alg"], &key["use"]), (&Value::from(algorithm.name()), &Value::from("sig")));
        assert_eq!(key["kid"], header(&token)["kid"]);
        assert!(["d", "p", "q", "dp", "dq", "qi", "k"].iter().all(|private| key.get(private).is_none()));
        // Another one is chosen: what is signed already stays good, and the new key is there at once.
        let other = if algorithm == KeyAlgorithm::Es256 { KeyAlgorithm::EdDsa } else { KeyAlgorithm::Es256 };
        let changed = World::on(world.stores.clone(), Config { token_algorithm: other, ..config() }, 9).await;
        assert_eq!(changed.get("/v1/me", &token).await.status, 200);
        assert_eq!(header(&changed.person("bob").await.access_token)["alg"], other.name());
    }
}

#[tokio::test]
async fn a_key_is_made_when_it_is_first_needed_and_once() {
    let world = World::open().await;
    let auth = world.service.auth();
    let app = NewClient {
        id_token_algorithm: KeyAlgorithm::Es256,
        ..NewClient::app("Calendar", &["https://calendar.example/cb"])
    };
    let make = async || drop(world.client(app.clone()).await);
    tokio::join!(make(), make(), make());
    let algorithms: Vec<KeyAlgorithm> =
        auth.keys(&Authority::Operator).unwrap().iter().map(|key| key.algorithm).collect();
    assert_eq!(algorithms.len(), 2);
    assert!(algorithms.contains(&KeyAlgorithm::Es256) && algorithms.contains(&KeyAlgorithm::EdDsa));
    assert_eq!(published(&world).await.len(), 2);
}

#[tokio::test]
async fn the_next_key_is_known_before_it_signs_and_the_last_one_until_its_tokens_are_dead() {
    let world = World::open().await;
    let auth = world.service.auth();
    let (first, _) = kids(&world, "user0").await;
    world.advance(90 * DAY - HOUR - 1);
    auth.tend_keys().await.unwrap();
    assert_eq!(states(&world), [KeyState::Active]);
    world.advance(1);
    auth.tend_keys().await.unwrap();
    let (signer, known) = kids(&world, "user1").await;
    assert_eq!((signer, known.len()), (first.clone(), 2), "published, and not in use");
    world.advance(HOUR);
    let last = world.person("last").await.access_token;
    auth.tend_keys().await.unwrap();
    let (second, known) = kids(&world, "user2").await;
    assert!(second != first && known == BTreeSet::from([first.clone(), second.clone()]));
    world.advance(599);
    assert_eq!(world.get("/v1/me", &last).await.status, 200);
    // An ID token may live for an hour, and clocks differ by a minute.
    world.advance(HOUR + 60 - 600);
    auth.tend_keys().await.unwrap();
    assert!(published(&world).await.contains(&first));
    world.advance(1);
    auth.tend_keys().await.unwrap();
    assert_eq!(published(&world).await, BTreeSet::from([second]));
    let trail = trail(&world).await;
    let trail: Vec<(&str, AuditActor)> = trail.iter().map(|entry| (&*entry.action, entry.actor)).collect();
    let system = AuditActor::System;
    assert_eq!(trail, [("key.removed", system), ("key.rotated", system), ("key.published", system)]);
}

#[tokio::test]
async fn nothing_rotates_by_itself_when_the_operator_says_so() {
    let world = World::with(Config { rotate_after_days: 0, ..config() }).await;
    world.advance(20 * 365 * DAY);
    world.service.auth().tend_keys().await.unwrap();
    assert_eq!(states(&world), [KeyState::Active]);
    assert_eq!(world.service.auth().keys(&Authority::Operator).unwrap()[0].changes_at, None);
}

#[tokio::test]
async fn what_a_retired_key_signed_stays_good_and_its_private_half_is_gone() {
    let world = World::open().await;
    let token = world.person("alice").await.access_token;
    rotate(&world, true).await;
    assert_eq!(states(&world).len(), 2);
    assert_eq!(world.get("/v1/me", &token).await.status, 200);
    let stored = world.stores.keys.list().await.unwrap();
    for key in &stored {
        assert_eq!(key.state == KeyState::Retired, key.private.as_bytes().is_empty(), "{key:?}");
    }
    let fresh = world.person("bob").await.access_token;
    assert_ne!(header(&fresh)["kid"], header(&token)["kid"]);
    assert_eq!(world.get("/v1/me", &fresh).await.status, 200);
}

#[tokio::test]
async fn the_tokens_of_a_key_that_is_retired_by_name_are_refused_at_once() {
    let world = World::open().await;
    let auth = world.service.auth();
    let tokens = world.person("alice").await;
    assert_eq!(world.get("/v1/me", &tokens.access_token).await.status, 200, "it is a known token");
    let kid = header(&tokens.access_token)["kid"].as_str().unwrap().to_owned();
    let keys = auth.retire_key(&because(), &kid).await.unwrap();
    assert_eq!(keys.len(), 1);
    assert_ne!(keys[0].kid, kid);
    assert_eq!(auth.verifier().verify(&tokens.access_token), Err(TokenError::UnknownKey));
    world.get("/v1/me", &tokens.access_token).await.assert_problem(401, "auth.invalid_token");
    // The session goes on.
    let next = world.refresh(&tokens.refresh_token).await.text("access_token");
    assert_eq!(world.get("/v1/me", &next).await.status, 200);
    let again = auth.retire_key(&because(), &kid).await;
    assert!(matches!(again, Err(AuthError::KeyNotFound)), "{again:?}");
    let trail = trail(&world).await;
    assert_eq!(trail.len(), 1);
    assert_eq!(
        (&*trail[0].action, trail[0].subject.as_ref(), trail[0].actor),
        ("key.retired", Some(&kid), AuditActor::Operator)
    );
    assert_eq!(trail[0].reason.as_deref(), Some("a test"));
    assert!(trail[0].details.as_ref().unwrap().contains(&format!("\"removed\":[\"{kid}\"]")));
}

#[tokio::test]
async fn two_processes_on_one_store_agree() {
    let world = World::open().await;
    let other = World::on(world.stores.clone(), config(), 2).await;
    rotate(&world, false).await;
    rotate(&other, false).await;
    assert_eq!(
        other.service.auth().keys(&Authority::Operator).unwrap(),
        world.service.auth().keys(&Authority::Operator).unwrap(),
        "the second one saw the first one's key"
    );
    for world in [&world, &other] {
        world.advance(HOUR);
    }
    let (one, two) = tokio::join!(world.service.auth().tend_keys(), other.service.auth().tend_keys());
    one.and(two).unwrap();
    let fresh = world.person("alice").await.access_token;
    assert_eq!(other.get("/v1/me", &fresh).await.status, 200);
    assert_eq!(states(&other), [KeyState::Active, KeyState::Retired]);
    assert_eq!(
        other.service.auth().keys(&Authority::Operator).unwrap(),
        world.service.auth().keys(&Authority::Operator).unwrap()
    );
    // What another process does counts here as soon as it is seen.
    let kid = header(&fresh)["kid"].as_str().unwrap().to_owned();
    other.service.auth().retire_key(&because(), &kid).await.unwrap();
    assert_eq!(world.get("/v1/me", &fresh).await.status, 200);
    world.service.auth().tend_keys().await.unwrap();
    world.get("/v1/me", &fresh).await.assert_problem(401, "auth.invalid_token");
}

#[tokio::test]
async fn a_rotation_of_what_is_not_used_is_refused() {
    let world = World::open().await;
    let rotation = KeyRotation { algorithm: Some(KeyAlgorithm::Rs256), ..KeyRotation::default() };
    let refused = world.service.auth().rotate_keys(&because(), rotation).await;
    assert!(matches!(refused, Err(AuthError::KeyNotFound)), "{refused:?}");
    assert_eq!(refused.unwrap_err().to_problem().status, 404);
}

#[tokio::test]
async fn whoever_has_the_key_set_is_told_so() {
    let world = World::open().await;
    let ask = async |known: &str| {
        world.send(Request::get(JWKS).header("if-none-match", known).body(Full::default()).unwrap()).await
    };
    let whole = world.get(JWKS, "").await;
    assert_eq!((whole.status.as_u16(), whole.header("cache-control")), (200, "public, max-age=300"));
    let etag = whole.header("etag").to_owned();
    assert!(etag.starts_with('"') && etag.ends_with('"') && etag.len() > 20, "{etag}");
    for known in [etag.clone(), format!("W/{etag}"), format!("\"x\", {etag} , \"y\""), "*".to_owned()] {
        let answer = ask(&known).await;
        assert_eq!((answer.status.as_u16(), answer.body.len()), (304, 0), "{known}");
        assert_eq!((answer.header("etag"), answer.header("cache-control")), (&*etag, "public, max-age=300"));
        assert_eq!(answer.header("content-type"), "");
    }
    for other in ["\"x\"", "", etag.trim_matches('"'), &etag.to_ascii_uppercase()] {
        assert_eq!(ask(other).await.body, whole.body, "{other}");
    }
    rotate(&world, false).await;
    let answer = ask(&etag).await;
    assert_eq!(answer.status, 200);
    assert_ne!(answer.header("etag"), etag);
}

/// Every place where a private key of Ed25519 could stand: its PKCS#8 form begins with these bytes.
fn shows_a_private_key(stored: &[u8]) -> bool {
    stored.windows(5).any(|part| part == [0x06, 0x03, 0x2b, 0x65, 0x70])
}

#[tokio::test]
async fn private_keys_are_sealed_with_the_host_s_key() {
    let sealed =
        |keys: &[u8]| Config { sealing_keys: SealingKeys::new(keys.iter().map(|byte| [*byte; 32])), ..config() };
    let world = World::with(sealed(&[1])).await;
    let token = world.person("alice").await.access_token;
    let stored = world.stores.keys.list().await.unwrap();
    assert!(!shows_a_private_key(stored[0].private.as_bytes()));
    // Another host key, or none: the tenant does not open, and is told why without being told what.
    for keys in [&[][..], &[2]] {
        let opened =
            AuthService::new(world.stores.clone(), sealed(keys), world.clock.clone(), Arc::new(SeededRandom::new(1)))
                .await;
        let error = opened.unwrap_err();
        assert_eq!(error.to_string(), SealError::UnknownKey.to_string());
    }
    // A new host key in front: everything works, and the signing key is exchanged for one that it seals.
    let rotated = World::on(world.stores.clone(), sealed(&[2, 1]), 3).await;
    assert_eq!(rotated.get("/v1/me", &token).await.status, 200);
    assert_eq!(states(&rotated), [KeyState::Active, KeyState::Next]);
    rotated.advance(HOUR);
    rotated.service.auth().tend_keys().await.unwrap();
    let only_new = World::on(world.stores.clone(), sealed(&[2]), 4).await;
    assert_eq!(only_new.get("/v1/me", &only_new.person("bob").await.access_token).await.status, 200);
}

#[tokio::test]
async fn a_host_key_that_comes_later_replaces_what_was_not_sealed() {
    let world = World::open().await;
    assert!(shows_a_private_key(world.stores.keys.list().await.unwrap()[0].private.as_bytes()));
    let later = Config { sealing_keys: SealingKeys::new([[7; 32]]), ..config() };
    let sealed = World::on(world.stores.clone(), later, 2).await;
    sealed.advance(HOUR);
    sealed.service.auth().tend_keys().await.unwrap();
    assert_eq!(states(&sealed), [KeyState::Active, KeyState::Retired]);
    for key in sealed.stores.keys.list().await.unwrap() {
        assert!(!shows_a_private_key(key.private.as_bytes()));
    }
}

/// A key as the program stored it before it sealed any: bare PKCS#8.
#[tokio::test]
async fn a_key_that_was_stored_bare_still_signs() {
    let world = World::open().await;
    let stores = memory();
    let mut key = world.stores.keys.list().await.unwrap().remove(0);
    key.private = bartab_core::store::PrivateKey::new(key.private.as_bytes()[1..].to_vec());
    assert_eq!(key.private.as_bytes()[0], 0x30);
    let change = bartab_core::store::KeyChange { insert: vec![key.clone()], ..Default::default() };
    stores.keys.change(change, None).await.unwrap();
    let old = World::on(stores, config(), 2).await;
    let token = old.person("alice").await.access_token;
    assert_eq!(header(&token)["kid"], key.kid);
    assert_eq!(old.get("/v1/me", &token).await.status, 200);
}

#[tokio::test]
async fn administrators_rotate_and_retire_keys_and_the_trail_says_so() {
    let world = World::open().await;
    let admin = world.with_role("admin", TenantRole::Administrator).await.access_token;
    let list = world.get("/v1/admin/keys", &admin).await;
    assert_eq!((list.status.as_u16(), list.header("cache-control")), (200, "no-store"));
    let first = list.json()["items"][0].clone();
    assert_eq!(
        first,
        json!({
            "kid": header(&admin)["kid"], "algorithm": "EdDSA", "state": "active",
            "created_at": "2025-06-15T15:06:40.000Z", "state_since": "2025-06-15T15:06:40.000Z",
            "changes_at": "2025-09-13T15:06:40.000Z",
        })
    );
    let rotated = world.post("/v1/admin/keys/rotate", &admin, json!({"reason": "routine"})).await;
    assert_eq!(rotated.status, 200);
    let items = rotated.json()["items"].as_array().unwrap().clone();
    let page = world.get("/v1/admin/keys?limit=1", &admin).await.json();
    assert_eq!((&page["items"], &page["next_cursor"]), (&json!([items[0]]), &items[0]["kid"]));
    let path = format!("/v1/admin/keys?limit=1&cursor={}", page["next_cursor"].as_str().unwrap());
    let rest = world.get(&path, &admin).await.json();
    assert_eq!((&rest["items"], &rest["next_cursor"]), (&json!([items[1]]), &json!(null)));
    let next = items.iter().find(|key| key["state"] == "next").unwrap();
    assert_eq!((items.len(), &next["changes_at"]), (2, &json!("2025-06-15T16:06:40.000Z")));
    let body = json!({"reason": "it was seen", "now": true, "algorithm": "EdDSA"});
    let rotated = world.post("/v1/admin/keys/rotate", &admin, body).await.json();
    let states: BTreeSet<&str> =
        rotated["items"].as_array().unwrap().iter().map(|key| key["state"].as_str().unwrap()).collect();
    assert_eq!(states, BTreeSet::from(["active", "retired"]));
    // The caller's own token is signed with the key that goes.
    let path = format!("/v1/admin/keys/{}/retire", first["kid"].as_str().unwrap());
    let retired = world.post(&path, &admin, json!({"reason": "it was seen"})).await;
    assert_eq!(retired.json()["items"].as_array().unwrap().len(), 1);
    world.get("/v1/admin/keys", &admin).await.assert_problem(401, "auth.invalid_token");
    let trail = trail(&world).await;
    let trail: Vec<(&str, &str)> =
        trail.iter().map(|entry| (&*entry.action, entry.reason.as_deref().unwrap())).collect();
    assert_eq!(trail, [("key.retired", "it was seen"), ("key.rotated", "it was seen"), ("key.published", "routine")]);
}

#[tokio::test]
async fn nobody_else_touches_keys() {
    let world = World::open().await;
    let kid = world.service.auth().keys(&Authority::Operator).unwrap()[0].kid.clone();
    let retire = format!("/v1/admin/keys/{kid}/retire");
    let reason = || json!({"reason": "because"});
    let moderator = world.with_role("mod-1", TenantRole::Moderator).await.access_token;
    let administrator = world.with_role("admin", TenantRole::Administrator).await;
    let narrow = world.refreshed(&administrator, "chat:read").await;
    for (token, status, code) in [
        ("", 401, "auth.required"),
        ("nonsense", 401, "auth.invalid_token"),
        (&moderator, 403, "permission.denied"),
        (&narrow, 403, "auth.insufficient_scope"),
    ] {
        world.get("/v1/admin/keys", token).await.assert_problem(status, code);
        world.post("/v1/admin/keys/rotate", token, reason()).await.assert_problem(status, code);
        world.post(&retire, token, reason()).await.assert_problem(status, code);
    }
    let admin = administrator.access_token;
    let rotate = async |body| world.post("/v1/admin/keys/rotate", &admin, body).await;
    rotate(json!({})).await.assert_problem(400, "request.invalid");
    rotate(json!({"reason": ""})).await.assert_problem(400, "request.invalid");
    rotate(json!({"reason": "x", "algorithm": "HS256"})).await.assert_problem(400, "request.invalid");
    rotate(json!({"reason": "x", "algorithm": "RS256"})).await.assert_problem(404, "key.not_found");
    rotate(json!({"reason": "x", "later": true})).await.assert_problem(400, "request.invalid");
    world.post("/v1/admin/keys/nothing/retire", &admin, reason()).await.assert_problem(404, "key.not_found");
    world.post("/v1/admin/keys/%ff/retire", &admin, reason()).await.assert_problem(400, "request.invalid_id");
    assert_eq!(world.service.auth().keys(&Authority::Operator).unwrap().len(), 1);
    assert!(trail(&world).await.is_empty());
}
