//! The token and revocation endpoints: RFC 6749's shapes, rotation, what they answer to what is no request.

use bartab_core::store::StoreError;
use http::{Method, Request};
use http_body_util::Full;
use serde_json::json;

use crate::world::{World, config, memory};

const TOKEN: &str = "/v1/oauth2/token";
const REVOKE: &str = "/v1/oauth2/revoke";

#[tokio::test]
async fn a_refresh_token_is_good_once() {
    let world = World::open().await;
    let tokens = world.person("alice").await;
    world.advance(30);
    let answer = world.refresh(&tokens.refresh_token).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!((answer.header("cache-control"), answer.header("pragma")), ("no-store", "no-cache"));
    assert_eq!(answer.text("session_id"), tokens.session_id.to_string());
    assert_ne!(answer.text("refresh_token"), tokens.refresh_token);
    assert_eq!(world.get("/v1/me", &answer.text("access_token")).await.status, 200);
    assert_eq!(world.get("/v1/me", &tokens.access_token).await.status, 200);
    let session = world.stores.sessions.get(tokens.session_id).await.unwrap().unwrap();
    assert_eq!(session.last_used_at.since(session.created_at).as_secs(), 30);
    assert_eq!(world.refresh(&answer.text("refresh_token")).await.status, 200);
}

#[tokio::test]
async fn what_is_no_refresh_token_changes_nothing() {
    let world = World::open().await;
    let tokens = world.person("alice").await;
    let other = World::on(memory(), config(), 5).await.person("alice").await;
    let garbage = "A".repeat(86);
    let mut altered = tokens.refresh_token.clone().into_bytes();
    altered[30] = if altered[30] == b'A' { b'B' } else { b'A' };
    let altered = String::from_utf8(altered).unwrap();
    let long = "A".repeat(60_000);
    for token in ["x", "%00", "%ff%fe", &garbage, &altered, &tokens.access_token, &other.refresh_token, &long] {
        world.refresh(token).await.assert_oauth(400, "invalid_grant");
    }
    assert_eq!(world.refresh(&tokens.refresh_token).await.status, 200);
}

#[tokio::test]
async fn a_session_runs_out_unless_it_is_refreshed() {
    let world = World::open().await;
    let tokens = world.person("alice").await;
    world.advance(30 * 24 * 3600 - 1);
    let next = world.refresh(&tokens.refresh_token).await.text("refresh_token");
    world.advance(30 * 24 * 3600 - 1);
    let next = world.refresh(&next).await.text("refresh_token");
    world.advance(30 * 24 * 3600);
    world.refresh(&next).await.assert_oauth(400, "invalid_grant");
}

#[tokio::test]
async fn the_scope_narrows_and_never_widens() {
    let world = World::open().await;
    let tokens = world.person("alice").await;
    let form = async |scope: &str, token: &str| {
        world.form(TOKEN, &format!("grant_type=refresh_token&refresh_token={token}&scope={scope}")).await
    };
    for scope in ["admin", "chat:read+admin", "root", "chat%3Aread%2Cchat%3Awrite"] {
        form(scope, &tokens.refresh_token).await.assert_oauth(400, "invalid_scope");
    }
    // None of these spent the token.
    let narrow = form("chat:read", &tokens.refresh_token).await;
    assert_eq!(narrow.text("scope"), "chat:read");
    let token = narrow.text("access_token");
    world
        .call(Method::PATCH, "/v1/me", &token, json!({"display_name": "x"}))
        .await
        .assert_problem(403, "auth.insufficient_scope");
    assert_eq!(world.refresh(&narrow.text("refresh_token")).await.text("scope"), tokens.scope);
}

#[tokio::test]
async fn requests_that_are_none_get_the_standard_s_error() {
    let world = World::open().await;
    let token = world.person("alice").await.refresh_token;
    for (body, error) in [
        (String::new(), "invalid_request"),
        ("grant_type=".to_owned(), "invalid_request"),
        ("grant_type=refresh_token".to_owned(), "invalid_request"),
        ("grant_type=refresh_token&refresh_token=".to_owned(), "invalid_request"),
        (format!("grant_type=refresh_token&grant_type=refresh_token&refresh_token={token}"), "invalid_request"),
        (format!("grant_type=refresh_token&refresh_token={token}&x=1&x=2"), "invalid_request"),
        ("grant_type=password&username=alice&password=x".to_owned(), "unsupported_grant_type"),
        ("grant_type=client_credentials".to_owned(), "unauthorized_client"),
        ("grant_type=authorization_code&code=x".to_owned(), "unauthorized_client"),
        ("grant_type=REFRESH_TOKEN".to_owned(), "unsupported_grant_type"),
    ] {
        world.form(TOKEN, &body).await.assert_oauth(400, error);
    }
    let json = Request::post(TOKEN).header("content-type", "application/json");
    world.send(json.body(Full::from("{}")).unwrap()).await.assert_oauth(400, "invalid_request");
    let bare = Request::post(TOKEN).body(Full::from("grant_type=refresh_token")).unwrap();
    world.send(bare).await.assert_oauth(400, "invalid_request");
    world.form(TOKEN, &"x".repeat(64 * 1024 + 1)).await.assert_oauth(413, "invalid_request");
    // Unknown parameters are ignored, a charset in the media type too.
    let request = Request::post(TOKEN).header("content-type", "application/x-www-form-urlencoded; charset=UTF-8");
    let body = format!("grant_type=refresh_token&refresh_token={token}&unknown=1&client_id=bartab");
    assert_eq!(world.send(request.body(Full::from(body)).unwrap()).await.status, 200);
}

