//! One's own account: read, changed, and carried by the next token.

use bartab_core::{Actor, Scope, Scopes, UserId};
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use serde_json::{Value, json};

use crate::world::World;

const PATH: &str = "/v1/me";

#[tokio::test]
async fn it_has_the_fields_of_the_contract() {
    let world = World::open().await;
    let tokens = world.person("alice").await;
    let answer = world.get(PATH, &tokens.access_token).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(
        answer.json(),
        json!({
            "user_id": tokens.user_id, "username": "alice", "display_name": "alice", "avatar": null,
            "profile_rev": 1, "kind": "person", "role": "member", "has_password": true,
            "mfa": {"totp": false, "recovery_codes": 0}, "created_at": "2025-06-15T15:06:40.000Z",
        })
    );
}

#[tokio::test]
async fn a_change_raises_the_revision_and_travels_with_the_next_token() {
    let world = World::open().await;
    let tokens = world.person("alice").await;
    let patch = |body| world.call(Method::PATCH, PATH, &tokens.access_token, body);
    let answer = patch(json!({"display_name": "Alice L."})).await;
    assert_eq!((answer.text("display_name"), &answer.json()["profile_rev"]), ("Alice L.".to_owned(), &json!(2)));
    let again = patch(json!({"display_name": "Alice L."})).await;
    assert_eq!(again.json()["profile_rev"], 2);
    assert_eq!(patch(json!({})).await.json()["profile_rev"], 2);

    let verifier = world.service.auth().verifier();
    assert_eq!(verifier.verify(&tokens.access_token).unwrap().profile.rev, 1);
    let next = world.refresh(&tokens.refresh_token).await.text("access_token");
    let profile = verifier.verify(&next).unwrap().profile.clone();
    assert_eq!((&*profile.name, profile.rev), ("Alice L.", 2));
}

#[tokio::test]
async fn a_picture_is_set_and_taken_away() {
    let world = World::open().await;
    let tokens = world.person("alice").await;
    let patch = |body| world.call(Method::PATCH, PATH, &tokens.access_token, body);
    let picture = format!("media_{}", "0".repeat(26));
    let answer = patch(json!({ "avatar": picture })).await.json();
    assert_eq!((&answer["avatar"], &answer["profile_rev"]), (&json!(picture), &json!(2)));
    assert_eq!(patch(json!({"display_name": "Alice L."})).await.json()["avatar"], picture);
    let next = world.refresh(&tokens.refresh_token).await.text("access_token");
    let actor = world.service.auth().verifier().verify(&next).unwrap();
    assert_eq!(actor.profile.avatar.unwrap().to_string(), picture);
    assert_eq!(patch(json!({"avatar": null})).await.json()["avatar"], Value::Null);
    patch(json!({"avatar": "user_00000000000000000000000000"})).await.assert_problem(400, "request.invalid");
}

#[tokio::test]
async fn a_wrong_change_is_refused_and_changes_nothing() {
    let world = World::open().await;
    let tokens = world.person("alice").await;
    for (body, pointer) in [
        (json!({"display_name": ""}), "/display_name"),
        (json!({"display_name": "a\nb"}), "/display_name"),
        (json!({"display_name": 1}), "/display_name"),
        (json!({"username": "bob"}), "/username"),
        (json!({"role": "owner"}), "/role"),
    ] {
        let answer = world.call(Method::PATCH, PATH, &tokens.access_token, body).await;
        answer.assert_problem(400, "request.invalid");
        assert_eq!(answer.wrong_field().0, pointer);
    }
    assert_eq!(world.get(PATH, &tokens.access_token).await.json()["profile_rev"], 1);
}

#[tokio::test]
async fn nobody_in_particular_is_asked_to_sign_in() {
    let world = World::open().await;
    for (method, path) in [
        (Method::GET, "/v1/me"),
        (Method::PATCH, "/v1/me"),
        (Method::GET, "/v1/me/sessions"),
        (Method::DELETE, "/v1/me/sessions"),
        (Method::DELETE, "/v1/me/sessions/sess_00000000000000000000000000"),
        (Method::POST, "/v1/auth/logout"),
    ] {
        let answer = world.call(method.clone(), path, "", json!(null)).await;
        answer.assert_problem(401, "auth.required");
        assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"bartab\"");
        let answer = world.call(method, path, "nonsense", json!(null)).await;
        answer.assert_problem(401, "auth.invalid_token");
        assert!(answer.header("www-authenticate").starts_with("Bearer error=\"invalid_token\""));
    }
    // A token in the query is none (RFC 6750 section 2.3 is not offered).
    let tokens = world.person("alice").await;
    let answer = world.get(&format!("/v1/me?access_token={}", tokens.access_token), "").await;
    answer.assert_problem(401, "auth.required");
}

#[tokio::test]
async fn an_embedder_s_actor_counts() {
    let world = World::open().await;
    let tokens = world.person("alice").await;
    let request = |actor: Actor, method: Method, body: &str| {
        let request = Request::builder().method(method).uri(PATH).extension(std::sync::Arc::new(actor));
        request.body(Full::<Bytes>::from(body.to_owned())).unwrap()
    };
    let alice = Actor::person(tokens.user_id, "alice");
    let answer = world.send(request(alice.clone(), Method::GET, "")).await;
    assert_eq!(answer.text("username"), "alice");
    let stranger = Actor::person(UserId::from_u128(1), "x");
    world.send(request(stranger, Method::GET, "")).await.assert_problem(404, "account.not_found");

    let scopes = Scopes::NONE.with(Scope::ChatRead);
    let narrow = Actor { scopes, ..alice };
    let answer = world.send(request(narrow, Method::PATCH, "{\"display_name\":\"x\"}")).await;
    answer.assert_problem(403, "auth.insufficient_scope");
    let challenge = "Bearer error=\"insufficient_scope\", scope=\"profile:write\"";
    assert_eq!(answer.header("www-authenticate"), challenge);
}
