//! Changing one's password: only by who knows it, and the other sessions end.

use std::sync::Arc;

use bartab_auth::{Act, Login, NewAccount, Tokens};
use bartab_core::store::{AccountChange, AuditActor, Session};
use bartab_core::{Actor, SessionId, Timestamp, UserId};
use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use serde_json::{Value, json};

use crate::world::{Answer, PASSWORD, World};

const PATH: &str = "/v1/me/password";
const NEW: &str = "quite another password";

async fn change(world: &World, token: &str, body: Value) -> Answer {
    world.post(PATH, token, body).await
}

/// Somebody who has no password and came in by another provider just now.
struct Entered {
    tokens: Tokens,
    actor: Arc<Actor>,
}

impl Entered {
    async fn new(world: &World, user: UserId, number: u128) -> Self {
        let tokens = world.service.auth().sign_in(user, None).await.unwrap();
        let session = world.stores.sessions.get(tokens.session_id).await.unwrap().unwrap();
        let session_id = SessionId::from_u128(number);
        let session = Session { session_id, methods: "fed".to_owned(), ..session };
        world.stores.sessions.create(session).await.unwrap();
        let actor = world.service.auth().verifier().verify(&tokens.access_token).unwrap();
        let actor = Arc::new(Actor { session_id: Some(session_id), ..(*actor).clone() });
        Self { tokens, actor }
    }

    async fn post(&self, world: &World, path: &str, body: Value) -> Answer {
        let request = Request::post(path).extension(Arc::clone(&self.actor));
        world.send(request.body(Full::<Bytes>::from(body.to_string())).unwrap()).await
    }
}

#[tokio::test]
async fn the_new_one_counts_and_the_other_sessions_end() {
    let world = World::open().await;
    let alice = world.person("alice").await;
    let other = world.service.auth().login(Login::new("alice", PASSWORD)).await.unwrap();
    let bob = world.person("bob").await;
    let answer = change(&world, &alice.access_token, json!({"current": PASSWORD, "new": NEW})).await;
    assert_eq!((answer.status.as_u16(), &*answer.body), (204, &b""[..]));
    let login = async |password: &str| {
        world.post("/v1/auth/login", "", json!({"username": "alice", "password": password})).await
    };
    login(PASSWORD).await.assert_problem(401, "auth.bad_credentials");
    assert_eq!(login(NEW).await.status, 200);
    world.get("/v1/me", &other.access_token).await.assert_problem(401, "auth.invalid_token");
    world.refresh(&other.refresh_token).await.assert_oauth(400, "invalid_grant");
    for token in [&alice.access_token, &bob.access_token] {
        assert_eq!(world.get("/v1/me", token).await.status, 200);
    }
    assert_eq!(world.refresh(&alice.refresh_token).await.status, 200);
    let trail = world.stores.audit.list(&Default::default(), None, 10).await.unwrap();
    assert_eq!((&*trail[0].action, trail[0].actor), ("account.password_changed", AuditActor::User(alice.user_id)));
}

#[tokio::test]
async fn what_is_wrong_is_named_and_changes_nothing() {
    let world = World::open().await;
    let alice = world.person("alice").await;
    for (body, pointer, code) in [
        (json!({"current": "wrong password", "new": NEW}), "/current", "wrong"),
        (json!({"new": NEW}), "/current", "missing"),
        (json!({"current": PASSWORD}), "/new", "missing"),
        (json!({"current": PASSWORD, "new": "short"}), "/new", "too_short"),
        (json!({"current": PASSWORD, "new": "password1"}), "/new", "password.common"),
        (json!({"current": PASSWORD, "new": "x".repeat(129)}), "/new", "too_long"),
        (json!({"current": PASSWORD, "new": NEW, "user": "bob"}), "/user", "unknown_field"),
    ] {
        let answer = change(&world, &alice.access_token, body).await;
        answer.assert_problem(400, "request.invalid");
        assert_eq!(answer.wrong_field(), (pointer.to_owned(), code.to_owned()));
    }
    change(&world, "", json!({"current": PASSWORD, "new": NEW})).await.assert_problem(401, "auth.required");
    let body = format!("grant_type=refresh_token&refresh_token={}&scope=chat:read", alice.refresh_token);
    let narrow = world.form("/v1/oauth2/token", &body).await.text("access_token");
    let refused = change(&world, &narrow, json!({"current": PASSWORD, "new": NEW})).await;
    refused.assert_problem(403, "auth.insufficient_scope");
    assert!(world.service.auth().login(Login::new("alice", PASSWORD)).await.is_ok());
}

