//! What people have allowed a client, and when they are asked again.

use bartab_core::store::OAuthClient;

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
