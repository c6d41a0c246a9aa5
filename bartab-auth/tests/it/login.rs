//! Signing in with a password: one answer for every failure, and never more hashing than the pool allows.

use std::time::Duration;

use bartab_auth::{HashPool, Login, NewAccount};
use bartab_core::store::{Account, AccountChange, AccountState, Admission};
use bartab_core::{TenantRole, Timestamp};
use serde_json::json;

use crate::world::{PASSWORD, World, config, memory};

const PATH: &str = "/v1/auth/login";

#[tokio::test]
async fn the_right_password_signs_in_whatever_the_case_of_the_name() {
    let world = World::open().await;
    let registered = world.person("alice").await;
    for username in ["alice", "ALICE"] {
        let answer = world.post(PATH, "", json!({"username": username, "password": PASSWORD})).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("pragma"), "no-cache");
        assert_eq!(answer.text("user_id"), registered.user_id.to_string());
        assert_ne!(answer.text("session_id"), registered.session_id.to_string());
    }
}

#[tokio::test]
async fn a_stale_token_does_not_stand_in_the_way() {
    let world = World::open().await;
    let tokens = world.person("alice").await;
    world.advance(3600);
    let body = json!({"username": "alice", "password": PASSWORD});
    assert_eq!(world.post(PATH, &tokens.access_token, body).await.status, 200);
}

#[tokio::test]
async fn every_failure_looks_the_same() {
    let world = World::open().await;
    world.person("alice").await;
    let passwordless = NewAccount { password: None, ..NewAccount::member("bob", "") };
    world.service.auth().create_account(passwordless).await.unwrap();
    let mut answers = Vec::new();
    for (username, password) in [
        ("alice", "wrong password"),
        ("nobody", PASSWORD),
        ("bob", PASSWORD),
        ("bob", ""),
        ("alice", ""),
        ("", ""),
        ("\u{0}", PASSWORD),
        ("alice ", PASSWORD),
        ("alice", &"x".repeat(10_000)),
    ] {
        let answer = world.post(PATH, "", json!({"username": username, "password": password})).await;
        answer.assert_problem(401, "auth.bad_credentials");
        assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"bartab\"");
        answers.push(answer.body);
    }
    assert!(answers.iter().all(|body| *body == answers[0]));
}

#[tokio::test]
async fn a_suspended_account_is_told_so_only_with_its_password() {
    let world = World::open().await;
    world.person("alice").await;
    let alice = world.stores.accounts.find("alice").await.unwrap().unwrap();
    let suspended = Account {
        user_id: bartab_core::UserId::from_u128(1),
        username: "bob".to_owned(),
        username_key: "bob".to_owned(),
        state: AccountState::Suspended,
        role: TenantRole::Owner,
        ..alice
    };
    world.stores.accounts.create(suspended.clone(), Admission::default()).await.unwrap();
    let answer = world.post(PATH, "", json!({"username": "bob", "password": PASSWORD})).await;
    answer.assert_problem(403, "account.suspended");
    let answer = world.post(PATH, "", json!({"username": "bob", "password": "wrong password"})).await;
    answer.assert_problem(401, "auth.bad_credentials");
    assert!(world.service.auth().sign_in(suspended.user_id, None).await.is_err());
}

#[tokio::test]
async fn who_is_erased_is_nobody_and_the_name_is_free_again() {
    let world = World::open().await;
    let alice = world.person("alice").await;
    let erase = AccountChange::Erase { messages: false };
    world.stores.accounts.change(alice.user_id, erase, Timestamp::from_secs(1_750_000_000), None).await.unwrap();
    let body = json!({"username": "alice", "password": PASSWORD});
    world.post(PATH, "", body.clone()).await.assert_problem(401, "auth.bad_credentials");
    let key = json!({"username": format!("~{}", alice.user_id), "password": PASSWORD});
    world.post(PATH, "", key).await.assert_problem(401, "auth.bad_credentials");
    assert!(world.service.auth().sign_in(alice.user_id, None).await.is_err());
    let again = world.person("alice").await;
    assert_ne!(again.user_id, alice.user_id);
    assert_eq!(world.post(PATH, "", body).await.text("user_id"), again.user_id.to_string());
}

#[tokio::test]
async fn a_device_has_a_name_that_people_can_read() {
    let world = World::open().await;
    world.person("alice").await;
    for (device, code) in [("", "too_short"), ("a\u{1b}[0m", "invalid"), (&*"x".repeat(65), "too_long")] {
        let body = json!({"username": "alice", "password": PASSWORD, "device_name": device});
        let answer = world.post(PATH, "", body).await;
        answer.assert_problem(400, "request.invalid");
        assert_eq!(answer.wrong_field(), ("/device_name".to_owned(), code.to_owned()));
    }
    let body = json!({"username": "alice", "password": PASSWORD, "user": "alice"});
    assert_eq!(world.post(PATH, "", body).await.wrong_field().1, "unknown_field");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn more_logins_than_the_pool_takes_are_told_to_come_again() {
    let pool = HashPool::new(1, 1, Duration::from_secs(60));
    let world = World::pooled(memory(), config(), 1, pool).await;
    world.person("alice").await;
    let attempts: Vec<_> = (0..32)
        .map(|_| {
            let auth = world.service.auth().clone();
            tokio::spawn(async move { auth.login(Login::new("alice", PASSWORD)).await })
        })
        .collect();
    let (mut signed_in, mut refused) = (0, 0);
    for attempt in attempts {
        match attempt.await.unwrap() {
            Ok(_) => signed_in += 1,
            Err(error) => {
                let problem = error.to_problem();
                assert_eq!((problem.status, problem.code), (503, "auth.busy"));
                assert_eq!(problem.retry_after, Some(1));
                refused += 1;
            }
        }
    }
    assert!(signed_in >= 1 && refused >= 1, "{signed_in} {refused}");
    assert_eq!(world.post(PATH, "", json!({"username": "alice", "password": PASSWORD})).await.status, 200);
}
