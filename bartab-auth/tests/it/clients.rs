//! OAuth clients: only administrators register them, nothing loose is registered, and a secret is shown once.

use bartab_auth::NewClient;
use bartab_core::store::{AuditActor, AuditFilter, KeyAlgorithm, TokenHash};
use bartab_core::{Scopes, TenantRole};
use http::Method;
use serde_json::{Value, json};

use crate::authorize::HERE;
use crate::world::{Answer, World};

const CLIENTS: &str = "/v1/admin/clients";
const WEB: &str = "https://app.example/callback";

async fn administrator(world: &World) -> String {
    world.account("root", TenantRole::Administrator).await.access_token
}

fn app() -> Value {
    json!({"name": "Wiki", "confidential": true, "redirect_uris": [WEB], "reason": "wanted"})
}

async fn remove(world: &World, token: &str, id: &str) -> Answer {
    world.call(Method::DELETE, &format!("{CLIENTS}/{id}?reason=not%20used"), token, Value::Null).await
}

#[tokio::test]
async fn a_client_is_registered_and_its_secret_shown_once() {
    let world = World::open().await;
    let root = world.account("root", TenantRole::Administrator).await;
    let answer = world.post(CLIENTS, &root.access_token, app()).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!((answer.header("cache-control"), answer.header("pragma")), ("no-store", "no-cache"));
    let (id, secret) = (answer.text("client_id"), answer.text("client_secret"));
    assert_eq!(
        answer.json(),
        json!({
            "client_id": id, "client_secret": secret, "name": "Wiki", "kind": "app", "confidential": true,
            "redirect_uris": [WEB],
            "scopes": [
                "chat:read", "chat:write", "rooms:manage", "media:read", "media:write", "profile:write", "openid", "profile",
                "offline_access",
            ],
            "grant_types": ["authorization_code", "refresh_token"],
            "id_token_signed_response_alg": "RS256",
            "created_at": "2025-06-15T15:06:40.000Z", "created_by": root.user_id.to_string(),
        })
    );
    assert!(id.starts_with("client_") && secret.len() == 43, "{answer:?}");
    let stored = world.stores.clients.get(&id).await.unwrap().unwrap();
    assert!(stored.accepts(&TokenHash::of(secret.as_bytes()), stored.created_at));
    let listed = world.get(CLIENTS, &root.access_token).await;
    assert!(!String::from_utf8_lossy(&listed.body).contains(&secret));
    assert_eq!(listed.json()["items"][0]["client_id"], id);
    assert_eq!(listed.json()["items"][0].get("client_secret"), None);
    let trail = world.stores.audit.list(&AuditFilter::default(), None, 10).await.unwrap();
    let entry = trail.iter().find(|entry| entry.action == "client.registered").unwrap();
    assert_eq!((entry.actor, entry.subject.as_deref()), (AuditActor::User(root.user_id), Some(&*id)));
    assert_eq!(entry.reason.as_deref(), Some("wanted"));
}

#[tokio::test]
async fn what_is_asked_for_is_registered() {
    let world = World::open().await;
    let token = administrator(&world).await;
    let native = json!({
        "name": "Tool", "kind": "app", "confidential": false, "scopes": ["chat:read", "openid"],
        "grant_types": ["refresh_token", "urn:ietf:params:oauth:grant-type:device_code"],
        "id_token_signed_response_alg": "EdDSA", "reason": "wanted",
    });
    let answer = world.post(CLIENTS, &token, native).await.json();
    assert_eq!(answer["scopes"], json!(["chat:read", "openid"]));
    assert_eq!(answer["grant_types"], json!(["refresh_token", "urn:ietf:params:oauth:grant-type:device_code"]));
    assert_eq!((answer.get("client_secret"), &answer["confidential"]), (None, &json!(false)));
    let stored = world.stores.clients.get(answer["client_id"].as_str().unwrap()).await.unwrap().unwrap();
    assert_eq!(stored.id_token_algorithm, KeyAlgorithm::EdDsa);
    let service =
        json!({"name": "Search", "kind": "service", "confidential": true, "scopes": ["chat:read"], "reason": "x"});
    let answer = world.post(CLIENTS, &token, service).await.json();
    assert_eq!((&answer["kind"], &answer["grant_types"]), (&json!("service"), &json!(["client_credentials"])));
}

