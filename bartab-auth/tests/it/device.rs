//! Devices without a browser: what they show, what a person sees, and what comes of it.

use bartab_auth::Login;
use bartab_core::Clock as _;
use bartab_core::store::{AccountChange, Grant, OAuthClient};
use http::Method;
use serde_json::{Value, json};

use crate::authorize::app;
use crate::browser::{Browser, query};
use crate::world::{Answer, ISSUER, PASSWORD, World};

const BEGIN: &str = "/v1/oauth2/device_authorization";
const PAGE: &str = "/v1/oauth2/device";
const NO_DEVICE: &str = "No device waits with this code. Look at it again, or begin anew on the device.";

impl World {
    pub(crate) async fn begin(&self, scope: &str) -> (String, String) {
        let answer = self.form(BEGIN, &query(&[("client_id", "app"), ("scope", scope)])).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        (answer.text("device_code"), answer.text("user_code"))
    }

    pub(crate) async fn poll(&self, device_code: &str) -> Answer {
        let grant = "urn:ietf:params:oauth:grant-type:device_code";
        let body = [("client_id", "app"), ("grant_type", grant), ("device_code", device_code)];
        self.form("/v1/oauth2/token", &query(&body)).await
    }

    /// The page that asks, for a browser that alice signs in in on the way.
    pub(crate) async fn asked(&self, browser: &mut Browser, user_code: &str) -> Answer {
        let page = browser.get(self, PAGE).await;
        page.assert_page(200, "Connect a device");
        let page = browser.submit(self, &page, &[("user_code", user_code)]).await;
        let page = self.sign_in(browser, &page, "alice").await;
        page.assert_page(200, "The App asks for access");
        page
    }
}

#[tokio::test]
async fn a_device_is_told_what_to_show() {
    let world = World::with_app().await;
    let answer = world.form(BEGIN, "client_id=app&scope=chat:read+email").await;
    assert_eq!((answer.header("cache-control"), answer.header("pragma")), ("no-store", "no-cache"));
    let user_code = answer.text("user_code");
    let letters = |part: &str| part.len() == 4 && part.bytes().all(|letter| b"BCDFGHJKLMNPQRSTVWXZ".contains(&letter));
    assert!(user_code.split('-').all(letters) && user_code.len() == 9, "{user_code}");
    let expected = json!({
        "device_code": answer.text("device_code"),
        "user_code": user_code,
        "verification_uri": format!("{ISSUER}/v1/oauth2/device"),
        "verification_uri_complete": format!("{ISSUER}/v1/oauth2/device?user_code={user_code}"),
        "expires_in": 600,
        "interval": 5,
    });
    assert_eq!(answer.json(), expected);
    assert_eq!(answer.text("device_code").len(), 43);

    for (body, status, error) in [
        ("client_id=app", 400, "invalid_scope"),
        ("client_id=app&scope=email", 400, "invalid_scope"),
        ("client_id=app&scope=media:read", 400, "invalid_scope"),
        ("client_id=other&scope=chat:read", 401, "invalid_client"),
        ("client_id=app&client_secret=x&scope=chat:read", 401, "invalid_client"),
        ("client_id=app&scope=chat:read&scope=admin", 400, "invalid_request"),
    ] {
        world.form(BEGIN, body).await.assert_oauth(status, error);
    }
    let web =
        OAuthClient { client_id: "web".to_owned(), grants: [Grant::AuthorizationCode].into_iter().collect(), ..app() };
    world.stores.clients.create(web, None).await.unwrap();
    world.form(BEGIN, "client_id=web&scope=chat:read").await.assert_oauth(400, "unauthorized_client");
    // Our own command line needs no registration.
    assert_eq!(world.form(BEGIN, "scope=chat:read").await.status, 200);
}

