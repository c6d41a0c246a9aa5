//! What every `KeyStore` guarantees.

#![expect(clippy::expect_used, reason = "a clause fails by panicking, as a test does")]

use futures_util::future::join_all;

use super::{IdentityStores, at};
use crate::store::{KeyAlgorithm, KeyState, PrivateKey, SigningKey, StoreError};

fn key(kid: &str, state: KeyState, private: Vec<u8>) -> SigningKey {
    SigningKey {
        kid: kid.to_owned(),
        algorithm: KeyAlgorithm::EdDsa,
        public_jwk: format!("{{ \"kty\":\"OKP\",\"kid\":\"{kid}\" }}"),
        private: PrivateKey::new(private),
        created_at: at(7),
        state,
    }
}

/// Keys come back byte for byte, whatever bytes they have.
pub async fn keys_come_back_byte_for_byte(stores: &IdentityStores) {
    assert_eq!(stores.keys.list().await.expect("the store answers"), []);
    let private: Vec<u8> = (0..=255).chain([0, 0, 255]).collect();
    let first = SigningKey { algorithm: KeyAlgorithm::Rs256, ..key("first-_", KeyState::Active, private) };
    let stored = stores.keys.ensure_active(first.clone()).await.expect("the first key is stored");
    assert_eq!(stored, std::slice::from_ref(&first));
    assert_eq!(stores.keys.list().await.expect("the store answers"), [first]);
}

/// Of concurrent first keys one is stored, and everybody is told which.
pub async fn of_concurrent_first_keys_one_is_stored(stores: &IdentityStores) {
    let keys = (0..8).map(|n| stores.keys.ensure_active(key(&format!("kid{n}"), KeyState::Active, vec![n; 48])));
    let answers: Vec<Vec<SigningKey>> =
        join_all(keys).await.into_iter().map(|keys| keys.expect("the store answers")).collect();
    assert_eq!(answers[0].len(), 1);
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(stores.keys.list().await.expect("the store answers"), answers[0]);
}

/// A key is added only while none is active; a `kid` is never replaced.
pub async fn a_key_is_added_only_while_none_is_active(stores: &IdentityStores) {
    let mut next = key("next", KeyState::Next, vec![1]);
    next.created_at = at(1);
    stores.keys.ensure_active(next.clone()).await.expect("the first key is stored");
    let again = stores.keys.ensure_active(key("next", KeyState::Active, vec![2])).await;
    assert!(matches!(again, Err(StoreError::Conflict)), "{again:?}");
    let active = key("active", KeyState::Active, vec![3]);
    let expected = [next, active.clone()];
    assert_eq!(stores.keys.ensure_active(active).await.expect("no key is active"), expected);
    let late = stores.keys.ensure_active(key("late", KeyState::Active, vec![4])).await;
    assert_eq!(late.expect("there is an active key"), expected);
}