#[tokio::test]
async fn guessing_it_is_slowed_down_with_the_sign_in() {
    let world = World::open().await;
    let alice = world.person("alice").await;
    let mut looked_at = 0;
    for _ in 0..100 {
        let answer = change(&world, &alice.access_token, json!({"current": "wrong password", "new": NEW})).await;
        looked_at += u32::from(answer.status == 400);
    }
    assert_eq!(looked_at, 20);
    let body = json!({"username": "alice", "password": PASSWORD});
    world.post("/v1/auth/login", "", body).await.assert_problem(429, "auth.too_many_attempts");
}

#[tokio::test]
async fn the_first_one_takes_a_sign_in_of_a_moment_ago_in_our_own_client() {
    let world = World::open().await;
    let auth = world.service.auth();
    let new = NewAccount { password: None, ..NewAccount::member("eva", "") };
    let eva = auth.create_account(new).await.unwrap();
    let old = Entered::new(&world, eva.user_id, 1).await;
    assert_eq!(world.get("/v1/me", &old.tokens.access_token).await.json()["has_password"], json!(false));
    world.advance(599);
    let recent = Entered::new(&world, eva.user_id, 2).await;
    world.advance(1);
    old.post(&world, PATH, json!({"new": NEW})).await.assert_problem(403, "auth.sign_in_again");
    assert_eq!(recent.post(&world, PATH, json!({"new": NEW})).await.status, 204);
    assert!(auth.login(Login::new("eva", NEW)).await.is_ok());
    // From now on it is asked for.
    let answer = recent.post(&world, PATH, json!({"new": PASSWORD})).await;
    assert_eq!(answer.wrong_field(), ("/current".to_owned(), "missing".to_owned()));
}

#[tokio::test]
async fn the_first_one_and_a_second_factor_take_a_person_who_signed_in_themselves() {
    let world = World::open().await;
    let auth = world.service.auth();
    let new = NewAccount { password: None, ..NewAccount::member("eva", "") };
    let eva = auth.create_account(new).await.unwrap();
    // The host has signed her in, and nobody has shown who they are.
    let vouched = auth.sign_in(eva.user_id, None).await.unwrap().access_token;
    for (path, body) in [(PATH, json!({"new": NEW})), ("/v1/me/mfa/totp", json!({}))] {
        world.post(path, &vouched, body).await.assert_problem(403, "auth.sign_in_again");
    }
    let entered = Entered::new(&world, eva.user_id, 1).await;
    assert_eq!(entered.post(&world, "/v1/me/mfa/totp", json!({})).await.status, 200);
}

#[tokio::test]
async fn a_link_that_waits_is_no_way_back() {
    let world = World::open().await;
    let alice = world.person("alice").await;
    let auth = world.service.auth();
    let link = auth.reset_sign_in(&Act::operator("lost"), alice.user_id).await.unwrap();
    let token = link.split_once("token=").unwrap().1.to_owned();
    let entered = Entered::new(&world, alice.user_id, 1).await;
    assert_eq!(entered.post(&world, PATH, json!({"new": NEW})).await.status, 204);
    let refused = auth.use_reset(&token, PASSWORD).await;
    assert!(matches!(refused, Err(bartab_auth::AuthError::LinkInvalid)), "{refused:?}");
    // Who may not use the account changes nothing of it; the token is as good as ever here.
    let now = Timestamp::from_secs(1_750_000_000);
    world.stores.accounts.change(alice.user_id, AccountChange::Suspend, now, None).await.unwrap();
    let refused = entered.post(&world, PATH, json!({"current": NEW, "new": PASSWORD})).await;
    refused.assert_problem(403, "account.suspended");
}
