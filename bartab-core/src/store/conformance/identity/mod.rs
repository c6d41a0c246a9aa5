//! What every store of identity guarantees, a clause a function.
//!
//! Each clause expects empty stores that nobody else uses. `identity_conformance!` makes a test of each.

mod accounts;
mod audit;
mod changes;
mod clients;
mod feed;
mod invites;
mod keys;
mod listing;
mod samples;
mod sessions;
mod story;
mod tickets;

use std::sync::Arc;

use super::{is_conflict, is_missing, ok};
use crate::store::{
    AccountFeed, AccountStore, AuditStore, ClientStore, InviteStore, KeyStore, SessionStore, TicketStore,
};

pub use accounts::{
    a_link_is_told_in_its_own_step, a_new_account_comes_with_all_that_belongs_to_it,
    a_refused_account_leaves_nothing_of_what_comes_with_it, a_taken_username_or_id_is_a_conflict_and_changes_nothing,
    an_account_comes_back_as_it_was_stored, an_external_identity_belongs_to_one_account,
    an_invite_lets_no_more_in_than_it_allows, an_invite_that_is_over_lets_nobody_in,
    of_concurrent_accounts_with_one_username_one_is_stored, usernames_are_compared_byte_by_byte,
    who_is_unlinked_is_nobody_to_the_issuer,
};
pub use audit::{concurrent_entries_are_all_kept, the_trail_comes_back_newest_first, the_trail_is_filtered_and_paged};
pub use changes::{
    a_change_does_what_the_pure_function_does, a_reset_forgets_the_identities_that_were_linked,
    concurrent_changes_of_an_account_are_all_kept, erasing_again_adds_what_was_not_erased,
    erasing_forgets_all_that_belongs_to_the_account, nobody_s_account_is_not_changed,
    rights_that_shrink_are_known_since_a_time,
};
pub use clients::{
    a_client_comes_back_as_it_was_stored, a_new_secret_leaves_the_one_before_good_for_a_while,
    a_removed_client_is_gone_with_every_consent, clients_are_listed_by_rising_id, the_scopes_of_a_client_are_replaced,
    what_a_person_allowed_is_withdrawn, what_a_person_allows_adds_up,
};
pub use feed::{
    entries_show_the_account_as_it_is_when_they_are_read, the_feed_is_dense_under_concurrent_changes,
    the_feed_is_read_from_any_number_on,
};
pub use invites::{
    a_taken_invite_id_or_code_is_a_conflict, an_invite_comes_back_as_it_was_stored, an_invite_is_taken_back_once,
    invites_are_listed_by_falling_id,
};
pub use keys::{
    a_change_of_keys_happens_in_one_step, a_change_of_other_keys_is_a_conflict, a_retired_key_loses_its_private_half,
    keys_come_back_byte_for_byte, of_concurrent_changes_of_keys_one_happens,
};
pub use listing::accounts_are_listed_by_id_as_the_filter_says;
pub use sessions::{
    a_live_session_is_renamed_by_its_owner_alone, a_session_comes_back_as_it_was_stored,
    a_session_is_ended_once_and_by_its_owner_alone, a_spent_token_of_any_age_ends_the_session,
    a_taken_session_id_is_a_conflict_and_changes_nothing, a_token_of_another_family_or_session_ends_nothing,
    an_ended_or_expired_session_is_not_rotated, ended_sessions_are_known_since_a_time,
    ending_the_others_keeps_one_and_spares_other_people, ending_those_of_a_client_spares_other_clients,
    live_sessions_are_listed_newest_first_up_to_the_limit, of_concurrent_rotations_with_one_token_one_wins,
    pruning_removes_only_what_is_over_up_to_the_limit, rotation_replaces_the_token_and_remembers_the_one_before,
    within_its_grace_a_spent_token_is_answered_again,
};
pub use story::random_changes_of_identity_read_as_in_memory;
pub use tickets::{
    a_payload_is_replaced_from_its_version_alone, a_ticket_comes_back_for_its_own_purpose_alone,
    a_ticket_is_good_until_its_time_is_over, a_ticket_is_spent_once,
    pruning_tickets_removes_what_is_over_up_to_the_limit, the_tickets_of_one_person_are_removed_for_one_purpose,
    tickets_are_stored_all_or_none,
};

