//! Tenants see nothing of one another, whichever way they are reached, and open and close as they are needed.

use bartab_auth::{RegistrationPolicy, TenantConfig};
use bartab_host::{Config, TenantSettings};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

use crate::support::{Server, config, eventually, read, settings};

fn at_host(host: &str) -> TenantSettings {
    TenantSettings { hosts: vec![host.parse().unwrap()], ..settings() }
}

#[tokio::test]
async fn tenants_are_told_apart_by_prefix_and_refuse_each_others_tokens() {
    let server = Server::with(config(), &[("a", settings()), ("b", settings())]).await;
    let alice = server.register("/t/a", "alice").await;
    let bob = server.register("/t/b", "bob").await;
    let room = server.post_as(&alice, "/t/a/v1/rooms", &json!({"name": "Lobby", "visibility": "public"})).await;
    assert_eq!(room.status, 201, "{room:?}");
    let room = room.json()["room_id"].as_str().unwrap().to_owned();

    for (token, prefix) in [(&alice, "/t/b"), (&bob, "/t/a")] {
        server.get_as(token, &format!("{prefix}/v1/rooms")).await.is_problem(401, "auth.invalid_token");
        server.get_as(token, &format!("{prefix}/v1/me")).await.is_problem(401, "auth.invalid_token");
    }
    let rooms = server.get_as(&bob, "/t/b/v1/rooms").await.json();
    assert_eq!(rooms["items"], json!([]));
    assert_eq!(server.get_as(&bob, &format!("/t/b/v1/rooms/{room}")).await.status, 404);
    // One name may be taken in both.
    server.register("/t/b", "alice").await;
}

#[tokio::test]
async fn tenants_are_told_apart_by_host_name() {
    let server = Server::with(config(), &[("a", at_host("a.example")), ("b", at_host("b.example"))]).await;
    let at = |host: &str, path: &str| read(server.request(Method::GET, path).header("host", host));
    let alice = server.register("/t/a", "alice").await;
    let rooms = |host: &str| read(server.request(Method::GET, "/v1/rooms").header("host", host).bearer_auth(&alice));
    assert_eq!(rooms("a.example").await.status, 200);
    assert_eq!(rooms("A.Example.:443").await.status, 200);
    rooms("b.example").await.is_problem(401, "auth.invalid_token");
    at("c.example", "/v1/rooms").await.is_problem(404, "tenant.not_found");
    at("", "/v1/rooms").await.is_problem(404, "tenant.not_found");
}

#[tokio::test]
async fn an_unknown_tenant_is_a_plain_404() {
    let server = Server::acme(config()).await;
    for path in ["/t/nobody/v1/rooms", "/t/nobody", "/t/", "/t/ACME/v1/me", "/t/..%2f/v1/me", "/t/a%00/v1/me"] {
        server.get(path).await.is_problem(404, "tenant.not_found");
    }
}

#[tokio::test]
async fn sixty_four_first_requests_open_a_tenant_once() {
    let server = Server::acme(config()).await;
    assert_eq!(server.running.host().registry().open_count(), 0);
    let answers = join_all((0..64).map(|_| server.get("/t/acme/.well-known/jwks.json"))).await;
    let keys: Vec<_> = answers.iter().map(|answer| &answer.text).collect();
    assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
    assert!(keys.iter().all(|key| *key == keys[0]), "two openings would have made two keys");
    assert_eq!(server.running.host().registry().open_count(), 1);
}

