//! The authorization endpoint: who is sent where, and what nobody is sent for.

use bartab_auth::{Login, RegisteredClient};
use bartab_core::store::{ClientKind, Grant, Grants, KeyAlgorithm, OAuthClient};
use bartab_core::{Scope, Scopes, Timestamp};

use crate::browser::{Browser, query};
use crate::world::{Answer, ISSUER, PASSWORD, World};

pub(crate) const AUTHORIZE: &str = "/v1/oauth2/authorize";
pub(crate) const HERE: &str = "https://app.example/cb";
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

pub(crate) fn app() -> OAuthClient {
    let scopes = [Scope::ChatRead, Scope::ChatWrite, Scope::Admin, Scope::Openid, Scope::OfflineAccess];
    OAuthClient {
        client_id: "app".to_owned(),
        kind: ClientKind::App,
        name: "The App".to_owned(),
        secrets: Vec::new(),
        redirect_uris: vec![HERE.to_owned(), "https://app.example/other?a=b".to_owned()],
        scopes: scopes.into_iter().collect(),
        grants: [Grant::AuthorizationCode, Grant::RefreshToken, Grant::DeviceCode].into_iter().collect::<Grants>(),
        id_token_algorithm: KeyAlgorithm::EdDsa,
        created_at: Timestamp::from_secs(0),
        created_by: None,
    }
}

