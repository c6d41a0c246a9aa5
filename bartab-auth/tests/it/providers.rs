//! Sign-in with another OpenID provider: who gets in, who does not, and what a provider can do to us.

use std::time::{Duration, Instant};

use bartab_auth::{Act, AuthError, Config, ConfigError, ProviderConfig};
use bartab_core::TenantRole;
use bartab_core::store::{AccountFilter, ExternalIdentity};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD as BASE64};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

use crate::authorize::{app, request};
use crate::browser::{Browser, unescape};
use crate::provider::{Begun, CLIENT, Provider, Reply, SECRET, START, half_hash};
use crate::tokens::sign;
use crate::world::{ISSUER, World, config};

const ALICE: &str = "alice-0";

/// A program that follows redirects itself and reads JSON.
fn program() -> Browser {
    Browser { headers: vec![("accept", "application/json".to_owned())], ..Browser::default() }
}

fn person() -> Browser {
    Browser { headers: vec![("accept", "text/html,application/xhtml+xml,*/*;q=0.8".to_owned())], ..Browser::default() }
}

async fn people(world: &World) -> usize {
    world.stores.accounts.list(&AccountFilter::default(), None, 100).await.unwrap().len()
}

#[tokio::test]
async fn somebody_signs_in_and_goes_on_where_they_were() {
    let provider = Provider::open().await;
    let world = provider.tenant(|_| {}).await;
    let list = world.get("/v1/auth/providers", "").await;
    assert_eq!(
        list.json(),
        json!({
            "items": [{"id": "work", "name": "Work & Co", "start_url": format!("{ISSUER}{START}")}], "next_cursor": null,
        })
    );
    let rest = world.get("/v1/auth/providers?limit=1&cursor=work", "").await;
    assert_eq!(rest.json(), json!({"items": [], "next_cursor": null}));
    world.get("/v1/auth/providers?cursor=play", "").await.assert_problem(400, "request.invalid");
    let mut browser = person();
    let begun = provider.begin(&world, &mut browser, "return_to=%2Fv1%2Foauth2%2Fauthorize%3Fclient_id%3Dx").await;
    assert!(begun.url.starts_with(&format!("{}/authorize?realm=work&", provider.issuer)), "{}", begun.url);
    let callback = format!("{ISSUER}/v1/auth/providers/work/callback");
    for (name, value) in [
        ("response_type", "code"),
        ("client_id", CLIENT),
        ("redirect_uri", &callback),
        ("scope", "openid profile email"),
        ("code_challenge_method", "S256"),
    ] {
        assert_eq!(begun.query[name], value, "{name}");
    }
    assert!(begun.query["state"].len() >= 43 && begun.query["nonce"].len() >= 43);
    assert!(!begun.query.contains_key("prompt"));
    provider.give(&provider.sign(&provider.header(), &provider.claims(&world, &begun.query["nonce"])));
    let answer = browser.get(&world, &begun.callback("code=c0de&iss=")).await;
    assert_eq!(answer.status, 303, "{answer:?}");
    assert_eq!(answer.header("location"), format!("{ISSUER}/v1/oauth2/authorize?client_id=x"));
    answer.assert_secured();

    // What the provider was sent: the code, the verifier that fits the challenge, the secret as RFC 6749 encodes it.
    let request = provider.requests("/realm/token").remove(0);
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let form: Value =
        form_urlencoded::parse(body.as_bytes()).map(|(name, value)| (name.into_owned(), json!(value))).collect();
    assert_eq!((&form["grant_type"], &form["code"]), (&json!("authorization_code"), &json!("c0de")));
    assert_eq!(form["redirect_uri"], callback);
    let digest =
        aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, form["code_verifier"].as_str().unwrap().as_bytes());
    assert_eq!(BASE64.encode(digest), begun.query["code_challenge"]);
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let basic = STANDARD.encode(format!("{}:{}", encoded(CLIENT), encoded(SECRET)));
    assert!(head.contains(&format!("authorization: Basic {basic}")), "{head}");

    let identity = ExternalIdentity { issuer: provider.issuer.clone(), subject: ALICE.to_owned() };
    let account = world.stores.accounts.find_external(&identity).await.unwrap().unwrap();
    assert_eq!((&*account.username, &*account.display_name, account.role), ("alice", "Alice A.", TenantRole::Member));
    assert_eq!(account.password, None);
    // A second time it is the same account, and a program gets tokens.
    let answer = provider.sign_in(&world, &mut program(), "", |claims| claims["name"] = json!("Other")).await;
    assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (200, "no-store"), "{answer:?}");
    assert_eq!(answer.text("user_id"), account.user_id.to_string());
    let me = world.get("/v1/me", &answer.text("access_token")).await;
    assert_eq!((me.text("username"), me.text("display_name")), ("alice".to_owned(), "Alice A.".to_owned()));
    // She has shown who she is, to whom she trusts with that: so she can set a first password here.
    let session = answer.text("session_id").parse().unwrap();
    assert_eq!(world.stores.sessions.get(session).await.unwrap().unwrap().methods, "fed");
    let first =
        world.post("/v1/me/password", &answer.text("access_token"), json!({"new": "a passphrase of hers"})).await;
    assert_eq!(first.status, 204, "{first:?}");
    assert_eq!(people(&world).await, 1);
}

