//! Malformed, oversized and slow requests get a clear answer or a closed connection, and never a 500.

use std::collections::BTreeSet;
use std::time::Duration;

use bartab_host::Limit;
use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Answer, Server, config, read};

async fn connect(server: &Server) -> TcpStream {
    TcpStream::connect(server.running.address()).await.unwrap()
}

/// Everything that comes until the other side closes the connection.
async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut bytes)).await;
    assert!(read.is_ok(), "the connection stays open");
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test]
async fn a_client_that_never_finishes_its_headers_is_cut_off() {
    let mut config = config();
    config.server.header_timeout_seconds = 1;
    let server = Server::acme(config).await;
    let mut slow = connect(&server).await;
    slow.write_all(b"GET /livez HTTP/1.1\r\nHost: a\r\nX-Slow: ").await.unwrap();
    let answer = rest(&mut slow).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert_eq!(server.get("/livez").await.status, 200);
}

#[tokio::test]
async fn a_client_that_never_finishes_its_body_is_answered() {
    let mut config = config();
    config.server.body_timeout_seconds = 1;
    let server = Server::acme(config).await;
    let mut slow = connect(&server).await;
    let head = "POST /t/acme/v1/auth/login HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 100\r\n\r\n{";
    slow.write_all(head.as_bytes()).await.unwrap();
    let answer = rest(&mut slow).await;
    assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
}

#[tokio::test]
async fn ten_megabytes_are_refused_at_once_and_the_client_can_read_why() {
    let server = Server::acme(config()).await;
    let large = vec![b' '; 10 * 1024 * 1024];
    for path in ["/t/acme/v1/auth/register", "/t/acme/v1/rooms", "/v1/nowhere"] {
        let answer = read(server.request(Method::POST, path).body(large.clone())).await;
        answer.is_problem(413, "request.too_large");
    }
    // Without an announced length the limit is met while reading.
    let alice = server.register("/t/acme", "alice").await;
    let mut chunked = connect(&server).await;
    let head = format!(
        "POST /t/acme/v1/rooms HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {alice}\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    chunked.write_all(head.as_bytes()).await.unwrap();
    let chunk = [b"10000\r\n".as_slice(), &[b' '; 65536], b"\r\n"].concat();
    for _ in 0..64 {
        // The server may have answered and stopped reading already.
        if chunked.write_all(&chunk).await.is_err() {
            break;
        }
    }
    let mut answer = [0; 12];
    chunked.read_exact(&mut answer).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&answer), "HTTP/1.1 413");
}

#[tokio::test]
async fn heads_that_are_too_large_or_no_http_are_refused() {
    let server = Server::acme(config()).await;
    let mut large = connect(&server).await;
    let head = format!("GET /livez HTTP/1.1\r\nHost: a\r\nX-Large: {}\r\n\r\n", "x".repeat(64 * 1024));
    large.write_all(head.as_bytes()).await.unwrap();
    assert!(rest(&mut large).await.starts_with("HTTP/1.1 431"));
    let mut other = connect(&server).await;
    other.write_all(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 this is TLS\r\n\r\n").await.unwrap();
    let answer = rest(&mut other).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer}");
}

#[tokio::test]
async fn malformed_requests_are_400_and_unknown_routes_404() {
    let server = Server::acme(config()).await;
    let alice = server.register("/t/acme", "alice").await;
    let post = |path: &str, body: Vec<u8>| {
        read(server.request(Method::POST, &format!("/t/acme{path}")).bearer_auth(&alice).body(body))
    };
    for (path, field) in [("/v1/auth/login", "username"), ("/v1/rooms", "name")] {
        let invalid_utf8 = [b"{\"", field.as_bytes(), b"\":\"\xff\xfe\"}"].concat();
        post(path, invalid_utf8).await.is_problem(400, "request.invalid_json");
        post(path, b"{".to_vec()).await.is_problem(400, "request.invalid_json");
        post(path, b"{\"nam\":\"x\"}".to_vec()).await.is_problem(400, "request.invalid");
    }
    for path in ["/", "/v1", "/v1/nothing", "/v2/rooms", "/.well-known/nothing", "/v1/auth/", "/%ff"] {
        server.get_as(&alice, &format!("/t/acme{path}")).await.is_problem(404, "route.not_found");
    }
    assert_eq!(server.request(Method::DELETE, "/livez").send().await.unwrap().status(), 405);
    assert_eq!(server.request(Method::PUT, "/t/acme/openapi.json").send().await.unwrap().status(), 405);
}

#[tokio::test]
async fn bad_tokens_are_401() {
    let server = Server::acme(config()).await;
    let alice = server.register("/t/acme", "alice").await;
    let none = server.get("/t/acme/v1/rooms").await;
    none.is_problem(401, "auth.required");
    assert_eq!(none.headers["www-authenticate"], "Bearer realm=\"bartab\"");
    let (head, signature) = alice.rsplit_once('.').unwrap();
    let tampered = format!("{head}.{}", signature.chars().rev().collect::<String>());
    let unsigned = "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.";
    for token in [tampered.as_str(), unsigned, "nonsense"] {
        let refused = server.get_as(token, "/t/acme/v1/rooms").await;
        refused.is_problem(401, "auth.invalid_token");
        assert!(refused.headers["www-authenticate"].to_str().unwrap().contains("error=\"invalid_token\""));
    }
}

