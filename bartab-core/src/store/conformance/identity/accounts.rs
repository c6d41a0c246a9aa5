//! What every `AccountStore` guarantees.

#![expect(clippy::expect_used, reason = "a clause fails by panicking, as a test does")]

use futures_util::future::join_all;

use super::{IdentityStores, at};
use crate::actor::TenantRole;
use crate::id::{MediaId, UserId};
use crate::store::{Account, AccountKind, AccountState, PasswordHash, ProfileChange, StoreError};

fn account(number: u128, username: &str) -> Account {
    Account {
        user_id: UserId::from_u128(number),
        username: username.to_owned(),
        username_key: username.to_owned(),
        kind: AccountKind::Person,
        display_name: format!("{username} \u{1f37a}\u{0}'\""),
        avatar: None,
        profile_rev: 1,
        password: Some(PasswordHash::new("$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2g")),
        role: TenantRole::Member,
        state: AccountState::Active,
        created_at: at(0),
    }
}

/// An account comes back as it was stored, by id and by name, whatever its fields hold.
pub async fn an_account_comes_back_as_it_was_stored(stores: &IdentityStores) {
    let plain = account(1, "alice");
    let bot = Account {
        username: "Helper".to_owned(),
        username_key: "helper".to_owned(),
        kind: AccountKind::Bot { owner: plain.user_id },
        avatar: Some(MediaId::from_u128(u128::MAX)),
        profile_rev: (1 << 53) - 1,
        password: None,
        role: TenantRole::Owner,
        state: AccountState::Suspended,
        created_at: at(123),
        ..account(u128::MAX, "helper")
    };
    let roles = [TenantRole::Guest, TenantRole::Moderator, TenantRole::Administrator];
    let others = roles.into_iter().zip(2..).map(|(role, n)| Account { role, ..account(n, &format!("role{n}")) });
    for account in [plain, bot].into_iter().chain(others) {
        stores.accounts.create(account.clone()).await.expect("a new account is stored");
        let by_id = stores.accounts.get(account.user_id).await.expect("the store answers");
        assert_eq!(by_id.as_ref(), Some(&account));
        let by_name = stores.accounts.find(&account.username_key).await.expect("the store answers");
        assert_eq!(by_name.as_ref(), Some(&account));
    }
    assert_eq!(stores.accounts.get(UserId::from_u128(99)).await.expect("the store answers"), None);
    assert_eq!(stores.accounts.find("nobody").await.expect("the store answers"), None);
}

/// A taken username or id is a conflict, and what was there stays as it was.
pub async fn a_taken_username_or_id_is_a_conflict_and_changes_nothing(stores: &IdentityStores) {
    let first = account(1, "alice");
    stores.accounts.create(first.clone()).await.expect("a new account is stored");
    for second in [account(2, "alice"), account(1, "bob")] {
        let refused = stores.accounts.create(second).await;
        assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
    }
    assert_eq!(stores.accounts.get(first.user_id).await.expect("the store answers"), Some(first));
    assert_eq!(stores.accounts.get(UserId::from_u128(2)).await.expect("the store answers"), None);
    assert_eq!(stores.accounts.find("bob").await.expect("the store answers"), None);
}

/// The store compares the key's bytes; folding names is the service's affair.
pub async fn usernames_are_compared_byte_by_byte(stores: &IdentityStores) {
    for (number, name) in ["alice", "Alice", "alice ", "\u{e5}", "a\u{30a}", "%", "_"].into_iter().enumerate() {
        stores.accounts.create(account(number as u128, name)).await.expect("another key is another name");
    }
    for (number, name) in [(0, "alice"), (1, "Alice"), (4, "a\u{30a}"), (5, "%"), (6, "_")] {
        let found = stores.accounts.find(name).await.expect("the store answers").expect("the name is there");
        assert_eq!(found.user_id, UserId::from_u128(number));
    }
}

/// Of concurrent accounts with one username one is stored; the others conflict.
pub async fn of_concurrent_accounts_with_one_username_one_is_stored(stores: &IdentityStores) {
    let created = join_all((0..16).map(|number| stores.accounts.create(account(number, "alice")))).await;
    let winners: Vec<usize> =
        created.iter().enumerate().filter(|(_, created)| created.is_ok()).map(|(number, _)| number).collect();
    assert_eq!(winners.len(), 1);
    assert!(created.iter().flat_map(Result::as_ref).count() == 1);
    assert!(created.iter().filter_map(|created| created.as_ref().err()).all(|e| matches!(e, StoreError::Conflict)));
    let found = stores.accounts.find("alice").await.expect("the store answers").expect("the name is there");
    assert_eq!(found.user_id, UserId::from_u128(winners[0] as u128));
    for number in (0..16).filter(|number| *number != winners[0]) {
        let loser = stores.accounts.get(UserId::from_u128(number as u128)).await.expect("the store answers");
        assert_eq!(loser, None);
    }
}

/// A change of profile raises its revision by one, and only when it changes something.
pub async fn a_change_of_profile_raises_its_revision_only_when_it_changes_something(stores: &IdentityStores) {
    let mut expected = account(1, "alice");
    stores.accounts.create(expected.clone()).await.expect("a new account is stored");
    stores.accounts.create(account(2, "bob")).await.expect("a new account is stored");
    let picture = MediaId::from_u128(5);
    let changes = [
        ProfileChange { display_name: Some("Al".to_owned()), avatar: None },
        ProfileChange { display_name: Some("Al".to_owned()), avatar: None },
        ProfileChange { display_name: None, avatar: Some(Some(picture)) },
        ProfileChange::default(),
        ProfileChange { display_name: Some("Alice".to_owned()), avatar: Some(None) },
    ];
    for change in changes {
        change.apply(&mut expected);
        let changed = stores.accounts.change_profile(expected.user_id, change).await.expect("the account is there");
        assert_eq!(changed, expected);
        assert_eq!(stores.accounts.get(expected.user_id).await.expect("the store answers"), Some(expected.clone()));
    }
    assert_eq!(expected.profile_rev, 4);
    let bystander = stores.accounts.get(UserId::from_u128(2)).await.expect("the store answers");
    assert_eq!(bystander, Some(account(2, "bob")));
    let nobody = stores.accounts.change_profile(UserId::from_u128(9), ProfileChange::default()).await;
    assert!(matches!(nobody, Err(StoreError::NotFound)), "{nobody:?}");
}

/// Concurrent changes of a profile are all kept, each with a revision of its own.
pub async fn concurrent_changes_of_a_profile_are_all_kept(stores: &IdentityStores) {
    stores.accounts.create(account(1, "alice")).await.expect("a new account is stored");
    let changes = (0..16).map(|n| {
        let change = ProfileChange { display_name: Some(format!("name {n}")), avatar: None };
        stores.accounts.change_profile(UserId::from_u128(1), change)
    });
    let mut revisions: Vec<u64> =
        join_all(changes).await.into_iter().map(|changed| changed.expect("the account is there").profile_rev).collect();
    revisions.sort_unstable();
    assert_eq!(revisions, (2..18).collect::<Vec<u64>>());
}
