//! What every `KeyStore` guarantees.

use futures_util::future::join_all;

use super::samples::{at, record};
use super::{IdentityStores, is_conflict, ok};
use crate::store::{AuditFilter, KeyAlgorithm, KeyChange, KeyState, PrivateKey, SigningKey, StoreError};

fn key(kid: &str, millis: u64) -> SigningKey {
    SigningKey {
        kid: kid.to_owned(),
        algorithm: KeyAlgorithm::EdDsa,
        public_jwk: format!("{{ \"kty\":\"OKP\",\"kid\":\"{kid}\" }}"),
        private: PrivateKey::new(kid.repeat(40).into_bytes()),
        created_at: at(millis),
        state: KeyState::Next,
        state_since: at(millis),
    }
}

/// Adds `key` to `keys`, and nothing else.
async fn add(stores: &IdentityStores, keys: &[SigningKey], key: SigningKey) -> Result<Vec<SigningKey>, StoreError> {
    stores.keys.change(KeyChange { insert: vec![key], ..KeyChange::from_state(keys) }, None).await
}

/// Keys come back byte for byte, oldest first, whatever bytes they have.
pub async fn keys_come_back_byte_for_byte(stores: &IdentityStores) {
    assert_eq!(ok(stores.keys.list().await), []);
    let young = SigningKey {
        algorithm: KeyAlgorithm::Rs256,
        private: PrivateKey::new((0..=255).chain([0, 0, 255]).collect()),
        state: KeyState::Active,
        state_since: at(99),
        ..key("young-_", 7)
    };
    let old = SigningKey { algorithm: KeyAlgorithm::Es256, state: KeyState::Retired, ..key("old", 6) };
    let twin = key("twin", 7);
    let stored = ok(add(stores, &[], young.clone()).await);
    assert_eq!(stored, std::slice::from_ref(&young));
    let stored = ok(add(stores, &stored, old.clone()).await);
    let expected = [old, twin.clone(), young];
    assert_eq!(ok(add(stores, &stored, twin).await), expected);
    assert_eq!(ok(stores.keys.list().await), expected);
}

/// A change adds, moves and removes in one step, as the pure function does; a retired key loses its private half.
pub async fn a_change_of_keys_happens_in_one_step(stores: &IdentityStores) {
    let mut expected = vec![key("a", 1), key("b", 2), key("c", 3)];
    let first = KeyChange { insert: expected.clone(), ..KeyChange::default() };
    assert_eq!(ok(stores.keys.change(first, None).await), expected);
    let change = KeyChange {
        insert: vec![key("d", 4)],
        set: vec![("b".to_owned(), KeyState::Active, at(5)), ("c".to_owned(), KeyState::Retired, at(6))],
        remove: vec!["a".to_owned()],
        ..KeyChange::from_state(&expected)
    };
    assert!(change.apply(&mut expected));
    assert_eq!(ok(stores.keys.change(change, Some(record("key.rotated", 1))).await), expected);
    assert_eq!(ok(stores.keys.list().await), expected);
    assert_eq!(expected.iter().filter(|key| key.private == PrivateKey::gone()).count(), 1);
    assert_eq!(ok(stores.audit.list(&AuditFilter::default(), None, 9).await).len(), 1);
}

/// A change of what is not as expected, or that adds what is there, changes nothing.
pub async fn a_change_of_other_keys_is_a_conflict(stores: &IdentityStores) {
    let keys = ok(add(stores, &[], key("a", 1)).await);
    let keys = ok(add(stores, &keys, key("b", 2)).await);
    let moved: Vec<_> = keys.iter().map(|key| SigningKey { state: KeyState::Active, ..key.clone() }).collect();
    for wrong in [&[][..], &keys[..1], &moved[..], &[&keys[..], &[key("c", 3)]].concat()] {
        let refused = add(stores, wrong, key("new", 4)).await;
        assert!(is_conflict(&refused), "{refused:?}");
    }
    let taken = KeyChange { insert: vec![key("new", 4), key("a", 9)], ..KeyChange::from_state(&keys) };
    let refused = stores.keys.change(taken, Some(record("key.rotated", 1))).await;
    assert!(is_conflict(&refused), "{refused:?}");
    assert_eq!(ok(stores.keys.list().await), keys);
    assert_eq!(ok(stores.audit.list(&AuditFilter::default(), None, 9).await), []);
    // In whatever order they are expected.
    let mut turned = KeyChange::from_state(&keys);
    turned.expected.reverse();
    assert_eq!(ok(stores.keys.change(turned, None).await), keys);
}

/// Of concurrent changes from one state one happens; the others conflict and change nothing.
pub async fn of_concurrent_changes_of_keys_one_happens(stores: &IdentityStores) {
    for (before, round) in [(Vec::new(), 0), (vec![key("0", 0)], 1)] {
        ok(stores.keys.change(KeyChange { remove: kids(stores).await, ..now(stores).await }, None).await);
        ok(stores.keys.change(KeyChange { insert: before.clone(), ..KeyChange::default() }, None).await);
        let answers = join_all((1..9).map(|n| add(stores, &before, key(&format!("{round}{n}"), n)))).await;
        assert_eq!(answers.iter().filter(|answer| is_conflict(answer)).count(), 7);
        let winner = answers.into_iter().flatten().next().unwrap_or_default();
        assert_eq!(winner.len(), before.len() + 1);
        assert_eq!(ok(stores.keys.list().await), winner);
    }
}

async fn now(stores: &IdentityStores) -> KeyChange {
    KeyChange::from_state(&ok(stores.keys.list().await))
}

async fn kids(stores: &IdentityStores) -> Vec<String> {
    ok(stores.keys.list().await).into_iter().map(|key| key.kid).collect()
}

/// A key that is retired loses its private half and keeps the rest; one that is removed is gone; the others stay.
pub async fn a_retired_key_loses_its_private_half(stores: &IdentityStores) {
    let mut keys = Vec::new();
    for (kid, millis) in [("gone", 1), ("retired", 2), ("stays", 3)] {
        keys = ok(add(stores, &keys, key(kid, millis)).await);
    }
    let change = KeyChange {
        set: vec![("retired".to_owned(), KeyState::Retired, at(9))],
        remove: vec!["gone".to_owned()],
        ..KeyChange::from_state(&keys)
    };
    ok(stores.keys.change(change, None).await);
    let retired =
        SigningKey { state: KeyState::Retired, state_since: at(9), private: PrivateKey::gone(), ..key("retired", 2) };
    assert_eq!(ok(stores.keys.list().await), [retired, key("stays", 3)]);
}