#[tokio::test]
async fn rate_limits_say_what_they_are() {
    let mut config = config();
    config.limits.enabled = true;
    config.limits.address.sign_in = Some(Limit::new(2, 1));
    config.limits.principal.writes = Some(Limit::new(1, 1));
    let server = Server::acme(config).await;
    let alice = server.register("/t/acme", "alice").await;
    assert_eq!(server.get_as(&alice, "/t/acme/v1/me").await.status, 200);

    let room = json!({"name": "Lobby"});
    assert_eq!(server.post_as(&alice, "/t/acme/v1/rooms", &room).await.status, 201);
    let by_person = server.post_as(&alice, "/t/acme/v1/rooms", &room).await;
    by_person.is_problem(429, "rate.limited");
    assert_eq!(by_person.headers["ratelimit-policy"], "\"principal-write\";q=1;w=60");

    let login = json!({"username": "alice", "password": "open-sesame"}).to_string();
    let sign_in = || read(server.request(Method::POST, "/t/acme/v1/auth/login").body(login.clone()));
    assert_eq!(sign_in().await.status, 200);
    let by_address = sign_in().await;
    by_address.is_problem(429, "rate.limited");
    assert_eq!(by_address.headers["ratelimit-policy"], "\"address-sign_in\";q=2;w=120");
    assert!(by_address.headers["ratelimit"].to_str().unwrap().starts_with("\"address-sign_in\";r=0;t="));
    assert!(by_address.headers["retry-after"].to_str().unwrap().parse::<u64>().unwrap() >= 1);
}

#[tokio::test]
async fn oauth_clients_are_refused_in_their_own_shape() {
    let mut config = config();
    config.limits.enabled = true;
    config.limits.address.token = Some(Limit::new(1, 1));
    config.limits.principal.reads = Some(Limit::new(1, 1));
    let server = Server::acme(config).await;
    let refused = |answer: Answer, status: u16, error: &str| {
        assert_eq!(answer.status, status, "{answer:?}");
        assert_eq!(answer.headers["content-type"], "application/json");
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert_eq!(answer.headers["pragma"], "no-cache");
        assert!(answer.headers.contains_key("x-request-id"));
        let (body, members) = (answer.json(), answer.json().as_object().unwrap().len());
        assert_eq!((body["error"].as_str(), members), (Some(error), 2), "{body}");
        assert!(body["error_description"].is_string(), "{body}");
        answer
    };
    let post = |path: &str, body: Vec<u8>| read(server.request(Method::POST, path).body(body));

    let token = "/t/acme/v1/oauth2/token";
    assert_eq!(post(token, Vec::new()).await.status, 400);
    let by_address = refused(post(token, Vec::new()).await, 429, "temporarily_unavailable");
    assert_eq!(by_address.headers["ratelimit-policy"], "\"address-token\";q=1;w=60");
    assert!(by_address.headers["ratelimit"].to_str().unwrap().starts_with("\"address-token\";r=0;t="));
    assert!(by_address.headers["retry-after"].to_str().unwrap().parse::<u64>().unwrap() >= 1);
    // A program in a page of another origin may read that, and when to ask again.
    assert_eq!(by_address.headers["access-control-allow-origin"], "*");
    assert_eq!(by_address.headers["access-control-expose-headers"], "retry-after");
    let alice = server.register("/t/acme", "alice").await;
    assert_eq!(server.get_as(&alice, "/t/acme/v1/me").await.status, 200);
    let by_person = server.get_as(&alice, "/t/acme/v1/oauth2/userinfo").await;
    let by_person = refused(by_person, 429, "temporarily_unavailable");
    assert_eq!(by_person.headers["ratelimit-policy"], "\"principal-read\";q=1;w=60");

    refused(post("/t/acme/v1/oauth2/revoke", vec![b' '; 10 * 1024 * 1024]).await, 413, "invalid_request");
    refused(server.get("/t/acme/v1/oauth2/nothing").await, 404, "invalid_request");
    refused(server.get("/t/nobody/v1/oauth2/authorize").await, 404, "invalid_request");
    refused(server.get("/v1/oauth2/authorize").await, 404, "invalid_request");
    server.running.host().registry().close_all().await;
    let stopping = refused(server.get("/t/acme/v1/oauth2/authorize").await, 503, "temporarily_unavailable");
    assert!(stopping.headers.contains_key("retry-after"));
}

