//! The second factor on the pages: what is asked when, how often, and of whom.

use bartab_auth::{Config, Login, NewAccount, TotpPolicy};
use bartab_core::TenantRole;
use serde_json::json;

use crate::authorize::{app, request};
use crate::browser::Browser;
use crate::mfa::{Device, turn_on};
use crate::world::{Answer, PASSWORD, World, config};

const ASKED: &str = "Confirm it is you";
const WRONG: &str = "This code is wrong, or was used before.";
const AGAIN: &str = "Signing in took too long, or too many codes were wrong. Start again.";

/// A tenant with one client, alice, what shows her codes, and her recovery codes.
async fn world_with_device() -> (World, Device, Vec<String>) {
    let world = World::open().await;
    world.stores.clients.create(app(), None).await.unwrap();
    let alice = world.person("alice").await;
    let (device, recovery) = turn_on(&world, &alice.access_token, 0).await;
    world.advance(60);
    (world, device, recovery)
}

async fn asked(world: &World, browser: &mut Browser) -> Answer {
    let page = browser.get(world, &request(&[])).await;
    let page = world.sign_in(browser, &page, "alice").await;
    page.assert_page(200, ASKED);
    assert!(!page.html().contains(PASSWORD));
    page
}

fn nobody_is_in(browser: &Browser) -> bool {
    browser.cookies.keys().all(|name| name.contains("-form-"))
}

#[tokio::test]
async fn who_has_one_shows_a_code_before_anything_else() {
    let (world, device, recovery) = world_with_device().await;
    let mut browser = Browser::default();
    let page = asked(&world, &mut browser).await;
    assert!(nobody_is_in(&browser));
    browser.clone().get(&world, &request(&[("prompt", "none")])).await.sent("error");
    let wrong = browser.submit(&world, &page, &[("otp", &device.wrong(60))]).await;
    wrong.assert_page(403, ASKED);
    assert_eq!(wrong.alert(), WRONG);
    let page = browser.submit(&world, &wrong, &[("otp", &device.code(60))]).await;
    page.assert_page(200, "The App asks for access");
    // What was used is good no more, neither the code nor the half-done sign-in.
    let again = browser.submit(&world, &wrong, &[("otp", &device.code(90))]).await;
    again.assert_page(403, "Sign in");
    assert_eq!(again.alert(), AGAIN);
    let mut other = Browser::default();
    let page = asked(&world, &mut other).await;
    other.submit(&world, &page, &[("otp", &device.code(60))]).await.assert_page(403, ASKED);
    // A recovery code does too.
    let page = other.submit(&world, &page, &[("otp", &recovery[0])]).await;
    page.assert_page(200, "The App asks for access");
}

#[tokio::test]
async fn few_codes_are_tried_and_not_for_long() {
    let (world, device, _) = world_with_device().await;
    let mut browser = Browser::default();
    let page = asked(&world, &mut browser).await;
    for _ in 0..5 {
        let answer = browser.submit(&world, &page, &[("otp", "")]).await;
        assert!(answer.status == 403 || answer.status == 429, "{answer:?}");
    }
    world.advance(120);
    let answer = browser.submit(&world, &page, &[("otp", &device.code(180))]).await;
    answer.assert_page(403, "Sign in");
    assert_eq!(answer.alert(), AGAIN);

    world.advance(24 * 60 * 60);
    let (begun, day) = (180 + 24 * 60 * 60, 5 * 60);
    for (age, heading) in [(day - 1, "The App asks for access"), (day, "Sign in")] {
        let mut browser = Browser::default();
        let page = asked(&world, &mut browser).await;
        world.advance(age);
        let elapsed = if heading == "Sign in" { begun + 2 * day - 1 } else { begun + day - 1 };
        let answer = browser.submit(&world, &page, &[("otp", &device.code(elapsed))]).await;
        answer.assert_page(if heading == "Sign in" { 403 } else { 200 }, heading);
    }
}

#[tokio::test]
async fn a_half_done_sign_in_is_of_one_browser_and_one_password() {
    let (world, device, _) = world_with_device().await;
    let mut browser = Browser::default();
    let page = asked(&world, &mut browser).await;
    let form = page.form();
    let code = device.code(60);
    let fields = form.with(&[("otp", &code)]);
    let path = format!("{}{}", page.folder, form.action);
    // Another browser, another site, another request.
    Browser::default().post(&world, &path, &fields).await.assert_page(403, "Sign in");
    let mut foreign = Browser { headers: vec![("sec-fetch-site", "cross-site".to_owned())], ..browser.clone() };
    foreign.post(&world, &path, &fields).await.assert_page(403, "Sign in");
    browser.clone().post(&world, &request(&[("state", "x")]), &fields).await.assert_page(403, "Sign in");
    let ticket = fields.iter().position(|(name, _)| *name == "ticket").unwrap();
    let mut without = fields.clone();
    without[ticket].1 = "x";
    browser.clone().post(&world, &path, &without).await.assert_page(403, "Sign in");

    let tokens =
        world.post("/v1/auth/login", "", json!({"username": "alice", "password": PASSWORD, "otp": device.code(60)}));
    let access = tokens.await.text("access_token");
    let changed = json!({"current": PASSWORD, "new": "another horse entirely"});
    assert_eq!(world.post("/v1/me/password", &access, changed).await.status, 204);
    let answer = browser.submit(&world, &page, &[("otp", &device.code(90))]).await;
    answer.assert_page(403, "Sign in");
    assert!(nobody_is_in(&browser));
}

#[tokio::test]
async fn where_administrators_need_one_they_allow_nothing_of_it_without() {
    let world = World::with(Config { require_totp: TotpPolicy::Administrators, ..config() }).await;
    world.stores.clients.create(app(), None).await.unwrap();
    let new = NewAccount { role: TenantRole::Administrator, ..NewAccount::member("alice", PASSWORD) };
    world.service.auth().create_account(new).await.unwrap();
    let wants = request(&[("scope", "admin chat:read")]);
    let mut browser = Browser::default();
    let page = browser.get(&world, &wants).await;
    let page = world.sign_in(&mut browser, &page, "alice").await;
    assert!(!page.html().contains("Administer"), "{}", page.html());
    let code = browser.submit(&world, &page, &[("decision", "allow")]).await.sent("code");
    assert_eq!(world.redeem(&code, &[]).await.text("scope"), "chat:read");

    let alice = world.service.auth().login(Login::new("alice", PASSWORD)).await.unwrap();
    let (device, _) = turn_on(&world, &alice.access_token, 0).await;
    let page = browser.get(&world, &request(&[("scope", "admin chat:read"), ("prompt", "login")])).await;
    let page = world.sign_in(&mut browser, &page, "alice").await;
    let page = browser.submit(&world, &page, &[("otp", &device.code(30))]).await;
    assert!(page.html().contains("Administer"), "{}", page.html());
    let code = browser.submit(&world, &page, &[("decision", "allow")]).await.sent("code");
    assert_eq!(world.redeem(&code, &[]).await.text("scope"), "chat:read admin");
}
