//! What every store of media guarantees, a clause a function.
//!
//! Each clause has a factory of its own and opens empty stores with it. `media_conformance!` makes a test of each.

mod blobs;
mod quotas;
mod records;
mod references;
mod samples;
mod story;
mod uploads;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::join_all;

use super::{is_conflict, ok};
use crate::store::{MediaStore, UploadStore};

pub use blobs::{
    a_blob_is_doomed_with_its_last_use, a_doomed_blob_is_not_staged_until_its_bytes_are_gone,
    a_staged_upload_keeps_its_blob, doomed_blobs_survive_an_abort, only_what_nobody_uses_is_doomed,
    staging_races_with_removal_and_one_of_them_gives_way, the_same_bytes_are_one_blob_on_each_side,
};
pub use quotas::{
    a_file_larger_than_announced_must_fit, a_lowered_limit_refuses_only_what_takes_more,
    concurrent_advances_pass_no_limit, concurrent_beginnings_pass_no_limit, everything_held_is_counted_once,
    what_was_not_announced_counts_as_it_comes,
};
pub use records::{
    a_claim_keeps_every_file_or_none, a_file_comes_back_as_it_was_finished,
    a_file_is_quarantined_taken_over_and_let_out, a_file_is_removed_once, files_are_listed_by_falling_id,
    only_what_nobody_needs_is_collected, what_is_claimed_is_not_collected,
};
pub use references::{
    a_holder_carries_what_was_said_last, changes_are_applied_exactly_once,
    changes_survive_an_abort_with_their_position, feeds_have_positions_of_their_own, holders_are_listed_in_order,
    of_concurrent_changes_at_one_position_one_is_applied, what_nobody_refers_to_any_more_is_kept_for_a_while,
    what_there_is_not_is_passed_over,
};
pub use story::random_changes_of_media_read_as_in_memory;
pub use uploads::{
    a_finished_upload_names_its_file_and_takes_nothing_more, a_taken_media_id_is_a_conflict_and_changes_nothing,
    a_taken_upload_id_is_a_conflict_and_changes_nothing, an_upload_advances_from_where_it_stands,
    an_upload_comes_back_as_it_was_begun, an_upload_holds_one_blob, an_upload_is_removed_once,
    an_upload_takes_nothing_after_its_time, of_concurrent_advances_from_one_offset_one_counts,
    of_concurrent_finishes_one_makes_a_file, uploads_are_listed_by_rising_id, uploads_survive_an_abort,
    uploads_that_are_over_are_found_earliest_first,
};

/// The stores under test, all of one tenant.
#[derive(Clone)]
pub struct MediaStores {
    /// The uploads.
    pub uploads: Arc<dyn UploadStore>,
    /// The files.
    pub media: Arc<dyn MediaStore>,
}

impl MediaStores {
    /// One store that is both.
    pub fn of<S: UploadStore + MediaStore>(store: Arc<S>) -> Self {
        Self { uploads: store.clone(), media: store }
    }
}

impl fmt::Debug for MediaStores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MediaStores").finish_non_exhaustive()
    }
}

/// Makes the stores that a clause works on. Each clause has a factory of its own, which lives as long as the clause
/// and so is the place of a temporary folder.
#[async_trait]
pub trait MediaFactory: Send + Sync {
    /// Makes new, empty stores; a clause asks at most once for each `name`.
    async fn open(&self, name: &str) -> MediaStores;

    /// Opens the stores `name` again as after a kill: what they hold is there, but nothing was flushed or closed.
    ///
    /// `stores` are the last handles of the clause: a factory whose stores lock their files drops them, or opens a
    /// copy of the files as they are; one in memory gives them back.
    async fn reopen_after_abort(&self, name: &str, stores: MediaStores) -> MediaStores;
}

