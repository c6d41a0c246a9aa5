//! What every `AccountFeed` guarantees.

use futures_util::future::join_all;

use super::samples::{account, at, bot, invite, rooms, user};
use super::{IdentityStores, ok};
use crate::actor::{Profile, TenantRole};
use crate::store::{
    AccountChange, AccountEntry, AccountKind, AccountNews, AccountState, Admission, Invite, ProfileChange,
};

fn named(name: &str) -> AccountChange {
    AccountChange::Profile(ProfileChange { display_name: Some(name.to_owned()), avatar: None })
}

/// Entries tell what happened, in order, and show the account as it is when they are read.
pub async fn entries_show_the_account_as_it_is_when_they_are_read(stores: &IdentityStores) {
    let invite = Invite { rooms: rooms(&[3, 2, 3]), ..invite(1) };
    ok(stores.invites.create(invite.clone(), None).await);
    let admission = Admission { invite: Some((invite.invite_id, at(0))), ..Admission::default() };
    ok(stores.accounts.create(account(1, "alice"), admission).await);
    ok(stores.accounts.create(bot(2, "helper", user(1)), Admission::default()).await);
    let changes = [
        named("Alice"),
        AccountChange::Role(TenantRole::Owner),
        AccountChange::Suspend,
        AccountChange::Restore,
        AccountChange::RatePercent(5),
    ];
    for (change, millis) in changes.into_iter().zip(1..) {
        ok(stores.accounts.change(user(1), change, at(millis), None).await);
    }
    let alice = AccountEntry {
        number: 1,
        user_id: user(1),
        at: at(0),
        news: AccountNews::Created { rooms: invite.rooms, invited_by: invite.created_by },
        kind: AccountKind::Person,
        role: TenantRole::Owner,
        state: AccountState::Active,
        profile: Profile { name: "Alice".into(), avatar: None, rev: 2 },
    };
    let helper = AccountEntry {
        number: 2,
        user_id: user(2),
        news: AccountNews::Created { rooms: Vec::new(), invited_by: None },
        kind: AccountKind::Bot { owner: user(1) },
        role: TenantRole::Member,
        profile: Profile { name: bot(2, "helper", user(1)).display_name.into(), avatar: None, rev: 1 },
        ..alice.clone()
    };
    let entry = |number, millis, news| AccountEntry { number, at: at(millis), news, ..alice.clone() };
    let expected = [
        alice.clone(),
        helper,
        entry(3, 1, AccountNews::Profile),
        entry(4, 2, AccountNews::Role),
        entry(5, 3, AccountNews::Suspended),
        entry(6, 4, AccountNews::Restored),
    ];
    assert_eq!(ok(stores.feed.after(0, 99).await), expected);

    ok(stores.accounts.change(user(1), AccountChange::Erase { messages: true }, at(9), None).await);
    let after = ok(stores.feed.after(4, 99).await);
    let gone = Profile { name: "".into(), avatar: None, rev: 3 };
    let shown = |entry: &AccountEntry| (entry.number, entry.state, entry.role, entry.profile.clone());
    let erased = |number| (number, AccountState::Erased, TenantRole::Guest, gone.clone());
    assert_eq!(after.iter().map(shown).collect::<Vec<_>>(), [5, 6, 7].map(erased));
    assert_eq!(after.last().map(|entry| entry.news.clone()), Some(AccountNews::Erased { messages: true }));
}

/// The feed is read from any number on, in pages, and nothing is beyond its end.
pub async fn the_feed_is_read_from_any_number_on(stores: &IdentityStores) {
    assert_eq!(ok(stores.feed.after(0, 9).await), []);
    for number in 1..=5 {
        ok(stores.accounts.create(account(number, &format!("name{number}")), Admission::default()).await);
    }
    let numbers = |position, limit| async move {
        ok(stores.feed.after(position, limit).await).into_iter().map(|entry| entry.number).collect::<Vec<u64>>()
    };
    assert_eq!(numbers(0, 2).await, [1, 2]);
    assert_eq!(numbers(2, 2).await, [3, 4]);
    assert_eq!(numbers(4, 2).await, [5]);
    for beyond in [5, 6, u64::MAX] {
        assert_eq!(numbers(beyond, 9).await, [0; 0]);
    }
    assert_eq!(numbers(0, 0).await, [0; 0]);
}

/// Under concurrent changes the numbers are dense, each change has one entry, and whoever read up to a number has
/// missed nothing below it.
pub async fn the_feed_is_dense_under_concurrent_changes(stores: &IdentityStores) {
    let writers = (0..8_u128).map(|number| async move {
        ok(stores.accounts.create(account(number, &format!("name{number}")), Admission::default()).await);
        for round in 0..5 {
            ok(stores.accounts.change(user(number), named(&format!("{number} {round}")), at(round), None).await);
            // Refused, and so without a number.
            assert!(stores.accounts.create(account(number, "again"), Admission::default()).await.is_err());
        }
    });
    let reader = async {
        let mut read: Vec<AccountEntry> = Vec::new();
        while read.len() < 48 {
            let entries = ok(stores.feed.after(read.len() as u64, 3).await);
            if entries.is_empty() {
                futures_util::future::ready(()).await;
                ok(stores.accounts.get(user(0)).await);
            }
            read.extend(entries);
        }
        read
    };
    let (_, read) = futures_util::future::join(join_all(writers), reader).await;
    assert_eq!(read.iter().map(|entry| entry.number).collect::<Vec<_>>(), (1..=48).collect::<Vec<u64>>());
    for number in 0..8 {
        let own: Vec<_> = read.iter().filter(|entry| entry.user_id == user(number)).map(|entry| &entry.news).collect();
        assert_eq!(own.len(), 6);
        assert_eq!(own.iter().filter(|news| ***news == AccountNews::Profile).count(), 5);
    }
    assert_eq!(ok(stores.feed.after(48, 9).await), []);
}
