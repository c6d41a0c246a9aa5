//! The operator's face of identity: the same rules as for administrators, and the trail says who it was.

use bartab_auth::OperatorService;
use bartab_core::store::{AuditActor, AuditFilter};
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::world::{PASSWORD, World};

async fn ask(world: &World, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
    let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
    let request = Request::builder().method(method).uri(format!("/admin/v1/tenants/any{path}"));
    let service = OperatorService::new(world.service.auth().clone());
    let (parts, body) = service.oneshot(request.body(Full::new(body)).unwrap()).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (parts.status, if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() })
}

#[tokio::test]
async fn what_the_operator_does_stands_in_the_trail_as_the_operators() {
    let world = World::open().await;
    let app = json!({"name": "Board", "confidential": true, "redirect_uris": ["https://board.example/cb"], "reason": "wanted"});
    let (status, made) = ask(&world, Method::POST, "/clients", app).await;
    assert_eq!((status.as_u16(), &made["created_by"]), (201, &Value::Null));
    let client = made["client_id"].as_str().unwrap().to_owned();
    let (status, invite) = ask(&world, Method::POST, "/invites", json!({"role": "owner"})).await;
    assert_eq!((status.as_u16(), &invite["role"]), (201, &json!("owner")));
    let invite_id = invite["invite_id"].as_str().unwrap();
    let revoked = ask(&world, Method::DELETE, &format!("/invites/{invite_id}?reason=gone"), Value::Null).await;
    assert_eq!(revoked, (StatusCode::NO_CONTENT, Value::Null));
    let removed = ask(&world, Method::DELETE, &format!("/clients/{client}?reason=gone"), Value::Null).await;
    assert_eq!(removed, (StatusCode::NO_CONTENT, Value::Null));
    let trail = world.stores.audit.list(&AuditFilter::default(), None, 10).await.unwrap();
    let acts: Vec<&str> = trail.iter().rev().map(|entry| entry.action.as_str()).collect();
    let expected = ["client.registered", "invite.created", "invite.revoked", "client.removed"];
    assert_eq!(
        acts.iter().filter(|act| expected.contains(act)).collect::<Vec<_>>(),
        expected.iter().collect::<Vec<_>>()
    );
    let by_operator =
        |name: &&str| trail.iter().any(|entry| entry.action == **name && entry.actor == AuditActor::Operator);
    assert!(expected.iter().all(by_operator));
}

#[tokio::test]
async fn the_operator_is_above_every_role() {
    let world = World::open().await;
    let owner = json!({"username": "Root", "role": "owner", "password": PASSWORD});
    let (status, made) = ask(&world, Method::POST, "/users", owner).await;
    assert_eq!((status.as_u16(), &made["username"], &made["link"]), (201, &json!("root"), &Value::Null));
    let id = made["user_id"].as_str().unwrap().to_owned();
    assert_eq!(ask(&world, Method::GET, "/users/ROOT", Value::Null).await.1["user_id"], id);
    assert_eq!(ask(&world, Method::GET, &format!("/users/{id}"), Value::Null).await.1["role"], "owner");
    assert_eq!(ask(&world, Method::POST, "/setup", Value::Null).await.1["code"], "tenant.set_up");

    let bob = ask(&world, Method::POST, "/users", json!({"username": "bob"})).await.1;
    assert!(bob["link"].as_str().unwrap().contains("/v1/auth/reset?token=") && bob["expires_in"] == 86400);
    assert!(bob.get("password").is_none());
    let reason = json!({"reason": "no more"});
    for act in ["suspend", "restore", "reset"] {
        let (status, answer) = ask(&world, Method::POST, &format!("/users/root/{act}"), reason.clone()).await;
        assert_eq!(status, 200, "{act}: {answer}");
        let nobody = ask(&world, Method::POST, &format!("/users/nobody/{act}"), reason.clone()).await.1;
        assert_eq!(nobody["code"], "account.not_found");
        let (status, missing) = ask(&world, Method::POST, &format!("/users/root/{act}"), json!({})).await;
        assert_eq!((status.as_u16(), &missing["code"]), (400, &json!("request.invalid")));
    }
    let change = json!({"role": "member", "rate_percent": 50, "reason": "steps down"});
    let (_, changed) = ask(&world, Method::PATCH, "/users/root", change).await;
    assert_eq!((&changed["role"], &changed["rate_percent"]), (&json!("member"), &json!(50)));
    let page = ask(&world, Method::GET, "/users?role=member&limit=1", Value::Null).await.1;
    assert_eq!((page["items"].as_array().unwrap().len(), page["next_cursor"].is_string()), (1, true));
    let erased = ask(&world, Method::POST, "/users/root/erase", json!({"reason": "gone", "messages": false})).await;
    assert_eq!((erased.0.as_u16(), &erased.1["state"]), (200, &json!("erased")));
    assert_eq!(ask(&world, Method::GET, "/users/root", Value::Null).await.1["code"], "account.not_found");
    // Now nobody runs the tenant any more, and there is a way back.
    let (status, setup) = ask(&world, Method::POST, "/setup", Value::Null).await;
    assert_eq!(status, 201);
    assert!(setup["link"].as_str().unwrap().contains("/v1/auth/setup?token="));
    let trail = world.stores.audit.list(&AuditFilter::default(), None, 50).await.unwrap();
    assert!(trail.iter().all(|entry| entry.actor == AuditActor::Operator || entry.action.starts_with("key.")));
    let expected =
        ["account.created", "account.suspended", "account.restored", "account.reset", "account.role_changed"];
    for action in expected.into_iter().chain(["account.rate_changed", "account.erased"]) {
        assert!(trail.iter().any(|entry| entry.action == action), "{action}");
    }
}

#[tokio::test]
async fn wrong_requests_are_named_as_everywhere() {
    let world = World::open().await;
    for (method, path, status, code) in [
        (Method::GET, "/clients?colour=red", 400, "request.invalid"),
        (Method::POST, "/clients", 400, "request.invalid"),
        (Method::DELETE, "/clients/client_00000000000000000000000001?reason=gone", 404, "client.not_found"),
        (Method::DELETE, "/clients/client_00000000000000000000000001", 400, "request.invalid"),
        (Method::DELETE, "/clients/client_0?reason=gone", 400, "request.invalid_id"),
        (Method::DELETE, "/invites/client_0", 400, "request.invalid_id"),
        (Method::PUT, "/invites", 405, "route.method_not_allowed"),
        (Method::GET, "/nothing", 404, "route.not_found"),
    ] {
        let (found, problem) = ask(&world, method, path, json!({})).await;
        assert_eq!((found.as_u16(), problem["code"].as_str()), (status, Some(code)), "{path}");
        let whole = problem["instance"].as_str().unwrap();
        assert!(whole.starts_with("/admin/v1/tenants/any/"), "{whole}");
    }
}
