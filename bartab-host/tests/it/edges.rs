//! What the host answers by itself: probes, metrics, request ids, headers, the description of the API.

use std::collections::{BTreeMap, BTreeSet};

use bartab_host::{Config, OptionalAddr};
use reqwest::Method;
use serde_json::Value;

use crate::support::{Server, config, eventually, read, settings};

#[tokio::test]
async fn probes_answer_under_any_host_name() {
    let server = Server::acme(config()).await;
    for path in ["/livez", "/healthz", "/readyz"] {
        for host in ["127.0.0.1", "nobody.example", ""] {
            let answer = read(server.request(Method::GET, path).header("host", host)).await;
            assert_eq!(answer.status, 200, "{path} {host}");
        }
    }
    assert_eq!(server.get("/t/acme/readyz").await.status, 200);
    assert_eq!(server.running.host().registry().open_count(), 1, "only the tenant that was asked for is open");
}

#[tokio::test]
async fn readiness_names_the_check_that_failed() {
    let config = Config { root_tenant: Some("acme".parse().unwrap()), ..config() };
    let server = Server::with(config, &[("acme", settings()), ("other", settings())]).await;
    assert_eq!(server.get("/t/acme/readyz").await.status, 200);
    let other = server.running.host().tenant("other").await.unwrap();
    other.chat().close().await;
    server.get("/t/other/readyz").await.is_problem(503, "server.not_ready");
    assert_eq!(server.get("/readyz").await.status, 200, "another tenant takes nothing from the whole");
    let tenant = server.running.host().tenant("acme").await.unwrap();
    tenant.chat().close().await;
    for path in ["/readyz", "/t/acme/readyz"] {
        let answer = server.get(path).await;
        answer.is_problem(503, "server.not_ready");
        assert!(answer.json()["detail"].as_str().unwrap().starts_with("storage: "), "{answer:?}");
    }
}

#[tokio::test]
async fn metrics_are_on_the_operators_listener_alone() {
    let mut config = config();
    config.operator_listen = OptionalAddr(Some(([127, 0, 0, 1], 0).into()));
    let server = Server::acme(config).await;
    let operator = format!("http://{}", server.running.operator_address().unwrap());
    let alice = server.register("/t/acme", "alice").await;
    let _poll = server.waiting_poll("/t/acme", &alice).await;
    eventually("the poll waits", async || server.waiting("acme").await == 1).await;

    assert_eq!(server.get("/metrics").await.status, 404);
    assert_eq!(server.get("/t/acme/metrics").await.status, 404);
    let text = read(server.client.get(format!("{operator}/metrics"))).await.text;
    for line in
        ["bartab_requests_total{class=\"sign_in\",status=\"201\"} 1", "bartab_waiting_polls 1", "bartab_open_tenants 1"]
    {
        assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
    }
    assert!(!text.contains("acme") && !text.contains("alice"), "labels name no tenant and nobody");
    assert_eq!(read(server.client.get(format!("{operator}/livez"))).await.status, 200);
    assert_eq!(read(server.client.get(format!("{operator}/t/acme/v1/me"))).await.status, 404);
}

#[tokio::test]
async fn every_answer_carries_a_request_id_and_keeps_browsers_in_bounds() {
    let server = Server::acme(config()).await;
    for path in ["/livez", "/t/nobody", "/t/acme/v1/rooms", "/t/acme/v1/auth/login"] {
        let given = read(server.request(Method::GET, path).header("x-request-id", "trace-1")).await;
        assert_eq!(given.headers["x-request-id"], "trace-1");
        assert_eq!(given.headers["x-content-type-options"], "nosniff");
        if given.status.is_client_error() {
            assert_eq!(given.json()["request_id"], "trace-1", "{path}");
        }
        let made = server.get(path).await;
        assert_eq!(made.headers["x-request-id"].len(), 16);
        if made.status.is_client_error() {
            assert_eq!(made.json()["request_id"], made.headers["x-request-id"].to_str().unwrap(), "{path}");
        }
    }
}

