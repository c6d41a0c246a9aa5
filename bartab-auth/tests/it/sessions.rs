//! Sessions: listed, ended, and refused at once when they are.

use std::sync::{Arc, Mutex};

use bartab_auth::Login;
use bartab_core::{Actor, SessionId};
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use serde_json::{Value, json};

use crate::world::{PASSWORD, World, config};

const PATH: &str = "/v1/me/sessions";

#[tokio::test]
async fn they_are_listed_newest_first_and_of_one_person_alone() {
    let world = World::open().await;
    let first = world.person("alice").await;
    world.person("bob").await;
    world.advance(10);
    let second = world
        .service
        .auth()
        .login(Login { device_name: Some("phone"), ..Login::new("alice", PASSWORD) })
        .await
        .unwrap();
    let json = world.get(PATH, &second.access_token).await.json();
    assert_eq!(json["next_cursor"], Value::Null);
    let items = json["items"].as_array().unwrap();
    assert_eq!(items.len(), 2);
    assert_eq!(
        items[0],
        json!({
            "session_id": second.session_id, "client_id": "bartab", "device_name": "phone",
            "methods": ["pwd"], "scope": second.scope,
            "created_at": "2025-06-15T15:06:50.000Z", "last_used_at": "2025-06-15T15:06:50.000Z",
            "expires_at": "2025-07-15T15:06:50.000Z", "current": true,
        })
    );
    assert_eq!((&items[1]["session_id"], &items[1]["current"]), (&json!(first.session_id), &json!(false)));
}

#[tokio::test]
async fn logging_out_ends_the_session_at_once() {
    let world = World::open().await;
    let tokens = world.person("alice").await;
    let other = world.service.auth().login(Login::new("alice", PASSWORD)).await.unwrap();
    // The token is a known one from here on: forgetting it must come with the session's end.
    assert_eq!(world.get("/v1/me", &tokens.access_token).await.status, 200);
    let answer = world.post("/v1/auth/logout", &tokens.access_token, json!(null)).await;
    assert_eq!((answer.status.as_u16(), &*answer.body), (204, &b""[..]));
    let refused = world.get("/v1/me", &tokens.access_token).await;
    refused.assert_problem(401, "auth.invalid_token");
    assert!(refused.header("www-authenticate").contains("revoked"));
    world.refresh(&tokens.refresh_token).await.assert_oauth(400, "invalid_grant");
    assert_eq!(world.get("/v1/me", &other.access_token).await.status, 200);
}

#[tokio::test]
async fn an_ended_session_stays_ended_when_the_tenant_is_opened_again() {
    let world = World::open().await;
    let tokens = world.person("alice").await;
    let kept = world.person("bob").await;
    world.post("/v1/auth/logout", &tokens.access_token, json!(null)).await;
    let again = World::on(world.stores.clone(), config(), 9).await;
    again.get("/v1/me", &tokens.access_token).await.assert_problem(401, "auth.invalid_token");
    assert_eq!(again.get("/v1/me", &kept.access_token).await.status, 200);
}

#[tokio::test]
async fn one_session_is_ended_by_its_owner_alone() {
    let world = World::open().await;
    let alice = world.person("alice").await;
    let phone = world.service.auth().login(Login::new("alice", PASSWORD)).await.unwrap();
    let bob = world.person("bob").await;
    let path = format!("{PATH}/{}", phone.session_id);
    let end = |token: String| world.call(Method::DELETE, &path, token.leak(), json!(null));
    end(bob.access_token).await.assert_problem(404, "session.not_found");
    assert_eq!(world.get("/v1/me", &phone.access_token).await.status, 200);
    assert_eq!(end(alice.access_token.clone()).await.status, 204);
    world.get("/v1/me", &phone.access_token).await.assert_problem(401, "auth.invalid_token");
    end(alice.access_token.clone()).await.assert_problem(404, "session.not_found");
    for id in ["x", "user_00000000000000000000000000", "sess_", "sess_%20", "sess_%ff"] {
        let answer = world.call(Method::DELETE, &format!("{PATH}/{id}"), &alice.access_token, json!(null)).await;
        answer.assert_problem(400, "request.invalid_id");
    }
}