/// The path of a good request, with these parameters instead; one that is empty is left out.
pub(crate) fn request(changes: &[(&str, &str)]) -> String {
    let good = [
        ("client_id", "app"),
        ("redirect_uri", HERE),
        ("response_type", "code"),
        ("scope", "chat:read"),
        ("state", "st at&e"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let kept = good.iter().filter(|(name, _)| !changes.iter().any(|(new, _)| new == name));
    let all: Vec<_> = kept.chain(changes).copied().filter(|(_, value)| !value.is_empty()).collect();
    format!("{AUTHORIZE}?{}", query(&all))
}

impl World {
    /// A tenant with one client and one person.
    pub(crate) async fn with_app() -> Self {
        let world = Self::open().await;
        world.stores.clients.create(app(), None).await.unwrap();
        world.person("alice").await;
        world
    }

    /// Sends the form of a sign-in page.
    pub(crate) async fn sign_in(&self, browser: &mut Browser, page: &Answer, username: &str) -> Answer {
        page.assert_page(200, "Sign in");
        browser.submit(self, page, &[("username", username), ("password", PASSWORD)]).await
    }

    /// The token answer of a client at [`HERE`] that alice has allowed these scopes.
    pub(crate) async fn allowed(&self, client: &RegisteredClient, scope: &str) -> Answer {
        let mut browser = Browser::default();
        let page = browser.get(self, &request(&[("client_id", &client.client.client_id), ("scope", scope)])).await;
        let page = self.sign_in(&mut browser, &page, "alice").await;
        let code = browser.submit(self, &page, &[("decision", "allow")]).await.sent("code");
        let form = format!("grant_type=authorization_code&code={code}&redirect_uri={HERE}&code_verifier={VERIFIER}");
        let answer = self.form_as(client, "/v1/oauth2/token", &form).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer
    }

    /// A browser that alice is signed in in, and the code that `path` has led to.
    pub(crate) async fn authorized(&self, path: &str) -> (Browser, String) {
        let mut browser = Browser::default();
        let page = browser.get(self, path).await;
        let page = self.sign_in(&mut browser, &page, "alice").await;
        page.assert_page(200, "The App asks for access");
        let answer = browser.submit(self, &page, &[("decision", "allow")]).await;
        (browser, answer.sent("code"))
    }
}

#[tokio::test]
async fn a_person_signs_in_allows_and_is_sent_back_with_a_code() {
    let world = World::with_app().await;
    let mut browser = Browser::default();
    let page = browser.get(&world, &request(&[])).await;
    assert!(page.html().contains("to go on to <strong><bdi>The App</bdi></strong>"), "{}", page.html());
    let page = world.sign_in(&mut browser, &page, "Alice").await;
    page.assert_page(200, "The App asks for access");
    assert!(page.html().contains("<li>Read your rooms and all that is said in them</li>"));
    assert!(page.html().contains("Either way you go on to <bdi>app.example</bdi>."));
    assert_eq!(page.html().matches("<li>").count(), 1);
    let answer = browser.submit(&world, &page, &[("decision", "allow")]).await;
    let code = answer.sent("code");
    answer.assert_redirect(HERE, &[("code", &code), ("state", "st at&e"), ("iss", ISSUER)]);
    // 256 bits.
    assert_eq!(code.len(), 43);

    // Signed in, and allowed: straight back, with another code.
    let answer = browser.get(&world, &request(&[])).await;
    assert_ne!(answer.sent("code"), code);
    // The browser's session is one of the person's own.
    let tokens = world.service.auth().login(Login::new("alice", PASSWORD)).await.unwrap();
    let sessions = world.get("/v1/me/sessions", &tokens.access_token).await.json();
    let browsers: Vec<_> = sessions["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|session| session["client_id"] == "bartab-browser")
        .collect();
    assert_eq!(browsers.len(), 1, "{sessions}");
    assert_eq!(browsers[0]["scope"], "");
    let path = format!("/v1/me/sessions/{}", browsers[0]["session_id"].as_str().unwrap());
    assert_eq!(
        world.call(http::Method::DELETE, &path, &tokens.access_token, serde_json::Value::Null).await.status,
        204
    );
    browser.get(&world, &request(&[])).await.assert_page(200, "Sign in");
}

#[tokio::test]
async fn until_client_and_address_are_right_nobody_is_sent_anywhere() {
    let world = World::with_app().await;
    world
        .stores
        .clients
        .create(OAuthClient { client_id: "one".to_owned(), redirect_uris: vec![HERE.to_owned()], ..app() }, None)
        .await
        .unwrap();
    let mut browser = Browser::default();
    let page = browser.get(&world, &request(&[])).await;
    world.sign_in(&mut browser, &page, "alice").await;
    let long = format!("{HERE}?{}", "x".repeat(9_000));
    for changes in [
        &[("client_id", "")][..],
        &[("client_id", "other")],
        &[("client_id", "APP")],
        &[("client_id", "app\0")],
        &[("client_id", "bartab")],
        &[("client_id", "bartab-browser")],
        &[("redirect_uri", "")],
        &[("client_id", "one"), ("redirect_uri", ""), ("scope", "openid")],
        &[("redirect_uri", "https://app.example/cb/")],
        &[("redirect_uri", "https://app.example/cb?x=y")],
        &[("redirect_uri", "https://app.example/cb#")],
        &[("redirect_uri", "https://app.example/CB")],
        &[("redirect_uri", "https://APP.example/cb")],
        &[("redirect_uri", "https://app.example/%63b")],
        &[("redirect_uri", "https://app.example//cb")],
        &[("redirect_uri", "https://app.example/other")],
        &[("redirect_uri", "https://app.example@evil.example/cb")],
        &[("redirect_uri", "https://evil@app.example/cb")],
        &[("redirect_uri", "https://app.example.evil.example/cb")],
        &[("redirect_uri", "//evil.example")],
        &[("redirect_uri", "/cb")],
        &[("redirect_uri", "javascript:alert(1)")],
        &[("redirect_uri", "https://app.example/cb\r\nLocation: https://evil.example")],
        &[("redirect_uri", long.as_str())],
        &[("redirect_uri", HERE), ("redirect_uri", "https://evil.example")],
        &[("state", "a"), ("state", "b")],
        // Whatever else is wrong.
        &[("redirect_uri", "https://evil.example"), ("response_type", "token")],
    ] {
        for answer in [browser.get(&world, &request(changes)).await, browser.post(&world, &request(changes), &[]).await]
        {
            answer.assert_page(400, "This request does not work");
            assert_eq!(answer.headers.get("location"), None, "{changes:?}");
        }
    }
    // The client's only address need not be named.
    let answer = browser.get(&world, &request(&[("client_id", "one"), ("redirect_uri", "")])).await;
    answer.assert_page(200, "The App asks for access");
}

#[tokio::test]
async fn the_client_is_told_by_the_standard_s_name_what_is_wrong() {
    let world = World::with_app().await;
    let mut browser = Browser::default();
    for (changes, error) in [
        (("response_type", ""), "invalid_request"),
        (("response_type", "token"), "unsupported_response_type"),
        (("response_mode", "fragment"), "invalid_request"),
        (("code_challenge", ""), "invalid_request"),
        (("code_challenge", "short"), "invalid_request"),
        (("code_challenge_method", ""), "invalid_request"),
        (("code_challenge_method", "plain"), "invalid_request"),
        (("scope", ""), "invalid_scope"),
        (("scope", "media:read"), "invalid_scope"),
        (("prompt", "none consent"), "invalid_request"),
        (("prompt", "none"), "login_required"),
        (("max_age", "x"), "invalid_request"),
        (("request", "x"), "request_not_supported"),
        (("request_uri", "x"), "request_uri_not_supported"),
    ] {
        let answer = browser.get(&world, &request(&[changes])).await;
        let description = answer.sent("error_description");
        let told = [("error", error), ("error_description", &description), ("state", "st at&e"), ("iss", ISSUER)];
        answer.assert_redirect(HERE, &told);
        // RFC 6749 section 4.1.2.1.
        let plain = |byte: u8| matches!(byte, 0x20 | 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        assert!(!description.is_empty() && description.bytes().all(plain), "{description}");
    }
    let other = request(&[("redirect_uri", "https://app.example/other?a=b"), ("scope", ""), ("state", "")]);
    let (uri, parameters) = browser.get(&world, &other).await.redirect();
    assert_eq!(uri, "https://app.example/other");
    assert_eq!((&*parameters[0].0, &*parameters[0].1), ("a", "b"));
    assert_eq!((&*parameters[1].0, &*parameters[1].1), ("error", "invalid_scope"));
    assert!(parameters.iter().all(|(name, _)| name != "state"));
}

#[tokio::test]
async fn nothing_that_comes_back_breaks_out_of_its_header() {
    let world = World::with_app().await;
    let (mut browser, _) = world.authorized(&request(&[])).await;
    for state in ["a\r\nSet-Cookie: x=y", "\0", "\u{2028}\u{e9}", "&code=other&iss=https://evil.example#", "<script>"] {
        let answer = browser.get(&world, &request(&[("state", state)])).await;
        let (uri, parameters) = answer.redirect();
        assert_eq!((uri.as_str(), parameters.len(), &*parameters[1].1), (HERE, 3, state));
        assert!(answer.header("location").bytes().all(|byte| byte.is_ascii_graphic()));
        assert!(answer.headers.get("set-cookie").is_none());
    }
}

#[tokio::test]
async fn a_request_may_come_as_a_form_too() {
    let world = World::with_app().await;
    let (mut browser, _) = world.authorized(&request(&[])).await;
    let body = request(&[("prompt", "none")]);
    let (_, body) = body.split_once('?').unwrap();
    let answer = world.form(AUTHORIZE, body).await;
    assert_eq!(answer.status, 303);
    let place = answer.header("location");
    assert!(place.starts_with("authorize?"), "{place}");
    let answer = browser.get(&world, &format!("/v1/oauth2/{place}")).await;
    assert_eq!(answer.redirect().0, HERE);
    assert!(!answer.sent("code").is_empty());
    world.form(AUTHORIZE, "state=a&state=b").await.assert_page(400, "This request does not work");
    world.form(AUTHORIZE, &"x".repeat(70_000)).await.assert_page(400, "This request does not work");
    world.form(AUTHORIZE, &format!("{body}&nonce={}", "n".repeat(9_000))).await.redirect();
}

#[tokio::test]
async fn a_client_may_want_a_sign_in_that_is_new() {
    let world = World::with_app().await;
    let (mut browser, _) = world.authorized(&request(&[])).await;
    world.advance(60);
    assert!(!browser.get(&world, &request(&[("max_age", "60")])).await.sent("code").is_empty());
    for wants in [("max_age", "59"), ("max_age", "0"), ("prompt", "login"), ("prompt", "select_account")] {
        let mut browser = browser.clone();
        let page = browser.get(&world, &request(&[wants])).await;
        let answer = world.sign_in(&mut browser, &page, "alice").await;
        // Who has just signed in goes on, and is asked no second time.
        assert!(!answer.sent("code").is_empty(), "{wants:?}");
        // But the next request wants it again.
        if wants.1 != "59" {
            browser.get(&world, &request(&[wants])).await.assert_page(200, "Sign in");
        }
    }
    let silent = browser.get(&world, &request(&[("prompt", "none"), ("max_age", "59")])).await;
    assert_eq!(silent.sent("error"), "login_required");
    // Each sign-in has ended the one before it in the same browser.
    browser.get(&world, &request(&[])).await.assert_page(200, "Sign in");
}

#[tokio::test]
async fn a_client_without_the_grant_gets_no_code() {
    let world = World::with_app().await;
    let tool = OAuthClient {
        client_id: "tool".to_owned(),
        grants: [Grant::DeviceCode].into_iter().collect(),
        scopes: Scopes::PERSON,
        ..app()
    };
    world.stores.clients.create(tool, None).await.unwrap();
    let answer = Browser::default().get(&world, &request(&[("client_id", "tool")])).await;
    assert_eq!(answer.sent("error"), "unauthorized_client");
}