#[tokio::test]
async fn a_person_before_a_page_is_told_in_words_that_it_was_too_often() {
    let mut config = config();
    config.limits.enabled = true;
    config.limits.address.sign_in = Some(Limit::new(1, 1));
    let server = Server::acme(config).await;
    let device = "/t/acme/v1/oauth2/device";
    let ask = |method: Method, path: &str, accept: &str| {
        read(server.request(method, path).header("accept", accept.to_owned()))
    };
    assert_eq!(server.get(device).await.status, 200);
    let browser = "text/html,application/xhtml+xml,*/*;q=0.8";
    let authorize = "/t/acme/v1/oauth2/authorize";
    let requests = [(Method::GET, device), (Method::POST, device), (Method::POST, authorize)];
    for (method, path) in requests {
        let told = ask(method.clone(), path, browser).await;
        assert_eq!(
            (told.status.as_u16(), &told.headers["content-type"]),
            (429, &"text/html; charset=utf-8".parse().unwrap())
        );
        let seconds = told.headers["retry-after"].to_str().unwrap();
        assert!(told.text.contains(&format!("Try again in {seconds} seconds.")), "{}", told.text);
        assert!(told.text.starts_with("<!DOCTYPE html>") && !told.text.contains("<script"));
        // All else is as it is for programs.
        let program = ask(method, path, "*/*").await;
        assert_eq!((program.status.as_u16(), program.json()["error"].as_str()), (429, Some("temporarily_unavailable")));
        let names = |answer: &Answer| answer.headers.keys().map(ToString::to_string).collect::<BTreeSet<_>>();
        assert_eq!(names(&told), names(&program));
        for name in
            ["ratelimit-policy", "cache-control", "pragma", "content-security-policy", "access-control-allow-origin"]
        {
            assert_eq!(told.headers[name], program.headers[name], "{name}");
        }
    }
    // Where there are no pages, nobody gets one.
    ask(Method::POST, "/t/acme/v1/auth/login", browser).await.is_problem(429, "rate.limited");
}

#[tokio::test]
async fn every_answer_under_a_limit_says_what_is_left() {
    let mut config = config();
    config.limits.enabled = true;
    config.limits.principal.writes = Some(Limit::new(10, 1));
    config.limits.principal.reads = Some(Limit::new(20, 1));
    config.limits.principal.sync = Some(Limit::new(30, 1));
    config.limits.address.token = Some(Limit::new(40, 1));
    config.limits.address.sign_in = Some(Limit::new(50, 1));
    let server = Server::acme(config).await;
    let said = |answer: &Answer| {
        ["ratelimit-policy", "ratelimit"].map(|name| {
            let values = answer.headers.get_all(name).iter().map(|value| value.to_str().unwrap());
            values.collect::<Vec<_>>().join(", ")
        })
    };
    let alice = server.register("/t/acme", "alice").await;

    // Chat and identity count together, and a refusal counts like an answer.
    let get = async |path: &str| said(&server.get_as(&alice, &format!("/t/acme{path}")).await);
    let reads = ["/v1/rooms", "/v1/me", "/v1/me/sessions", "/v1/rooms/room_0", "/v1/nothing"];
    for (path, left) in reads.into_iter().zip([19, 18, 17, 16, 15]) {
        let back = (20 - left) * 60;
        let expected = format!("\"principal-read\";r={left};t={back}");
        assert_eq!(get(path).await, ["\"principal-read\";q=20;w=1200".to_owned(), expected], "{path}");
    }
    assert_eq!(get("/v1/sync").await[1], "\"principal-sync\";r=29;t=60");
    let room = server.post_as(&alice, "/t/acme/v1/rooms", &json!({"name": "Lobby"})).await;
    assert_eq!(said(&room), ["\"principal-write\";q=10;w=600", "\"principal-write\";r=9;t=60"]);

    // Where one signs in, it is the address that counts.
    let post =
        |path: &str, body: &'static str| read(server.request(Method::POST, &format!("/t/acme{path}")).body(body));
    let login = post("/v1/auth/login", r#"{"username":"alice","password":"open-sesame"}"#).await;
    assert_eq!((login.status.as_u16(), said(&login)[1].as_str()), (200, "\"address-sign_in\";r=48;t=120"));
    let wrong = post("/v1/auth/login", r#"{"username":"alice","password":"another-one"}"#).await;
    assert_eq!((wrong.status.as_u16(), said(&wrong)[1].as_str()), (401, "\"address-sign_in\";r=47;t=180"));
    let token = post("/v1/oauth2/token", "").await;
    assert_eq!(said(&token), ["\"address-token\";q=40;w=2400", "\"address-token\";r=39;t=60"]);
    // Nobody in particular, and nothing that leads to anybody.
    assert_eq!(said(&server.get("/t/acme/v1/rooms").await), ["", ""]);
    assert_eq!(said(&server.get("/t/acme/.well-known/jwks.json").await), ["", ""]);
}

#[tokio::test]
async fn a_stale_token_does_not_stand_in_the_way_of_signing_in() {
    let server = Server::acme(config()).await;
    server.register("/t/acme", "alice").await;
    let login = json!({"username": "alice", "password": "open-sesame"});
    assert_eq!(server.post_as("stale", "/t/acme/v1/auth/login", &login).await.status, 200);
    server.get_as("stale", "/t/acme/v1/me").await.is_problem(401, "auth.invalid_token");
}
