//! The account feed over HTTP: for services of the tenant alone, page by page, and held until there is news.

use std::sync::Arc;

use bartab_auth::{Act, NewAccount, NewClient};
use bartab_core::store::{Grant, Grants};
use bartab_core::{Actor, ActorKind, Scope, Scopes, TenantRole, UserId};
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tower::ServiceExt as _;

use crate::world::{PASSWORD, World};

const ADMIN: Scopes = Scopes::NONE.with(Scope::Admin);

async fn service(world: &World) -> String {
    let client = world.client(NewClient::service("Chat", ADMIN)).await;
    world.form_as(&client, "/v1/oauth2/token", "grant_type=client_credentials").await.text("access_token")
}

/// Somebody new, without a session.
async fn newcomer(world: &World, username: &str) -> UserId {
    world.service.auth().create_account(NewAccount::member(username, PASSWORD)).await.unwrap().user_id
}

async fn waits(world: &World, number: usize) {
    while world.service.auth().waiting_for_accounts() != number {
        tokio::task::yield_now().await;
    }
}

/// Asks, and gives the answer once there is one; it waits by then.
async fn ask(world: &World, token: &str, query: &str) -> JoinHandle<(u16, Value)> {
    let request = Request::get(format!("/v1/accounts/feed?{query}")).header("authorization", format!("Bearer {token}"));
    let request = request.body(Full::<Bytes>::default()).unwrap();
    let (service, before) = (world.service.clone(), world.service.auth().waiting_for_accounts());
    let asking = tokio::spawn(async move {
        let answer = service.oneshot(request).await.unwrap();
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap())
    });
    waits(world, before + 1).await;
    asking
}

#[tokio::test]
async fn only_a_service_with_the_scope_follows_the_accounts() {
    let world = World::open().await;
    let path = "/v1/accounts/feed?timeout=0";
    world.get(path, "").await.assert_problem(401, "auth.required");
    world.get(path, "x.y.z").await.assert_problem(401, "auth.invalid_token");
    for role in [TenantRole::Guest, TenantRole::Administrator, TenantRole::Owner] {
        let token = world.account(&format!("{role:?}").to_lowercase(), role).await.access_token;
        world.get(path, &token).await.assert_problem(403, "account_feed.services_only");
        // What else is wrong is not looked at.
        world.get("/v1/accounts/feed?x=1", &token).await.assert_problem(403, "account_feed.services_only");
    }
    let other = world.client(NewClient::service("Search", Scopes::NONE.with(Scope::ChatRead))).await;
    let grants = Some(Grants::default().with(Grant::ClientCredentials));
    let app = NewClient { grants, scopes: Some(ADMIN.with(Scope::ChatRead)), ..NewClient::app("Wiki", &[]) };
    for client in [other, world.client(app).await] {
        let token = world.form_as(&client, "/v1/oauth2/token", "grant_type=client_credentials").await;
        world.get(path, &token.text("access_token")).await.assert_problem(403, "auth.insufficient_scope");
    }
    assert_eq!(world.get(path, &service(&world).await).await.status, 200);
}

#[tokio::test]
async fn the_feed_is_read_page_by_page() {
    let world = World::open().await;
    let token = service(&world).await;
    let alice = newcomer(&world, "alice").await;
    newcomer(&world, "bob").await;
    let auth = world.service.auth();
    auth.suspend(&Act::operator("spam"), alice).await.unwrap();
    auth.erase(&Act::operator("asked for it"), alice, true).await.unwrap();
    let page = world.get("/v1/accounts/feed?limit=3", &token).await;
    assert_eq!((page.status.as_u16(), page.header("cache-control")), (200, "no-store"));
    let page = page.json();
    let news: Vec<&Value> = page["items"].as_array().unwrap().iter().map(|entry| &entry["news"]).collect();
    let created = json!({"type": "created", "rooms": [], "invited_by": null});
    assert_eq!(news, [&created, &created, &json!({"type": "suspended"})]);
    assert_eq!(page["next"], 3);
    // Erased by now: the feed has no name of hers.
    let expected = json!({
        "number": 4, "user_id": alice, "at": "2025-06-15T15:06:40.000Z", "kind": "person", "role": "guest", "state": "erased",
        "news": {"type": "erased", "messages": true}, "profile": {"display_name": "", "avatar": null, "rev": 2},
    });
    let rest = world.get("/v1/accounts/feed?after=3", &token).await.json();
    assert_eq!(rest, json!({"items": [expected], "next": 4}));
    assert_eq!(world.get("/v1/accounts/feed?after=4&timeout=1", &token).await.json(), json!({"items": [], "next": 4}));
    let beyond = world.get("/v1/accounts/feed?after=99&timeout=0", &token).await.json();
    assert_eq!(beyond, json!({"items": [], "next": 99}));
}

