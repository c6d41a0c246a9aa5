//! What an app may not do that somebody lets act for them: nothing by which anybody comes in once the grant is gone.

use std::sync::Arc;

use bartab_auth::{Act, Login, NewClient};
use bartab_core::{Actor, Scopes, TenantRole};
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use serde_json::{Value, json};

use crate::authorize::{HERE, request};
use crate::browser::Browser;
use crate::world::{PASSWORD, World};

/// A tenant where alice keeps order, and what she has granted an app: all that it can have.
async fn with_app() -> (World, String) {
    let world = World::open().await;
    world.account("alice", TenantRole::Moderator).await;
    let scopes: Scopes = "chat:read rooms:manage profile:write".parse().unwrap();
    let client = world.client(NewClient { scopes: Some(scopes), ..NewClient::app("Wiki", &[HERE]) }).await;
    let token = world.allowed(&client, &scopes.to_string()).await.text("access_token");
    (world, token)
}

#[tokio::test]
async fn an_app_makes_and_changes_nothing_that_one_comes_in_by() {
    let (world, app) = with_app().await;
    let own = world.service.auth().login(Login::new("alice", PASSWORD)).await.unwrap();
    let bot = world.post("/v1/bots", &own.access_token, json!({"name": "B", "scopes": ["chat:read"]})).await;
    let bot = format!("/v1/bots/{}", bot.text("bot_id"));
    let invite =
        format!("/v1/invites/{}", world.post("/v1/invites", &own.access_token, json!({})).await.text("invite_id"));
    let session = format!("/v1/me/sessions/{}", own.session_id);
    let otp = json!({"code": "123456"});
    let password = json!({"current": PASSWORD, "new": "another good passphrase"});
    for (method, path, body) in [
        (Method::POST, "/v1/bots", json!({"name": "Mine", "scopes": ["chat:read"]})),
        (Method::PATCH, &*bot, json!({"name": "Mine"})),
        (Method::POST, &*format!("{bot}/secret"), json!({})),
        (Method::DELETE, &*bot, Value::Null),
        (Method::POST, "/v1/invites", json!({})),
        (Method::DELETE, &*invite, Value::Null),
        (Method::PATCH, &*session, json!({"device_name": "x"})),
        (Method::DELETE, &*session, Value::Null),
        (Method::DELETE, "/v1/me/sessions", Value::Null),
        (Method::POST, "/v1/me/password", password),
        (Method::POST, "/v1/me/mfa/totp", json!({"password": PASSWORD})),
        (Method::POST, "/v1/me/mfa/totp/confirm", otp.clone()),
        (Method::POST, "/v1/me/mfa/totp/recovery_codes", otp),
        (Method::DELETE, "/v1/me/mfa/totp", json!({"password": PASSWORD})),
    ] {
        let answer = world.call(method.clone(), path, &app, body).await;
        assert_eq!(answer.status, 403, "{method} {path}: {answer:?}");
        answer.assert_problem(403, "permission.denied");
        assert!(answer.text("detail").contains("no app"), "{method} {path}: {answer:?}");
    }
    // What it was granted, it does.
    assert_eq!(world.call(Method::PATCH, "/v1/me", &app, json!({"display_name": "A."})).await.status, 200);
    assert_eq!(world.get("/v1/bots", &app).await.json()["items"][0]["name"], "B");
    assert_eq!(world.post("/v1/auth/logout", &app, Value::Null).await.status, 204);
    assert_eq!(world.get("/v1/me", &own.access_token).await.status, 200);
}

