//! Sign-in with another OpenID provider by somebody with a second factor: whatever the provider says, a code is asked for.

use bartab_auth::{Config, TotpPolicy};
use bartab_core::TenantRole;
use bartab_core::store::ExternalIdentity;
use serde_json::json;

use crate::authorize::{app, request};
use crate::browser::{Browser, query};
use crate::mfa::{Device, turn_on};
use crate::provider::{Provider, person, program};
use crate::world::{Answer, ISSUER, World, config};

const ASKED: &str = "Confirm it is you";
const CALLBACK: &str = "/v1/auth/providers/corp/callback";

/// A tenant with alice, who has a second factor and is somebody at the provider, and what shows her codes.
async fn tenant(provider: &Provider, role: TenantRole) -> (World, Device) {
    let config = Config { providers: vec![provider.config()], require_totp: TotpPolicy::Administrators, ..config() };
    let world = World::with(config).await;
    let alice = world.account("alice", role).await;
    let identity = ExternalIdentity { issuer: provider.issuer.clone(), subject: "alice-0".to_owned() };
    world.stores.accounts.link(alice.user_id, identity, None).await.unwrap();
    let (device, _) = turn_on(&world, &alice.access_token, 0).await;
    world.advance(60);
    (world, device)
}

fn nobody_is_in(browser: &Browser) -> bool {
    browser.cookies.keys().all(|name| name.contains("-form-"))
}

async fn asked(provider: &Provider, world: &World, browser: &mut Browser, query: &str) -> Answer {
    // What the provider says of how she signed in there is of its own account.
    let page = provider.sign_in(world, browser, query, |claims| claims["amr"] = json!(["pwd", "otp", "mfa"])).await;
    page.assert_page(200, ASKED);
    assert!(nobody_is_in(browser));
    page
}

#[tokio::test]
async fn a_browser_shows_a_code_and_goes_on_where_it_was() {
    let provider = Provider::open().await;
    let (world, device) = tenant(&provider, TenantRole::Member).await;
    let mut browser = person();
    let page = asked(&provider, &world, &mut browser, "return_to=%2Fapp%3Fa%3Db").await;
    let wrong = browser.submit(&world, &page, &[("otp", &device.wrong(60))]).await;
    wrong.assert_page(403, ASKED);
    assert!(nobody_is_in(&browser));
    // Neither another browser nor another site, and to no other place.
    let (form, code) = (page.form(), device.code(60));
    let fields = form.with(&[("otp", &code)]);
    let path = format!("{}{}", page.folder, form.action);
    person().post(&world, &path, &fields).await.assert_page(400, "You are not signed in");
    let mut foreign = browser.clone();
    foreign.headers.push(("sec-fetch-site", "cross-site".to_owned()));
    foreign.post(&world, &path, &fields).await.assert_page(400, "You are not signed in");
    for other in
        [CALLBACK.to_owned(), format!("{CALLBACK}?return_to=%2Fother"), format!("{CALLBACK}?return_to=%2F%2Fx")]
    {
        browser.clone().post(&world, &other, &fields).await.assert_page(400, "You are not signed in");
    }
    let done = browser.submit(&world, &wrong, &[("otp", &code)]).await;
    assert_eq!((done.status.as_u16(), done.header("location")), (303, &*format!("{ISSUER}/app?a=b")), "{done:?}");
    assert!(!nobody_is_in(&browser));
    // Once.
    browser.submit(&world, &wrong, &[("otp", &device.code(90))]).await.assert_page(400, "You are not signed in");
}

#[tokio::test]
async fn on_the_way_to_a_client_the_form_may_end_there() {
    let provider = Provider::open().await;
    let (world, device) = tenant(&provider, TenantRole::Member).await;
    world.stores.clients.create(app(), None).await.unwrap();
    let mut browser = person();
    let page = asked(&provider, &world, &mut browser, &query(&[("return_to", &request(&[]))])).await;
    let policy = page.header("content-security-policy").to_owned();
    assert!(policy.contains("form-action 'self' https:"), "{policy}");
    let done = browser.submit(&world, &page, &[("otp", &device.code(60))]).await;
    let next = done.header("location").strip_prefix(ISSUER).unwrap().to_owned();
    browser.get(&world, &next).await.assert_page(200, "The App asks for access");
}

#[tokio::test]
async fn a_program_sends_the_code_with_what_it_was_given() {
    let provider = Provider::open().await;
    let (world, device) = tenant(&provider, TenantRole::Administrator).await;
    let mut browser = program();
    let answer = provider.sign_in(&world, &mut browser, "", |_| {}).await;
    assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (202, "no-store"), "{answer:?}");
    let ticket = answer.text("ticket");
    let wrong = device.wrong(60);
    let answer = browser.post(&world, CALLBACK, &[("ticket", &ticket), ("otp", &wrong)]).await;
    answer.assert_problem(401, "auth.bad_credentials");
    let code = device.code(60);
    browser.post(&world, CALLBACK, &[("ticket", "x"), ("otp", &code)]).await.assert_problem(400, "provider.stale");
    let elsewhere = CALLBACK.replace("corp", "none");
    browser.post(&world, &elsewhere, &[]).await.assert_problem(404, "provider.not_found");
    let tokens = browser.post(&world, CALLBACK, &[("ticket", &ticket), ("otp", &code)]).await;
    assert_eq!(tokens.status, 200, "{tokens:?}");
    // Both steps are told, and so she administers where that takes a second factor.
    let session = world.stores.sessions.get(tokens.text("session_id").parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(session.methods, "fed otp mfa");
    assert!(tokens.text("scope").split(' ').any(|scope| scope == "admin"), "{tokens:?}");
    let again = browser.post(&world, CALLBACK, &[("ticket", &ticket), ("otp", &device.code(90))]).await;
    again.assert_problem(400, "provider.stale");
}

#[tokio::test]
async fn few_codes_are_tried_and_none_once_the_provider_is_unlinked() {
    let provider = Provider::open().await;
    let (world, device) = tenant(&provider, TenantRole::Member).await;
    let mut browser = program();
    let ticket = provider.sign_in(&world, &mut browser, "", |_| {}).await.text("ticket");
    for _ in 0..5 {
        let answer = browser.post(&world, CALLBACK, &[("ticket", &ticket), ("otp", "")]).await;
        assert!(answer.status == 401 || answer.status == 429, "{answer:?}");
    }
    world.advance(120);
    let code = device.code(180);
    browser.post(&world, CALLBACK, &[("ticket", &ticket), ("otp", &code)]).await.assert_problem(400, "provider.stale");

    world.advance(24 * 60 * 60);
    let ticket = provider.sign_in(&world, &mut browser, "", |_| {}).await.text("ticket");
    let alice =
        json!({"username": "alice", "password": crate::world::PASSWORD, "otp": device.code(180 + 24 * 60 * 60)});
    let alice = world.post("/v1/auth/login", "", alice).await.text("access_token");
    let away = world.call(http::Method::DELETE, "/v1/me/identities/corp", &alice, serde_json::Value::Null).await;
    assert_eq!(away.status, 204, "{away:?}");
    world.advance(30);
    let code = device.code(210 + 24 * 60 * 60);
    browser.post(&world, CALLBACK, &[("ticket", &ticket), ("otp", &code)]).await.assert_problem(400, "provider.stale");
}
