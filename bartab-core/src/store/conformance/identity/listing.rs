//! What every `AccountStore` guarantees: pages of accounts.

use super::samples::{account, at, bot, user};
use super::{IdentityStores, ok};
use crate::actor::TenantRole;
use crate::id::UserId;
use crate::store::{Account, AccountChange, AccountFilter, AccountKind, AccountState, Admission};

/// Accounts of every role, state and kind, with names that are hard to tell apart.
fn crowd() -> Vec<Account> {
    let names = ["a", "ab", "abc", "b", "A", "a%", "a_", "\u{d7ff}", "\u{e000}", "a\u{10ffff}", "a\u{10ffff}b", "~"];
    let roles = [TenantRole::Guest, TenantRole::Member, TenantRole::Moderator, TenantRole::Owner];
    let mut accounts = Vec::new();
    for (place, name) in names.iter().enumerate() {
        // Ids fall while names rise.
        let number = 100 - place as u128;
        let role = roles[place % 4];
        let state = if place % 3 == 0 { AccountState::Suspended } else { AccountState::Active };
        let kind = match place % 5 {
            0 => AccountKind::Bot { owner: user(97) },
            1 => AccountKind::Bot { owner: user(96) },
            _ => AccountKind::Person,
        };
        accounts.push(Account { role, state, kind, ..account(number, name) });
    }
    accounts
}

fn filters() -> Vec<AccountFilter> {
    let prefixes =
        [None, Some(""), Some("a"), Some("ab"), Some("a%"), Some("a\u{10ffff}"), Some("\u{d7ff}"), Some("x")];
    let mut filters = Vec::new();
    for prefix in prefixes.map(|prefix| prefix.map(str::to_owned)) {
        for role in [None, Some(TenantRole::Guest), Some(TenantRole::Administrator)] {
            for state in [None, Some(AccountState::Active), Some(AccountState::Suspended), Some(AccountState::Erased)] {
                for owner in [None, Some(user(97))] {
                    for bot in [None, Some(true), Some(false)] {
                        filters.push(AccountFilter { prefix: prefix.clone(), role, state, owner, bot });
                    }
                }
            }
        }
    }
    filters
}

/// Accounts are listed by rising id, those alone that the filter admits, in pages that leave none out.
pub async fn accounts_are_listed_by_id_as_the_filter_says(stores: &IdentityStores) {
    let mut accounts = crowd();
    for account in &accounts {
        ok(stores.accounts.create(account.clone(), Admission::default()).await);
    }
    let erased = bot(50, "abd", user(97));
    ok(stores.accounts.create(erased.clone(), Admission::default()).await);
    accounts.push(ok(stores.accounts.change(user(50), AccountChange::Erase { messages: false }, at(1), None).await));
    accounts.sort_by_key(|account| account.user_id);
    for filter in filters() {
        let expected: Vec<UserId> =
            accounts.iter().filter(|account| filter.admits(account)).map(|account| account.user_id).collect();
        let all = ok(stores.accounts.list(&filter, None, 99).await);
        assert_eq!(all.iter().map(|account| account.user_id).collect::<Vec<_>>(), expected, "{filter:?}");
        assert!(all.iter().all(|account| accounts.contains(account)));
        let (mut paged, mut after) = (Vec::new(), None);
        loop {
            let page = ok(stores.accounts.list(&filter, after, 2).await);
            assert!(page.len() <= 2);
            let Some(last) = page.last() else { break };
            after = Some(last.user_id);
            paged.extend(page.into_iter().map(|account| account.user_id));
        }
        assert_eq!(paged, expected, "{filter:?}");
    }
    assert_eq!(ok(stores.accounts.list(&AccountFilter::default(), None, 0).await), []);
    assert_eq!(ok(stores.accounts.list(&AccountFilter::default(), Some(user(u128::MAX)), 9).await), []);
}