#[tokio::test]
async fn an_app_of_an_administrator_s_makes_nothing_that_one_comes_in_by_either() {
    let world = World::open().await;
    let alice = world.account("alice", TenantRole::Administrator).await;
    let bob = world.person("bob").await;
    let scopes: Scopes = "admin".parse().unwrap();
    let client = world.client(NewClient { scopes: Some(scopes), ..NewClient::app("Wiki", &[HERE]) }).await;
    let app = world.allowed(&client, "admin").await.text("access_token");
    let kid = world.get("/v1/admin/keys", &alice.access_token).await.json()["items"][0]["kid"].clone();
    for (method, path, body) in [
        (Method::POST, &*format!("/v1/admin/users/{}/reset", bob.user_id), json!({"reason": "lost"})),
        (
            Method::POST,
            "/v1/admin/clients",
            json!({"name": "Mine", "confidential": true, "redirect_uris": [HERE], "reason": "needed"}),
        ),
        (Method::DELETE, &*format!("/v1/admin/clients/{}", client.client.client_id), json!({"reason": "gone"})),
        (Method::POST, "/v1/admin/keys/rotate", json!({"now": true, "reason": "found"})),
        (Method::POST, &*format!("/v1/admin/keys/{}/retire", kid.as_str().unwrap()), json!({"reason": "found"})),
    ] {
        let answer = world.call(method.clone(), path, &app, body).await;
        assert_eq!(answer.status, 403, "{method} {path}: {answer:?}");
        answer.assert_problem(403, "permission.denied");
        assert!(answer.text("detail").contains("no app"), "{method} {path}: {answer:?}");
    }
    assert_eq!(world.get("/v1/admin/users", &app).await.status, 200);
}

#[tokio::test]
async fn the_permissions_of_an_app_say_so() {
    let (world, app) = with_app().await;
    let answer = world.get("/v1/me/permissions", &app).await.json();
    let own: Vec<&str> = answer["permissions"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|item| item["why"] == "client")
        .map(|item| {
            assert_eq!(item["allowed"], false);
            item["permission"].as_str().unwrap()
        })
        .collect();
    assert_eq!(own, ["sessions.manage", "bots.create", "invites.create"]);
}