#[tokio::test]
async fn a_person_allows_a_device_and_it_gets_tokens_once() {
    let world = World::with_app().await;
    let (device_code, user_code) = world.begin("chat:read chat:write admin offline_access").await;
    world.poll(&device_code).await.assert_oauth(400, "authorization_pending");
    let mut browser = Browser::default();
    let page = world.asked(&mut browser, &user_code.to_lowercase().replace('-', " ")).await;
    assert!(page.html().contains(&format!("<p class=\"shown\">{user_code}</p>")));
    // What alice may not herself is not offered.
    assert!(!page.html().contains("Administer"));
    assert_eq!(page.html().matches("<li>").count(), 3);
    assert!(page.header("content-security-policy").ends_with("; form-action 'self'"));
    let answer = browser.submit(&world, &page, &[("decision", "allow")]).await;
    answer.assert_page(200, "The device is connected");

    world.advance(5);
    let tokens = world.poll(&device_code).await;
    assert_eq!(tokens.status, 200, "{tokens:?}");
    assert_eq!(tokens.text("scope"), "chat:read chat:write offline_access");
    let access = tokens.text("access_token");
    assert_eq!(world.get("/v1/me", &access).await.text("username"), "alice");
    // Whoever asks again has stolen the code, or missed the answer: either way the session ends.
    world.poll(&device_code).await.assert_oauth(400, "invalid_grant");
    world.get("/v1/me", &access).await.assert_problem(401, "auth.invalid_token");
    let refresh = query(&[
        ("grant_type", "refresh_token"),
        ("client_id", "app"),
        ("refresh_token", &tokens.text("refresh_token")),
    ]);
    world.form("/v1/oauth2/token", &refresh).await.assert_oauth(400, "invalid_grant");
    // Nobody decides a second time.
    let page = browser.get(&world, PAGE).await;
    let page = browser.submit(&world, &page, &[("user_code", &user_code)]).await;
    page.assert_page(400, "Connect a device");
    assert_eq!(page.alert(), NO_DEVICE);
}

#[tokio::test]
async fn a_link_with_the_code_in_it_is_still_to_be_confirmed() {
    let world = World::with_app().await;
    let mut browser = Browser::default();
    let (_, first) = world.begin("chat:read").await;
    world.asked(&mut browser, &first).await;
    // Signed in by now.
    let (device_code, user_code) = world.begin("chat:read").await;
    let page = browser.get(&world, &format!("{PAGE}?user_code={user_code}")).await;
    page.assert_page(200, "Connect a device");
    assert_eq!(page.form().fields[2], ("user_code".to_owned(), user_code.clone()));
    let page = browser.submit(&world, &page, &[]).await;
    page.assert_page(200, "The App asks for access");
    world.poll(&device_code).await.assert_oauth(400, "authorization_pending");
    // Somebody else of the same browser.
    world.person("bob").await;
    let page = browser.get(&world, &format!("{PAGE}?user_code={user_code}&prompt=login")).await;
    let page = world.sign_in(&mut browser, &page, "bob").await;
    assert!(page.html().contains("(bob)"));
    // A code that can be none is not shown.
    for code in ["AAAA-AAAA", "%22%3E%3Cscript%3E", "BCDF-GHJK%00", ""] {
        let page = browser.get(&world, &format!("{PAGE}?user_code={code}")).await;
        assert_eq!(page.form().fields[2], ("user_code".to_owned(), String::new()), "{code}");
    }
}

#[tokio::test]
async fn a_device_is_denied_or_comes_too_late_or_asks_too_often() {
    let world = World::with_app().await;
    let mut browser = Browser::default();
    let (device_code, user_code) = world.begin("chat:read").await;
    let page = world.asked(&mut browser, &user_code).await;
    let answer = browser.submit(&world, &page, &[("decision", "deny")]).await;
    answer.assert_page(200, "The device is not connected");
    world.poll(&device_code).await.assert_oauth(400, "access_denied");

    let (device_code, user_code) = world.begin("chat:read").await;
    for (wait, error) in [
        (0, "authorization_pending"),
        (4, "slow_down"),
        (9, "slow_down"),
        (15, "authorization_pending"),
        (15, "authorization_pending"),
    ] {
        world.advance(wait);
        world.poll(&device_code).await.assert_oauth(400, error);
    }
    let page = browser.get(&world, PAGE).await;
    let page = browser.submit(&world, &page, &[("user_code", &user_code)]).await;
    page.assert_page(200, "The App asks for access");
    world.advance(600 - 43);
    let answer = browser.submit(&world, &page, &[("decision", "allow")]).await;
    answer.assert_page(400, "Connect a device");
    world.poll(&device_code).await.assert_oauth(400, "expired_token");
    world.poll("nonsense").await.assert_oauth(400, "invalid_grant");
}