#[tokio::test]
async fn an_idle_tenant_is_closed_a_waiting_one_is_not_and_both_carry_on() {
    let mut config = config();
    config.tenants.idle_seconds = 0;
    let server = Server::with(config, &[("idle", settings()), ("busy", settings())]).await;
    let idle = server.register("/t/idle", "alice").await;
    let busy = server.register("/t/busy", "bob").await;
    let poll = server.waiting_poll("/t/busy", &busy).await;
    eventually("the poll waits", async || server.waiting("busy").await == 1).await;

    let registry = server.running.host().registry();
    eventually("the idle tenant is closed", async || {
        registry.close_idle().await;
        registry.open_count() == 1
    })
    .await;
    assert!(!poll.is_finished(), "whoever waits is not disturbed");
    assert_eq!(server.get_as(&idle, "/t/idle/v1/me").await.status, 200, "the tenant opens again and knows the token");
    let room = server.post_as(&busy, "/t/busy/v1/rooms", &json!({"name": "Lobby"})).await;
    assert_eq!(room.status, 201, "{room:?}");
    assert_eq!(poll.await.unwrap().json()["events"][0]["type"], "member.joined");
}

#[tokio::test]
async fn guessing_goes_on_no_faster_when_a_tenant_is_closed_in_between() {
    let mut config = config();
    config.tenants.max_open = 1;
    let server = Server::with(config, &[("a", settings()), ("b", settings())]).await;
    server.register("/t/a", "alice").await;
    let guess = json!({"username": "nobody", "password": "quite a wrong password"});
    let mut statuses = Vec::new();
    for _ in 0..8 {
        let login = server.request(Method::POST, "/t/a/v1/auth/login").body(guess.to_string());
        statuses.push(read(login).await.status.as_u16());
        assert_eq!(server.get("/t/b/.well-known/jwks.json").await.status, 200, "the other tenant takes its place");
    }
    assert_eq!(statuses[..5], [401; 5]);
    assert!(statuses[5..].contains(&429), "{statuses:?}");
}

#[tokio::test]
async fn at_the_cap_an_idle_tenant_makes_room_and_a_busy_one_does_not() {
    let mut config = config();
    config.tenants.max_open = 1;
    let server = Server::with(config, &[("a", settings()), ("b", settings())]).await;
    let alice = server.register("/t/a", "alice").await;
    let poll = server.waiting_poll("/t/a", &alice).await;
    eventually("the poll waits", async || server.waiting("a").await == 1).await;
    let full = server.get("/t/b/.well-known/jwks.json").await;
    full.is_problem(503, "tenant.unavailable");
    assert!(full.headers.contains_key("retry-after"));
    poll.abort();
    eventually("the other tenant opens", async || server.get("/t/b/.well-known/jwks.json").await.status == 200).await;
    assert_eq!(server.running.host().registry().open_count(), 1);
}

#[tokio::test]
async fn a_suspended_tenant_says_so_and_nothing_else() {
    let suspended = TenantSettings { suspended: true, ..at_host("s.example") };
    let server = Server::with(config(), &[("s", suspended)]).await;
    server.get("/t/s/v1/rooms").await.is_problem(403, "tenant.suspended");
    let by_host = server.request(Method::GET, "/v1/auth/login").header("host", "s.example");
    read(by_host).await.is_problem(403, "tenant.suspended");
}

#[tokio::test]
async fn each_tenant_has_its_own_rules_of_identity() {
    let policy = |policy| TenantSettings { auth: TenantConfig::registration(policy), ..TenantSettings::default() };
    let mut config = config();
    config.auth.registration = RegistrationPolicy::Invite;
    let auth = toml::from_str("access_token_seconds = 60\ntoken_algorithm = 'ES256'\nregistration = 'open'").unwrap();
    let own = TenantSettings { auth, ..TenantSettings::default() };
    let tenants = [("own", own), ("closed", policy(RegistrationPolicy::Closed)), ("usual", TenantSettings::default())];
    let server = Server::with(config, &tenants).await;
    for (tenant, registration) in [("own", "open"), ("closed", "closed"), ("usual", "invite")] {
        let about = server.get(&format!("/t/{tenant}/.well-known/bartab")).await.json();
        assert_eq!(about["features"]["registration"], registration, "{tenant}");
    }
    let alice = json!({"username": "alice", "password": "open-sesame"}).to_string();
    let register =
        |tenant: &str| read(server.request(Method::POST, &format!("/t/{tenant}/v1/auth/register")).body(alice.clone()));
    register("closed").await.is_problem(403, "registration.closed");
    register("usual").await.is_problem(403, "registration.invite_required");
    let registered = register("own").await.json();
    assert_eq!(registered["expires_in"], 60);
    let jwks = server.get("/t/own/.well-known/jwks.json").await.json();
    assert!(jwks["keys"].as_array().unwrap().iter().any(|key| key["alg"] == "ES256"), "{jwks}");
}

