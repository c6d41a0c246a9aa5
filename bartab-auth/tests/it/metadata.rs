//! What a tenant tells clients of itself is there, all of it, and programs in a browser may ask for it.

use bartab_auth::{Config, TrustedIssuer};
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use serde_json::{Value, json};

use crate::world::{Answer, ISSUER, World, config};

const SERVER: &str = "/.well-known/oauth-authorization-server";
const OPENID: &str = "/.well-known/openid-configuration";
const RESOURCE: &str = "/.well-known/oauth-protected-resource";
/// What is called from pages of other origins.
const OPEN: [&str; 9] = [
    SERVER,
    OPENID,
    RESOURCE,
    "/.well-known/jwks.json",
    "/v1/oauth2/token",
    "/v1/oauth2/revoke",
    "/v1/oauth2/userinfo",
    "/v1/oauth2/device_authorization",
    "/v1/oauth2/userinfo",
];

async fn document(world: &World, path: &str) -> Value {
    let answer = world.get(path, "").await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "application/json"), "{path}");
    assert_eq!(answer.header("cache-control"), "public, max-age=300");
    answer.json()
}

#[tokio::test]
async fn the_documents_say_what_the_standards_demand() {
    let world = World::open().await;
    let server = document(&world, SERVER).await;
    let at = |path: &str| format!("{ISSUER}{path}");
    let scopes = json!([
        "chat:read",
        "chat:write",
        "rooms:manage",
        "media:read",
        "media:write",
        "profile:write",
        "admin",
        "openid",
        "profile",
        "offline_access",
    ]);
    let methods = json!(["client_secret_basic", "client_secret_post", "none"]);
    assert_eq!(
        server,
        json!({
            "issuer": ISSUER,
            "authorization_endpoint": at("/v1/oauth2/authorize"),
            "token_endpoint": at("/v1/oauth2/token"),
            "revocation_endpoint": at("/v1/oauth2/revoke"),
            "introspection_endpoint": at("/v1/oauth2/introspect"),
            "userinfo_endpoint": at("/v1/oauth2/userinfo"),
            "device_authorization_endpoint": at("/v1/oauth2/device_authorization"),
            "jwks_uri": at("/.well-known/jwks.json"),
            "scopes_supported": scopes,
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": [
                "authorization_code", "refresh_token", "client_credentials",
                "urn:ietf:params:oauth:grant-type:device_code",
            ],
            "code_challenge_methods_supported": ["S256"],
            "prompt_values_supported": ["none", "login", "consent", "select_account"],
            "authorization_response_iss_parameter_supported": true,
            "token_endpoint_auth_methods_supported": methods,
            "revocation_endpoint_auth_methods_supported": methods,
            "introspection_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "protected_resources": [ISSUER],
        })
    );
    let mut openid = document(&world, OPENID).await;
    assert_eq!(openid["subject_types_supported"], json!(["public"]));
    assert_eq!(openid["id_token_signing_alg_values_supported"], json!(["RS256", "ES256", "EdDSA"]));
    for member in [
        "subject_types_supported",
        "id_token_signing_alg_values_supported",
        "claim_types_supported",
        "claims_supported",
        "claims_parameter_supported",
        "request_parameter_supported",
        "request_uri_parameter_supported",
    ] {
        assert!(openid.as_object_mut().unwrap().remove(member).is_some(), "{member}");
    }
    assert_eq!(openid, server);
    assert_eq!(
        document(&world, RESOURCE).await,
        json!({
            "resource": ISSUER, "authorization_servers": [ISSUER], "jwks_uri": at("/.well-known/jwks.json"),
            "scopes_supported": [
                "chat:read", "chat:write", "rooms:manage", "media:read", "media:write", "profile:write", "admin",
            ],
            "bearer_methods_supported": ["header"],
        })
    );
}

#[tokio::test]
async fn token_exchange_is_told_of_where_it_is() {
    let trusted = TrustedIssuer::with_keys(
        "https://host.example",
        "chat",
        json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "kid": "a"}]}),
    );
    let world = World::with(Config { token_exchange: vec![trusted], ..config() }).await;
    let grants = document(&world, SERVER).await["grant_types_supported"].clone();
    assert!(grants.as_array().unwrap().contains(&json!("urn:ietf:params:oauth:grant-type:token-exchange")));
}

#[tokio::test]
async fn every_endpoint_that_is_told_of_is_there() {
    let world = World::open().await;
    let openid = document(&world, OPENID).await;
    let named =
        openid.as_object().unwrap().iter().filter(|(name, _)| name.ends_with("_endpoint") || *name == "jwks_uri");
    let mut there = 0;
    for (name, url) in named {
        let path = url.as_str().unwrap().strip_prefix(ISSUER).unwrap();
        let method = if ["authorization_endpoint", "userinfo_endpoint", "jwks_uri"].contains(&&**name) {
            Method::GET
        } else {
            Method::POST
        };
        let answer = world.call(method, path, "", Value::Null).await;
        assert!(![404, 405].contains(&answer.status.as_u16()), "{name} {path}: {answer:?}");
        there += 1;
    }
    assert_eq!(there, 7);
    // The token endpoint knows every grant that is told of, and no other.
    for grant in openid["grant_types_supported"].as_array().unwrap() {
        let answer = world.form("/v1/oauth2/token", &format!("grant_type={}", grant.as_str().unwrap())).await;
        assert_ne!(answer.text("error"), "unsupported_grant_type", "{grant}");
    }
}

async fn ask(world: &World, method: Method, path: &str, token: Option<&str>) -> Answer {
    let mut request = Request::builder().method(method).uri(path).header("origin", "https://app.example");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let request = request.header("access-control-request-method", "POST");
    let request = request.header("access-control-request-headers", "authorization,content-type");
    world.send(request.body(Full::new(Bytes::new())).unwrap()).await
}

#[tokio::test]
async fn programs_in_a_browser_may_call_what_is_done_by_no_cookie() {
    let world = World::open().await;
    for path in OPEN {
        let preflight = ask(&world, Method::OPTIONS, path, None).await;
        assert_eq!(preflight.status, 200, "{path}");
        assert_eq!(preflight.header("access-control-allow-origin"), "*", "{path}");
        assert_eq!(preflight.header("access-control-allow-methods"), "GET,POST");
        assert_eq!(preflight.header("access-control-allow-headers"), "authorization,content-type");
        assert_eq!(preflight.header("access-control-max-age"), "86400");
        for method in [Method::GET, Method::POST] {
            // Errors too, or the page could not read them.
            let answer = ask(&world, method, path, Some("stale")).await;
            assert_eq!(answer.header("access-control-allow-origin"), "*", "{path} {answer:?}");
            assert_eq!(answer.header("access-control-allow-credentials"), "");
            assert_eq!(answer.header("access-control-expose-headers"), "www-authenticate");
        }
    }
    for path in ["/v1/oauth2/authorize", "/v1/oauth2/device", "/v1/oauth2/introspect", "/v1/auth/login", "/v1/me"] {
        for method in [Method::OPTIONS, Method::GET, Method::POST] {
            let answer = ask(&world, method, path, None).await;
            assert_eq!(answer.header("access-control-allow-origin"), "", "{path}");
        }
    }
}