/// The calls of the API's table "Auth"; `{}` stands for an id.
const AUTH: [(&str, &[&str]); 42] = [
    ("/v1/auth/register", &["post"]),
    ("/v1/auth/login", &["post"]),
    ("/v1/auth/logout", &["post"]),
    ("/v1/oauth2/token", &["post"]),
    ("/v1/oauth2/authorize", &["get", "post"]),
    ("/v1/oauth2/device_authorization", &["post"]),
    ("/v1/oauth2/device", &["get", "post"]),
    ("/v1/oauth2/revoke", &["post"]),
    ("/v1/oauth2/introspect", &["post"]),
    ("/v1/oauth2/userinfo", &["get", "post"]),
    ("/.well-known/jwks.json", &["get"]),
    ("/.well-known/openid-configuration", &["get"]),
    ("/.well-known/oauth-authorization-server", &["get"]),
    ("/.well-known/oauth-protected-resource", &["get"]),
    ("/v1/auth/providers", &["get"]),
    ("/v1/auth/providers/{}/start", &["get"]),
    ("/v1/auth/providers/{}/callback", &["get"]),
    ("/v1/me", &["get", "patch"]),
    ("/v1/me/permissions", &["get"]),
    ("/v1/me/sessions", &["get", "delete"]),
    ("/v1/me/sessions/{}", &["delete"]),
    ("/v1/me/password", &["post"]),
    ("/v1/me/mfa/totp", &["post", "delete"]),
    ("/v1/me/mfa/totp/confirm", &["post"]),
    ("/v1/me/mfa/totp/recovery_codes", &["post"]),
    ("/v1/invites", &["get", "post"]),
    ("/v1/invites/{}", &["delete"]),
    ("/v1/bots", &["get", "post"]),
    ("/v1/bots/{}", &["delete"]),
    ("/v1/bots/{}/secret", &["post"]),
    ("/v1/admin/users", &["get"]),
    ("/v1/admin/users/{}", &["get", "patch", "delete"]),
    ("/v1/admin/users/{}/suspend", &["post"]),
    ("/v1/admin/users/{}/restore", &["post"]),
    ("/v1/admin/users/{}/reset", &["post"]),
    ("/v1/admin/users/{}/erase", &["post"]),
    ("/v1/admin/clients", &["get", "post"]),
    ("/v1/admin/clients/{}", &["delete"]),
    ("/v1/admin/keys", &["get"]),
    ("/v1/admin/keys/rotate", &["post"]),
    ("/v1/admin/keys/{}/retire", &["post"]),
    ("/v1/admin/audit", &["get"]),
];

#[tokio::test]
async fn the_description_has_every_call_of_identity() {
    let server = Server::acme(config()).await;
    let document = server.get("/t/acme/openapi.json").await.json();
    // What a parameter is called is not what is called.
    let unnamed = |path: &str| {
        let parts = path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part });
        parts.collect::<Vec<_>>().join("/")
    };
    let paths = document["paths"].as_object().unwrap();
    let paths: BTreeMap<String, &Value> = paths.iter().map(|(path, methods)| (unnamed(path), methods)).collect();
    assert_eq!(paths.len(), document["paths"].as_object().unwrap().len());
    for (path, methods) in AUTH {
        for method in methods {
            assert!(paths.get(path).is_some_and(|there| there[method].is_object()), "{method} {path} is missing");
        }
    }
    let operations = paths.values().flat_map(|methods| methods.as_object().unwrap().values());
    let ids: Vec<&str> = operations.map(|operation| operation["operationId"].as_str().unwrap()).collect();
    let unique: BTreeSet<&str> = ids.iter().copied().collect();
    assert_eq!(unique.len(), ids.len(), "an operationId stands twice");
}

#[tokio::test]
async fn the_description_of_the_api_is_whole() {
    let server = Server::acme(config()).await;
    let document = server.get("/t/acme/openapi.json").await.json();
    assert_eq!(document["openapi"], "3.1.0");
    let paths = document["paths"].as_object().unwrap();
    for path in ["/readyz", "/v1/auth/register", "/v1/me", "/v1/rooms", "/v1/rooms/{room}/messages", "/v1/sync"] {
        assert!(paths.contains_key(path), "{path}");
    }
    // Every reference leads somewhere.
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1) {
        let pointer = reference.split('"').next().unwrap();
        assert!(document.pointer(pointer).is_some(), "{pointer} leads nowhere");
    }
}
