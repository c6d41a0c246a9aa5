//! What keeps the pages safe: whose form it is, whose cookie, and what is text and no markup.

use bartab_auth::Login;
use bartab_core::store::{AccountChange, OAuthClient, ProfileChange};
use bartab_core::{TenantRole, Timestamp};

use crate::authorize::{AUTHORIZE, app, request};
use crate::browser::{Browser, PageForm};
use crate::world::{Answer, PASSWORD, World, config, memory};

const STALE: &str = "This page was open for too long, or your browser keeps no cookies. Try again.";

fn path(page: &Answer) -> String {
    format!("{}{}", page.folder, page.form().action)
}

/// Sends the form of `page` as some other page, browser or time would.
async fn forged(world: &World, browser: &Browser, page: &Answer, filled: &[(&str, &str)]) -> Vec<Answer> {
    let form = page.form();
    let fields = form.with(filled);
    let path = path(page);
    let mut answers = Vec::new();
    for headers in [
        vec![("origin", "https://evil.example".to_owned())],
        vec![("origin", "null".to_owned())],
        vec![("sec-fetch-site", "cross-site".to_owned())],
        vec![("sec-fetch-site", "same-site".to_owned()), ("origin", "https://chat.example".to_owned())],
    ] {
        answers.push(Browser { headers, ..browser.clone() }.post(world, &path, &fields).await);
    }
    let token = fields.iter().position(|(name, _)| *name == "form").unwrap();
    let mut without = fields.clone();
    without.remove(token);
    answers.push(browser.clone().post(world, &path, &without).await);
    let mut other = Browser::default();
    let theirs = other.get(world, &request(&[])).await.form();
    for token in [theirs.fields[0].1.as_str(), "", "x"] {
        let mut fields = fields.clone();
        fields[0].1 = token;
        answers.push(browser.clone().post(world, &path, &fields).await);
    }
    answers
}

#[tokio::test]
async fn nobody_is_signed_in_by_another_site_s_form() {
    let world = World::with_app().await;
    let mut browser = Browser::default();
    let page = browser.get(&world, &request(&[])).await;
    let credentials = [("username", "alice"), ("password", PASSWORD)];
    for answer in forged(&world, &browser, &page, &credentials).await {
        answer.assert_page(403, "Sign in");
        assert_eq!(answer.alert(), STALE);
        assert!(answer.headers.get_all("set-cookie").iter().all(|cookie| cookie.to_str().unwrap().contains("-form-")));
        // What was typed is there again, but for the password.
        assert_eq!(answer.form().fields[2], ("username".to_owned(), "alice".to_owned()));
        assert!(!answer.html().contains(PASSWORD));
    }
    // A page that was open for half an hour is shown anew; one second before it was good.
    for (age, heading, status) in [(30 * 60, "Sign in", 403), (30 * 60 - 1, "The App asks for access", 200)] {
        let page = browser.get(&world, &request(&[])).await;
        world.advance(age);
        browser.submit(&world, &page, &credentials).await.assert_page(status, heading);
    }
}

#[tokio::test]
async fn nothing_is_allowed_by_another_site_s_form() {
    let world = World::with_app().await;
    let mut browser = Browser::default();
    let page = browser.get(&world, &request(&[])).await;
    let page = world.sign_in(&mut browser, &page, "alice").await;
    for answer in forged(&world, &browser, &page, &[("decision", "allow")]).await {
        answer.assert_page(403, "The App asks for access");
        assert_eq!(answer.alert(), STALE);
    }
    // The same form for more than was shown, or for another client's request.
    let form = page.form();
    let fields = form.with(&[("decision", "allow")]);
    for changes in [("scope", "chat:read chat:write"), ("state", "other"), ("nonce", "n")] {
        let answer = browser.post(&world, &request(&[changes]), &fields).await;
        answer.assert_page(403, "The App asks for access");
    }
    // Signed out meanwhile, or somebody else in the same browser.
    world.person("bob").await;
    let mut signed_out = browser.clone();
    signed_out.cookies.retain(|name, _| name.contains("-form-"));
    signed_out.post(&world, &path(&page), &fields).await.assert_page(200, "Sign in");
    let mut other = browser.clone();
    let login = other.get(&world, &request(&[("prompt", "login")])).await;
    world.sign_in(&mut other, &login, "bob").await.assert_page(200, "The App asks for access");
    other.post(&world, &path(&page), &fields).await.assert_page(403, "The App asks for access");
    let alice = world.stores.accounts.find("alice").await.unwrap().unwrap().user_id;
    let bob = world.stores.accounts.find("bob").await.unwrap().unwrap().user_id;
    for user in [alice, bob] {
        assert_eq!(world.stores.clients.consent(user, "app").await.unwrap().to_string(), "");
    }
}

