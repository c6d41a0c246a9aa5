//! Making accounts: the shapes of API.md, the rules for names and passwords, and what hostile bodies get.

use bartab_auth::{Config, NewAccount, NewRegistration};
use bartab_core::store::AccountState;
use bartab_core::{Scope, TenantRole};
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use serde_json::{Value, json};

use crate::world::{PASSWORD, World, config, memory};

const PATH: &str = "/v1/auth/register";

#[tokio::test]
async fn an_account_is_made_and_signed_in() {
    let world = World::open().await;
    let answer = world.post(PATH, "", json!({"username": "Alice", "password": PASSWORD})).await;
    assert_eq!(answer.status, 201);
    assert_eq!((answer.header("cache-control"), answer.header("pragma")), ("no-store", "no-cache"));
    let json = answer.json();
    let mut fields: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
    fields.sort_unstable();
    let expected = ["access_token", "expires_in", "refresh_token", "scope", "session_id", "token_type", "user_id"];
    assert_eq!(fields, expected);
    assert_eq!((&json["token_type"], &json["expires_in"]), (&json!("Bearer"), &json!(600)));
    assert!(answer.text("user_id").starts_with("user_") && answer.text("session_id").starts_with("sess_"));
    let me = world.get("/v1/me", &answer.text("access_token")).await;
    assert_eq!((me.text("username"), me.text("display_name")), ("alice".to_owned(), "Alice".to_owned()));
    assert_eq!(me.text("role"), "member");
}

#[tokio::test]
async fn a_display_name_may_be_given() {
    let world = World::open().await;
    let body = json!({"username": "pb0", "password": PASSWORD, "display_name": "Al\u{e9} \u{1f37a}"});
    let answer = world.post(PATH, "", body).await;
    assert_eq!(answer.status, 201);
    assert_eq!(world.get("/v1/me", &answer.text("access_token")).await.text("display_name"), "Al\u{e9} \u{1f37a}");
}

#[tokio::test]
async fn a_username_is_taken_once_in_any_case() {
    let world = World::open().await;
    world.person("alice").await;
    for username in ["alice", "ALICE"] {
        let answer = world.post(PATH, "", json!({"username": username, "password": PASSWORD})).await;
        answer.assert_problem(409, "username.taken");
    }
}

#[tokio::test]
async fn of_many_at_once_with_one_username_one_gets_it() {
    let world = World::open().await;
    let mut made = 0;
    let attempts: Vec<_> = (0..8)
        .map(|_| {
            let auth = world.service.auth().clone();
            tokio::spawn(async move { auth.register(NewRegistration::new("alice", PASSWORD)).await.is_ok() })
        })
        .collect();
    for attempt in attempts {
        made += u32::from(attempt.await.unwrap());
    }
    assert_eq!(made, 1);
}

