//! What people have allowed a client, and when they are asked again.

use bartab_core::Timestamp;
use bartab_core::store::{ClientSecret, OAuthClient, TokenHash};

use crate::authorize::{HERE, app, request};
use crate::world::{ISSUER, World};

#[tokio::test]
async fn what_was_allowed_is_not_asked_again_but_more_is() {
    let world = World::with_app().await;
    let (mut browser, _) = world.authorized(&request(&[("scope", "chat:read openid")])).await;
    for scope in ["chat:read openid", "openid", "chat:read", "openid email"] {
        browser.get(&world, &request(&[("scope", scope)])).await.sent("code");
    }
    let page = browser.get(&world, &request(&[("scope", "chat:read chat:write")])).await;
    page.assert_page(200, "The App asks for access");
    browser.submit(&world, &page, &[("decision", "allow")]).await.sent("code");
    // All of it together by now.
    browser.get(&world, &request(&[("scope", "chat:read chat:write openid")])).await.sent("code");
    let page = browser.get(&world, &request(&[("prompt", "consent")])).await;
    page.assert_page(200, "The App asks for access");
    // Another client, and another person, have been allowed nothing.
    world.stores.clients.create(OAuthClient { client_id: "two".to_owned(), ..app() }, None).await.unwrap();
    browser.get(&world, &request(&[("client_id", "two")])).await.assert_page(200, "The App asks for access");
    world.person("bob").await;
    let page = browser.get(&world, &request(&[("prompt", "login")])).await;
    world.sign_in(&mut browser, &page, "bob").await.assert_page(200, "The App asks for access");
}

#[tokio::test]
async fn a_program_that_anybody_could_pass_for_is_asked_about_each_time() {
    let world = World::with_app().await;
    let (mut browser, _) = world.authorized(&request(&[])).await;
    let uris = ["http://127.0.0.1:1/cb", "http://localhost/cb", "com.example.app:/cb", "HTTPS://app.example/cb"];
    let redirect_uris = uris.map(str::to_owned).to_vec();
    let native = OAuthClient { client_id: "native".to_owned(), redirect_uris: redirect_uris.clone(), ..app() };
    world.stores.clients.create(native, None).await.unwrap();
    let secrets =
        vec![ClientSecret { hash: TokenHash::of(b"x"), created_at: Timestamp::from_secs(0), expires_at: None }];
    let secret = OAuthClient { client_id: "secret".to_owned(), redirect_uris, secrets, ..app() };
    world.stores.clients.create(secret, None).await.unwrap();
    for (client, uri, asked) in [
        ("native", uris[0], true),
        ("native", uris[1], true),
        ("native", uris[2], true),
        ("native", uris[3], false),
        ("secret", uris[0], false),
        ("secret", uris[2], false),
    ] {
        let wants = request(&[("client_id", client), ("redirect_uri", uri), ("prompt", "consent")]);
        let page = browser.get(&world, &wants).await;
        browser.submit(&world, &page, &[("decision", "allow")]).await.sent("code");
        let again = browser.get(&world, &request(&[("client_id", client), ("redirect_uri", uri)])).await;
        assert_eq!(again.status == 200, asked, "{client} {uri}: {again:?}");
        let silent = request(&[("client_id", client), ("redirect_uri", uri), ("prompt", "none")]);
        let silent = browser.get(&world, &silent).await;
        if asked {
            again.assert_page(200, "The App asks for access");
            assert_eq!(silent.sent("error"), "consent_required", "{client} {uri}");
        } else {
            silent.sent("code");
        }
    }
}

#[tokio::test]
async fn who_says_no_or_nothing_allows_nothing() {
    let world = World::with_app().await;
    let (mut browser, _) = world.authorized(&request(&[("scope", "openid")])).await;
    let alice = world.stores.accounts.find("alice").await.unwrap().unwrap().user_id;
    for decision in [&[("decision", "deny")][..], &[("decision", "")], &[("decision", "ALLOW")], &[]] {
        let page = browser.get(&world, &request(&[])).await;
        let answer = browser.submit(&world, &page, decision).await;
        let told = [
            ("error", "access_denied"),
            ("error_description", "the person has not allowed it"),
            ("state", "st at&e"),
            ("iss", ISSUER),
        ];
        answer.assert_redirect(HERE, &told);
    }
    assert_eq!(world.stores.clients.consent(alice, "app").await.unwrap().to_string(), "openid");
}

#[tokio::test]
async fn a_client_that_wants_nobody_asked_is_told_what_is_needed() {
    let world = World::with_app().await;
    let silent = |scope: &'static str| request(&[("prompt", "none"), ("scope", scope)]);
    let (mut browser, _) = world.authorized(&request(&[("scope", "chat:read")])).await;
    browser.get(&world, &silent("chat:read")).await.sent("code");
    assert_eq!(browser.get(&world, &silent("chat:read openid")).await.sent("error"), "consent_required");
    // A form does not help: it was never shown.
    let forced = [("step", "decide"), ("decision", "allow"), ("form", "x")];
    let answer = browser.post(&world, &silent("chat:read openid"), &forced).await;
    assert_eq!(answer.sent("error"), "consent_required");
    browser.cookies.clear();
    assert_eq!(browser.get(&world, &silent("chat:read")).await.sent("error"), "login_required");
}

#[tokio::test]
async fn a_client_that_is_removed_takes_its_consents_along() {
    let world = World::with_app().await;
    let (mut browser, _) = world.authorized(&request(&[])).await;
    let page = browser.get(&world, &request(&[("prompt", "consent")])).await;
    assert!(world.stores.clients.remove("app", None).await.unwrap());
    let answer = browser.submit(&world, &page, &[("decision", "allow")]).await;
    answer.assert_page(400, "This request does not work");
    world.stores.clients.create(app(), None).await.unwrap();
    browser.get(&world, &request(&[])).await.assert_page(200, "The App asks for access");
}