#[tokio::test]
async fn what_breaks_a_rule_is_refused_and_named() {
    let world = World::open().await;
    let token = administrator(&world).await;
    let with = |field: &str, value: Value| {
        let mut client = app();
        client[field] = value;
        client
    };
    let service = json!({"name": "x", "kind": "service", "confidential": true, "scopes": ["chat:read"], "reason": "x"});
    let service_with = |field: &str, value: Value| {
        let mut client = service.clone();
        client[field] = value;
        client
    };
    let many: Vec<String> = (0..21).map(|n| format!("{WEB}/{n}")).collect();
    for (body, pointer, code) in [
        (with("name", json!("")), "/name", "too_short"),
        (with("name", json!("x".repeat(65))), "/name", "too_long"),
        (with("reason", json!(" ")), "/reason", "missing"),
        (with("reason", json!("x".repeat(501))), "/reason", "too_long"),
        (with("redirect_uris", json!([])), "/redirect_uris", "missing"),
        (with("redirect_uris", json!(many)), "/redirect_uris", "too_long"),
        (with("redirect_uris", json!([WEB, "javascript:alert(1)"])), "/redirect_uris/1", "invalid"),
        (with("redirect_uris", json!(["https://app.example/#x"])), "/redirect_uris/0", "invalid"),
        (with("redirect_uris", json!(["http://app.example/"])), "/redirect_uris/0", "invalid"),
        (with("scopes", json!(["chat:read", "root"])), "/scopes/1", "unknown"),
        (with("scopes", json!(["rot", "chat:read"])), "/scopes/0", "unknown"),
        (with("grant_types", json!(["password"])), "/grant_types/0", "unknown"),
        (with("grant_types", json!([])), "/grant_types", "missing"),
        (with("grant_types", json!(["refresh_token"])), "/redirect_uris", "invalid"),
        (with("id_token_signed_response_alg", json!("none")), "/id_token_signed_response_alg", "unknown"),
        (with("id_token_signed_response_alg", json!("HS256")), "/id_token_signed_response_alg", "unknown"),
        (service_with("confidential", json!(false)), "/confidential", "invalid"),
        (service_with("grant_types", json!(["refresh_token"])), "/grant_types", "invalid"),
        (service_with("scopes", json!([])), "/scopes", "missing"),
        (service_with("redirect_uris", json!([WEB])), "/redirect_uris", "invalid"),
    ] {
        let answer = world.post(CLIENTS, &token, body.clone()).await;
        answer.assert_problem(400, "request.invalid");
        assert_eq!(answer.wrong_field(), (pointer.to_owned(), code.to_owned()), "{body}");
    }
    for body in [with("kind", json!("bot")), with("redirect_uri", json!(WEB)), json!({"name": "x"})] {
        assert_eq!(world.post(CLIENTS, &token, body).await.status, 400);
    }
    assert_eq!(world.get(CLIENTS, &token).await.json()["items"], json!([]));
}

#[tokio::test]
async fn only_administrators_have_to_do_with_clients() {
    let world = World::open().await;
    let id = world.post(CLIENTS, &administrator(&world).await, app()).await.text("client_id");
    let member = world.person("alice").await.access_token;
    for (token, status, code) in [(&*member, 403, "permission.denied"), ("", 401, "auth.required")] {
        world.post(CLIENTS, token, app()).await.assert_problem(status, code);
        world.get(CLIENTS, token).await.assert_problem(status, code);
        remove(&world, token, &id).await.assert_problem(status, code);
    }
    assert!(world.stores.clients.get(&id).await.unwrap().is_some());
}

