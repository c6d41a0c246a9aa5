//! The second factor: begun, confirmed, asked for, no code of it good twice, and what administrators may without one.

use std::net::IpAddr;

use bartab_auth::{Config, Login, NewAccount, Tokens, TotpPolicy};
use bartab_core::TenantRole;
use bartab_core::http::ClientAddress;
use bartab_core::store::{AuditActor, AuditFilter};
use http::{Method, Request};
use http_body_util::Full;
use serde_json::{Value, json};
use totp_rs::{Builder, Secret};

use crate::failures::{Fault, Faulty};
use crate::world::{Answer, PASSWORD, World, config, memory};

const PATH: &str = "/v1/me/mfa/totp";
const START: u64 = 1_750_000_000;

/// What shows codes: the secret, and the seconds since the world began.
pub(crate) struct Device(String);

impl Device {
    pub(crate) fn of(secret: &str) -> Self {
        Self(secret.to_owned())
    }

    pub(crate) fn code(&self, after: u64) -> String {
        let totp = Builder::new().with_secret(Secret::try_from_base32(&self.0).unwrap()).build().unwrap();
        totp.generate(START + after).to_string()
    }

    /// A code that it does not show within a minute of then.
    pub(crate) fn wrong(&self, after: u64) -> String {
        let near: Vec<String> = (0..5).map(|step| self.code((after + 30 * step).saturating_sub(60))).collect();
        (0..10).map(|n| format!("{n:06}")).find(|code| !near.contains(code)).unwrap()
    }
}

async fn begin(world: &World, token: &str) -> Device {
    let answer = world.post(PATH, token, json!({"password": PASSWORD})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("cache-control"), "no-store");
    Device(answer.text("secret"))
}