/// Makes one test of each clause of [`media`](crate::store::conformance::media).
///
/// Takes an expression that gives a [`MediaFactory`](crate::store::conformance::media::MediaFactory); it is evaluated
/// once for each test. The crate that uses it needs `tokio` with `macros` and `rt` among its dev-dependencies.
#[macro_export]
macro_rules! media_conformance {
    ($factory:expr) => {
        $crate::media_conformance! { @each $factory;
            an_upload_comes_back_as_it_was_begun
            a_taken_upload_id_is_a_conflict_and_changes_nothing
            an_upload_advances_from_where_it_stands
            of_concurrent_advances_from_one_offset_one_counts
            an_upload_takes_nothing_after_its_time
            an_upload_holds_one_blob
            a_finished_upload_names_its_file_and_takes_nothing_more
            of_concurrent_finishes_one_makes_a_file
            a_taken_media_id_is_a_conflict_and_changes_nothing
            uploads_are_listed_by_rising_id
            uploads_that_are_over_are_found_earliest_first
            an_upload_is_removed_once
            uploads_survive_an_abort
            the_same_bytes_are_one_blob_on_each_side
            a_blob_is_doomed_with_its_last_use
            a_staged_upload_keeps_its_blob
            a_doomed_blob_is_not_staged_until_its_bytes_are_gone
            only_what_nobody_uses_is_doomed
            staging_races_with_removal_and_one_of_them_gives_way
            doomed_blobs_survive_an_abort
            a_file_comes_back_as_it_was_finished
            files_are_listed_by_falling_id
            a_claim_keeps_every_file_or_none
            what_is_claimed_is_not_collected
            a_file_is_quarantined_taken_over_and_let_out
            a_file_is_removed_once
            only_what_nobody_needs_is_collected
            a_holder_carries_what_was_said_last
            what_there_is_not_is_passed_over
            what_nobody_refers_to_any_more_is_kept_for_a_while
            holders_are_listed_in_order
            changes_are_applied_exactly_once
            of_concurrent_changes_at_one_position_one_is_applied
            feeds_have_positions_of_their_own
            changes_survive_an_abort_with_their_position
            everything_held_is_counted_once
            what_was_not_announced_counts_as_it_comes
            concurrent_beginnings_pass_no_limit
            concurrent_advances_pass_no_limit
            a_file_larger_than_announced_must_fit
            a_lowered_limit_refuses_only_what_takes_more
            links_are_signed_with_one_key
            two_tenants_share_no_media
            random_changes_of_media_read_as_in_memory
        }
    };
    (@each $factory:expr; $($clause:ident)*) => { $(
        #[tokio::test]
        async fn $clause() {
            let factory = $factory;
            $crate::store::conformance::media::$clause(&factory).await;
        }
    )* };
}

/// Two tenants share nothing: the same ids and bytes are new in each.
pub async fn two_tenants_share_no_media(factory: &dyn MediaFactory) {
    let (first, second) = (factory.open("first").await, factory.open("second").await);
    for stores in [&first, &second] {
        assert_eq!(ok(stores.media.usage(None).await), Default::default());
        let record = samples::file(stores, 1, 1, samples::private(1)).await;
        assert_eq!(ok(stores.media.list(None, None, 9).await), [record]);
    }
    let removed = ok(first.media.remove(samples::media_id(1)).await);
    assert_eq!(removed.and_then(|removed| removed.doomed), Some(samples::private(1)));
    assert_eq!(ok(second.media.doomed(9).await), []);
}

/// The key that links are signed with is decided once, among concurrent first times too, and survives an abort.
pub async fn links_are_signed_with_one_key(factory: &dyn MediaFactory) {
    let stores = factory.open("first").await;
    let keys = join_all((1..=4).map(|byte| stores.media.signing_key([byte; 32]))).await;
    let held: Vec<[u8; 32]> = keys.into_iter().map(ok).collect();
    let decided = held[0];
    assert!((1..=4).contains(&decided[0]) && held.iter().all(|key| *key == decided), "{held:?}");
    let stores = factory.reopen_after_abort("first", stores).await;
    assert_eq!(ok(stores.media.signing_key([9; 32]).await), decided);
    assert_eq!(ok(factory.open("second").await.media.signing_key([9; 32]).await), [9; 32]);
}