#[tokio::test]
async fn an_embedder_s_own_people_are_no_apps() {
    let (world, app) = with_app().await;
    let alice = world.service.auth().verifier().verify(&app).unwrap();
    let embedded = Actor { tenant_role: TenantRole::Moderator, ..Actor::person(alice.user_id, "Alice") };
    let request = Request::post("/v1/bots").extension(Arc::new(embedded));
    let answer = world.send(request.body(Full::<Bytes>::from(r#"{"name":"B"}"#)).unwrap()).await;
    assert_eq!(answer.status, 201, "{answer:?}");
}

#[tokio::test]
async fn an_app_whose_session_is_ended_has_to_ask_again() {
    let world = World::open().await;
    world.account("alice", TenantRole::Member).await;
    let scope = "chat:read";
    let scopes: Scopes = scope.parse().unwrap();
    let mut apps = Vec::new();
    for name in ["Wiki", "Blog"] {
        let client = world.client(NewClient { scopes: Some(scopes), ..NewClient::app(name, &[HERE]) }).await;
        let session = world.allowed(&client, scope).await.text("session_id");
        apps.push((client.client.client_id, session));
    }
    let own = world.service.auth().login(Login::new("alice", PASSWORD)).await.unwrap();
    let (wiki, blog) = (&*apps[0].0, &*apps[1].0);
    let allowed = async |client: &str| world.stores.clients.consent(own.user_id, client).await.unwrap();
    let end = async |path: &str| world.call(Method::DELETE, path, &own.access_token, Value::Null).await.status;
    assert_eq!((allowed(wiki).await, allowed(blog).await), (scopes, scopes));
    // One of our own is nobody's to be asked about, and another's is none.
    let other = world.service.auth().login(Login::new("alice", PASSWORD)).await.unwrap();
    assert_eq!(end(&format!("/v1/me/sessions/{}", other.session_id)).await, 204);
    let bob = world.person("bob").await;
    let path = format!("/v1/me/sessions/{}", apps[0].1);
    assert_eq!(world.call(Method::DELETE, &path, &bob.access_token, Value::Null).await.status, 404);
    assert_eq!((allowed(wiki).await, allowed(blog).await), (scopes, scopes));
    assert_eq!(end(&path).await, 204);
    assert_eq!((allowed(wiki).await, allowed(blog).await), (Scopes::NONE, scopes));
    let mut browser = Browser::default();
    let page = browser.get(&world, &request(&[("client_id", wiki)])).await;
    world.sign_in(&mut browser, &page, "alice").await.assert_page(200, "Wiki asks for access");
    assert_eq!(end("/v1/me/sessions").await, 204);
    assert_eq!(allowed(blog).await, Scopes::NONE);
}

#[tokio::test]
async fn a_token_says_of_the_account_what_its_scopes_are_for() {
    let world = World::open().await;
    let alice = world.account("alice", TenantRole::Member).await;
    let client = world.client(NewClient { scopes: None, ..NewClient::app("Wiki", &[HERE]) }).await;
    let openid = world.allowed(&client, "openid offline_access").await.text("access_token");
    world.get("/v1/me", &openid).await.assert_problem(403, "auth.insufficient_scope");
    assert_eq!(world.get("/v1/oauth2/userinfo", &openid).await.status, 200);
    let profile = world.allowed(&client, "openid profile").await.text("access_token");
    assert_eq!(world.get("/v1/me", &profile).await.status, 200);
    world.get("/v1/me/sessions", &profile).await.assert_problem(403, "auth.insufficient_scope");
    assert_eq!(world.get("/v1/me/sessions", &alice.access_token).await.status, 200);
}

#[tokio::test]
async fn a_reset_leaves_nothing_that_lets_anybody_in_again() {
    let world = World::open().await;
    let alice = world.account("alice", TenantRole::Moderator).await;
    let scopes: Scopes = "chat:read".parse().unwrap();
    let client = world.client(NewClient { scopes: Some(scopes), ..NewClient::app("Wiki", &[HERE]) }).await;
    world.allowed(&client, "chat:read").await;
    let made = async |token: &str| {
        let bot = world.post("/v1/bots", token, json!({"name": "B", "scopes": ["chat:read"]})).await;
        let [id, secret] = ["client_id", "client_secret"].map(|field| bot.text(field));
        format!("grant_type=client_credentials&client_id={id}&client_secret={secret}")
    };
    let bot = made(&alice.access_token).await;
    let running = world.form("/v1/oauth2/token", &bot).await.text("access_token");
    let invite = world.post("/v1/invites", &alice.access_token, json!({})).await.text("code");
    let mona = world.account("mona", TenantRole::Moderator).await;
    let others = made(&mona.access_token).await;
    let other_invite = world.post("/v1/invites", &mona.access_token, json!({})).await.text("code");

    let link = world.service.auth().reset_sign_in(&Act::operator("taken over"), alice.user_id).await.unwrap();
    let consent = world.stores.clients.consent(alice.user_id, &client.client.client_id).await.unwrap();
    assert_eq!(consent, Scopes::NONE);
    world.form("/v1/oauth2/token", &bot).await.assert_oauth(401, "invalid_client");
    world.get("/v1/me", &running).await.assert_problem(401, "auth.invalid_token");
    let join = async |name: &str, code: &str| {
        let body = json!({"username": name, "password": PASSWORD, "invite": code});
        world.post("/v1/auth/register", "", body).await
    };
    join("eve", &invite).await.assert_problem(403, "registration.invite_invalid");
    assert_eq!(join("bob", &other_invite).await.status, 201);
    assert_eq!(world.form("/v1/oauth2/token", &others).await.status, 200);

    // Back again, she gives her bot a new secret.
    let token = link.split_once("token=").unwrap().1;
    world.service.auth().use_reset(token, "another good passphrase").await.unwrap();
    let own = world.service.auth().login(Login::new("alice", "another good passphrase")).await.unwrap();
    let bots = world.get("/v1/bots", &own.access_token).await.json();
    let path = format!("/v1/bots/{}/secret", bots["items"][0]["bot_id"].as_str().unwrap());
    let secret = world.post(&path, &own.access_token, json!({})).await;
    let [id, secret] = ["client_id", "client_secret"].map(|field| secret.text(field));
    let form = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
    assert_eq!(world.form("/v1/oauth2/token", &form).await.status, 200);
}
