//! What every `ClientStore` guarantees.

use futures_util::future::join_all;

use super::samples::{at, client, hash, record, user};
use super::{IdentityStores, is_conflict, is_missing, ok};
use crate::actor::{Scope, Scopes};
use crate::id::BotId;
use crate::store::{AuditFilter, ClientKind, ClientSecret, Grant, Grants, KeyAlgorithm, OAuthClient, SecretRotation};

/// A client comes back as it was stored, whatever its fields hold.
pub async fn a_client_comes_back_as_it_was_stored(stores: &IdentityStores) {
    let secret = |number, expires_at| ClientSecret { hash: hash(number), created_at: at(number), expires_at };
    let full = OAuthClient {
        kind: ClientKind::Bot { bot: BotId::from_u128(u128::MAX), user: user(0) },
        secrets: vec![secret(3, Some(at(9))), secret(1, Some(at(8))), secret(2, None)],
        redirect_uris: ["b:/\n", "", "a:/ \u{1f37a}", "b:/\n"].map(str::to_owned).to_vec(),
        scopes: Scope::ALL.iter().map(|(scope, _)| *scope).collect(),
        grants: Grant::ALL.iter().map(|(grant, _)| *grant).collect(),
        id_token_algorithm: KeyAlgorithm::EdDsa,
        created_by: None,
        ..client("full")
    };
    let empty = OAuthClient {
        kind: ClientKind::Service,
        name: String::new(),
        secrets: Vec::new(),
        redirect_uris: Vec::new(),
        scopes: Scopes::NONE,
        grants: Grants::default(),
        ..client("")
    };
    for client in [client("app"), full, empty] {
        ok(stores.clients.create(client.clone(), None).await);
        assert_eq!(ok(stores.clients.get(&client.client_id).await), Some(client));
    }
    assert_eq!(ok(stores.clients.get("nobody").await), None);
    let taken = stores.clients.create(client("full"), Some(record("client.created", 1))).await;
    assert!(is_conflict(&taken), "{taken:?}");
    assert_eq!(ok(stores.clients.get("full").await).map(|client| client.secrets.len()), Some(3));
    let said = AuditFilter { action: Some("client.created".to_owned()), ..AuditFilter::default() };
    assert_eq!(ok(stores.audit.list(&said, None, 9).await), []);
}

/// Clients are listed by rising id, bytewise, in pages.
pub async fn clients_are_listed_by_rising_id(stores: &IdentityStores) {
    for client_id in ["b", "a", "B", "aa", "\u{e4}"] {
        ok(stores.clients.create(client(client_id), None).await);
    }
    let listed = |after: Option<&'static str>, limit| async move {
        let page = ok(stores.clients.list(after, limit).await);
        assert!(page.iter().all(|found| *found == client(&found.client_id)));
        page.into_iter().map(|client| client.client_id).collect::<Vec<_>>()
    };
    assert_eq!(listed(None, 3).await, ["B", "a", "aa"]);
    assert_eq!(listed(Some("aa"), 3).await, ["b", "\u{e4}"]);
    assert_eq!(listed(Some("a0"), 1).await, ["aa"]);
    assert_eq!(listed(Some("\u{e4}"), 3).await, [""; 0]);
}

/// A new secret leaves the one before good for a while, and only that one; of concurrent rotations none is lost.
pub async fn a_new_secret_leaves_the_one_before_good_for_a_while(stores: &IdentityStores) {
    ok(stores.clients.create(client("app"), None).await);
    ok(stores.clients.create(client("other"), None).await);
    let rotate = |number: u64, millis, until| {
        let rotation = SecretRotation { next: hash(number), now: at(millis), old_until: at(until) };
        stores.clients.rotate_secret("app", rotation, Some(record("client.secret", millis)))
    };
    let rotated = ok(rotate(2, 10, 20).await);
    assert!(
        rotated.accepts(&hash(1), at(19)) && !rotated.accepts(&hash(1), at(20)) && rotated.accepts(&hash(2), at(99))
    );
    assert_eq!(ok(stores.clients.get("app").await), Some(rotated));
    let rotated = ok(rotate(3, 12, 22).await);
    assert!(
        !rotated.accepts(&hash(1), at(12)) && rotated.accepts(&hash(2), at(21)) && rotated.accepts(&hash(3), at(99))
    );
    assert_eq!(ok(stores.clients.get("app").await), Some(rotated));
    let at_once = ok(rotate(4, 13, 13).await);
    assert_eq!(at_once.secrets, [ClientSecret { hash: hash(4), created_at: at(13), expires_at: None }]);
    let all = join_all((5..13).map(|number| rotate(number, 14, 24))).await;
    assert!(all.iter().all(Result::is_ok));
    let secrets = ok(stores.clients.get("app").await).map(|client| client.secrets).unwrap_or_default();
    assert_eq!(secrets.iter().map(|secret| secret.expires_at).collect::<Vec<_>>(), [Some(at(24)), None]);
    assert_eq!(ok(stores.audit.list(&AuditFilter::default(), None, 99).await).len(), 11);
    assert_eq!(ok(stores.clients.get("other").await), Some(client("other")));
    let nobody = SecretRotation { next: hash(1), now: at(1), old_until: at(1) };
    let refused = stores.clients.rotate_secret("nobody", nobody, Some(record("client.secret", 1))).await;
    assert!(is_missing(&refused), "{refused:?}");
    assert_eq!(ok(stores.audit.list(&AuditFilter::default(), None, 99).await).len(), 11);
}

