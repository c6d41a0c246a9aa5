//! Administration when the store fails or the caller goes away: nobody keeps a token that says too much, and doing the
//! same again does the rest.

use std::future::Future as _;
use std::pin::pin;
use std::task::{Context, Waker};

use bartab_auth::Act;
use bartab_core::TenantRole;
use bartab_core::store::{AccountNews, AccountState};
use serde_json::{Value, json};

use crate::failures::{Fault, Faulty};
use crate::world::World;

fn because() -> Value {
    json!({"reason": "spam"})
}

#[tokio::test]
async fn a_suspension_of_unknown_outcome_counts_if_it_was_written() {
    for written in [false, true] {
        let (world, store) = Faulty::world().await;
        let root = world.with_role("root", TenantRole::Owner).await;
        let alice = world.person("alice").await;
        let suspend = format!("/v1/admin/users/{}/suspend", alice.user_id);
        store.set(Fault::ChangeUnknown { written });
        world.post(&suspend, &root.access_token, because()).await.assert_problem(504, "write.unknown");
        store.set(None);
        let seen = world.get("/v1/me", &alice.access_token).await;
        assert_eq!(seen.status, if written { 401 } else { 200 });
        // The same again is one act in all.
        assert_eq!(world.post(&suspend, &root.access_token, because()).await.status, 200);
        world.get("/v1/me", &alice.access_token).await.assert_problem(401, "auth.invalid_token");
        assert!(world.service.revocations().is_revoked(alice.session_id));
        assert_eq!(world.trail(alice.user_id).await, ["account.suspended"]);
    }
}

#[tokio::test]
async fn an_act_that_is_not_written_is_none() {
    let (world, store) = Faulty::world().await;
    let root = world.with_role("root", TenantRole::Owner).await;
    let alice = world.person("alice").await;
    store.set(Fault::AccountUnchanged);
    for act in ["suspend", "reset"] {
        let path = format!("/v1/admin/users/{}/{act}", alice.user_id);
        world.post(&path, &root.access_token, because()).await.assert_problem(503, "store.unavailable");
    }
    store.set(None);
    assert_eq!(world.get("/v1/me", &alice.access_token).await.status, 200);
    assert_eq!(world.trail(alice.user_id).await, Vec::<String>::new());
}

#[tokio::test]
async fn what_could_not_be_done_at_once_is_done_the_second_time() {
    let (world, store) = Faulty::world().await;
    let root = world.with_role("root", TenantRole::Owner).await;
    let alice = world.person("alice").await;
    let suspend = format!("/v1/admin/users/{}/suspend", alice.user_id);
    store.set(Fault::SessionsUnended);
    // It was written in part, so nobody is told that it was not.
    world.post(&suspend, &root.access_token, because()).await.assert_problem(504, "write.unknown");
    world.get("/v1/me", &alice.access_token).await.assert_problem(401, "auth.invalid_token");
    store.set(None);
    assert_eq!(world.post(&suspend, &root.access_token, because()).await.status, 200);
    assert!(world.service.revocations().is_revoked(alice.session_id));
    assert_eq!(world.trail(alice.user_id).await, ["account.suspended"]);
}

#[tokio::test]
async fn an_erasure_that_was_done_in_part_is_done_whole_the_second_time() {
    for fault in [Fault::SessionsUnended, Fault::AccountsUnlisted, Fault::ChangeUnknown { written: true }] {
        let (world, store) = Faulty::world().await;
        let root = world.with_role("root", TenantRole::Owner).await;
        let alice = world.person("alice").await;
        let bot = world.post("/v1/bots", &alice.access_token, json!({"name": "B"})).await;
        let bot = bot.text("user_id").parse().unwrap();
        let erase = format!("/v1/admin/users/{}/erase", alice.user_id);
        let body = json!({"messages": true, "reason": "asked for"});
        store.set(fault);
        world.post(&erase, &root.access_token, body.clone()).await.assert_problem(504, "write.unknown");
        let state = async || world.stores.accounts.get(bot).await.unwrap().unwrap().state;
        assert_eq!(state().await, AccountState::Active);
        store.set(None);
        // When the bots were not known, every token is asked for anew.
        world.advance(1);
        let token = world.refresh(&root.refresh_token).await.text("access_token");
        assert_eq!(world.post(&erase, &token, body).await.status, 200, "{fault:?}");
        assert_eq!(state().await, AccountState::Suspended, "{fault:?}");
        assert!(world.service.revocations().is_revoked(alice.session_id), "{fault:?}");
        assert_eq!(world.trail(alice.user_id).await, ["account.erased"], "{fault:?}");
        let feed = world.stores.feed.after(0, 100).await.unwrap();
        let erased = feed.iter().filter(|entry| entry.news == AccountNews::Erased { messages: true });
        assert_eq!(erased.count(), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn when_the_bots_are_not_known_every_token_is_asked_for_anew() {
    let (world, store) = Faulty::world().await;
    let alice = world.person("alice").await;
    let bob = world.person("bob").await;
    let bot = world.post("/v1/bots", &alice.access_token, json!({"name": "B"})).await;
    let [client, secret] = ["client_id", "client_secret"].map(|field| bot.text(field));
    let form = format!("grant_type=client_credentials&client_id={client}&client_secret={secret}");
    let token = world.form("/v1/oauth2/token", &form).await.text("access_token");
    world.advance(2);
    store.set(Fault::AccountsUnlisted);
    world.service.auth().suspend(&Act::operator("by hand"), alice.user_id).await.unwrap();
    store.set(None);
    for token in [&token, &alice.access_token, &bob.access_token] {
        world.get("/v1/me", token).await.assert_problem(401, "auth.invalid_token");
    }
    world.advance(1);
    let next = world.refresh(&bob.refresh_token).await.text("access_token");
    assert_eq!(world.get("/v1/me", &next).await.status, 200);
    world.form("/v1/oauth2/token", &form).await.assert_oauth(400, "unauthorized_client");
}

#[tokio::test]
async fn an_act_that_was_begun_is_finished_when_its_caller_goes_away() {
    let world = World::open().await;
    let alice = world.person("alice").await;
    let operator = Act::operator("by hand");
    {
        let mut begun = pin!(world.service.auth().suspend(&operator, alice.user_id));
        let waiting = begun.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(waiting.is_pending());
    }
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    world.get("/v1/me", &alice.access_token).await.assert_problem(401, "auth.invalid_token");
    assert_eq!(world.trail(alice.user_id).await, ["account.suspended"]);
}
