//! Tenants of one server share a host name, a listener and a program, and not one credential.

use bartab_auth::{Act, NewClient};
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::forms::Browser;
use crate::support::{Server, config, read, settings};

const REDIRECT: &str = "http://127.0.0.1:9/cb";
const PASSWORD: &str = "open-sesame";

async fn two() -> Server {
    let server = Server::with(config(), &[("a", settings()), ("b", settings())]).await;
    for prefix in ["/t/a", "/t/b"] {
        server.register(prefix, "alice").await;
    }
    server
}

/// Where a client of the tenant sends somebody to sign in.
async fn authorize(server: &Server, tenant: &str, more: &str) -> String {
    let auth = server.running.host().tenant(tenant).await.unwrap().auth().clone();
    let client = auth.register_client(&Act::operator("needed"), NewClient::app("Board", &[REDIRECT])).await.unwrap();
    let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    let client_id = client.client.client_id;
    format!(
        "{}/t/{tenant}/v1/oauth2/authorize?response_type=code&client_id={client_id}&redirect_uri=http%3A%2F%2F127.0.0.1%3A9%2Fcb\
         &scope=chat%3Aread&state=s&code_challenge={challenge}&code_challenge_method=S256{more}",
        server.url
    )
}

#[tokio::test]
async fn a_browser_that_is_signed_in_to_one_tenant_is_a_stranger_to_the_other() {
    let server = two().await;
    let mut browser = Browser::new();
    let page = browser.open(&authorize(&server, "a", "").await).await;
    assert_eq!(page.status, StatusCode::OK);
    browser.submit(&page, &[("username", "alice"), ("password", PASSWORD)]).await;
    let asked = authorize(&server, "a", "&prompt=none").await;
    assert_eq!(browser.open(&asked).await.sent("error").as_deref(), Some("consent_required"), "she is signed in");
    let elsewhere = authorize(&server, "b", "&prompt=none").await;
    assert_eq!(browser.open(&elsewhere).await.sent("error").as_deref(), Some("login_required"));

    // Also under the names that the other tenant gives its cookies.
    let mut other = Browser::new();
    let page = other.open(&authorize(&server, "b", "").await).await;
    other.submit(&page, &[("username", "alice"), ("password", PASSWORD)]).await;
    let [session_a, session_b] = [&browser, &other].map(|browser| {
        let name = browser.cookies.keys().find(|name| name.starts_with("bartab-") && !name.starts_with("bartab-form"));
        name.unwrap().clone()
    });
    assert_ne!(session_a, session_b);
    let stolen = browser.cookies[&session_a].clone();
    other.cookies.insert(session_b, stolen);
    assert_eq!(other.open(&elsewhere).await.sent("error").as_deref(), Some("login_required"));
}

#[tokio::test]
async fn no_token_key_or_grant_of_one_tenant_is_good_in_the_other() {
    let server = two().await;
    let sign_in = async |tenant: &str| {
        let body = json!({"username": "alice", "password": PASSWORD}).to_string();
        read(server.request(Method::POST, &format!("/t/{tenant}/v1/auth/login")).body(body)).await.json()
    };
    let (a, b) = (sign_in("a").await, sign_in("b").await);
    let text = |tokens: &serde_json::Value, name: &str| tokens[name].as_str().unwrap().to_owned();
    let (token, other) = (text(&a, "access_token"), text(&b, "access_token"));
    assert_eq!(server.get_as(&token, "/t/a/v1/me").await.status, 200);
    // Her token, the same under the other tenant's `kid`, and her claims under the other tenant's signature.
    let parts = |token: &str| token.split('.').map(str::to_owned).collect::<Vec<_>>();
    let (mine, theirs) = (parts(&token), parts(&other));
    for forged in [
        token.clone(),
        format!("{}.{}.{}", theirs[0], mine[1], mine[2]),
        format!("{}.{}.{}", theirs[0], mine[1], theirs[2]),
        format!("{}.{}.{}", theirs[0], theirs[1], mine[2]),
        format!("{}.{}.{}", mine[0], theirs[1], theirs[2]),
    ] {
        for path in ["/v1/me", "/v1/rooms", "/v1/sync"] {
            server.get_as(&forged, &format!("/t/b{path}")).await.is_problem(401, "auth.invalid_token");
        }
        let userinfo = server.get_as(&forged, "/t/b/v1/oauth2/userinfo").await;
        assert_eq!(userinfo.status, 401, "{userinfo:?}");
    }
    // A refresh token finds no session, and still is its own tenant's.
    let refresh = async |tenant: &str, token: &str| {
        let request = server.request(Method::POST, &format!("/t/{tenant}/v1/oauth2/token"));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        read(request.body(format!("grant_type=refresh_token&refresh_token={token}"))).await
    };
    let refused = refresh("b", &text(&a, "refresh_token")).await;
    assert_eq!((refused.status.as_u16(), &refused.json()["error"]), (400, &json!("invalid_grant")));
    assert_eq!(refresh("a", &text(&a, "refresh_token")).await.status, 200);
    // The key sets have no key in common.
    let keys = async |tenant: &str| server.get(&format!("/t/{tenant}/.well-known/jwks.json")).await.json();
    let kids = |set: serde_json::Value| {
        let keys = set["keys"].as_array().unwrap().clone();
        keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let (a, b) = (kids(keys("a").await), kids(keys("b").await));
    assert!(!a.is_empty() && a.iter().all(|kid| !b.contains(kid)));
}