#[tokio::test]
async fn a_cookie_is_of_one_tenant_and_one_live_session() {
    let world = World::with_app().await;
    let (browser, _) = world.authorized(&request(&[])).await;
    let signed_in = |answer: &Answer| answer.status == 303;
    assert!(signed_in(&browser.clone().get(&world, &request(&[])).await));
    let session = browser.cookies.keys().find(|name| !name.contains("-form-")).unwrap().clone();
    assert!(session.starts_with("__Host-bartab-"), "{session}");

    // Another tenant on the same host: its cookie has another name, and under that name too it is nobody's.
    let stores = memory();
    let config = bartab_auth::Config { issuer: "https://chat.example/t/two".to_owned(), ..config() };
    let two = World::on(stores, config, 2).await;
    two.stores.clients.create(app(), None).await.unwrap();
    two.person("alice").await;
    two.clock.set(Timestamp::from_secs(1_750_000_100));
    let mut there = browser.clone();
    there.get(&two, &request(&[])).await.assert_page(200, "Sign in");
    let (theirs, _) = two.authorized(&request(&[])).await;
    let name = theirs.cookies.keys().find(|name| !name.contains("-form-")).unwrap();
    assert_ne!(*name, session);
    let mut renamed = theirs.clone();
    renamed.cookies.insert(name.clone(), browser.cookies[&session].clone());
    renamed.get(&two, &request(&[])).await.assert_page(200, "Sign in");

    // A refresh or access token in the cookie, a cookie with another secret, or one that is there twice.
    let tokens = world.service.auth().login(Login::new("alice", PASSWORD)).await.unwrap();
    let value = &browser.cookies[&session];
    let altered = format!("{}{}", &value[..63], if value.ends_with('A') { 'B' } else { 'A' });
    for value in
        [tokens.refresh_token, tokens.access_token, altered, format!("{value}; {session}={value}"), String::new()]
    {
        let mut other = browser.clone();
        other.cookies.insert(session.clone(), value.clone());
        other.get(&world, &request(&[])).await.assert_page(200, "Sign in");
    }

    // Suspended and restored: the account is looked at each time.
    let alice = world.stores.accounts.find("alice").await.unwrap().unwrap().user_id;
    let now = Timestamp::from_secs(1_750_000_000);
    world.stores.accounts.change(alice, AccountChange::Suspend, now, None).await.unwrap();
    browser.clone().get(&world, &request(&[])).await.assert_page(200, "Sign in");
    world.stores.accounts.change(alice, AccountChange::Restore, now, None).await.unwrap();
    assert!(signed_in(&browser.clone().get(&world, &request(&[])).await));
    // A week, and no longer.
    world.advance(7 * 24 * 60 * 60 - 1);
    assert!(signed_in(&browser.clone().get(&world, &request(&[])).await));
    world.advance(1);
    browser.clone().get(&world, &request(&[])).await.assert_page(200, "Sign in");
}

#[tokio::test]
async fn a_session_of_a_browser_gives_no_tokens() {
    let world = World::with_app().await;
    let (browser, _) = world.authorized(&request(&[])).await;
    for value in browser.cookies.values() {
        for client in ["bartab", "bartab-browser", "app"] {
            let body = format!("grant_type=refresh_token&client_id={client}&refresh_token={value}");
            assert!(world.form("/v1/oauth2/token", &body).await.status.is_client_error());
        }
        world.get("/v1/me", value).await.assert_problem(401, "auth.invalid_token");
    }
}

#[tokio::test]
async fn names_are_text_whatever_is_in_them() {
    let world = World::with_app().await;
    let hostile = "</title><script>alert(\"1\")</script>'&";
    let client = OAuthClient { client_id: "bad".to_owned(), name: hostile.to_owned(), ..app() };
    world.stores.clients.create(client, None).await.unwrap();
    let alice = world.stores.accounts.find("alice").await.unwrap().unwrap().user_id;
    let change = ProfileChange { display_name: Some(hostile.to_owned()), avatar: None };
    let now = Timestamp::from_secs(1_750_000_000);
    world.stores.accounts.change(alice, AccountChange::Profile(change), now, None).await.unwrap();
    let mut browser = Browser::default();
    let attack = [("client_id", "bad"), ("state", hostile), ("login_hint", "\"><script>alert(1)</script>")];
    let page = browser.get(&world, &request(&attack)).await;
    let asked = browser.submit(&world, &page, &[("username", "alice"), ("password", PASSWORD)]).await;
    asked.assert_page(200, &format!("{hostile} asks for access"));
    let wrong = browser.post(&world, &path(&page), &[("username", hostile), ("step", "sign_in")]).await;
    for page in [&page, &asked, &wrong] {
        assert!(!page.html().contains("<script") && !page.html().contains("\"><"), "{}", page.html());
        assert_eq!(page.html().matches("</title>").count(), 1);
    }
    // What is in a link comes back as it was.
    let answer = browser.submit(&world, &asked, &[("decision", "deny")]).await;
    assert_eq!((answer.sent("error"), answer.sent("state")), ("access_denied".to_owned(), hostile.to_owned()));
}