#[tokio::test]
async fn a_tenant_that_is_made_while_the_server_runs_is_found_with_the_next_request() {
    let server = Server::acme(config()).await;
    assert_eq!(server.get("/t/late/.well-known/jwks.json").await.status, 404);
    server.folder.create(&"late".parse().unwrap(), &at_host("late.example")).unwrap();
    assert_eq!(server.get("/t/late/.well-known/jwks.json").await.status, 200);
    server.folder.create(&"later".parse().unwrap(), &at_host("later.example")).unwrap();
    let by_host = server.request(Method::GET, "/.well-known/jwks.json").header("host", "later.example");
    assert_eq!(read(by_host).await.status, 200);
}

#[tokio::test]
async fn a_tenant_that_does_not_open_is_503_and_the_others_go_on() {
    let server = Server::with(config(), &[("broken", settings()), ("fine", settings())]).await;
    std::fs::write(server.folder.store(&"broken".parse().unwrap()), "this is no database, however long it is").unwrap();
    server.get("/t/broken/v1/rooms").await.is_problem(503, "tenant.unavailable");
    assert_eq!(server.get("/t/fine/.well-known/jwks.json").await.status, 200);
}

#[tokio::test]
async fn every_url_that_is_generated_carries_the_prefix_or_the_configured_base() {
    let own = TenantSettings { base_url: Some("https://chat.example".parse().unwrap()), ..at_host("chat.example") };
    let server = Server::with(config(), &[("acme", settings()), ("own", own)]).await;
    let base = format!("{}/t/acme", server.url);

    let about = server.get("/t/acme/.well-known/bartab").await.json();
    assert_eq!((&about["issuer"], &about["services"]["chat"]), (&json!(base), &json!(base)));
    assert_eq!(about["limits"]["sync_timeout_ms"], 55_000);
    assert_eq!(server.get("/t/acme/openapi.json").await.json()["servers"], json!([{"url": base}]));
    for path in [
        "/t/acme/.well-known/openid-configuration",
        "/t/acme/.well-known/oauth-authorization-server",
        "/.well-known/oauth-authorization-server/t/acme",
    ] {
        let document = server.get(path).await.json();
        assert_eq!(document["issuer"], json!(base), "{path}");
        assert_eq!(document["token_endpoint"], json!(format!("{base}/v1/oauth2/token")), "{path}");
    }
    for path in ["/t/acme/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/t/acme"] {
        assert_eq!(server.get(path).await.json()["resource"], json!(base), "{path}");
    }
    assert_eq!(server.get("/.well-known/oauth-authorization-server/t/nobody").await.status, 404);
    let about = server.get("/t/own/.well-known/bartab").await.json();
    assert_eq!(
        (&about["issuer"], &about["services"]["auth"]),
        (&json!("https://chat.example"), &json!("https://chat.example"))
    );
}

#[tokio::test]
async fn links_follow_a_trusted_proxy_and_no_stranger() {
    let about = async |server: &Server| {
        let request = server.request(Method::GET, "/t/acme/.well-known/bartab");
        let request = request.header("x-forwarded-proto", "https").header("x-forwarded-host", "chat.example");
        read(request).await.json()["services"]["chat"].as_str().unwrap().to_owned()
    };
    let strict = Server::acme(config()).await;
    assert_eq!(about(&strict).await, format!("{}/t/acme", strict.url));
    let trusting = Config { trusted_proxies: vec!["127.0.0.0/8".parse().unwrap()], ..config() };
    assert_eq!(about(&Server::acme(trusting).await).await, "https://chat.example/t/acme");
}