/// Turns the second factor on at the moment of the world's beginning and `after` seconds.
pub(crate) async fn turn_on(world: &World, token: &str, after: u64) -> (Device, Vec<String>) {
    let device = begin(world, token).await;
    let answer = world.post(&format!("{PATH}/confirm"), token, json!({"code": device.code(after)})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let codes = answer.json()["recovery_codes"].as_array().unwrap().clone();
    (device, codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect())
}

async fn login(world: &World, otp: Option<&str>) -> Answer {
    let mut body = json!({"username": "alice", "password": PASSWORD});
    if let Some(otp) = otp {
        body["otp"] = json!(otp);
    }
    world.post("/v1/auth/login", "", body).await
}

#[tokio::test]
async fn it_is_asked_for_once_a_code_was_shown() {
    let world = World::open().await;
    let alice = world.person("alice").await;
    let me = async |token: &str| world.get("/v1/me", token).await.json()["mfa"].clone();
    assert_eq!(me(&alice.access_token).await, json!({"totp": false, "recovery_codes": 0}));
    let answer = world.post(PATH, &alice.access_token, json!({"password": PASSWORD})).await;
    let secret = answer.text("secret");
    assert_eq!(secret.len(), 32, "160 bits");
    let url = format!("otpauth://totp/chat.example:alice?secret={secret}&issuer=chat.example");
    assert_eq!(answer.text("otpauth_url"), url);
    // Nothing is asked for yet, and beginning again replaces what waits.
    assert_eq!(login(&world, None).await.status, 200);
    let replaced = Device(secret).code(0);
    let device = begin(&world, &alice.access_token).await;
    let confirm =
        async |code: &str| world.post(&format!("{PATH}/confirm"), &alice.access_token, json!({"code": code})).await;
    for wrong in [&*replaced, "", "abc", &device.code(90)] {
        let answer = confirm(wrong).await;
        answer.assert_problem(400, "request.invalid");
        assert_eq!(answer.wrong_field(), ("/code".to_owned(), "wrong".to_owned()));
    }
    let confirmed = confirm(&device.code(0)).await;
    assert_eq!(confirmed.json()["recovery_codes"].as_array().unwrap().len(), 10);
    assert_eq!(me(&alice.access_token).await, json!({"totp": true, "recovery_codes": 10}));
    confirm(&device.code(30)).await.assert_problem(409, "mfa.on");
    let again = world.post(PATH, &alice.access_token, json!({"password": PASSWORD})).await;
    again.assert_problem(409, "mfa.on");

    let asked = login(&world, None).await;
    asked.assert_problem(401, "auth.otp_required");
    assert_eq!(asked.header("www-authenticate"), "Bearer realm=\"bartab\"");
    login(&world, Some("")).await.assert_problem(401, "auth.otp_required");
    // Only who knows the password is asked.
    let body = json!({"username": "alice", "password": "wrong password", "otp": device.code(30)});
    world.post("/v1/auth/login", "", body).await.assert_problem(401, "auth.bad_credentials");
    world.advance(30);
    let signed_in = login(&world, Some(&device.code(30))).await;
    assert_eq!(signed_in.status, 200);
    let session = signed_in.text("session_id").parse().unwrap();
    assert_eq!(world.stores.sessions.get(session).await.unwrap().unwrap().methods, "pwd otp mfa");
}

#[tokio::test]
async fn no_code_is_good_twice_and_each_for_a_step_to_either_side() {
    let world = World::open().await;
    let alice = world.person("alice").await;
    let (device, _) = turn_on(&world, &alice.access_token, 0).await;
    // The code that confirmed it is spent, and so is the one before.
    login(&world, Some(&device.code(0))).await.assert_problem(401, "auth.bad_credentials");
    assert_eq!(login(&world, Some(&device.code(30))).await.status, 200, "one step ahead");
    login(&world, Some(&device.code(30))).await.assert_problem(401, "auth.bad_credentials");
    world.advance(300);
    login(&world, Some(&device.code(240))).await.assert_problem(401, "auth.bad_credentials");
    login(&world, Some(&device.code(360))).await.assert_problem(401, "auth.bad_credentials");
    assert_eq!(login(&world, Some(&device.code(270))).await.status, 200, "one step behind");
    let spaced = format!(" {} {} ", &device.code(300)[..3], &device.code(300)[3..]);
    assert_eq!(login(&world, Some(&spaced)).await.status, 200);
}

#[tokio::test]
async fn of_many_uses_of_one_code_at_once_one_signs_in() {
    let world = World::open().await;
    let alice = world.person("alice").await;
    let (device, recovery) = turn_on(&world, &alice.access_token, 0).await;
    for code in [device.code(30), recovery[0].clone()] {
        let uses = (0..6).map(|n| {
            let body = json!({"username": "alice", "password": PASSWORD, "otp": code}).to_string();
            let address = ClientAddress(IpAddr::from([192, 0, 2, n]));
            let request = Request::post("/v1/auth/login").extension(address).body(Full::from(body)).unwrap();
            let service = world.service.clone();
            tokio::spawn(async move { tower::ServiceExt::oneshot(service, request).await.unwrap().status() })
        });
        let mut signed_in = 0;
        for one in uses.collect::<Vec<_>>() {
            signed_in += u32::from(one.await.unwrap() == 200);
        }
        assert_eq!(signed_in, 1);
    }
}

#[tokio::test]
async fn recovery_codes_are_good_once_each_and_can_be_replaced() {
    let world = World::open().await;
    let alice = world.person("alice").await;
    let (device, first) = turn_on(&world, &alice.access_token, 0).await;
    assert_eq!(login(&world, Some(&first[0])).await.status, 200);
    login(&world, Some(&first[0])).await.assert_problem(401, "auth.bad_credentials");
    let typed = first[1].to_uppercase().replace('-', " ");
    assert_eq!(login(&world, Some(&typed)).await.status, 200);
    let left = world.get("/v1/me", &alice.access_token).await.json()["mfa"]["recovery_codes"].clone();
    assert_eq!(left, json!(8));
    let replace = async |code: &str| {
        world.post(&format!("{PATH}/recovery_codes"), &alice.access_token, json!({"code": code})).await
    };
    let wrong = replace(&device.wrong(0)).await;
    wrong.assert_problem(400, "request.invalid");
    assert_eq!(wrong.wrong_field(), ("/code".to_owned(), "wrong".to_owned()));
    let replaced = replace(&device.code(30)).await;
    assert_eq!(replaced.status, 200);
    let second: Vec<String> = serde_json::from_value(replaced.json()["recovery_codes"].clone()).unwrap();
    assert!(second.len() == 10 && second.iter().all(|code| !first.contains(code)));
    login(&world, Some(&first[2])).await.assert_problem(401, "auth.bad_credentials");
    assert_eq!(login(&world, Some(&second[2])).await.status, 200);
    // An old one gives new ones too.
    assert_eq!(replace(&second[3]).await.status, 200);
    // Another's codes are none.
    let bob = world.person("bob").await;
    let (_, of_bob) = turn_on(&world, &bob.access_token, 0).await;
    login(&world, Some(&of_bob[0])).await.assert_problem(401, "auth.bad_credentials");
}

#[tokio::test]
async fn wrong_codes_slow_down_what_follows() {
    let world = World::open().await;
    let alice = world.person("alice").await;
    let (device, _) = turn_on(&world, &alice.access_token, 0).await;
    let mut answers = Vec::new();
    for _ in 0..30 {
        answers.push(login(&world, Some(&device.wrong(0))).await);
    }
    assert_eq!(answers.iter().filter(|answer| answer.status == 401).count(), 20);
    answers[29].assert_problem(429, "auth.too_many_attempts");
    login(&world, Some(&device.code(30))).await.assert_problem(429, "auth.too_many_attempts");
    // Being asked for a code is no failure of the person's.
    world.advance(300);
    for _ in 0..30 {
        login(&world, None).await;
    }
    assert_eq!(login(&world, Some(&device.code(300))).await.status, 200);
}

#[tokio::test]
async fn the_right_password_gives_no_more_guesses_of_the_code() {
    let world = World::open().await;
    let alice = world.person("alice").await;
    let (device, _) = turn_on(&world, &alice.access_token, 0).await;
    let send = async |method: Method, path: &str, body: Value| {
        let address = ClientAddress(IpAddr::from([192, 0, 2, 7]));
        let request = Request::builder().method(method).uri(path).extension(address);
        let request = request.header("authorization", format!("Bearer {}", alice.access_token));
        world.send(request.body(Full::from(body.to_string())).unwrap()).await
    };
    let remove = async |code: &str| send(Method::DELETE, PATH, json!({"password": PASSWORD, "code": code})).await;
    let mut guesses = 0;
    for _ in 0..20 {
        // Whatever the password alone is asked for, in between.
        let begun = send(Method::POST, PATH, json!({"password": PASSWORD})).await;
        assert!(begun.status == 409 || begun.status == 429, "{begun:?}");
        let body = json!({"current": PASSWORD, "new": PASSWORD});
        let changed = send(Method::POST, "/v1/me/password", body).await;
        assert!(changed.status == 204 || changed.status == 429, "{changed:?}");
        guesses += u32::from(remove(&device.wrong(0)).await.status == 400);
    }
    assert_eq!(guesses, 5);
    world.advance(2);
    // Who waited is let in: password and code are one attempt.
    assert_eq!(remove(&device.code(30)).await.status, 204);
}

#[tokio::test]
async fn a_code_confirms_no_other_secret_than_its_own() {
    let (world, store) = Faulty::world().await;
    let alice = world.person("alice").await;
    let device = begin(&world, &alice.access_token).await;
    store.set(Fault::BegunAnew);
    let answer = world.post(&format!("{PATH}/confirm"), &alice.access_token, json!({"code": device.code(0)})).await;
    assert_eq!(answer.wrong_field(), ("/code".to_owned(), "wrong".to_owned()));
    assert_eq!(login(&world, None).await.status, 200);
}

#[tokio::test]
async fn it_goes_by_password_and_code() {
    let world = World::open().await;
    let alice = world.person("alice").await;
    let remove = async |body: Value| world.call(Method::DELETE, PATH, &alice.access_token, body).await;
    remove(json!({"password": PASSWORD})).await.assert_problem(409, "mfa.off");
    // One that was never confirmed needs no code.
    begin(&world, &alice.access_token).await;
    assert_eq!(remove(json!({"password": PASSWORD})).await.status, 204);
    let (device, recovery) = turn_on(&world, &alice.access_token, 0).await;
    for (body, pointer, code) in [
        (json!({"password": "wrong password", "code": device.code(30)}), "/password", "wrong"),
        (json!({"code": device.code(30)}), "/password", "missing"),
        (json!({"password": PASSWORD}), "/code", "missing"),
        (json!({"password": PASSWORD, "code": device.wrong(0)}), "/code", "wrong"),
    ] {
        let answer = remove(body).await;
        answer.assert_problem(400, "request.invalid");
        assert_eq!(answer.wrong_field(), (pointer.to_owned(), code.to_owned()));
    }
    assert_eq!(remove(json!({"password": PASSWORD, "code": recovery[0]})).await.status, 204);
    assert_eq!(login(&world, None).await.status, 200);
    let codes = world.post(&format!("{PATH}/recovery_codes"), &alice.access_token, json!({"code": recovery[1]})).await;
    codes.assert_problem(409, "mfa.off");
    let filter = AuditFilter { actor: Some(alice.user_id), ..AuditFilter::default() };
    let trail = world.stores.audit.list(&filter, None, 10).await.unwrap();
    let acts: Vec<_> = trail.iter().map(|entry| (&*entry.action, entry.actor)).collect();
    let by = AuditActor::User(alice.user_id);
    assert_eq!(acts, [("mfa.disabled", by), ("mfa.enabled", by)]);
}

#[tokio::test]
async fn it_takes_the_password_and_the_scope() {
    let world = World::open().await;
    let alice = world.person("alice").await;
    for (body, code) in [(json!({"password": "wrong password"}), "wrong"), (json!({}), "missing")] {
        let answer = world.post(PATH, &alice.access_token, body).await;
        answer.assert_problem(400, "request.invalid");
        assert_eq!(answer.wrong_field(), ("/password".to_owned(), code.to_owned()));
    }
    let body = format!("grant_type=refresh_token&refresh_token={}&scope=chat:read", alice.refresh_token);
    let narrow = world.form("/v1/oauth2/token", &body).await.text("access_token");
    for (method, path) in
        [(Method::POST, ""), (Method::POST, "/confirm"), (Method::POST, "/recovery_codes"), (Method::DELETE, "")]
    {
        let body = if path.is_empty() { json!({"password": PASSWORD}) } else { json!({"code": "123456"}) };
        let path = format!("{PATH}{path}");
        world.call(method.clone(), &path, &narrow, body.clone()).await.assert_problem(403, "auth.insufficient_scope");
        world.call(method, &path, "", body).await.assert_problem(401, "auth.required");
    }
}

#[tokio::test]
async fn the_secret_is_sealed_and_the_codes_are_hashed() {
    let sealing_keys = bartab_auth::SealingKeys::new([[7; 32]]);
    let world = World::with(Config { sealing_keys: sealing_keys.clone(), ..config() }).await;
    let alice = world.person("alice").await;
    let (device, recovery) = turn_on(&world, &alice.access_token, 0).await;
    let stored = world.stores.accounts.get(alice.user_id).await.unwrap().unwrap().second_factor.unwrap();
    let secret = Secret::try_from_base32(&device.0).unwrap();
    let holds = |bytes: &[u8], part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
    assert!(!holds(stored.secret.as_bytes(), secret.as_ref()));
    let shown = format!("{stored:?}");
    assert!(!shown.contains(&device.0) && recovery.iter().all(|code| !shown.contains(code)), "{shown}");
    // Who opens the tenant without the key cannot read it; that is nobody's wrong code.
    let blind = World::on(memory(), config(), 1).await;
    let account = world.stores.accounts.get(alice.user_id).await.unwrap().unwrap();
    blind.stores.accounts.create(account, bartab_core::store::Admission::default()).await.unwrap();
    assert!(login(&blind, Some(&device.code(30))).await.status.is_server_error());
    assert_eq!(login(&world, Some(&device.code(30))).await.status, 200);
}

#[tokio::test]
async fn secrets_are_sealed_anew_once_the_host_has_another_key() {
    let sealed = |keys: &[u8]| Config {
        sealing_keys: bartab_auth::SealingKeys::new(keys.iter().map(|byte| [*byte; 32])),
        ..config()
    };
    let world = World::open().await;
    // More people than are looked at in one go; alice is the last one.
    for number in 0..201 {
        world.service.auth().create_account(NewAccount::member(&format!("p{number}"), PASSWORD)).await.unwrap();
    }
    let alice = world.person("alice").await;
    let (device, _) = turn_on(&world, &alice.access_token, 0).await;
    assert!(world.service.auth().reseal_second_factors().await.unwrap(), "there is no key to do it with");

    let old = World::on(world.stores.clone(), sealed(&[1]), 2).await;
    assert!(!old.service.auth().reseal_second_factors().await.unwrap());
    assert!(old.service.auth().reseal_second_factors().await.unwrap());
    let both = World::on(world.stores.clone(), sealed(&[2, 1]), 3).await;
    both.advance(3600);
    both.service.auth().tend_keys().await.unwrap();
    while !both.service.auth().reseal_second_factors().await.unwrap() {}
    // The first key may go.
    let new = World::on(world.stores.clone(), sealed(&[2]), 4).await;
    new.advance(30);
    assert_eq!(login(&new, Some(&device.code(30))).await.status, 200);
}

async fn administrator(world: &World) -> Tokens {
    let new = NewAccount { role: TenantRole::Administrator, ..NewAccount::member("alice", PASSWORD) };
    world.service.auth().create_account(new).await.unwrap();
    world.service.auth().login(Login::new("alice", PASSWORD)).await.unwrap()
}

#[tokio::test]
async fn where_administrators_need_one_they_do_not_administer_without() {
    let world = World::with(Config { require_totp: TotpPolicy::Administrators, ..config() }).await;
    let alice = administrator(&world).await;
    assert!(!alice.scope.contains("admin"), "{}", alice.scope);
    let act = async |token: &str| world.get("/v1/admin/clients", token).await;
    let refused = act(&alice.access_token).await;
    refused.assert_problem(403, "auth.otp_setup_required");
    assert_eq!(refused.header("www-authenticate"), "");
    // The rest of daily use goes on, above all setting it up.
    assert_eq!(world.get("/v1/me", &alice.access_token).await.status, 200);
    let (device, _) = turn_on(&world, &alice.access_token, 0).await;
    // A session that began without it stays without the scope.
    let refreshed = world.refresh(&alice.refresh_token).await;
    assert!(!refreshed.text("scope").contains("admin"));
    act(&refreshed.text("access_token")).await.assert_problem(403, "auth.otp_setup_required");
    let full = login(&world, Some(&device.code(30))).await;
    assert!(full.text("scope").contains("admin"));
    assert_eq!(act(&full.text("access_token")).await.status, 200);
    let again = world.refresh(&full.text("refresh_token")).await;
    assert!(again.text("scope").contains("admin"));
    // A narrower token lacks the scope for its own reason.
    let body = format!("grant_type=refresh_token&refresh_token={}&scope=chat:read", again.text("refresh_token"));
    let narrow = world.form("/v1/oauth2/token", &body).await;
    act(&narrow.text("access_token")).await.assert_problem(403, "auth.insufficient_scope");
    // Without it any more, they administer no more: tokens that say so are refused at once.
    world.advance(60);
    let body = json!({"password": PASSWORD, "code": device.code(60)});
    let removed = world.call(Method::DELETE, PATH, &full.text("access_token"), body).await;
    assert_eq!(removed.status, 204);
    act(&full.text("access_token")).await.assert_problem(401, "auth.invalid_token");
    let without = world.refresh(&narrow.text("refresh_token")).await;
    assert!(!without.text("scope").contains("admin"));
    act(&without.text("access_token")).await.assert_problem(403, "auth.otp_setup_required");
}

#[tokio::test]
async fn others_need_none_and_are_told_nothing_of_it() {
    let world = World::with(Config { require_totp: TotpPolicy::Administrators, ..config() }).await;
    let bob = world.person("bob").await;
    world.get("/v1/admin/clients", &bob.access_token).await.assert_problem(403, "permission.denied");
    world.get("/v1/admin/clients", "").await.assert_problem(401, "auth.required");
    let world = World::open().await;
    let alice = administrator(&world).await;
    assert_eq!(world.get("/v1/admin/clients", &alice.access_token).await.status, 200);
}
