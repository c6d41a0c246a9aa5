//! Sign-in with another OpenID provider: who gets in, who does not, and where they go.

use bartab_auth::{Act, AuthError, Config, ConfigError, ProviderConfig};
use bartab_core::TenantRole;
use bartab_core::store::ExternalIdentity;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD as BASE64};
use serde_json::{Value, json};

use crate::authorize::{app, request};
use crate::browser::{Browser, unescape};
use crate::provider::{Begun, CLIENT, Provider, Reply, SECRET, START, people, person, program};
use crate::world::{ISSUER, config};

const ALICE: &str = "alice-0";

#[tokio::test]
async fn somebody_signs_in_and_goes_on_where_they_were() {
    let provider = Provider::open().await;
    let world = provider.tenant(|_| {}).await;
    let list = world.get("/v1/auth/providers", "").await;
    assert_eq!(
        list.json(),
        json!({
            "items": [{"id": "corp", "name": "Work & Co", "start_url": format!("{ISSUER}{START}")}], "next_cursor": null,
        })
    );
    let rest = world.get("/v1/auth/providers?limit=1&cursor=corp", "").await;
    assert_eq!(rest.json(), json!({"items": [], "next_cursor": null}));
    world.get("/v1/auth/providers?cursor=play", "").await.assert_problem(400, "request.invalid");
    let mut browser = person();
    let begun = provider.begin(&world, &mut browser, "return_to=%2Fv1%2Foauth2%2Fauthorize%3Fclient_id%3Dx").await;
    assert!(begun.url.starts_with(&format!("{}/authorize?realm=work&", provider.issuer)), "{}", begun.url);
    let callback = format!("{ISSUER}/v1/auth/providers/corp/callback");
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
    let elsewhere = callback.replace("/corp/", "/none/");
    browser.get(&world, &elsewhere).await.assert_problem(404, "provider.not_found");
    assert_eq!(browser.get(&world, &callback).await.status, 200);
    browser.get(&world, &callback).await.assert_problem(400, "provider.stale");
    person().get(&world, &callback).await.assert_page(400, "You are not signed in");

    let begun = provider.begin_json(&world, &mut browser).await;
    world.advance(10 * 60);
    browser.get(&world, &begun.callback("code=c0de")).await.assert_problem(400, "provider.stale");
    for query in ["", "state=", "state=x&code=y", "state=x&state=x&code=y", "code=y"] {
        let path = format!("/v1/auth/providers/corp/callback?{query}");
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
async fn a_configuration_that_cannot_be_used_is_refused() {
    let provider = ProviderConfig::new("corp", "Work", "http://login.example", "chat");
    let error = Config { providers: vec![provider], ..config() }.validate().unwrap_err();
    assert!(matches!(error, ConfigError::Provider { .. }), "{error}");
    assert!(error.to_string().starts_with("`providers`, entry 1: an `issuer` is"));
    let problem = AuthError::Provider(bartab_auth::ProviderError::Unavailable).to_problem();
    assert_eq!((problem.status, problem.retry_after), (503, Some(1)));
}
