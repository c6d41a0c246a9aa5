//! Spent refresh tokens: an answer that was lost is given again for half a minute, and any other use ends the session.

use bartab_auth::Config;
use bartab_core::store::AccountChange;
use serde_json::json;

use crate::world::{World, config};

#[tokio::test]
async fn a_lost_answer_is_given_again_for_half_a_minute() {
    let world = World::open().await;
    let tokens = world.person("alice").await;
    let lost = world.refresh(&tokens.refresh_token).await;
    let stored = world.stores.sessions.get(tokens.session_id).await.unwrap();
    for wait in [0, 15, 14] {
        world.advance(wait);
        let again = world.refresh(&tokens.refresh_token).await;
        assert_eq!(again.status, 200);
        assert_eq!(again.text("refresh_token"), lost.text("refresh_token"));
        assert_eq!(world.get("/v1/me", &again.text("access_token")).await.status, 200);
    }
    // Asking again neither prolongs the session nor starts the half minute anew.
    assert_eq!(world.stores.sessions.get(tokens.session_id).await.unwrap(), stored);
    world.advance(1);
    world.refresh(&tokens.refresh_token).await.assert_oauth(400, "invalid_grant");
    assert!(world.service.revocations().is_revoked(tokens.session_id));
    world.refresh(&lost.text("refresh_token")).await.assert_oauth(400, "invalid_grant");
}

#[tokio::test]
async fn a_spent_token_of_any_age_ends_the_session() {
    // The token before the newest after half a minute; every older one at once.
    for (age, wait) in [(1, 30), (2, 0), (5, 0)] {
        let world = World::open().await;
        let tokens = world.person("alice").await;
        let mut newest = tokens.refresh_token.clone();
        let mut access = tokens.access_token.clone();
        for _ in 0..age {
            let answer = world.refresh(&newest).await;
            (newest, access) = (answer.text("refresh_token"), answer.text("access_token"));
        }
        world.advance(wait);
        world.refresh(&tokens.refresh_token).await.assert_oauth(400, "invalid_grant");
        world.refresh(&newest).await.assert_oauth(400, "invalid_grant");
        world.get("/v1/me", &access).await.assert_problem(401, "auth.invalid_token");
        assert!(world.service.revocations().is_revoked(tokens.session_id));
    }
}

#[tokio::test]
async fn many_uses_at_once_get_one_and_the_same_next_token() {
    let world = World::open().await;
    let tokens = world.person("alice").await;
    let uses: Vec<_> = (0..8)
        .map(|_| {
            let (auth, token) = (world.service.auth().clone(), tokens.refresh_token.clone());
            tokio::spawn(async move { auth.refresh(&token, None, None).await.unwrap().refresh_token })
        })
        .collect();
    let mut next = Vec::new();
    for one in uses {
        next.push(one.await.unwrap());
    }
    next.dedup();
    assert_eq!(next.len(), 1);
    assert_ne!(next[0], tokens.refresh_token);
    assert_eq!(world.refresh(&next[0]).await.status, 200);
}

#[tokio::test]
async fn without_a_grace_every_spent_token_ends_the_session() {
    let world = World::with(Config { refresh_grace_seconds: 0, ..config() }).await;
    let tokens = world.person("alice").await;
    let next = world.refresh(&tokens.refresh_token).await.text("refresh_token");
    world.refresh(&tokens.refresh_token).await.assert_oauth(400, "invalid_grant");
    world.refresh(&next).await.assert_oauth(400, "invalid_grant");
}

#[tokio::test]
async fn asking_again_is_no_way_around_anything() {
    let world = World::open().await;
    let tokens = world.person("alice").await;
    world.refresh(&tokens.refresh_token).await;
    let ask = |more: &str| {
        let body = format!("grant_type=refresh_token&refresh_token={}&{more}", tokens.refresh_token);
        let world = &world;
        async move { world.form("/v1/oauth2/token", &body).await }
    };
    // More scope than was granted, and a client that it was not granted to.
    ask("scope=admin").await.assert_oauth(400, "invalid_scope");
    let auth = world.service.auth();
    let other = auth.refresh(&tokens.refresh_token, Some("other"), None).await;
    assert!(matches!(other, Err(bartab_auth::AuthError::InvalidGrant)), "{other:?}");
    assert_eq!(ask("scope=chat:read").await.text("scope"), "chat:read");
    // A session that has ended.
    world.post("/v1/auth/logout", &tokens.access_token, json!(null)).await;
    ask("").await.assert_oauth(400, "invalid_grant");
    // An account that may not be used: its session ends with that.
    let bob = world.person("bob").await;
    world.refresh(&bob.refresh_token).await;
    let now = bartab_core::Timestamp::from_secs(1_750_000_000);
    world.stores.accounts.change(bob.user_id, AccountChange::Suspend, now, None).await.unwrap();
    world.refresh(&bob.refresh_token).await.assert_oauth(400, "invalid_grant");
    assert!(world.service.revocations().is_revoked(bob.session_id));
}
