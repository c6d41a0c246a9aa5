//! What a client is told of the person who signed in: as much as the scopes say, and only while the account is in use.

use bartab_auth::NewClient;
use bartab_core::MediaId;
use bartab_core::store::{AccountChange, ProfileChange};
use http::Method;
use serde_json::{Value, json};

use crate::authorize::HERE;
use crate::world::{ISSUER, World};

const USERINFO: &str = "/v1/oauth2/userinfo";

/// The token answer of a client that alice has allowed these scopes.
async fn signed_in(world: &World, scope: &str) -> Value {
    let client = world.client(NewClient::app("The App", &[HERE])).await;
    world.allowed(&client, scope).await.json()
}

#[tokio::test]
async fn the_scopes_say_how_much_is_told() {
    let world = World::open().await;
    let alice = world.person("alice").await;
    let token = signed_in(&world, "openid").await["access_token"].as_str().unwrap().to_owned();
    let answer = world.get(USERINFO, &token).await;
    assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (200, "no-store"));
    assert_eq!(answer.json(), json!({"sub": alice.user_id}));
    let token = signed_in(&world, "openid profile").await["access_token"].as_str().unwrap().to_owned();
    let told = json!({"sub": alice.user_id, "name": "alice", "preferred_username": "alice"});
    assert_eq!(world.get(USERINFO, &token).await.json(), told);
    assert_eq!(world.call(Method::POST, USERINFO, &token, Value::Null).await.json(), told);
    // As the account is now, not as it was.
    let avatar = MediaId::from_u128(7);
    let change = ProfileChange { display_name: Some("Alice B".to_owned()), avatar: Some(Some(avatar)) };
    let now = bartab_core::Timestamp::from_secs(1_750_000_000);
    world.stores.accounts.change(alice.user_id, AccountChange::Profile(change), now, None).await.unwrap();
    let told = world.get(USERINFO, &token).await.json();
    assert_eq!(told["name"], "Alice B");
    assert_eq!(told["picture"], format!("{ISSUER}/v1/media/{avatar}"));
}

#[tokio::test]
async fn a_token_that_is_none_or_says_too_little_is_refused_as_rfc_6750_says() {
    let world = World::open().await;
    let alice = world.person("alice").await;
    let missing = world.get(USERINFO, "").await;
    missing.assert_oauth(401, "invalid_token");
    assert_eq!(missing.header("www-authenticate"), "Bearer realm=\"bartab\"");
    let bad = world.get(USERINFO, "stale").await;
    bad.assert_oauth(401, "invalid_token");
    assert_eq!(
        bad.header("www-authenticate"),
        "Bearer error=\"invalid_token\", error_description=\"the token is malformed\""
    );
    for method in [Method::GET, Method::POST] {
        let narrow = world.call(method, USERINFO, &alice.access_token, Value::Null).await;
        narrow.assert_oauth(403, "insufficient_scope");
        assert_eq!(narrow.header("www-authenticate"), "Bearer error=\"insufficient_scope\", scope=\"openid\"");
    }
    let answer = signed_in(&world, "openid").await;
    // An ID token is no access token.
    world.get(USERINFO, answer["id_token"].as_str().unwrap()).await.assert_oauth(401, "invalid_token");
    let token = answer["access_token"].as_str().unwrap();
    assert_eq!(world.get(USERINFO, token).await.status, 200);
    let now = bartab_core::Timestamp::from_secs(1_750_000_000);
    // Suspended by another process, which this one has not been told of.
    world.stores.accounts.change(alice.user_id, AccountChange::Suspend, now, None).await.unwrap();
    world.get(USERINFO, token).await.assert_oauth(401, "invalid_token");
}