#[tokio::test]
async fn a_device_that_somebody_was_talked_into_connecting_is_no_sign_in_of_theirs() {
    let world = World::with_app().await;
    let connect = async || {
        // Our own client, as whoever has the code sent it to alice.
        let begun = world.form(BEGIN, "scope=profile:write+offline_access").await;
        let mut browser = Browser::default();
        let page = browser.get(&world, &format!("{PAGE}?user_code={}&prompt=login", begun.text("user_code"))).await;
        let page = world.sign_in(&mut browser, &page, "alice").await;
        browser.submit(&world, &page, &[("decision", "allow")]).await.assert_page(200, "The device is connected");
        let grant = "urn:ietf:params:oauth:grant-type:device_code";
        let body = [("grant_type", grant), ("device_code", &begun.text("device_code"))];
        world.form("/v1/oauth2/token", &query(&body)).await
    };
    let granted = connect().await.text("access_token");
    let own = world.service.auth().login(Login::new("alice", PASSWORD)).await.unwrap();
    // She signs in by another provider from now on.
    let change = AccountChange::Password(None);
    world.stores.accounts.change(own.user_id, change, world.clock.now(), None).await.unwrap();
    for (path, body) in [("/v1/me/password", json!({"new": "quite another password"})), ("/v1/me/mfa/totp", json!({}))]
    {
        world.post(path, &granted, body).await.assert_problem(403, "auth.sign_in_again");
    }
    assert_eq!(world.post("/v1/me/mfa/totp", &own.access_token, json!({})).await.status, 200);
}

#[tokio::test]
async fn what_was_allowed_before_a_reset_comes_to_nothing_without_a_password_too() {
    for reset in [false, true] {
        let world = World::with_app().await;
        let (device_code, user_code) = world.begin("chat:read").await;
        let mut browser = Browser::default();
        let page = world.asked(&mut browser, &user_code).await;
        let alice = world.stores.accounts.find("alice").await.unwrap().unwrap().user_id;
        let change = async |change: AccountChange| {
            world.stores.accounts.change(alice, change, world.clock.now(), None).await.unwrap();
        };
        change(AccountChange::Password(None)).await;
        browser.submit(&world, &page, &[("decision", "allow")]).await.assert_page(200, "The device is connected");
        if reset {
            // That of a reset which takes what is under way just before this was allowed.
            change(AccountChange::Revoke).await;
            world.poll(&device_code).await.assert_oauth(400, "invalid_grant");
        } else {
            assert_eq!(world.poll(&device_code).await.status, 200);
        }
    }
}

#[tokio::test]
async fn another_client_s_code_is_none() {
    let world = World::with_app().await;
    world.stores.clients.create(OAuthClient { client_id: "two".to_owned(), ..app() }, None).await.unwrap();
    let (device_code, user_code) = world.begin("chat:read").await;
    let mut browser = Browser::default();
    let page = world.asked(&mut browser, &user_code).await;
    browser.submit(&world, &page, &[("decision", "allow")]).await.assert_page(200, "The device is connected");
    let grant = "urn:ietf:params:oauth:grant-type:device_code";
    let body = [("client_id", "two"), ("grant_type", grant), ("device_code", &device_code)];
    world.form("/v1/oauth2/token", &query(&body)).await.assert_oauth(400, "invalid_grant");
    let web =
        OAuthClient { client_id: "web".to_owned(), grants: [Grant::AuthorizationCode].into_iter().collect(), ..app() };
    world.stores.clients.create(web, None).await.unwrap();
    let body = [("client_id", "web"), ("grant_type", grant), ("device_code", &device_code)];
    world.form("/v1/oauth2/token", &query(&body)).await.assert_oauth(400, "unauthorized_client");
    world.poll("").await.assert_oauth(400, "invalid_request");
    assert_eq!(world.poll(&device_code).await.status, 200);
}