#[tokio::test]
async fn who_comes_from_nowhere_is_told_that_it_worked() {
    let provider = Provider::open().await;
    let world = provider.tenant(|_| {}).await;
    let mut browser = person();
    provider.sign_in(&world, &mut browser, "", |_| {}).await.assert_page(200, "You are signed in");
    // Who is signed in is not asked again.
    world.stores.clients.create(app(), None).await.unwrap();
    browser.get(&world, &request(&[])).await.assert_page(200, "The App asks for access");
}

#[tokio::test]
async fn the_page_to_sign_in_leads_to_the_provider_and_on_from_there() {
    let provider = Provider::open().await;
    let world = provider.tenant(|_| {}).await;
    world.stores.clients.create(app(), None).await.unwrap();
    for wants in
        [("prompt", ""), ("prompt", "login"), ("prompt", "select_account"), ("max_age", "0"), ("max_age", "60")]
    {
        let mut browser = person();
        let page = browser.get(&world, &request(&[wants])).await;
        page.assert_page(200, "Sign in");
        let html = page.html();
        assert!(html.contains("Sign in with <bdi>Work &#38; Co</bdi>"), "{html}");
        let href = html.split("href=\"..").nth(1).unwrap().split('"').next().unwrap();
        let begun = Begun::of(browser.get(&world, &unescape(&format!("/v1{href}"))).await.header("location"));
        // A client that wants a new sign-in gets one there.
        assert_eq!(begun.query.contains_key("prompt"), !wants.1.is_empty(), "{wants:?}");
        provider.give(&provider.sign(&provider.header(), &provider.claims(&world, &begun.query["nonce"])));
        let answer = browser.get(&world, &begun.callback("code=c0de")).await;
        let next = answer.header("location").strip_prefix(ISSUER).unwrap().to_owned();
        let page = browser.get(&world, &next).await;
        if page.status == 200 {
            page.assert_page(200, "The App asks for access");
            let answer = browser.submit(&world, &page, &[("decision", "allow")]).await;
            assert_eq!((&*answer.sent("state"), answer.sent("code").is_empty()), ("st at&e", false));
        } else {
            assert!(!page.sent("code").is_empty(), "allowed before");
        }
    }
}

#[tokio::test]
async fn a_sign_in_ends_once_in_its_own_browser_and_in_time() {
    let provider = Provider::open().await;
    let world = provider.tenant(|_| {}).await;
    let mut browser = program();
    let begun = provider.begin_json(&world, &mut browser).await;
    provider.give(&provider.sign(&provider.header(), &provider.claims(&world, &begun.query["nonce"])));
    let callback = begun.callback("code=c0de");
    // Somebody else's browser, with a cookie of its own or none: it changes nothing.
    let mut other = program();
    provider.begin_json(&world, &mut other).await;
    for browser in [&mut other, &mut program()] {
        browser.get(&world, &callback).await.assert_problem(400, "provider.stale");
    }
    let elsewhere = callback.replace("/work/", "/none/");
    browser.get(&world, &elsewhere).await.assert_problem(404, "provider.not_found");
    assert_eq!(browser.get(&world, &callback).await.status, 200);
    browser.get(&world, &callback).await.assert_problem(400, "provider.stale");
    person().get(&world, &callback).await.assert_page(400, "You are not signed in");

    let begun = provider.begin_json(&world, &mut browser).await;
    world.advance(10 * 60);
    browser.get(&world, &begun.callback("code=c0de")).await.assert_problem(400, "provider.stale");
    for query in ["", "state=", "state=x&code=y", "state=x&state=x&code=y", "code=y"] {
        let path = format!("/v1/auth/providers/work/callback?{query}");
        browser.get(&world, &path).await.assert_problem(400, "provider.stale");
    }
    assert_eq!(provider.requests("/realm/token").len(), 1, "nothing else was sent to the provider");
}

