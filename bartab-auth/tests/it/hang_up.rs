//! Whoever asks for the end of something and hangs up half-way: what has ended in the store is refused here, too.

use std::future::Future;
use std::pin::pin;

use bartab_auth::{Act, AuthError, NewClient, Tokens};
use bartab_core::TenantRole;
use bartab_core::store::StoreError;
use http::Method;
use serde_json::{Value, json};

use crate::authorize::HERE;
use crate::failures::{Fault, Faulty};
use crate::world::{Answer, World};

/// Begins `asking`, goes away at its first wait, and lets everything else come to rest.
async fn hang_up_on(asking: impl Future<Output = Answer>) {
    {
        let mut asking = pin!(asking);
        std::future::poll_fn(|context| {
            assert!(asking.as_mut().poll(context).is_pending(), "it was answered before anybody could hang up");
            std::task::Poll::Ready(())
        })
        .await;
    }
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

fn is_refused(world: &World, tokens: &Tokens) -> bool {
    world.service.auth().verifier().verify(&tokens.access_token).is_err()
}

#[tokio::test]
async fn sessions_end_whole_although_the_caller_hangs_up() {
    let (world, store) = Faulty::world().await;
    let slow = || store.set(Fault::SlowToAnswer);

    let alice = world.person("alice").await;
    slow();
    hang_up_on(world.post("/v1/auth/logout", &alice.access_token, Value::Null)).await;
    assert!(is_refused(&world, &alice));

    let bob = world.person("bob").await;
    let path = format!("/v1/me/sessions/{}", bob.session_id);
    hang_up_on(world.call(Method::DELETE, &path, &bob.access_token, Value::Null)).await;
    assert!(is_refused(&world, &bob));

    let carol = world.person("carol").await;
    let other = world.service.auth().sign_in(carol.user_id, None).await.unwrap();
    hang_up_on(world.call(Method::DELETE, "/v1/me/sessions", &carol.access_token, Value::Null)).await;
    assert!(is_refused(&world, &other) && !is_refused(&world, &carol));

    hang_up_on(world.form("/v1/oauth2/revoke", &format!("token={}", carol.refresh_token))).await;
    assert!(is_refused(&world, &carol));
}

#[tokio::test]
async fn a_stolen_refresh_token_ends_its_session_although_the_thief_hangs_up() {
    let (world, store) = Faulty::world().await;
    let alice = world.person("alice").await;
    assert_eq!(world.refresh(&alice.refresh_token).await.status, 200);
    world.advance(60);
    store.set(Fault::SlowToAnswer);
    hang_up_on(world.refresh(&alice.refresh_token)).await;
    assert!(world.service.revocations().is_revoked(alice.session_id));
}

#[tokio::test]
async fn people_are_suspended_reset_and_erased_whole_although_the_caller_hangs_up() {
    let (world, store) = Faulty::world().await;
    let root = world.account("root", TenantRole::Owner).await;
    let lost = json!({"reason": "lost"});
    let erasure = json!({"reason": "lost", "messages": true});
    for (act, body) in [("suspend", &lost), ("reset", &lost), ("erase", &erasure)] {
        store.set(None);
        let person = world.person(&format!("to.{act}")).await;
        store.set(Fault::SlowToAnswer);
        let path = format!("/v1/admin/users/{}/{act}", person.user_id);
        hang_up_on(world.post(&path, &root.access_token, body.clone())).await;
        assert!(is_refused(&world, &person), "{act}");
        assert!(world.service.revocations().is_revoked(person.session_id), "{act}");
    }
}

#[tokio::test]
async fn a_client_is_removed_whole_although_the_caller_hangs_up() {
    let (world, store) = Faulty::world().await;
    let root = world.account("root", TenantRole::Owner).await;
    world.person("alice").await;
    let client = world.client(NewClient::app("Wiki", &[HERE])).await;
    let given = world.allowed(&client, "chat:read offline_access").await;
    store.set(Fault::SlowToAnswer);
    let path = format!("/v1/admin/clients/{}?reason=gone", client.client.client_id);
    hang_up_on(world.call(Method::DELETE, &path, &root.access_token, Value::Null)).await;
    assert!(world.service.auth().verifier().verify(&given.text("access_token")).is_err());
}

#[tokio::test]
async fn what_the_removal_of_a_client_has_left_undone_is_done_by_another() {
    let (world, store) = Faulty::world().await;
    world.person("alice").await;
    let client = world.client(NewClient::app("Wiki", &[HERE])).await;
    let given = world.allowed(&client, "chat:read offline_access").await.text("access_token");
    let (auth, id) = (world.service.auth(), &client.client.client_id);
    let act = Act::operator("gone");
    store.set(Fault::SessionsUnended);
    assert!(matches!(auth.remove_client(&act, id).await, Err(AuthError::Store(StoreError::OutcomeUnknown(_)))));
    assert!(auth.verifier().verify(&given).is_ok());
    store.set(None);
    auth.remove_client(&act, id).await.unwrap();
    assert!(auth.verifier().verify(&given).is_err());
    assert!(matches!(auth.remove_client(&act, id).await, Err(AuthError::ClientNotFound)));
    // Our own client is not registered, and its sessions stay.
    assert!(matches!(auth.remove_client(&act, "bartab").await, Err(AuthError::ClientNotFound)));
}
