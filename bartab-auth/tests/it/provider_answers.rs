//! What another OpenID provider can do to us: answers that prove nothing, none at all, and too much of them.

use bartab_auth::{Config, ProviderConfig};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::provider::{CLIENT, Provider, Reply, SECRET, START, half_hash, people, person, program};
use crate::tokens::sign;
use crate::world::{World, config};

#[tokio::test]
async fn an_answer_that_proves_nothing_lets_nobody_in() {
    let provider = Provider::open().await;
    let other = Provider::with_seed(78).await;
    let world = provider.tenant(|_| {}).await;
    let now = bartab_core::Clock::now(&*world.clock).as_secs();
    let set = |name: &'static str, value: Value| move |claims: &mut Value| claims[name] = value;
    type Change = Box<dyn FnOnce(&mut Value)>;
    let changes: Vec<(&str, Change)> = vec![
        ("another nonce", Box::new(set("nonce", json!("x")))),
        ("no nonce", Box::new(set("nonce", Value::Null))),
        ("another audience", Box::new(set("aud", json!("other")))),
        ("no audience", Box::new(set("aud", json!([])))),
        ("one audience more", Box::new(set("aud", json!([CLIENT, "other"])))),
        ("for another party", Box::new(set("azp", json!("other")))),
        ("another issuer", Box::new(set("iss", json!("https://other.example")))),
        ("another spelling of the issuer", Box::new(set("iss", json!(format!("{}/", provider.issuer))))),
        ("run out", Box::new(set("exp", json!(now)))),
        ("run out long ago", Box::new(set("exp", json!(now - 1000)))),
        ("made long ago", Box::new(set("iat", json!(now - 301)))),
        ("made in time to come", Box::new(set("iat", json!(now + 301)))),
        ("no time", Box::new(set("iat", Value::Null))),
        ("no end", Box::new(set("exp", Value::Null))),
        ("nobody", Box::new(set("sub", json!("")))),
        ("no subject", Box::new(set("sub", Value::Null))),
        ("a long subject", Box::new(set("sub", json!("x".repeat(256))))),
        ("another access token", Box::new(set("at_hash", json!(half_hash("other"))))),
    ];
    for (what, change) in changes {
        let answer = provider.sign_in(&world, &mut program(), "", change).await;
        assert_eq!(answer.status, 502, "{what}");
        answer.assert_problem(502, "provider.bad_answer");
        assert_eq!(answer.json()["detail"], "the provider's answer is not one that can be trusted");
    }
    // The signature.
    let mut headers: Vec<(Value, Option<&[u8]>)> = vec![
        (json!({"alg": "none"}), None),
        (json!({"alg": "HS256"}), Some(SECRET.as_bytes())),
        (json!({"alg": "HS256", "kid": provider.jwk["kid"]}), Some(SECRET.as_bytes())),
        (json!({"alg": "HS256", "kid": provider.jwk["kid"]}), Some(b"")),
    ];
    headers.push((json!({"alg": "EdDSA", "kid": provider.jwk["kid"], "typ": "at+jwt"}), None));
    for (header, secret) in headers {
        let begun = provider.begin(&world, &mut Browser::default(), "").await;
        let claims = provider.claims(&world, &begun.query["nonce"]);
        let id_token = match secret {
            Some(secret) => sign(&header, &claims, Algorithm::HS256, &EncodingKey::from_secret(secret)),
            None if header["alg"] == "none" => {
                format!("{}.{}.", BASE64.encode(header.to_string()), BASE64.encode(claims.to_string()))
            }
            None => provider.sign(&header, &claims),
        };
        refused(&provider, &world, &id_token).await;
    }
    // Another provider's key, under its own name and under the right one.
    for header in [other.header(), provider.header()] {
        let answer = with_token(&provider, &world, |claims| other.sign(&header, claims)).await;
        answer.assert_problem(502, "provider.bad_answer");
    }
    let altered = with_token(&provider, &world, |claims| {
        let token = provider.sign(&provider.header(), claims);
        let (message, signature) = token.rsplit_once('.').unwrap();
        let mut claims = claims.clone();
        claims["sub"] = json!("bob");
        format!("{}.{}.{signature}", message.split('.').next().unwrap(), BASE64.encode(claims.to_string()))
    });
    altered.await.assert_problem(502, "provider.bad_answer");
    for nonsense in ["", "x", "..", "a.b.c", "e30.e30.", &"a.".repeat(50_000)] {
        with_token(&provider, &world, |_| nonsense.to_owned()).await.assert_problem(502, "provider.bad_answer");
    }
    assert_eq!(people(&world).await, 0);
    // With the right hash of the right token it works.
    let answer = provider.sign_in(&world, &mut program(), "", set("at_hash", json!(half_hash("at")))).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

async fn with_token(
    provider: &Provider,
    world: &World,
    id_token: impl FnOnce(&Value) -> String,
) -> crate::world::Answer {
    let mut browser = program();
    let begun = provider.begin_json(world, &mut browser).await;
    provider.give(&id_token(&provider.claims(world, &begun.query["nonce"])));
    browser.get(world, &begun.callback("code=c0de")).await
}

async fn refused(provider: &Provider, world: &World, id_token: &str) {
    with_token(provider, world, |_| id_token.to_owned()).await.assert_problem(502, "provider.bad_answer");
}

#[tokio::test]
async fn whatever_the_token_endpoint_answers_nobody_gets_in_and_nobody_waits_for_ever() {
    let provider = Provider::open().await;
    let world = provider.tenant(|_| {}).await;
    let raw = |text: &str| Reply::Raw(text.as_bytes().to_vec());
    let mut huge = b"HTTP/1.1 200 X\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n".to_vec();
    huge.resize(10 << 20, b' ');
    let evil = json!({"error": "<script>", "error_description": "secret: hush", "error_uri": "https://evil.example"});
    for (reply, status, code) in [
        (
            Reply::Json(400, json!({"error": "invalid_grant", "error_description": "secret: hush"})),
            403,
            "provider.refused",
        ),
        (Reply::Json(401, json!({"error": "invalid_client"})), 403, "provider.refused"),
        (Reply::Json(400, evil), 403, "provider.refused"),
        (Reply::Json(500, json!({})), 502, "provider.bad_answer"),
        (Reply::Json(200, json!({})), 502, "provider.bad_answer"),
        (Reply::Json(200, json!({"access_token": "at", "token_type": "Bearer"})), 502, "provider.bad_answer"),
        (Reply::Json(200, json!([])), 502, "provider.bad_answer"),
        (raw("HTTP/1.1 302 X\r\nlocation: /realm/jwks\r\ncontent-length: 0\r\n\r\n"), 502, "provider.bad_answer"),
        (raw("HTTP/1.1 200 X\r\ncontent-type: text/html\r\ncontent-length: 2\r\n\r\n{}"), 502, "provider.bad_answer"),
        (raw("nonsense"), 503, "provider.unavailable"),
        (raw(""), 503, "provider.unavailable"),
        (Reply::Raw(huge), 503, "provider.unavailable"),
        (Reply::Hang, 503, "provider.unavailable"),
    ] {
        let mut browser = program();
        let begun = provider.begin_json(&world, &mut browser).await;
        provider.set("/realm/token", reply.clone());
        // The one that hangs never answers: that this ends at all says that nobody waits for it.
        let answer = browser.get(&world, &begun.callback("code=c0de")).await;
        answer.assert_problem(status, code);
        assert!(!answer.json().to_string().contains("hush"), "{answer:?}");
    }
    assert_eq!(provider.requests("/realm/jwks").len(), 1, "no redirect is followed");
    assert_eq!(people(&world).await, 0);
}

#[tokio::test]
async fn what_the_provider_says_instead_of_a_code_is_not_repeated() {
    let provider = Provider::open().await;
    let world = provider.tenant(|_| {}).await;
    let said = "error=access_denied&error_description=%3Cscript%3Ealert(1)%3C/script%3E&error_uri=https://evil.example";
    let begun = provider.begin_json(&world, &mut program()).await;
    program().get(&world, &begun.callback(said)).await.assert_problem(400, "provider.stale");
    let mut browser = person();
    let begun = provider.begin(&world, &mut browser, "return_to=/app").await;
    let page = browser.get(&world, &begun.callback(said)).await;
    page.assert_page(403, "You are not signed in");
    assert!(!page.html().contains("script") && !page.html().contains("evil"), "{}", page.html());
    let mut browser = program();
    let begun = provider.begin_json(&world, &mut browser).await;
    let answer = browser.get(&world, &begun.callback(said)).await;
    answer.assert_problem(403, "provider.refused");
    assert!(!answer.json().to_string().contains("script"));
    // An answer that says it is another provider's (RFC 9207), and one without what this provider always says.
    let mut browser = program();
    let begun = provider.begin_json(&world, &mut browser).await;
    let answer = browser.get(&world, &begun.callback("code=c0de&iss=https%3A%2F%2Fother.example")).await;
    answer.assert_problem(502, "provider.bad_answer");
    let mut discovery = provider.discovery();
    discovery["authorization_response_iss_parameter_supported"] = json!(true);
    provider.set("/realm/.well-known/openid-configuration", Reply::Json(200, discovery));
    let world = provider.tenant(|_| {}).await;
    provider.sign_in(&world, &mut program(), "", |_| {}).await.assert_problem(502, "provider.bad_answer");
    assert!(provider.requests("/realm/token").is_empty(), "no code was sent");
}

#[tokio::test]
async fn a_provider_that_cannot_be_discovered_hangs_nobody() {
    let provider = Provider::open().await;
    let good = provider.discovery();
    let path = "/realm/.well-known/openid-configuration";
    let change = |name: &str, value: Value| {
        let mut document = good.clone();
        document[name] = value;
        Reply::Json(200, document)
    };
    let mut huge = b"HTTP/1.1 200 X\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n".to_vec();
    huge.resize(10 << 20, b' ');
    for reply in [
        change("issuer", json!("https://other.example")),
        change("token_endpoint", json!("http://10.0.0.1/token")),
        change("userinfo_endpoint", json!("file:///etc/passwd")),
        change("authorization_endpoint", json!("javascript:alert(1)")),
        change("authorization_endpoint", json!("http://evil.example/authorize")),
        change("jwks_uri", json!("http://169.254.169.254/latest")),
        change("jwks_uri", Value::Null),
        Reply::Json(404, json!({})),
        Reply::Json(200, json!([])),
        Reply::Raw(b"HTTP/1.1 301 X\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n".to_vec()),
        Reply::Raw(huge),
    ] {
        provider.set(path, reply.clone());
        let world = provider.tenant(|_| {}).await;
        let answer = program().get(&world, START).await;
        answer.assert_problem(503, "provider.unavailable");
        assert_eq!(answer.header("retry-after"), "1", "{answer:?}");
        person().get(&world, START).await.assert_page(503, "That did not work");
    }
    // One that hangs: nobody waits for it for ever, and then nobody waits for a while.
    provider.set(path, Reply::Hang);
    let world = provider.tenant(|_| {}).await;
    let asks = async || program().get(&world, START).await.assert_problem(503, "provider.unavailable");
    let before = provider.requests(path).len();
    tokio::join!(asks(), asks(), asks());
    asks().await;
    assert_eq!(provider.requests(path).len(), before + 1, "who came meanwhile waited for the first");
    // It comes back.
    provider.set(path, Reply::Json(200, good.clone()));
    world.advance(10);
    provider.begin(&world, &mut Browser::default(), "").await;
    // What is known stays in use while it is away again, but not for ever.
    provider.set(path, Reply::Json(500, json!({})));
    world.advance(3600);
    provider.begin(&world, &mut Browser::default(), "").await;
    world.advance(24 * 3600);
    asks().await;
}

#[tokio::test]
async fn new_keys_of_the_provider_are_found() {
    let provider = Provider::open().await;
    let other = Provider::with_seed(78).await;
    let world = provider.tenant(|_| {}).await;
    assert_eq!(provider.sign_in(&world, &mut program(), "", |_| {}).await.status, 200);
    provider.set("/realm/jwks", Reply::Json(200, json!({"keys": [other.jwk]})));
    let signed = async || with_token(&provider, &world, |claims| other.sign(&other.header(), claims)).await;
    signed().await.assert_problem(502, "provider.bad_answer");
    assert_eq!(provider.requests("/realm/jwks").len(), 1, "it was asked a moment ago");
    world.advance(10);
    assert_eq!(signed().await.status, 200);
    assert_eq!(provider.requests("/realm/jwks").len(), 2);
}

#[tokio::test]
async fn who_waits_for_one_provider_holds_up_nobody_of_another() {
    let slow = Provider::open().await;
    let quick = Provider::with_seed(79).await;
    let path = "/realm/.well-known/openid-configuration";
    let gate = slow.hold(path, Reply::Json(200, slow.discovery()));
    let slow_config = ProviderConfig { timeout_seconds: 30, ..slow.config() };
    let both = vec![slow_config, ProviderConfig { id: "quick".to_owned(), ..quick.config() }];
    let world = World::with(Config { providers: both, ..config() }).await;
    let waits = async || Browser::default().get(&world, START).await.status;
    let passes = async {
        slow.asked(path).await;
        let answer = Browser::default().get(&world, "/v1/auth/providers/quick/start").await;
        assert_eq!(answer.status, 302, "{answer:?}");
        // The slow one answers only now, so whoever waits for it was still waiting.
        gate.notify_one();
    };
    let (one, two, ()) = tokio::join!(waits(), waits(), passes);
    assert_eq!((one.as_u16(), two.as_u16(), slow.requests(path).len()), (302, 302, 1));
}
