//! Authorization codes: good once, for a minute, for the client that knows the verifier.

use bartab_auth::Login;
use bartab_core::Timestamp;
use bartab_core::store::{AccountChange, OAuthClient};
use http::{Method, Request};
use http_body_util::{BodyExt as _, Full};
use serde_json::Value;
use tower::ServiceExt as _;

use crate::authorize::{HERE, VERIFIER, app, request};
use crate::browser::query;
use crate::world::{Answer, PASSWORD, World};

const TOKEN: &str = "/v1/oauth2/token";

impl World {
    /// Redeems a code, with these parameters instead; one that is empty is left out.
    pub(crate) async fn redeem(&self, code: &str, changes: &[(&str, &str)]) -> Answer {
        let good = [
            ("grant_type", "authorization_code"),
            ("client_id", "app"),
            ("code", code),
            ("redirect_uri", HERE),
            ("code_verifier", VERIFIER),
        ];
        let kept = good.iter().filter(|(name, _)| !changes.iter().any(|(new, _)| new == name));
        let all: Vec<_> = kept.chain(changes).copied().filter(|(_, value)| !value.is_empty()).collect();
        self.form(TOKEN, &query(&all)).await
    }
}

#[tokio::test]
async fn a_code_becomes_tokens_for_what_was_allowed() {
    let world = World::with_app().await;
    let scope = ("scope", "openid chat:read admin offline_access");
    let (mut browser, code) = world.authorized(&request(&[scope, ("nonce", "n-1")])).await;
    let answer = world.redeem(&code, &[]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    // Alice is no administrator.
    assert_eq!(answer.text("scope"), "chat:read openid offline_access");
    assert!(!answer.text("refresh_token").is_empty());
    let access = answer.text("access_token");
    assert_eq!(world.get("/v1/me", &access).await.text("username"), "alice");
    let own = world.service.auth().login(Login::new("alice", PASSWORD)).await.unwrap().access_token;
    let sessions = world.get("/v1/me/sessions", &own).await.json();
    let of_app: Vec<&Value> =
        sessions["items"].as_array().unwrap().iter().filter(|session| session["client_id"] == "app").collect();
    assert_eq!(of_app.len(), 1, "{sessions}");
    assert_eq!(of_app[0]["session_id"], answer.text("session_id").as_str());
    // A client's session is its own: ending the browser's does not touch it, nor the other way round.
    let code = browser.get(&world, &request(&[])).await.sent("code");
    let second = world.redeem(&code, &[]).await;
    assert_ne!(second.text("session_id"), answer.text("session_id"));
    world.call(Method::POST, "/v1/auth/logout", &access, Value::Null).await;
    browser.get(&world, &request(&[])).await.sent("code");
    assert_eq!(world.get("/v1/me", &second.text("access_token")).await.status, 200);
}

#[tokio::test]
async fn a_replayed_code_ends_the_session_that_it_opened() {
    let world = World::with_app().await;
    world.stores.clients.create(OAuthClient { client_id: "two".to_owned(), ..app() }, None).await.unwrap();
    // With whatever else; but by another client it ends nothing.
    for changes in [
        &[][..],
        &[("redirect_uri", "https://evil.example")],
        &[("code_verifier", "a-verifier-that-is-long-enough-and-still-is-not-the-one")],
    ] {
        let (_, code) =
            world.authorized(&request(&[("scope", "chat:read offline_access"), ("prompt", "consent")])).await;
        let tokens = world.redeem(&code, &[]).await;
        assert_eq!(world.get("/v1/me", &tokens.text("access_token")).await.status, 200);
        world.redeem(&code, &[("client_id", "two")]).await.assert_oauth(400, "invalid_grant");
        assert_eq!(world.get("/v1/me", &tokens.text("access_token")).await.status, 200);
        world.redeem(&code, changes).await.assert_oauth(400, "invalid_grant");
        world.get("/v1/me", &tokens.text("access_token")).await.assert_problem(401, "auth.invalid_token");
        let refresh = query(&[
            ("grant_type", "refresh_token"),
            ("client_id", "app"),
            ("refresh_token", &tokens.text("refresh_token")),
        ]);
        world.form(TOKEN, &refresh).await.assert_oauth(400, "invalid_grant");
    }
}

#[tokio::test]
async fn a_code_is_spent_by_its_first_use_whatever_is_wrong_with_it() {
    let world = World::with_app().await;
    world.stores.clients.create(OAuthClient { client_id: "two".to_owned(), ..app() }, None).await.unwrap();
    let challenge = crate::authorize::CHALLENGE;
    let (mut browser, first) = world.authorized(&request(&[])).await;
    assert_eq!(world.redeem(&first, &[]).await.status, 200);
    for changes in [
        ("client_id", "two"),
        ("redirect_uri", ""),
        ("redirect_uri", "https://app.example/other?a=b"),
        ("redirect_uri", "https://app.example/cb/"),
        ("code_verifier", challenge),
        ("code_verifier", &VERIFIER[1..]),
        ("code_verifier", &VERIFIER.replace('d', "e")),
        ("code_verifier", &VERIFIER.repeat(4)),
        ("code_verifier", &format!("{VERIFIER}=")),
    ] {
        let code = browser.get(&world, &request(&[])).await.sent("code");
        world.redeem(&code, &[changes]).await.assert_oauth(400, "invalid_grant");
        world.redeem(&code, &[]).await.assert_oauth(400, "invalid_grant");
    }
    // What is no attempt at all does not spend it.
    let code = browser.get(&world, &request(&[])).await.sent("code");
    world.redeem(&code, &[("code_verifier", "")]).await.assert_oauth(400, "invalid_request");
    world.redeem("", &[]).await.assert_oauth(400, "invalid_request");
    world.redeem(&code, &[("client_id", "nobody")]).await.assert_oauth(401, "invalid_client");
    assert_eq!(world.redeem(&code, &[]).await.status, 200);
    for none in ["x", &first[1..], "\0"] {
        world.redeem(none, &[]).await.assert_oauth(400, "invalid_grant");
    }
}

#[tokio::test]
async fn a_code_is_good_for_a_minute() {
    let world = World::with_app().await;
    let (mut browser, _) = world.authorized(&request(&[])).await;
    for (age, good) in [(59, true), (60, false), (3_600, false)] {
        let code = browser.get(&world, &request(&[])).await.sent("code");
        world.advance(age);
        assert_eq!(world.redeem(&code, &[]).await.status.is_success(), good, "{age}");
    }
}

#[tokio::test]
async fn of_many_uses_at_once_one_is_answered_and_comes_to_nothing() {
    let world = World::with_app().await;
    let (_, code) = world.authorized(&request(&[])).await;
    let body = query(&[
        ("grant_type", "authorization_code"),
        ("client_id", "app"),
        ("code", &code),
        ("redirect_uri", HERE),
        ("code_verifier", VERIFIER),
    ]);
    let uses: Vec<_> = (0..8)
        .map(|_| {
            let request = Request::post(TOKEN).header("content-type", "application/x-www-form-urlencoded");
            let request = request.body(Full::from(body.clone())).unwrap();
            tokio::spawn(world.service.clone().oneshot(request))
        })
        .collect();
    let mut answered = Vec::new();
    for task in uses {
        let response = task.await.unwrap().unwrap();
        if response.status() == 200 {
            let body = response.into_body().collect().await.unwrap().to_bytes();
            answered.push(serde_json::from_slice::<Value>(&body).unwrap()["access_token"].as_str().unwrap().to_owned());
        }
    }
    // None, when the second use came before the first had opened its session.
    assert!(answered.len() <= 1, "{}", answered.len());
    for access in answered {
        world.get("/v1/me", &access).await.assert_problem(401, "auth.invalid_token");
    }
}

#[tokio::test]
async fn a_code_of_somebody_who_was_suspended_meanwhile_is_none() {
    let world = World::with_app().await;
    let (_, code) = world.authorized(&request(&[])).await;
    let alice = world.stores.accounts.find("alice").await.unwrap().unwrap().user_id;
    let now = Timestamp::from_secs(1_750_000_000);
    world.stores.accounts.change(alice, AccountChange::Suspend, now, None).await.unwrap();
    let answer = world.redeem(&code, &[]).await;
    answer.assert_oauth(400, "invalid_grant");
}

#[tokio::test]
async fn what_was_allowed_in_the_name_of_another_password_is_refused() {
    let world = World::with_app().await;
    let (mut browser, code) = world.authorized(&request(&[])).await;
    let (device_code, user_code) = world.begin("chat:read").await;
    let page = browser.get(&world, "/v1/oauth2/device").await;
    let page = browser.submit(&world, &page, &[("user_code", &user_code)]).await;
    browser.submit(&world, &page, &[("decision", "allow")]).await.assert_page(200, "The device is connected");
    // The tickets are still there, as if they were made at the same moment.
    let alice = world.stores.accounts.find("alice").await.unwrap().unwrap().user_id;
    let now = Timestamp::from_secs(1_750_000_000);
    world.stores.accounts.change(alice, AccountChange::Password(None), now, None).await.unwrap();
    world.redeem(&code, &[]).await.assert_oauth(400, "invalid_grant");
    world.poll(&device_code).await.assert_oauth(400, "invalid_grant");
    assert_eq!(of_app(&world, now).await, 0);
}

/// How many sessions of the app alice has at that time.
async fn of_app(world: &World, now: Timestamp) -> usize {
    let alice = world.stores.accounts.find("alice").await.unwrap().unwrap().user_id;
    let sessions = world.stores.sessions.list(alice, None, now, 10).await.unwrap();
    sessions.iter().filter(|session| session.client_id == "app").count()
}

#[tokio::test]
async fn without_offline_access_the_session_ends_with_its_access_token() {
    let world = World::with_app().await;
    let (_, code) = world.authorized(&request(&[])).await;
    let answer = world.redeem(&code, &[]).await.json();
    assert_eq!((answer.get("refresh_token"), answer.get("id_token")), (None, None));
    for (age, count) in [(599, 1), (600, 0)] {
        assert_eq!(of_app(&world, Timestamp::from_secs(1_750_000_000 + age)).await, count, "{age}");
    }
}

#[tokio::test]
async fn an_address_that_was_not_named_is_not_named_again() {
    let world = World::with_app().await;
    let one = OAuthClient { client_id: "one".to_owned(), redirect_uris: vec![HERE.to_owned()], ..app() };
    world.stores.clients.create(one, None).await.unwrap();
    let wants = request(&[("client_id", "one"), ("redirect_uri", "")]);
    let (mut browser, code) = world.authorized(&wants).await;
    assert_eq!(world.redeem(&code, &[("client_id", "one"), ("redirect_uri", "")]).await.status, 200);
    let code = browser.get(&world, &wants).await.sent("code");
    world.redeem(&code, &[("client_id", "one")]).await.assert_oauth(400, "invalid_grant");
}