#[tokio::test]
async fn the_list_has_pages() {
    let world = World::open().await;
    let token = administrator(&world).await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(world.post(CLIENTS, &token, app()).await.text("client_id"));
        world.advance(1);
    }
    let mut read = Vec::new();
    let mut path = format!("{CLIENTS}?limit=2");
    loop {
        let page = world.get(&path, &token).await.json();
        read.extend(
            page["items"].as_array().unwrap().iter().map(|item| item["client_id"].as_str().unwrap().to_owned()),
        );
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("{CLIENTS}?limit=2&cursor={cursor}");
    }
    assert_eq!(read, ids);
    for (query, field, code) in [
        ("limit=0", "?limit", "out_of_range"),
        ("limit=201", "?limit", "out_of_range"),
        ("limit=x", "?limit", "invalid"),
        ("limit=1&limit=1", "?limit", "duplicate_field"),
        ("page=2", "?page", "unknown_field"),
    ] {
        let answer = world.get(&format!("{CLIENTS}?{query}"), &token).await;
        assert_eq!(answer.status, 400, "{query}");
        assert_eq!(answer.wrong_field(), (field.to_owned(), code.to_owned()));
    }
}

#[tokio::test]
async fn a_client_is_removed_with_a_reason() {
    let world = World::open().await;
    let token = administrator(&world).await;
    let id = world.post(CLIENTS, &token, app()).await.text("client_id");
    let path = format!("{CLIENTS}/{id}");
    let delete =
        async |query: String, body: Value| world.call(Method::DELETE, &format!("{path}{query}"), &token, body).await;
    for (query, body, code) in [
        (String::new(), Value::Null, "missing"),
        (String::new(), json!({"reason": ""}), "missing"),
        (format!("?reason={}", "x".repeat(501)), Value::Null, "too_long"),
    ] {
        let answer = delete(query, body).await;
        answer.assert_problem(400, "request.invalid");
        assert_eq!(answer.wrong_field(), ("/reason".to_owned(), code.to_owned()));
    }
    assert_eq!(delete(String::new(), json!({"reason": "not used"})).await.status, 204);
    assert!(world.stores.clients.get(&id).await.unwrap().is_none());
    let filter = AuditFilter { subject: Some(id.clone()), ..AuditFilter::default() };
    let trail = world.stores.audit.list(&filter, None, 10).await.unwrap();
    assert_eq!((&*trail[0].action, trail[0].reason.as_deref()), ("client.removed", Some("not used")));
    for gone in [&*id, "bartab", "bot_00000000000000000000000001"] {
        remove(&world, &token, gone).await.assert_problem(404, "client.not_found");
    }
    let (upper, user) = (id.to_uppercase(), id.replace("client", "user"));
    for wrong in ["x", "%00", "client_", "client_0", &upper, &user] {
        remove(&world, &token, wrong).await.assert_problem(400, "request.invalid_id");
    }
}

#[tokio::test]
async fn with_a_client_its_sessions_end() {
    let world = World::open().await;
    let token = administrator(&world).await;
    let alice = world.person("alice").await;
    let client = world.client(NewClient::app("Wiki", &[HERE])).await;
    let other = world.client(NewClient::app("Other", &[HERE])).await;
    let given = world.allowed(&client, "chat:read offline_access").await;
    let kept = world.allowed(&other, "chat:read offline_access").await;
    assert_eq!(world.get("/v1/me", &given.text("access_token")).await.status, 200);
    assert_eq!(remove(&world, &token, &client.client.client_id).await.status, 204);
    world.get("/v1/me", &given.text("access_token")).await.assert_problem(401, "auth.invalid_token");
    let form = |answer: &Answer| format!("grant_type=refresh_token&refresh_token={}", answer.text("refresh_token"));
    world.form_as(&client, "/v1/oauth2/token", &form(&given)).await.assert_oauth(401, "invalid_client");
    world.form("/v1/oauth2/token", &form(&given)).await.assert_oauth(400, "invalid_grant");
    assert_eq!(world.form_as(&other, "/v1/oauth2/token", &form(&kept)).await.status, 200);
    let sessions = world.get("/v1/me/sessions", &alice.access_token).await.json();
    let clients: Vec<_> = sessions["items"].as_array().unwrap().iter().map(|session| &session["client_id"]).collect();
    assert!(!clients.contains(&&json!(client.client.client_id)), "{sessions}");
    assert!(clients.contains(&&json!(other.client.client_id)) && clients.contains(&&json!("bartab")), "{sessions}");
    assert_eq!(world.stores.clients.consent(alice.user_id, &client.client.client_id).await.unwrap(), Scopes::NONE);
}