#[tokio::test]
async fn wrong_passwords_and_unknown_people_look_the_same_and_are_slowed_down() {
    let world = World::with_app().await;
    let mut browser = Browser::default();
    let page = browser.get(&world, &request(&[])).await;
    let mut told = Vec::new();
    for username in ["alice", "nobody"] {
        let answer = browser.submit(&world, &page, &[("username", username), ("password", "wrong")]).await;
        answer.assert_page(403, "Sign in");
        told.push(answer.html().replace(username, "?"));
    }
    assert_eq!(told[0], told[1]);
    let mut last = None;
    for _ in 0..50 {
        let answer = browser.submit(&world, &page, &[("username", "alice"), ("password", "wrong")]).await;
        last = Some(answer);
        if last.as_ref().is_some_and(|answer| answer.status == 429) {
            break;
        }
    }
    let slowed = last.unwrap();
    slowed.assert_page(429, "Sign in");
    assert!(slowed.header("retry-after").parse::<u64>().unwrap() > 0);
    assert!(slowed.alert().starts_with("Too many attempts have failed. Try again in "), "{}", slowed.alert());
    let alice = world.stores.accounts.find("alice").await.unwrap().unwrap().user_id;
    world
        .stores
        .accounts
        .change(alice, AccountChange::Suspend, Timestamp::from_secs(1_750_000_000), None)
        .await
        .unwrap();
    world.advance(24 * 60 * 60);
    let page = browser.get(&world, &request(&[])).await;
    let answer = browser.submit(&world, &page, &[("username", "alice"), ("password", PASSWORD)]).await;
    answer.assert_page(403, "Sign in");
    assert_eq!(answer.alert(), "This account may not be used for now.");
}

#[tokio::test]
async fn a_role_that_falls_while_the_page_is_open_counts() {
    let world = World::with_app().await;
    let alice = world.stores.accounts.find("alice").await.unwrap().unwrap().user_id;
    let now = Timestamp::from_secs(1_750_000_000);
    let role = |role| world.stores.accounts.change(alice, AccountChange::Role(role), now, None);
    role(TenantRole::Administrator).await.unwrap();
    let wants = request(&[("scope", "chat:read admin")]);
    let mut browser = Browser::default();
    let page = browser.get(&world, &wants).await;
    let page = world.sign_in(&mut browser, &page, "alice").await;
    assert!(page.html().contains("<li>Administer everything here that you may administer</li>"));
    role(TenantRole::Member).await.unwrap();
    let page = browser.submit(&world, &page, &[("decision", "allow")]).await;
    page.assert_page(403, "The App asks for access");
    assert!(!page.html().contains("Administer"));
    browser.submit(&world, &page, &[("decision", "allow")]).await.sent("code");
    assert_eq!(world.stores.clients.consent(alice, "app").await.unwrap().to_string(), "chat:read");
    // For nothing but what the role does not have there is nothing to ask.
    let answer = browser.get(&world, &request(&[("scope", "admin")])).await;
    assert_eq!(answer.sent("error"), "access_denied");
}

#[tokio::test]
async fn signing_out_ends_the_session_of_the_browser_alone() {
    let world = World::with_app().await;
    let tokens = world.service.auth().login(Login::new("alice", PASSWORD)).await.unwrap();
    let (mut browser, _) = world.authorized(&request(&[])).await;
    let before = browser.clone();
    let page = browser.get(&world, "/v1/oauth2/logout").await;
    page.assert_page(200, "Sign out");
    for answer in forged(&world, &browser, &page, &[]).await {
        answer.assert_page(403, "Sign out");
    }
    browser.submit(&world, &page, &[]).await.assert_page(200, "Signed out");
    assert!(browser.cookies.keys().all(|name| name.contains("-form-")));
    // Also for who has kept the cookie.
    before.clone().get(&world, &request(&[])).await.assert_page(200, "Sign in");
    assert_eq!(world.get("/v1/me", &tokens.access_token).await.status, 200);
    browser.get(&world, "/v1/oauth2/logout").await.assert_page(200, "Signed out");
}

#[tokio::test]
async fn forms_go_where_the_client_is_and_nowhere_else() {
    let world = World::with_app().await;
    for (id, uri, sources) in [
        ("web", "https://app.example/cb", " https:"),
        ("native", "http://127.0.0.1:1/cb", " http: https:"),
        ("mobile", "com.example.app:/cb", " com.example.app: https:"),
    ] {
        let client = OAuthClient { client_id: id.to_owned(), redirect_uris: vec![uri.to_owned()], ..app() };
        world.stores.clients.create(client, None).await.unwrap();
        let page = Browser::default().get(&world, &request(&[("client_id", id), ("redirect_uri", uri)])).await;
        let policy = page.header("content-security-policy");
        assert!(policy.ends_with(&format!("; form-action 'self'{sources}")), "{policy}");
        let PageForm { action, fields } = page.form();
        assert!(action.starts_with("authorize?client_id="), "{action}");
        assert_eq!(fields.len(), 4);
    }
    let page = Browser::default().get(&world, AUTHORIZE).await;
    assert!(page.header("content-security-policy").ends_with("; form-action 'self'"));
}