#[tokio::test]
async fn a_session_is_named_by_its_owner_alone_while_it_lives() {
    let world = World::open().await;
    let alice = world.person("alice").await;
    let bob = world.person("bob").await;
    let name = async |token: &str, session: &str, body: Value| {
        world.call(Method::PATCH, &format!("{PATH}/{session}"), token, body).await
    };
    let (token, id) = (&alice.access_token, alice.session_id.to_string());
    let named = name(token, &id, json!({"device_name": "Al\u{e9}'s \u{1f4f1}"})).await;
    assert_eq!((named.status.as_u16(), named.text("device_name")), (200, "Al\u{e9}'s \u{1f4f1}".to_owned()));
    assert_eq!(named.json()["current"], json!(true));
    assert_eq!(world.get(PATH, token).await.json()["items"][0], named.json());
    for (body, code) in [
        (json!({"device_name": " "}), "too_short"),
        (json!({"device_name": "x".repeat(65)}), "too_long"),
        (json!({"device_name": "a\u{7}"}), "invalid"),
        (json!({"device_name": null}), "invalid"),
        (json!({}), "missing"),
    ] {
        let answer = name(token, &id, body).await;
        answer.assert_problem(400, "request.invalid");
        assert_eq!(answer.wrong_field(), ("/device_name".to_owned(), code.to_owned()));
    }
    let phone = json!({"device_name": "phone"});
    name(&bob.access_token, &id, phone.clone()).await.assert_problem(404, "session.not_found");
    name(token, "x", phone.clone()).await.assert_problem(400, "request.invalid_id");
    let body = format!("grant_type=refresh_token&refresh_token={}&scope=chat:read", bob.refresh_token);
    let narrow = world.form("/v1/oauth2/token", &body).await.text("access_token");
    let of_bob = bob.session_id.to_string();
    name(&narrow, &of_bob, phone.clone()).await.assert_problem(403, "auth.insufficient_scope");
    let other = world.service.auth().login(Login::new("alice", PASSWORD)).await.unwrap();
    world.post("/v1/auth/logout", &other.access_token, json!(null)).await;
    name(token, &other.session_id.to_string(), phone).await.assert_problem(404, "session.not_found");
}

#[tokio::test]
async fn all_the_others_are_ended_and_listeners_are_told() {
    let world = World::open().await;
    let first = world.person("alice").await;
    let second = world.service.auth().login(Login::new("alice", PASSWORD)).await.unwrap();
    let bob = world.person("bob").await;
    let told: Arc<Mutex<Vec<SessionId>>> = Arc::default();
    let sink = Arc::clone(&told);
    world.service.revocations().on_revoked(move |session| sink.lock().unwrap().push(session));
    let answer = world.call(Method::DELETE, PATH, &second.access_token, json!(null)).await;
    assert_eq!(answer.status, 204);
    world.get("/v1/me", &first.access_token).await.assert_problem(401, "auth.invalid_token");
    for token in [&second.access_token, &bob.access_token] {
        assert_eq!(world.get("/v1/me", token).await.status, 200);
    }
    assert_eq!(*told.lock().unwrap(), [first.session_id]);
    assert!(world.service.revocations().is_revoked(first.session_id));
    assert!(!world.service.revocations().is_revoked(second.session_id));
}

#[tokio::test]
async fn credentials_without_a_session_cannot_log_out() {
    let world = World::open().await;
    let tokens = world.person("alice").await;
    let actor = Arc::new(Actor::person(tokens.user_id, "alice"));
    let request = Request::post("/v1/auth/logout").extension(actor).body(Full::<Bytes>::default()).unwrap();
    world.send(request).await.assert_problem(409, "session.none");
}

#[tokio::test]
async fn sessions_that_are_over_are_cleared_away_in_time() {
    let world = World::open().await;
    let alice = world.person("alice").await;
    world.post("/v1/auth/logout", &alice.access_token, json!(null)).await;
    world.advance(601);
    for _ in 0..63 {
        world.service.auth().sign_in(alice.user_id, None).await.unwrap();
    }
    assert_eq!(world.stores.sessions.get(alice.session_id).await.unwrap(), None);
    assert_eq!(
        world.stores.sessions.list(alice.user_id, None, bartab_core::Timestamp::from_secs(0), 100).await.unwrap().len(),
        63
    );
}

#[tokio::test]
async fn they_are_read_page_by_page() {
    let world = World::open().await;
    let mut made = vec![world.person("alice").await];
    for _ in 0..4 {
        world.advance(1);
        made.push(world.service.auth().login(Login::new("alice", PASSWORD)).await.unwrap());
    }
    let token = made.last().unwrap().access_token.clone();
    let (mut pages, mut found, mut cursor) = (0, Vec::new(), String::new());
    loop {
        let page = world.get(&format!("{PATH}?limit=2{cursor}"), &token).await.json();
        found.extend(page["items"].as_array().unwrap().iter().map(|item| item["session_id"].clone()));
        pages += 1;
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    let newest_first: Vec<Value> = made.iter().rev().map(|tokens| json!(tokens.session_id)).collect();
    assert_eq!((pages, found), (3, newest_first));
    for query in ["?limit=0", "?limit=201", "?cursor=user_0", "?page=2"] {
        world.get(&format!("{PATH}{query}"), &token).await.assert_problem(400, "request.invalid");
    }
}