#[tokio::test]
async fn every_broken_rule_is_named() {
    let world = World::open().await;
    let long = "x".repeat(129);
    for (body, pointer, code) in [
        (json!({"username": "", "password": PASSWORD}), "/username", "missing"),
        (json!({"username": "x".repeat(33), "password": PASSWORD}), "/username", "too_long"),
        (json!({"username": ".alice", "password": PASSWORD}), "/username", "invalid"),
        (json!({"username": "al ice", "password": PASSWORD}), "/username", "invalid"),
        (json!({"username": "\u{430}lice", "password": PASSWORD}), "/username", "invalid"),
        (json!({"username": "alice\r\nx: y", "password": PASSWORD}), "/username", "invalid"),
        (json!({"username": "alice", "password": "1234567"}), "/password", "too_short"),
        (json!({"username": "alice", "password": long}), "/password", "too_long"),
        (json!({"username": "alice", "password": PASSWORD, "display_name": " "}), "/display_name", "too_short"),
        (json!({"username": "alice", "password": PASSWORD, "display_name": "a\u{0}"}), "/display_name", "invalid"),
        (
            json!({"username": "alice", "password": PASSWORD, "display_name": "x".repeat(65)}),
            "/display_name",
            "too_long",
        ),
        (json!({"username": "alice", "password": PASSWORD, "admin": true}), "/admin", "unknown_field"),
        (json!({"username": "alice"}), "/password", "missing"),
        (json!({"username": 7, "password": PASSWORD}), "/username", "invalid"),
    ] {
        let answer = world.post(PATH, "", body).await;
        answer.assert_problem(400, "request.invalid");
        assert_eq!(answer.wrong_field(), (pointer.to_owned(), code.to_owned()));
    }
    let both = world.post(PATH, "", json!({"username": "", "password": ""})).await;
    assert_eq!(both.json()["errors"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn names_that_look_like_another_s_are_refused() {
    let world = World::open().await;
    world.person("alice").await;
    let look_alikes = [
        "\u{ff41}lice",  // full width
        "\u{430}lice",   // Cyrillic
        "al\u{131}ce",   // without its dot
        "ali\u{200d}ce", // joined by what shows nothing
        "ali\u{ad}ce",   // a soft hyphen
        "alice\u{301}",  // an accent of its own
        "\u{1d41a}lice", // a letter of mathematics
        "al\u{2170}ce",  // a Roman numeral
        "\u{202e}ecila", // written from right to left
        "alice\u{feff}",
        "\u{212a}ate", // the Kelvin sign, which is a k in lower case
        "\u{17f}am",   // the long s, which is an S in capitals
    ];
    for username in look_alikes {
        let answer = world.post(PATH, "", json!({"username": username, "password": PASSWORD})).await;
        answer.assert_problem(400, "request.invalid");
        assert_eq!(answer.wrong_field(), ("/username".to_owned(), "invalid".to_owned()), "{username}");
    }
    for username in ["admin", "Root", "sys.tem", "everyone"] {
        let answer = world.post(PATH, "", json!({"username": username, "password": PASSWORD})).await;
        answer.assert_problem(400, "request.invalid");
        assert_eq!(answer.wrong_field(), ("/username".to_owned(), "reserved".to_owned()), "{username}");
    }
    // The operator gives them.
    assert!(world.service.auth().create_account(NewAccount::member("admin", PASSWORD)).await.is_ok());
}

#[tokio::test]
async fn hostile_bodies_are_refused() {
    let world = World::open().await;
    let send = async |body: Vec<u8>| world.send(Request::post(PATH).body(Full::from(body)).unwrap()).await;
    send(b"{".to_vec()).await.assert_problem(400, "request.invalid_json");
    send(b"{\"username\":\"\xff\"}".to_vec()).await.assert_problem(400, "request.invalid_json");
    send(b"[]".to_vec()).await.assert_problem(400, "request.invalid_json");
    send(Vec::new()).await.assert_problem(400, "request.invalid");
    send(vec![b' '; 64 * 1024 + 1]).await.assert_problem(413, "request.too_large");
    send(vec![b'['; 64 * 1024]).await.assert_problem(400, "request.invalid_json");
    send(vec![b'a'; 10 << 20]).await.assert_problem(413, "request.too_large");
}

#[tokio::test]
async fn a_closed_tenant_takes_nobody_but_the_operator_s() {
    let world = World::with(Config { registration: Config::default().registration, ..config() }).await;
    let answer = world.post(PATH, "", json!({"username": "alice", "password": PASSWORD})).await;
    answer.assert_problem(403, "registration.closed");
    assert_eq!(answer.text("detail"), "the operator has not opened registration");
    let root = NewAccount { role: TenantRole::Administrator, ..NewAccount::member("root", PASSWORD) };
    let account = world.service.auth().create_account(root).await.unwrap();
    assert_eq!((account.state, account.role), (AccountState::Active, TenantRole::Administrator));
    let tokens = world.service.auth().sign_in(account.user_id, Some("console")).await.unwrap();
    let actor = world.service.auth().verifier().verify(&tokens.access_token).unwrap();
    assert_eq!(actor.tenant_role, TenantRole::Administrator);
    assert!(actor.scopes.contains(Scope::Admin));
}

#[tokio::test]
async fn problems_name_the_request() {
    let world = World::open().await;
    let request = Request::builder().method(Method::POST).uri(PATH).header("x-request-id", "r-1");
    let answer = world.send(request.body(Full::<Bytes>::default()).unwrap()).await;
    assert_eq!((answer.text("instance"), answer.text("request_id")), (PATH.to_owned(), "r-1".to_owned()));
    let request = Request::builder().method(Method::POST).uri(PATH).header("x-request-id", "a b");
    let answer = world.send(request.body(Full::<Bytes>::default()).unwrap()).await;
    assert_eq!(answer.json()["request_id"], Value::Null);
}

#[tokio::test]
async fn other_routes_and_methods_are_problems_too() {
    let world = World::open().await;
    for path in ["/", "/v1/auth/registe", "/v1/auth/register/", "/v1/me/sessions/a/b"] {
        world.get(path, "").await.assert_problem(404, "route.not_found");
    }
    let answer = world.get(PATH, "").await;
    answer.assert_problem(405, "route.method_not_allowed");
    assert_eq!(answer.header("allow"), "POST");
    let answer = world.call(Method::PUT, "/v1/me", "", Value::Null).await;
    answer.assert_problem(405, "route.method_not_allowed");
    assert_eq!(answer.header("allow"), "GET,HEAD,PATCH");
}

#[tokio::test]
async fn a_second_process_on_the_same_stores_knows_the_same_people() {
    let stores = memory();
    let first = World::on(stores.clone(), config(), 1).await;
    let tokens = first.person("alice").await;
    let second = World::on(stores, config(), 2).await;
    assert_eq!(second.get("/v1/me", &tokens.access_token).await.text("username"), "alice");
    assert_eq!(second.refresh(&tokens.refresh_token).await.status, 200);
}