#[tokio::test]
async fn who_tries_many_codes_is_slowed_down_and_nobody_else_is() {
    let world = World::with_app().await;
    world.person("bob").await;
    let (_, user_code) = world.begin("chat:read").await;
    let mut browser = Browser::default();
    world.asked(&mut browser, &user_code).await;
    let page = browser.get(&world, PAGE).await;
    for _ in 0..10 {
        let answer = browser.submit(&world, &page, &[("user_code", "BCDF-GHJK")]).await;
        answer.assert_page(400, "Connect a device");
        assert_eq!(answer.alert(), NO_DEVICE);
    }
    world.advance(200);
    let answer = browser.submit(&world, &page, &[("user_code", &user_code)]).await;
    answer.assert_page(429, "Connect a device");
    assert_eq!(answer.header("retry-after"), "400");
    assert_eq!(answer.header("ratelimit-policy"), "\"device\";q=10;w=600");
    assert_eq!(answer.header("ratelimit"), "\"device\";r=0;t=400");
    assert_eq!(answer.alert(), "Too many attempts have failed. Try again in 7 minutes.");
    let mut other = Browser::default();
    let page = other.get(&world, &format!("{PAGE}?user_code={user_code}&prompt=login")).await;
    world.sign_in(&mut other, &page, "bob").await.assert_page(200, "The App asks for access");
}

#[tokio::test]
async fn a_decision_counts_only_for_the_page_that_it_was_made_on() {
    let world = World::with_app().await;
    let mut browser = Browser::default();
    let (first, first_code) = world.begin("chat:read").await;
    let (second, second_code) = world.begin("chat:read").await;
    let page = world.asked(&mut browser, &first_code).await;
    let fields = page.form();
    let fields = fields.with(&[("decision", "allow")]);
    // The same form for another device, from another site, in another browser, without its token.
    let other = format!("{PAGE}?user_code={second_code}");
    browser.post(&world, &other, &fields).await.assert_page(403, "The App asks for access");
    let here = format!("{PAGE}?user_code={first_code}");
    for headers in
        [vec![("origin", "https://evil.example".to_owned())], vec![("sec-fetch-site", "cross-site".to_owned())]]
    {
        let mut browser = Browser { headers, ..browser.clone() };
        browser.post(&world, &here, &fields).await.assert_page(403, "The App asks for access");
    }
    browser.post(&world, &here, &fields[1..]).await.assert_page(403, "The App asks for access");
    Browser::default().post(&world, &here, &fields).await.assert_page(200, "Sign in");
    for device in [first.clone(), second] {
        world.poll(&device).await.assert_oauth(400, "authorization_pending");
    }
    browser.post(&world, &here, &fields).await.assert_page(200, "The device is connected");
    assert_eq!(world.poll(&first).await.status, 200);
}

#[tokio::test]
async fn what_was_allowed_and_not_fetched_goes_with_the_other_sessions() {
    for changes in [true, false] {
        let world = World::with_app().await;
        let (device_code, user_code) = world.begin("chat:read offline_access").await;
        let mut browser = Browser::default();
        let page = world.asked(&mut browser, &user_code).await;
        browser.submit(&world, &page, &[("decision", "allow")]).await.assert_page(200, "The device is connected");
        let alice = world.service.auth().login(Login::new("alice", PASSWORD)).await.unwrap().access_token;
        let done = if changes {
            let body = json!({"current": PASSWORD, "new": "quite another password"});
            world.post("/v1/me/password", &alice, body).await
        } else {
            world.call(Method::DELETE, "/v1/me/sessions", &alice, Value::Null).await
        };
        assert_eq!(done.status, 204, "{done:?}");
        world.advance(5);
        world.poll(&device_code).await.assert_oauth(400, "invalid_grant");
        let left = world.get("/v1/me/sessions", &alice).await;
        assert_eq!(left.json()["items"].as_array().map(Vec::len), Some(1), "{left:?}");
    }
}
