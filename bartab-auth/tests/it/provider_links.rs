//! Linking an account with another OpenID provider: by whom, and for how long.

use bartab_auth::{Act, Login};
use bartab_core::UserId;
use bartab_core::store::{AuditFilter, ExternalIdentity};
use http::Method;
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::provider::{Begun, CODE_PATH, Provider, person, program};
use crate::world::{Answer, ISSUER, PASSWORD, World};

const IDENTITIES: &str = "/v1/me/identities";
const LINK: &str = "/v1/auth/providers/corp/start?link=true";

/// Links whoever has this token with `subject` at the provider.
async fn link(provider: &Provider, world: &World, token: &str, subject: &str) -> Answer {
    let (mut browser, begun) = begin(world, token).await;
    provider.give(&id_token(provider, world, &begun, subject));
    browser.get(world, &begun.callback("code=c0de")).await
}

async fn begin(world: &World, token: &str) -> (Browser, Begun) {
    let mut browser = program();
    browser.headers.push(("authorization", format!("Bearer {token}")));
    let start = browser.get(world, LINK).await;
    assert_eq!(start.status, 200, "{start:?}");
    browser.headers.pop();
    (browser, Begun::of(&start.text("url")))
}

fn id_token(provider: &Provider, world: &World, begun: &Begun, subject: &str) -> String {
    let mut claims = provider.claims(world, &begun.query["nonce"]);
    claims["sub"] = json!(subject);
    provider.sign(&provider.header(), &claims)
}

async fn whose(provider: &Provider, world: &World, subject: &str) -> Option<UserId> {
    let identity = ExternalIdentity { issuer: provider.issuer.clone(), subject: subject.to_owned() };
    world.stores.accounts.find_external(&identity).await.unwrap().map(|account| account.user_id)
}

#[tokio::test]
async fn an_account_is_linked_by_whoever_has_it_and_by_nobody_else() {
    let provider = Provider::open().await;
    let world = provider.tenant(|config| config.allow_registration = false).await;
    let nobody = provider.sign_in(&world, &mut program(), "", |_| {}).await;
    nobody.assert_problem(403, "provider.no_account");
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    program().get(&world, LINK).await.assert_problem(401, "auth.required");
    world.get(LINK, "nonsense").await.assert_problem(401, "auth.invalid_token");
    let narrow = world.refreshed(&bob, "chat:read").await;
    world.get(LINK, &narrow).await.assert_problem(403, "auth.insufficient_scope");

    let linked = async |token: &str| link(&provider, &world, token, "alice-0").await;
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
        led.get(&world, LINK).await.assert_problem(401, "auth.required");
    }
    let mut asked = browser.clone();
    asked.headers.push(("sec-fetch-site", "same-origin".to_owned()));
    let begun = Begun::of(asked.get(&world, &format!("{LINK}&return_to=/app")).await.header("location"));
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
async fn it_takes_a_sign_in_of_the_person_s_own_of_a_moment_ago() {
    let provider = Provider::open().await;
    let world = provider.tenant(|_| {}).await;
    let auth = world.service.auth();
    let alice = world.person("alice").await;
    // Opened by the host: nobody has shown who they are.
    let opened = auth.sign_in(alice.user_id, None).await.unwrap();
    world.get(LINK, &opened.access_token).await.assert_problem(403, "auth.sign_in_again");
    world.advance(599);
    let recent = world.refresh(&alice.refresh_token).await;
    assert_eq!(link(&provider, &world, &recent.text("access_token"), "alice-0").await.status, 204);
    world.advance(1);
    world.get(LINK, &recent.text("access_token")).await.assert_problem(403, "auth.sign_in_again");

    // In a browser, too.
    let mut browser = person();
    provider.sign_in(&world, &mut browser, "", |_| {}).await.assert_page(200, "You are signed in");
    browser.headers.push(("sec-fetch-site", "same-origin".to_owned()));
    world.advance(599);
    assert_eq!(browser.get(&world, LINK).await.status, 302);
    world.advance(1);
    browser.get(&world, LINK).await.assert_page(403, "That did not work");
}

#[tokio::test]
async fn nothing_is_linked_once_the_sign_in_that_began_it_has_ended() {
    let provider = Provider::open().await;
    let world = provider.tenant(|config| config.timeout_seconds = 30).await;
    let auth = world.service.auth();
    for (n, end) in ["logout", "suspension", "reset"].into_iter().enumerate() {
        let tokens = world.person(&format!("person{n}")).await;
        let user = tokens.user_id;
        let (mut browser, begun) = begin(&world, &tokens.access_token).await;
        // The ticket is spent already, and the provider is being asked.
        provider.give(&id_token(&provider, &world, &begun, "thief"));
        let gate = provider.hold_token();
        let coming = async { browser.get(&world, &begun.callback("code=c0de")).await };
        let ending = async {
            provider.asked_again(CODE_PATH, n + 1).await;
            match end {
                "logout" => {
                    let done = world.post("/v1/auth/logout", &tokens.access_token, Value::Null).await;
                    assert_eq!(done.status, 204, "{done:?}");
                }
                "suspension" => drop(auth.suspend(&Act::operator("odd"), user).await.unwrap()),
                _ => drop(auth.reset_sign_in(&Act::operator("lost"), user).await.unwrap()),
            }
            gate.notify_one();
        };
        let (answer, ()) = tokio::join!(coming, ending);
        let code = if end == "suspension" { "account.suspended" } else { "auth.sign_in_again" };
        answer.assert_problem(403, code);
        assert_eq!(whose(&provider, &world, "thief").await, None, "{end}");
        assert!(!world.trail(user).await.contains(&"account.linked".to_owned()), "{end}");
    }
}