/// The stores under test, all of one tenant.
#[expect(missing_debug_implementations, reason = "ports need no Debug")]
pub struct IdentityStores {
    /// The accounts.
    pub accounts: Arc<dyn AccountStore>,
    /// What others must know of them.
    pub feed: Arc<dyn AccountFeed>,
    /// The sessions.
    pub sessions: Arc<dyn SessionStore>,
    /// The keys.
    pub keys: Arc<dyn KeyStore>,
    /// The invites.
    pub invites: Arc<dyn InviteStore>,
    /// The OAuth clients.
    pub clients: Arc<dyn ClientStore>,
    /// The tickets.
    pub tickets: Arc<dyn TicketStore>,
    /// The audit trail.
    pub audit: Arc<dyn AuditStore>,
}

impl IdentityStores {
    /// One store that is all of them.
    pub fn of<S>(store: Arc<S>) -> Self
    where
        S: AccountStore + AccountFeed + SessionStore + KeyStore + InviteStore + ClientStore + TicketStore + AuditStore,
    {
        Self {
            accounts: store.clone(),
            feed: store.clone(),
            sessions: store.clone(),
            keys: store.clone(),
            invites: store.clone(),
            clients: store.clone(),
            tickets: store.clone(),
            audit: store,
        }
    }
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
            a_new_account_comes_with_all_that_belongs_to_it
            a_refused_account_leaves_nothing_of_what_comes_with_it
            an_invite_lets_no_more_in_than_it_allows
            an_invite_that_is_over_lets_nobody_in
            an_external_identity_belongs_to_one_account
            a_link_is_told_in_its_own_step
            who_is_unlinked_is_nobody_to_the_issuer
            a_change_does_what_the_pure_function_does
            nobody_s_account_is_not_changed
            concurrent_changes_of_an_account_are_all_kept
            rights_that_shrink_are_known_since_a_time
            erasing_forgets_all_that_belongs_to_the_account
            erasing_again_adds_what_was_not_erased
            a_reset_forgets_the_identities_that_were_linked
            accounts_are_listed_by_id_as_the_filter_says
            entries_show_the_account_as_it_is_when_they_are_read
            the_feed_is_read_from_any_number_on
            the_feed_is_dense_under_concurrent_changes
            a_session_comes_back_as_it_was_stored
            a_taken_session_id_is_a_conflict_and_changes_nothing
            rotation_replaces_the_token_and_remembers_the_one_before
            of_concurrent_rotations_with_one_token_one_wins
            a_spent_token_of_any_age_ends_the_session
            a_token_of_another_family_or_session_ends_nothing
            an_ended_or_expired_session_is_not_rotated
            a_session_is_ended_once_and_by_its_owner_alone
            ending_the_others_keeps_one_and_spares_other_people
            ending_those_of_a_client_spares_other_clients
            live_sessions_are_listed_newest_first_up_to_the_limit
            ended_sessions_are_known_since_a_time
            pruning_removes_only_what_is_over_up_to_the_limit
            a_live_session_is_renamed_by_its_owner_alone
            within_its_grace_a_spent_token_is_answered_again
            keys_come_back_byte_for_byte
            a_change_of_keys_happens_in_one_step
            a_change_of_other_keys_is_a_conflict
            of_concurrent_changes_of_keys_one_happens
            a_retired_key_loses_its_private_half
            an_invite_comes_back_as_it_was_stored
            a_taken_invite_id_or_code_is_a_conflict
            invites_are_listed_by_falling_id
            an_invite_is_taken_back_once
            a_client_comes_back_as_it_was_stored
            clients_are_listed_by_rising_id
            a_new_secret_leaves_the_one_before_good_for_a_while
            the_scopes_of_a_client_are_replaced
            what_a_person_allows_adds_up
            what_a_person_allowed_is_withdrawn
            a_removed_client_is_gone_with_every_consent
            a_ticket_comes_back_for_its_own_purpose_alone
            tickets_are_stored_all_or_none
            a_ticket_is_spent_once
            a_ticket_is_good_until_its_time_is_over
            a_payload_is_replaced_from_its_version_alone
            the_tickets_of_one_person_are_removed_for_one_purpose
            pruning_tickets_removes_what_is_over_up_to_the_limit
            the_trail_comes_back_newest_first
            the_trail_is_filtered_and_paged
            concurrent_entries_are_all_kept
            random_changes_of_identity_read_as_in_memory
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
        an_invite_comes_back_as_it_was_stored(stores).await;
        a_client_comes_back_as_it_was_stored(stores).await;
        a_ticket_comes_back_for_its_own_purpose_alone(stores).await;
    }
}
