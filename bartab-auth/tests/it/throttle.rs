//! Guessing passwords: however many attempts there are, few are looked at, and nobody else is slowed down.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bartab_auth::{Attempts, Auth, AuthService, HashPool, Login};
use bartab_core::http::ClientAddress;
use bartab_core::{Clock as _, SeededRandom};
use http::Request;
use http_body_util::Full;
use serde_json::json;

use crate::world::{Answer, PASSWORD, World, config, memory};

async fn login(world: &World, address: &str, username: &str, password: &str) -> Answer {
    let body = json!({"username": username, "password": password}).to_string();
    let address: IpAddr = address.parse().unwrap();
    let request = Request::post("/v1/auth/login").extension(ClientAddress(address)).body(Full::from(body)).unwrap();
    world.send(request).await
}

#[tokio::test]
async fn ten_thousand_guesses_are_refused_and_few_of_them_looked_at() {
    let world = World::open().await;
    world.person("alice").await;
    for username in ["alice", "nobody"] {
        let mut looked_at = 0;
        for _ in 0..10_000 {
            let answer = login(&world, "192.0.2.7", username, "wrong password").await;
            if answer.status == 401 {
                answer.assert_problem(401, "auth.bad_credentials");
                looked_at += 1;
                continue;
            }
            answer.assert_problem(429, "auth.too_many_attempts");
            assert_eq!(answer.header("retry-after"), "1");
            assert_eq!(answer.header("ratelimit-policy"), "\"sign-in\";q=5;w=4500");
            assert_eq!(answer.header("ratelimit"), "\"sign-in\";r=0;t=1");
        }
        assert_eq!(looked_at, 5);
        // Not even the right password is looked at before its time, so that an answer tells nothing.
        login(&world, "192.0.2.7", username, PASSWORD).await.assert_problem(429, "auth.too_many_attempts");
    }
    world.advance(1);
    assert_eq!(login(&world, "192.0.2.7", "alice", PASSWORD).await.status, 200);
}

#[tokio::test]
async fn a_tenant_that_is_closed_and_opened_again_gives_no_more_guesses() {
    let world = World::open().await;
    world.person("alice").await;
    let random = Arc::new(SeededRandom::new(2));
    let attempts = Attempts::new(&*random);
    let open = async || {
        let (stores, pool) = (world.stores.clone(), HashPool::shared());
        let opened =
            Auth::open_with(stores, config(), pool, attempts.clone(), world.clock.clone(), random.clone()).await;
        World { service: AuthService::from(opened.unwrap()), stores: world.stores.clone(), clock: world.clock.clone() }
    };
    for _ in 0..5 {
        let answer = login(&open().await, "192.0.2.7", "alice", "wrong password").await;
        answer.assert_problem(401, "auth.bad_credentials");
    }
    login(&open().await, "192.0.2.7", "alice", PASSWORD).await.assert_problem(429, "auth.too_many_attempts");
    assert!(!attempts.is_settled(world.clock.now()));
    assert_eq!(login(&world, "192.0.2.7", "alice", PASSWORD).await.status, 200, "attempts of its own");
}

#[tokio::test]
async fn one_network_takes_few_of_the_places_of_devices() {
    let world = World::open().await;
    let begin = async |address: &str| {
        let address: IpAddr = address.parse().unwrap();
        let request = Request::post("/v1/oauth2/device_authorization")
            .header("content-type", "application/x-www-form-urlencoded")
            .extension(ClientAddress(address))
            .body(Full::from("scope=chat:read"))
            .unwrap();
        world.send(request).await
    };
    for n in 0..50 {
        assert_eq!(begin(&format!("2001:db8:1:{n:x}::1")).await.status, 200);
    }
    begin("2001:db8:1:ffff::1").await.assert_oauth(503, "temporarily_unavailable");
    assert_eq!(begin("2001:db8:2::1").await.status, 200);
}

#[tokio::test]
async fn a_stranger_does_not_keep_anybody_out() {
    let world = World::open().await;
    world.person("alice").await;
    assert_eq!(login(&world, "192.0.2.1", "alice", PASSWORD).await.status, 200);
    for n in 0..1000 {
        login(&world, &format!("198.51.100.{}", n % 250), "alice", "wrong password").await;
    }
    let elsewhere = login(&world, "192.0.2.2", "alice", PASSWORD).await;
    elsewhere.assert_problem(429, "auth.too_many_attempts");
    assert_eq!(elsewhere.header("ratelimit-policy"), "\"sign-in-account\";q=20;w=6000");
    assert_eq!(login(&world, "192.0.2.1", "alice", PASSWORD).await.status, 200);
    world.advance(300);
    assert_eq!(login(&world, "192.0.2.2", "alice", PASSWORD).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn another_s_sign_in_goes_on_while_one_account_is_hammered() {
    let pool = HashPool::new(1, 256, Duration::from_secs(60));
    let world = World::pooled(memory(), config(), 1, pool).await;
    world.person("alice").await;
    world.person("bob").await;
    let guesses: Vec<_> = (0..10_000)
        .map(|_| {
            let auth = world.service.auth().clone();
            tokio::spawn(
                async move { auth.login(Login::new("alice", "wrong password")).await.unwrap_err().to_problem() },
            )
        })
        .collect();
    assert_eq!(login(&world, "192.0.2.1", "bob", PASSWORD).await.status, 200);
    let mut codes = std::collections::BTreeMap::<&str, u32>::new();
    for guess in guesses {
        *codes.entry(guess.await.unwrap().code).or_default() += 1;
    }
    // 20 are free, and 32 may run at once before that is noticed.
    let looked_at = codes.remove("auth.bad_credentials").unwrap();
    assert!((20..=52).contains(&looked_at), "{looked_at}");
    assert_eq!(codes.into_iter().collect::<Vec<_>>(), [("auth.too_many_attempts", 10_000 - looked_at)]);
}

#[tokio::test]
async fn what_could_not_be_looked_at_is_no_failure() {
    let pool = HashPool::new(1, 0, Duration::ZERO);
    let world = World::pooled(memory(), config(), 1, pool).await;
    world.person("alice").await;
    let tries: Vec<_> = (0..20)
        .map(|_| {
            let auth = world.service.auth().clone();
            tokio::spawn(async move { auth.login(Login::new("alice", PASSWORD)).await.map(drop) })
        })
        .collect();
    for one in tries {
        if let Err(error) = one.await.unwrap() {
            assert_eq!(error.to_problem().code, "auth.busy");
        }
    }
    assert_eq!(login(&world, "192.0.2.1", "alice", PASSWORD).await.status, 200);
}