/// What a client is given at most is replaced, and nothing else of it.
pub async fn the_scopes_of_a_client_are_replaced(stores: &IdentityStores) {
    ok(stores.clients.create(client("app"), None).await);
    let scopes = Scopes::NONE.with(Scope::Admin);
    let expected = OAuthClient { scopes, ..client("app") };
    assert_eq!(ok(stores.clients.set_scopes("app", scopes, Some(record("client.scopes", 1))).await), expected);
    assert_eq!(ok(stores.clients.get("app").await), Some(expected));
    let refused = stores.clients.set_scopes("nobody", scopes, Some(record("client.scopes", 2))).await;
    assert!(is_missing(&refused), "{refused:?}");
    assert_eq!(ok(stores.audit.list(&AuditFilter::default(), None, 9).await).len(), 1);
}

/// What a person allows adds up, for each person and client alone.
pub async fn what_a_person_allows_adds_up(stores: &IdentityStores) {
    for client_id in ["app", "other"] {
        ok(stores.clients.create(client(client_id), None).await);
    }
    assert_eq!(ok(stores.clients.consent(user(1), "app").await), Scopes::NONE);
    let scopes = [Scope::Openid, Scope::Profile, Scope::ChatRead, Scope::ChatWrite, Scope::Openid];
    let allowed = join_all(scopes.map(|scope| stores.clients.allow(user(1), "app", Scopes::NONE.with(scope)))).await;
    assert!(allowed.iter().all(Result::is_ok));
    ok(stores.clients.allow(user(1), "app", Scopes::NONE).await);
    assert_eq!(ok(stores.clients.consent(user(1), "app").await), scopes.into_iter().collect());
    assert_eq!(ok(stores.clients.consent(user(2), "app").await), Scopes::NONE);
    assert_eq!(ok(stores.clients.consent(user(1), "other").await), Scopes::NONE);
    let refused = stores.clients.allow(user(1), "nobody", Scopes::PERSON).await;
    assert!(is_missing(&refused), "{refused:?}");
    assert_eq!(ok(stores.clients.consent(user(1), "nobody").await), Scopes::NONE);
}

/// What a person has allowed is withdrawn from one client or from all, and from nobody else's.
pub async fn what_a_person_allowed_is_withdrawn(stores: &IdentityStores) {
    for client_id in ["app", "other"] {
        ok(stores.clients.create(client(client_id), None).await);
        for number in 1..=2 {
            ok(stores.clients.allow(user(number), client_id, Scopes::PERSON).await);
        }
    }
    let allowed = |number, client_id| async move { ok(stores.clients.consent(user(number), client_id).await) };
    ok(stores.clients.withdraw(user(1), Some("nobody")).await);
    ok(stores.clients.withdraw(user(3), None).await);
    assert_eq!(allowed(1, "app").await, Scopes::PERSON);
    ok(stores.clients.withdraw(user(1), Some("app")).await);
    assert_eq!((allowed(1, "app").await, allowed(1, "other").await), (Scopes::NONE, Scopes::PERSON));
    ok(stores.clients.allow(user(1), "app", Scopes::NONE.with(Scope::Openid)).await);
    assert_eq!(allowed(1, "app").await, Scopes::NONE.with(Scope::Openid));
    ok(stores.clients.withdraw(user(1), None).await);
    assert_eq!((allowed(1, "app").await, allowed(1, "other").await), (Scopes::NONE, Scopes::NONE));
    assert_eq!((allowed(2, "app").await, allowed(2, "other").await), (Scopes::PERSON, Scopes::PERSON));
}

/// A client that is removed is gone with every consent to it, once.
pub async fn a_removed_client_is_gone_with_every_consent(stores: &IdentityStores) {
    for client_id in ["app", "other"] {
        ok(stores.clients.create(client(client_id), None).await);
        for number in 1..=2 {
            ok(stores.clients.allow(user(number), client_id, Scopes::PERSON).await);
        }
    }
    let removed = join_all((0..8).map(|_| stores.clients.remove("app", Some(record("client.removed", 1))))).await;
    assert_eq!(removed.into_iter().filter(|removed| matches!(removed, Ok(true))).count(), 1);
    assert_eq!(ok(stores.audit.list(&AuditFilter::default(), None, 9).await).len(), 1);
    assert_eq!(ok(stores.clients.list(None, 9).await), [client("other")]);
    let refused = stores.clients.allow(user(1), "app", Scopes::PERSON).await;
    assert!(is_missing(&refused), "{refused:?}");
    // One of the same name starts afresh.
    ok(stores.clients.create(client("app"), None).await);
    for number in 1..=2 {
        assert_eq!(ok(stores.clients.consent(user(number), "app").await), Scopes::NONE);
        assert_eq!(ok(stores.clients.consent(user(number), "other").await), Scopes::PERSON);
    }
}