#[tokio::test]
async fn the_trail_says_with_which_provider() {
    let provider = Provider::open().await;
    let world = provider.tenant(|_| {}).await;
    let alice = world.person("alice").await;
    assert_eq!(link(&provider, &world, &alice.access_token, "alice-0").await.status, 204);
    let trail = world.stores.audit.list(&AuditFilter::default(), None, 9).await.unwrap();
    let said: Vec<_> = trail.iter().map(|entry| (&*entry.action, entry.details.as_deref())).collect();
    assert_eq!(said, [("account.linked", Some(r#"{"provider":"corp"}"#))]);
}

#[tokio::test]
async fn what_is_linked_is_listed_and_taken_back() {
    let provider = Provider::open().await;
    let world = provider.tenant(|_| {}).await;
    let alice = world.person("alice").await;
    let earlier = world.service.auth().login(Login::new("alice", PASSWORD)).await.unwrap();
    let token = &alice.access_token;
    assert_eq!(world.get(IDENTITIES, token).await.json(), json!({"items": [], "next_cursor": null}));
    let away = async |provider: &str, token: &str| {
        world.call(Method::DELETE, &format!("{IDENTITIES}/{provider}"), token, Value::Null).await
    };
    // Asked again, maybe because ending the other sessions failed the first time: they end now.
    away("corp", token).await.assert_problem(404, "provider.not_linked");
    assert_eq!(world.refresh(&earlier.refresh_token).await.status, 400);
    let other = world.service.auth().login(Login::new("alice", PASSWORD)).await.unwrap();
    away("none", token).await.assert_problem(404, "provider.not_found");
    for subject in ["alice-0", "alice-1"] {
        assert_eq!(link(&provider, &world, token, subject).await.status, 204);
    }
    let item =
        |subject: &str| json!({"provider": "corp", "name": "Work & Co", "issuer": provider.issuer, "subject": subject});
    let listed = world.get(IDENTITIES, token).await.json();
    assert_eq!(listed["items"], json!([item("alice-0"), item("alice-1")]));
    let narrow = world.refreshed(&other, "chat:read").await;
    for refused in [world.get(IDENTITIES, &narrow).await, away("corp", &narrow).await] {
        refused.assert_problem(403, "auth.insufficient_scope");
    }
    away("corp", "").await.assert_problem(401, "auth.required");
    let opened = world.service.auth().sign_in(alice.user_id, None).await.unwrap();
    away("corp", &opened.access_token).await.assert_problem(403, "auth.sign_in_again");

    assert_eq!(away("corp", token).await.status, 204);
    assert_eq!(world.get(IDENTITIES, token).await.json()["items"], json!([]));
    assert_eq!(world.trail(alice.user_id).await, ["account.linked", "account.linked", "account.unlinked"]);
    // Whoever came by it is out, and comes as somebody new.
    world.get("/v1/me", &opened.access_token).await.assert_problem(401, "auth.invalid_token");
    world.refresh(&other.refresh_token).await.assert_oauth(400, "invalid_grant");
    let again = provider.sign_in(&world, &mut program(), "", |_| {}).await;
    assert_ne!(again.text("user_id"), alice.user_id.to_string());
}

#[tokio::test]
async fn the_last_way_to_sign_in_is_not_taken_back() {
    let provider = Provider::open().await;
    let world = provider.tenant(|_| {}).await;
    let alice = provider.sign_in(&world, &mut program(), "", |_| {}).await;
    let (token, user) = (alice.text("access_token"), alice.text("user_id").parse::<UserId>().unwrap());
    // To an issuer that lets nobody in here, she is somebody in vain.
    let gone = ExternalIdentity { issuer: "https://gone.example".to_owned(), subject: "7".to_owned() };
    world.stores.accounts.link(user, gone, None).await.unwrap();
    let listed = world.get(&format!("{IDENTITIES}?limit=1"), &token).await.json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    let rest = world.get(&format!("{IDENTITIES}?cursor={}%20{}", provider.issuer, "alice-0"), &token).await.json();
    assert_eq!((&rest["items"][0]["provider"], &rest["items"][0]["subject"]), (&Value::Null, &json!("7")));
    let away = async || world.call(Method::DELETE, &format!("{IDENTITIES}/corp"), &token, Value::Null).await;
    away().await.assert_problem(409, "provider.last_sign_in");
    assert_eq!(whose(&provider, &world, "alice-0").await, Some(user));
    let first = world.post("/v1/me/password", &token, json!({"new": "a passphrase of hers"})).await;
    assert_eq!(first.status, 204, "{first:?}");
    assert_eq!(away().await.status, 204);
    assert_eq!(whose(&provider, &world, "alice-0").await, None);
}

#[tokio::test]
async fn a_reset_takes_back_what_was_linked_and_not_whom_the_account_was_made_for() {
    let provider = Provider::open().await;
    let world = provider.tenant(|_| {}).await;
    let alice = provider.sign_in(&world, &mut program(), "", |_| {}).await;
    let user = alice.text("user_id").parse::<UserId>().unwrap();
    assert_eq!(link(&provider, &world, &alice.text("access_token"), "thief").await.status, 204);
    world.service.auth().reset_sign_in(&Act::operator("taken over"), user).await.unwrap();
    assert_eq!(whose(&provider, &world, "thief").await, None);
    assert_eq!(whose(&provider, &world, "alice-0").await, Some(user));
    let thief = provider.sign_in(&world, &mut program(), "", |claims| claims["sub"] = json!("thief")).await;
    assert_ne!(thief.text("user_id"), user.to_string());
    let back = provider.sign_in(&world, &mut program(), "", |_| {}).await;
    assert_eq!(back.text("user_id"), user.to_string());
}
