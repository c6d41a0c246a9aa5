//! The operator's API lets nobody in without its token, tells a stranger nothing, and is not on the listener of clients.

use bartab_host::{Config, Limit, OptionalAddr, TenantSettings};
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::{Answer, Server, config, read, settings};

fn with_operator() -> Config {
    Config { operator_listen: OptionalAddr(Some(([127, 0, 0, 1], 0).into())), ..config() }
}

/// Asks the operator's API.
async fn ask(server: &Server, method: Method, path: &str, authorization: &[&str], body: &str) -> Answer {
    let operator = server.running.operator_address().unwrap();
    let mut request = server.client.request(method, format!("http://{operator}{path}")).body(body.to_owned());
    for value in authorization {
        request = request.header("authorization", *value);
    }
    read(request).await
}

fn token(server: &Server) -> String {
    std::fs::read_to_string(server.data().join("operator.token")).unwrap().trim().to_owned()
}

#[tokio::test]
async fn without_the_token_everything_is_the_same_401() {
    let server = Server::with(with_operator(), &[("acme", settings())]).await;
    let token = token(&server);
    let good = format!("Bearer {token}");
    let wrong = format!("Bearer {}", token.chars().rev().collect::<String>());
    let short = good[..good.len() - 1].to_owned();
    let twice = [good.as_str(), good.as_str()];
    let basic = format!("Basic {token}");
    let mut told = Vec::new();
    for path in ["/admin", "/admin/", "/admin/v1/tenants/acme/clients", "/admin/v1/tenants/none/clients", "/admin/v9"] {
        for method in [Method::GET, Method::POST, Method::DELETE] {
            for given in [&[][..], &[wrong.as_str()], &[short.as_str()], &[basic.as_str()], &[&token], &twice, &[""]] {
                let answer = ask(&server, method.clone(), path, given, "{}").await;
                answer.is_problem(401, "auth.required");
                assert_eq!(answer.headers["www-authenticate"], "Bearer realm=\"bartab operator\"");
                let mut json = answer.json();
                json.as_object_mut().unwrap().remove("instance");
                told.push(json);
            }
        }
    }
    assert!(told.iter().all(|json| *json == told[0]));
    assert_eq!(server.running.host().registry().open_count(), 0, "nobody opened a tenant by asking");
    // Metrics and probes are as they were, and clients find none of it.
    assert_eq!(ask(&server, Method::GET, "/metrics", &[], "").await.status, 200);
    assert_eq!(ask(&server, Method::GET, "/livez", &[], "").await.status, 200);
    let request = server.request(Method::GET, "/admin/v1/tenants/acme/clients").header("authorization", &good);
    assert_eq!(read(request).await.status, StatusCode::NOT_FOUND);
    let request = server.request(Method::GET, "/t/acme/admin/v1/tenants/acme/clients").header("authorization", &good);
    read(request).await.is_problem(401, "auth.invalid_token");
}

#[tokio::test]
async fn with_the_token_the_operator_works_in_any_tenant() {
    let suspended = TenantSettings { suspended: true, ..settings() };
    let tenants = [("a", settings()), ("b", settings()), ("s", suspended)];
    let server = Server::with(with_operator(), &tenants).await;
    let good = format!("Bearer {}", token(&server));
    let get = async |path: &'static str| ask(&server, Method::GET, path, &[&good], "").await;
    let body = json!({"name": "Board", "confidential": true, "redirect_uris": ["https://board.example/cb"], "reason": "wanted"});
    let made = ask(&server, Method::POST, "/admin/v1/tenants/a/clients", &[&good], &body.to_string()).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(made.headers["cache-control"], "no-store");
    assert_eq!(get("/admin/v1/tenants/a/clients").await.json()["items"][0]["name"], "Board");
    assert_eq!(get("/admin/v1/tenants/b/clients").await.json()["items"], json!([]));
    get("/admin/v1/tenants/none/clients").await.is_problem(404, "tenant.not_found");
    get("/admin/v1/tenants/..%2fa/clients").await.is_problem(404, "tenant.not_found");
    get("/admin/v1/tenants/s/clients").await.is_problem(403, "tenant.suspended");
    for path in ["/admin", "/admin/v1/tenants", "/admin/v1/tenants/a", "/admin/v1/tenants/a/", "/admin/v1/tenants/a/x"]
    {
        get(path).await.is_problem(404, "route.not_found");
    }
    let put = ask(&server, Method::PUT, "/admin/v1/tenants/a/clients", &[&good], "{}").await;
    put.is_problem(405, "route.method_not_allowed");
    let large = " ".repeat(2 * 1024 * 1024);
    let refused = ask(&server, Method::POST, "/admin/v1/tenants/a/clients", &[&good], &large).await;
    refused.is_problem(413, "request.too_large");
}

#[tokio::test]
async fn one_folder_has_one_server_and_one_token() {
    let server = Server::with(with_operator(), &[("acme", settings())]).await;
    let first = token(&server);
    assert_eq!(first.len(), 64);
    let address = std::fs::read_to_string(server.data().join("operator.addr")).unwrap();
    assert_eq!(address.trim(), server.running.operator_address().unwrap().to_string());
    let data = server.data().to_owned();
    let (running, _kept) = server.into_parts();
    running.shutdown().await;
    assert!(!data.join("operator.addr").exists());
    let config = Config { data: Some(data.clone()), ..with_operator() };
    let clock = std::sync::Arc::new(bartab_core::SystemClock);
    let again = bartab_host::start(&config, clock, std::sync::Arc::new(bartab_core::SystemRandom)).await.unwrap();
    assert_eq!(std::fs::read_to_string(data.join("operator.token")).unwrap().trim(), first);
    again.shutdown().await;
}

#[tokio::test]
async fn a_share_of_the_limits_holds_from_the_next_token_on() {
    let mut config = with_operator();
    config.limits.enabled = true;
    config.limits.principal.writes = Some(Limit::new(10, 1));
    let server = Server::with(config, &[("acme", settings())]).await;
    let good = format!("Bearer {}", token(&server));
    let before = server.register("/t/acme", "alice").await;
    let policy = async |token: &str| {
        let answer = server.post_as(token, "/t/acme/v1/rooms", &json!({"name": "Lobby"})).await;
        (answer.status.as_u16(), answer.headers["ratelimit-policy"].to_str().unwrap().to_owned())
    };
    assert_eq!(policy(&before).await, (201, "\"principal-write\";q=10;w=600".to_owned()));
    for (percent, quota) in [(200, 20), (10, 1), (10_000, 1000)] {
        let body = json!({"rate_percent": percent, "reason": "as agreed"}).to_string();
        let path = "/admin/v1/tenants/acme/users/alice";
        assert_eq!(ask(&server, Method::PATCH, path, &[&good], &body).await.status, 200);
        server.get_as(&before, "/t/acme/v1/rooms").await.is_problem(401, "auth.invalid_token");
        let login = json!({"username": "alice", "password": "open-sesame"}).to_string();
        let tokens = read(server.request(Method::POST, "/t/acme/v1/auth/login").body(login)).await.json();
        let (_, told) = policy(tokens["access_token"].as_str().unwrap()).await;
        assert_eq!(told, format!("\"principal-write\";q={quota};w=600"), "{percent}%");
    }
}