#[tokio::test]
async fn of_two_that_end_one_sign_in_at_once_one_does() {
    let provider = Provider::open().await;
    let world = provider.tenant(|_| {}).await;
    let mut browser = program();
    let begun = provider.begin_json(&world, &mut browser).await;
    provider.give(&provider.sign(&provider.header(), &provider.claims(&world, &begun.query["nonce"])));
    let (mut one, mut two, callback) = (browser.clone(), browser, begun.callback("code=c0de"));
    let (one, two) = tokio::join!(one.get(&world, &callback), two.get(&world, &callback));
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400]);
}

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
async fn whatever_the_token_endpoint_answers_nobody_gets_in_and_nobody_waits_long() {
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
        let asked = Instant::now();
        let answer = browser.get(&world, &begun.callback("code=c0de")).await;
        answer.assert_problem(status, code);
        assert!(asked.elapsed() < Duration::from_secs(4), "{code}");
        assert!(!answer.json().to_string().contains("hush"), "{answer:?}");
    }
    assert_eq!(provider.requests("/realm/jwks").len(), 1, "no redirect is followed");
    assert_eq!(people(&world).await, 0);
}

#[tokio::test]
async fn only_people_of_an_allowed_domain_get_in() {
    let provider = Provider::open().await;
    let world = provider.tenant(|config| config.allowed_domains = vec!["work.example".to_owned()]).await;
    for (email, verified) in [
        (json!("alice@other.example"), json!(true)),
        (json!("alice@work.example.evil.example"), json!(true)),
        (json!("alice@work.example"), json!(false)),
        (json!("alice@work.example"), Value::Null),
        (Value::Null, json!(true)),
        (json!("work.example"), json!(true)),
    ] {
        let mut browser = program();
        let answer = provider.sign_in(&world, &mut browser, "", |claims| {
            claims["email"] = email.clone();
            claims["email_verified"] = verified.clone();
        });
        answer.await.assert_problem(403, "provider.domain_not_allowed");
    }
    assert_eq!(people(&world).await, 0);
    let answer = provider.sign_in(&world, &mut program(), "", |claims| claims["email"] = json!("a@WORK.example")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    // Many providers keep the address for their userinfo endpoint.
    for (subject, sub, status) in [("bob", "bob", 200), ("carol", "somebody else", 403)] {
        let info =
            json!({"sub": sub, "email": "x@work.example", "email_verified": true, "preferred_username": subject});
        provider.set("/realm/userinfo", Reply::Json(200, info));
        let mut browser = program();
        let answer = provider.sign_in(&world, &mut browser, "", |claims| {
            *claims = json!({"sub": subject, "iss": claims["iss"], "aud": claims["aud"], "nonce": claims["nonce"],
                "iat": claims["iat"], "exp": claims["exp"]});
        });
        assert_eq!(answer.await.status, status, "{subject}");
    }
    let asked = provider.requests("/realm/userinfo").pop().unwrap();
    assert!(asked.contains("authorization: Bearer at"), "{asked}");
    assert!(world.stores.accounts.find("bob").await.unwrap().is_some());
}

#[tokio::test]
async fn an_account_is_linked_by_whoever_has_it_and_by_nobody_else() {
    let provider = Provider::open().await;
    let world = provider.tenant(|config| config.allow_registration = false).await;
    let nobody = provider.sign_in(&world, &mut program(), "", |_| {}).await;
    nobody.assert_problem(403, "provider.no_account");
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let link = format!("{START}?link=true");
    program().get(&world, &link).await.assert_problem(401, "auth.required");
    world.get(&link, "nonsense").await.assert_problem(401, "auth.invalid_token");
    let narrow = world.refreshed(&bob, "chat:read").await;
    world.get(&link, &narrow).await.assert_problem(403, "auth.insufficient_scope");

    let linked = async |token: &str| {
        let mut browser = program();
        browser.headers.push(("authorization", format!("Bearer {token}")));
        let start = browser.get(&world, &link).await;
        assert_eq!(start.status, 200, "{start:?}");
        let begun = Begun::of(&start.text("url"));
        provider.give(&provider.sign(&provider.header(), &provider.claims(&world, &begun.query["nonce"])));
        browser.headers.pop();
        browser.get(&world, &begun.callback("code=c0de")).await
    };
    let answer = linked(&alice.access_token).await;
    assert_eq!((answer.status.as_u16(), answer.body.len()), (204, 0), "{answer:?}");
    assert_eq!(linked(&alice.access_token).await.status, 204, "again changes nothing");
    let answer = provider.sign_in(&world, &mut program(), "", |_| {}).await;
    assert_eq!(answer.text("user_id"), alice.user_id.to_string());
    linked(&bob.access_token).await.assert_problem(409, "provider.taken");
    assert_eq!(world.trail(alice.user_id).await, ["account.linked"]);

    // Whoever is signed in in a browser, if a page of ours has asked.
    let world = provider.tenant(|config| config.allow_registration = true).await;
    let mut browser = person();
    provider.sign_in(&world, &mut browser, "", |_| {}).await.assert_page(200, "You are signed in");
    for site in ["cross-site", "same-site", "none"] {
        let mut led = browser.clone();
        led.headers.push(("sec-fetch-site", site.to_owned()));
        led.get(&world, &link).await.assert_problem(401, "auth.required");
    }
    let mut asked = browser.clone();
    asked.headers.push(("sec-fetch-site", "same-origin".to_owned()));
    let begun = Begun::of(asked.get(&world, &format!("{link}&return_to=/app")).await.header("location"));
    let mut claims = provider.claims(&world, &begun.query["nonce"]);
    claims["sub"] = json!("alice-1");
    provider.give(&provider.sign(&provider.header(), &claims));
    let answer = browser.get(&world, &begun.callback("code=c0de")).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (303, &*format!("{ISSUER}/app")));
    let one = provider.sign_in(&world, &mut program(), "", |_| {}).await.text("user_id");
    let other = provider.sign_in(&world, &mut program(), "", |claims| claims["sub"] = json!("alice-1")).await;
    assert_eq!(other.text("user_id"), one);
}