#[tokio::test]
async fn our_own_client_is_public_and_there_is_no_other() {
    let world = World::open().await;
    let token = world.person("alice").await.refresh_token;
    for path in [TOKEN, REVOKE] {
        let body = format!("grant_type=refresh_token&refresh_token={token}&token={token}");
        for extra in ["client_id=other", "client_secret=x", "client_id=bartab&client_secret=x"] {
            let answer = world.form(path, &format!("{body}&{extra}")).await;
            answer.assert_oauth(401, "invalid_client");
        }
        let request = Request::post(path)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("authorization", "Basic YmFydGFiOng=");
        let answer = world.send(request.body(Full::from(body)).unwrap()).await;
        answer.assert_oauth(401, "invalid_client");
        assert_eq!(answer.header("www-authenticate"), "Basic realm=\"bartab\"");
    }
    // A stale access token that a client sends along does not stand in the way.
    let request = Request::post(TOKEN)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("authorization", "Bearer stale");
    let body = format!("grant_type=refresh_token&refresh_token={token}");
    assert_eq!(world.send(request.body(Full::from(body)).unwrap()).await.status, 200);
}

#[tokio::test]
async fn either_token_can_be_revoked() {
    let world = World::open().await;
    for (username, pick) in [("alice", 0), ("bob", 1)] {
        let tokens = world.person(username).await;
        let token = [&tokens.refresh_token, &tokens.access_token][pick];
        let answer = world.form(REVOKE, &format!("token={token}&token_type_hint=whatever")).await;
        assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (200, "no-store"));
        world.get("/v1/me", &tokens.access_token).await.assert_problem(401, "auth.invalid_token");
        world.refresh(&tokens.refresh_token).await.assert_oauth(400, "invalid_grant");
    }
    for body in ["token=nonsense", &format!("token={}", "A".repeat(86))] {
        assert_eq!(world.form(REVOKE, body).await.status, 200);
    }
    world.form(REVOKE, "token_type_hint=refresh_token").await.assert_oauth(400, "invalid_request");
}

#[tokio::test]
async fn a_spent_refresh_token_can_still_revoke() {
    let world = World::open().await;
    let tokens = world.person("alice").await;
    let next = world.refresh(&tokens.refresh_token).await;
    assert_eq!(world.form(REVOKE, &format!("token={}", tokens.refresh_token)).await.status, 200);
    world.refresh(&next.text("refresh_token")).await.assert_oauth(400, "invalid_grant");
}

#[test]
fn store_failures_are_not_the_client_s() {
    for (error, status, code) in [
        (StoreError::Unavailable(None), 503, "store.unavailable"),
        (StoreError::OutcomeUnknown("disk".into()), 504, "write.unknown"),
        (StoreError::backend("secret path"), 500, "internal"),
    ] {
        let problem = bartab_auth::AuthError::from(error).to_problem();
        assert_eq!((problem.status, problem.code), (status, code));
        assert!(!String::from_utf8(problem.to_json(None, None)).unwrap().contains("secret"));
    }
}

#[tokio::test]
async fn what_no_endpoint_answers_has_the_shape_of_oauth_below_its_path_alone() {
    let world = World::open().await;
    for path in ["/v1/oauth2/", "/v1/oauth2/nothing", "/v1/oauth2/token/x"] {
        world.get(path, "").await.assert_oauth(404, "invalid_request");
    }
    let get = world.get(TOKEN, "").await;
    get.assert_oauth(405, "invalid_request");
    assert_eq!(get.header("allow"), "POST");
    world.call(Method::DELETE, "/v1/oauth2/authorize", "", json!(null)).await.assert_oauth(405, "invalid_request");
    let large = world.form(REVOKE, &format!("token={}", "A".repeat(70_000))).await;
    large.assert_oauth(413, "invalid_request");
    let json = world.post(TOKEN, "", json!({"grant_type": "refresh_token"})).await;
    json.assert_oauth(400, "invalid_request");
    for path in ["/v1/oauth2", "/v1/oauth2x/token", "/v1/auth/oauth2/"] {
        world.get(path, "").await.assert_problem(404, "route.not_found");
    }
}
