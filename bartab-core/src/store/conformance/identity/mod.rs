//! What every [`AccountStore`], [`SessionStore`] and [`KeyStore`] guarantees, a clause a function.
//!
//! Each clause expects empty stores that nobody else uses. `identity_conformance!` makes a test of each.

mod accounts;
mod keys;
mod sessions;

use std::sync::Arc;

use crate::store::{AccountStore, KeyStore, SessionStore};
use crate::time::Timestamp;

pub use accounts::{
    a_change_of_profile_raises_its_revision_only_when_it_changes_something,
    a_taken_username_or_id_is_a_conflict_and_changes_nothing, an_account_comes_back_as_it_was_stored,
    concurrent_changes_of_a_profile_are_all_kept, of_concurrent_accounts_with_one_username_one_is_stored,
    usernames_are_compared_byte_by_byte,
};
pub use keys::{
    a_key_is_added_only_while_none_is_active, keys_come_back_byte_for_byte, of_concurrent_first_keys_one_is_stored,
};
pub use sessions::{
    a_session_comes_back_as_it_was_stored, a_session_is_ended_once_and_by_its_owner_alone,
    a_spent_token_of_any_age_ends_the_session, a_taken_session_id_is_a_conflict_and_changes_nothing,
    a_token_of_another_family_or_session_ends_nothing, an_ended_or_expired_session_is_not_rotated,
    ended_sessions_are_known_since_a_time, ending_the_others_keeps_one_and_spares_other_people,
    live_sessions_are_listed_newest_first_up_to_the_limit, of_concurrent_rotations_with_one_token_one_wins,
    pruning_removes_only_what_is_over_up_to_the_limit, rotation_replaces_the_token_and_remembers_the_one_before,
};

/// The stores under test, all of one tenant.
#[expect(missing_debug_implementations, reason = "ports need no Debug")]
pub struct IdentityStores {
    /// The accounts.
    pub accounts: Arc<dyn AccountStore>,
    /// The sessions.
    pub sessions: Arc<dyn SessionStore>,
    /// The keys.
    pub keys: Arc<dyn KeyStore>,
}

/// Makes one test of each clause of [`identity`](crate::store::conformance::identity).
///
/// Takes the name of an `async fn open(name: &str) -> (Guard, IdentityStores)` that gives new, empty stores; the guard
/// lives as long as the test. The crate that uses it needs `tokio` with `macros` and `rt`.
#[macro_export]
macro_rules! identity_conformance {
    ($open:path) => {
        $crate::identity_conformance! { @each $open;
            an_account_comes_back_as_it_was_stored
            a_taken_username_or_id_is_a_conflict_and_changes_nothing
            usernames_are_compared_byte_by_byte
            of_concurrent_accounts_with_one_username_one_is_stored
            a_change_of_profile_raises_its_revision_only_when_it_changes_something
            concurrent_changes_of_a_profile_are_all_kept
            a_session_comes_back_as_it_was_stored
            a_taken_session_id_is_a_conflict_and_changes_nothing
            rotation_replaces_the_token_and_remembers_the_one_before
            of_concurrent_rotations_with_one_token_one_wins
            a_spent_token_of_any_age_ends_the_session
            a_token_of_another_family_or_session_ends_nothing
            an_ended_or_expired_session_is_not_rotated
            a_session_is_ended_once_and_by_its_owner_alone
            ending_the_others_keeps_one_and_spares_other_people
            live_sessions_are_listed_newest_first_up_to_the_limit
            ended_sessions_are_known_since_a_time
            pruning_removes_only_what_is_over_up_to_the_limit
            keys_come_back_byte_for_byte
            of_concurrent_first_keys_one_is_stored
            a_key_is_added_only_while_none_is_active
        }

        #[tokio::test]
        async fn two_tenants_share_nothing() {
            let (_guard, stores) = $open("two_tenants_share_nothing_a").await;
            let (_other_guard, other) = $open("two_tenants_share_nothing_b").await;
            $crate::store::conformance::identity::two_tenants_share_nothing(&stores, &other).await;
        }
    };
    (@each $open:path; $($clause:ident)*) => { $(
        #[tokio::test]
        async fn $clause() {
            let (_guard, stores) = $open(stringify!($clause)).await;
            $crate::store::conformance::identity::$clause(&stores).await;
        }
    )* };
}

/// Two tenants share nothing: the same names, ids and keys are new in each.
pub async fn two_tenants_share_nothing(stores: &IdentityStores, other: &IdentityStores) {
    for stores in [stores, other] {
        an_account_comes_back_as_it_was_stored(stores).await;
        a_session_comes_back_as_it_was_stored(stores).await;
        keys_come_back_byte_for_byte(stores).await;
    }
}

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + millis)
}