#[tokio::test]
async fn who_is_suspended_stays_out() {
    let provider = Provider::open().await;
    let world = provider.tenant(|_| {}).await;
    let tokens = provider.sign_in(&world, &mut program(), "", |_| {}).await;
    let user = tokens.text("user_id").parse().unwrap();
    world.service.auth().suspend(&Act::operator("spam"), user).await.unwrap();
    provider.sign_in(&world, &mut program(), "", |_| {}).await.assert_problem(403, "account.suspended");
    let page = provider.sign_in(&world, &mut person(), "return_to=/app", |_| {}).await;
    page.assert_page(403, "You are not signed in");
    assert!(page.html().contains(&format!("href=\"{ISSUER}/app\"")), "{}", page.html());
    // Erased, they are somebody new.
    world.service.auth().erase(&Act::operator("gone"), user, false).await.unwrap();
    let again = provider.sign_in(&world, &mut program(), "", |_| {}).await;
    assert_ne!(again.text("user_id"), tokens.text("user_id"));
}

#[tokio::test]
async fn nobody_is_sent_to_where_an_attacker_wants_them() {
    let provider = Provider::open().await;
    let world = provider.tenant(|_| {}).await;
    for path in [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "evil",
        "/../other",
        "/%2e%2e/other",
        "/a\r\nset-cookie: x=y",
        "javascript:alert(1)",
    ] {
        let query: String = form_urlencoded::Serializer::new(String::new()).append_pair("return_to", path).finish();
        let answer = program().get(&world, &format!("{START}?{query}")).await;
        answer.assert_problem(400, "request.invalid");
        assert_eq!(answer.wrong_field(), ("?return_to".to_owned(), "invalid".to_owned()), "{path}");
    }
    let start = async |query: &str| program().get(&world, &format!("{START}?{query}")).await;
    start("link=1").await.assert_problem(400, "request.invalid");
    start("x=1&x=2").await.assert_problem(400, "request.invalid_query");
    program().get(&world, "/v1/auth/providers/none/start").await.assert_problem(404, "provider.not_found");
    program().get(&world, "/v1/auth/providers/%ff/start").await.assert_problem(400, "request.invalid_id");
    assert_eq!(provider.begin(&world, &mut Browser::default(), "prompt=login").await.query["prompt"], "login");
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
    // One that hangs: whoever asks meanwhile waits no longer than the first, and then nobody waits for a while.
    provider.set(path, Reply::Hang);
    let quick = Provider::with_seed(79).await;
    let both = vec![provider.config(), ProviderConfig { id: "quick".to_owned(), ..quick.config() }];
    let world = World::with(Config { providers: both, ..config() }).await;
    let begun = Instant::now();
    let asks = async || program().get(&world, START).await.assert_problem(503, "provider.unavailable");
    let others = async || {
        let answer = Browser::default().get(&world, "/v1/auth/providers/quick/start").await;
        assert_eq!((answer.status.as_u16(), begun.elapsed() < Duration::from_millis(900)), (302, true));
    };
    tokio::join!(asks(), asks(), asks(), others());
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    let asked = provider.requests(path).len();
    asks().await;
    assert_eq!(provider.requests(path).len(), asked);
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
async fn a_configuration_that_cannot_be_used_is_refused() {
    let provider = ProviderConfig::new("work", "Work", "http://login.example", "chat");
    let error = Config { providers: vec![provider], ..config() }.validate().unwrap_err();
    assert!(matches!(error, ConfigError::Providers(_)), "{error}");
    assert!(error.to_string().starts_with("`providers`: an `issuer` is"));
    let problem = AuthError::Provider(bartab_auth::ProviderError::Unavailable).to_problem();
    assert_eq!((problem.status, problem.retry_after), (503, Some(1)));
}