#[tokio::test]
async fn wrong_parameters_are_named() {
    let world = World::open().await;
    let token = service(&world).await;
    for (query, name, code) in [
        ("after=x", "?after", "invalid"),
        ("after=-1", "?after", "invalid"),
        ("after=9007199254740992", "?after", "out_of_range"),
        ("limit=0", "?limit", "out_of_range"),
        ("limit=201", "?limit", "out_of_range"),
        ("timeout=55001", "?timeout", "out_of_range"),
        ("timeout=1s", "?timeout", "invalid"),
        ("since=1", "?since", "unknown_field"),
        ("after=1&after=2", "?after", "duplicate_field"),
    ] {
        let answer = world.get(&format!("/v1/accounts/feed?{query}"), &token).await;
        answer.assert_problem(400, "request.invalid");
        assert_eq!(answer.wrong_field(), (name.to_owned(), code.to_owned()), "{query}");
    }
}

#[tokio::test]
async fn who_waits_is_answered_at_once_when_somebody_signs_up() {
    let world = World::open().await;
    let token = service(&world).await;
    let asking = ask(&world, &token, "after=0&timeout=55000").await;
    let alice = world.person("alice").await.user_id;
    let (status, page) = asking.await.unwrap();
    assert_eq!((status, &page["items"][0]["user_id"], &page["next"]), (200, &json!(alice), &json!(1)));
    assert_eq!(world.service.auth().waiting_for_accounts(), 0);
}

#[tokio::test]
async fn a_wait_ends_with_the_service() {
    let world = World::open().await;
    let token = service(&world).await;
    let asking = ask(&world, &token, "timeout=55000").await;
    world.service.auth().end_waits();
    assert_eq!(asking.await.unwrap(), (200, json!({"items": [], "next": 0})));
    let later = world.get("/v1/accounts/feed?timeout=55000", &token).await;
    assert_eq!(later.json(), json!({"items": [], "next": 0}));
}

#[tokio::test]
async fn a_wait_ends_with_the_credentials() {
    let world = World::open().await;
    let kind = ActorKind::Service;
    let expires_at = Some(bartab_core::Clock::now(&*world.clock));
    let actor = Actor { kind, scopes: ADMIN, expires_at, ..Actor::person(UserId::from_u128(1), "chat") };
    let mut request = Request::get("/v1/accounts/feed?timeout=55000").body(Full::<Bytes>::default()).unwrap();
    request.extensions_mut().insert(Arc::new(actor));
    assert_eq!(world.send(request).await.json(), json!({"items": [], "next": 0}));
}

#[tokio::test]
async fn a_client_that_is_removed_while_it_waits_learns_nothing_more() {
    let world = World::open().await;
    let client = world.client(NewClient::service("Chat", ADMIN)).await;
    let token = world.form_as(&client, "/v1/oauth2/token", "grant_type=client_credentials").await.text("access_token");
    let asking = ask(&world, &token, "timeout=55000").await;
    world.service.auth().remove_client(&Act::operator("gone"), &client.client.client_id).await.unwrap();
    let (status, problem) = asking.await.unwrap();
    assert_eq!((status, &problem["code"]), (401, &json!("auth.invalid_token")));
}

#[tokio::test]
async fn so_many_wait_and_no_more() {
    let world = World::open().await;
    let token = service(&world).await;
    let mut asking = Vec::new();
    for _ in 0..64 {
        asking.push(ask(&world, &token, "timeout=55000").await);
    }
    let refused = world.get("/v1/accounts/feed?timeout=55000", &token).await;
    refused.assert_problem(503, "account_feed.too_many_waiting");
    assert!(!refused.header("retry-after").is_empty());
    assert_eq!(world.get("/v1/accounts/feed?timeout=0", &token).await.status, 200);
    newcomer(&world, "alice").await;
    for one in asking {
        assert_eq!(one.await.unwrap().1["next"], 1);
    }
    assert_eq!(world.call(Method::POST, "/v1/accounts/feed", &token, Value::Null).await.status, 405);
}
