//! What every [`EventLog`], [`MarkerStore`] and [`SnapshotStore`] guarantees, a clause a function.
//!
//! [`log_conformance!`](crate::log_conformance) makes a test of each; [`CLAUSES`] is for a program that runs them
//! itself. A clause panics when the store breaks it. Names and number of the clauses may change in any version.

mod append;
mod beside;
mod compare;
mod concurrent;
mod erasure;
mod keys;
mod pages;
mod read;
mod rows;
mod story;
mod views;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;

use super::ok;
use crate::store::{EventLog, MarkerStore, SnapshotStore};

pub use append::{
    a_batch_that_does_not_follow_the_head_writes_nothing, a_batch_with_a_hole_is_refused_whole,
    a_new_log_is_empty_and_ends_at_its_genesis, an_append_moves_the_head_to_its_last_event,
    an_append_without_events_changes_what_it_names, the_watch_never_runs_ahead_and_never_ends,
    what_was_acknowledged_survives_an_abort,
};
pub use beside::{
    a_marker_only_moves_forward, markers_survive_an_abort, of_two_snapshots_the_newer_one_stays, two_logs_share_nothing,
};
pub use concurrent::{concurrent_appends_leave_no_gap_and_lose_nothing, of_concurrent_appends_after_one_head_one_wins};
pub use erasure::{erasing_removes_content_wherever_it_is_read, erasing_takes_the_mentions_along};
pub use keys::{many_keys_are_found_also_after_an_abort, no_key_in_the_log_is_surely_unknown};
pub use pages::{
    a_page_carries_the_views_and_messages_are_found_by_position, a_page_holds_the_messages_of_one_room_both_ways,
    a_page_starts_after_from_and_never_before_since,
};
pub use read::{a_limit_cuts_a_reading_without_a_gap, reading_gives_exactly_what_the_audience_admits};
pub use rows::{
    positions_outside_the_log_are_empty, rows_are_found_in_the_order_asked, rows_come_back_byte_for_byte,
    rows_that_refer_to_an_event_are_found_in_order, the_chain_verifies,
};
pub use story::random_stories_read_as_in_memory;
pub use views::{
    mentions_of_a_person_and_of_the_whole_room_are_counted_once, reactions_are_known_by_person,
    rebuilding_gives_what_was_written,
};

/// The stores under test, all of one tenant.
///
/// A log that comes without stores of its own for the rest takes those in memory.
#[derive(Clone)]
pub struct LogStores {
    /// The log.
    pub log: Arc<dyn EventLog>,
    /// The read markers.
    pub markers: Arc<dyn MarkerStore>,
    /// The state snapshots.
    pub snapshots: Arc<dyn SnapshotStore>,
}

impl fmt::Debug for LogStores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogStores").finish_non_exhaustive()
    }
}

/// Makes the stores that a clause works on. Each clause has a factory of its own, which lives as long as the clause
/// and so is the place of a temporary folder.
#[async_trait]
pub trait LogFactory: Send + Sync {
    /// Makes new, empty stores; a clause asks at most once for each `name`.
    async fn open(&self, name: &str) -> LogStores;

    /// Opens the stores `name` again as after a kill: what they hold is there, but nothing was flushed or closed.
    ///
    /// `stores` are the last handles of the clause: a factory whose stores lock their files drops them, or opens a
    /// copy of the files as they are; one in memory gives them back.
    async fn reopen_after_abort(&self, name: &str, stores: LogStores) -> LogStores;
}

/// A clause that is being run.
pub type Running<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// A clause, to be run by a program.
#[derive(Clone, Copy)]
pub struct Clause {
    /// What it says.
    pub name: &'static str,
    /// Panics when the stores of the factory break it.
    pub run: for<'a> fn(&'a dyn LogFactory) -> Running<'a>,
}

impl fmt::Debug for Clause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Every clause.
pub const CLAUSES: &[Clause] = crate::log_conformance!(@clauses [@list]);

/// Makes one test of each clause of [`log`](crate::store::conformance::log).
///
/// Takes an expression that gives a [`LogFactory`](crate::store::conformance::log::LogFactory); it is evaluated once
/// for each test. The crate that uses it needs `tokio` with `macros` and `rt` among its dev-dependencies.
///
/// ```no_run
/// use std::sync::Arc;
///
/// use bartab_core::store::conformance::log::{LogFactory, LogStores};
/// use bartab_core::store::{MemoryLog, MemoryMarkers, MemorySnapshots};
///
/// struct InMemory;
///
/// #[async_trait::async_trait]
/// impl LogFactory for InMemory {
///     async fn open(&self, name: &str) -> LogStores {
///         LogStores {
///             log: Arc::new(MemoryLog::new(name.as_bytes())),
///             markers: Arc::new(MemoryMarkers::new()),
///             snapshots: Arc::new(MemorySnapshots::new()),
///         }
///     }
///
///     async fn reopen_after_abort(&self, _name: &str, stores: LogStores) -> LogStores {
///         stores
///     }
/// }
///
/// bartab_core::log_conformance!(InMemory);
/// ```
#[macro_export]
macro_rules! log_conformance {
    (@clauses [$($then:tt)*]) => {
        $crate::log_conformance! { $($then)*;
            a_new_log_is_empty_and_ends_at_its_genesis
            an_append_moves_the_head_to_its_last_event
            an_append_without_events_changes_what_it_names
            a_batch_that_does_not_follow_the_head_writes_nothing
            a_batch_with_a_hole_is_refused_whole
            what_was_acknowledged_survives_an_abort
            the_watch_never_runs_ahead_and_never_ends
            of_concurrent_appends_after_one_head_one_wins
            concurrent_appends_leave_no_gap_and_lose_nothing
            rows_come_back_byte_for_byte
            rows_are_found_in_the_order_asked
            rows_that_refer_to_an_event_are_found_in_order
            positions_outside_the_log_are_empty
            the_chain_verifies
            erasing_removes_content_wherever_it_is_read
            erasing_takes_the_mentions_along
            a_page_holds_the_messages_of_one_room_both_ways
            a_page_starts_after_from_and_never_before_since
            a_page_carries_the_views_and_messages_are_found_by_position
            reading_gives_exactly_what_the_audience_admits
            a_limit_cuts_a_reading_without_a_gap
            reactions_are_known_by_person
            mentions_of_a_person_and_of_the_whole_room_are_counted_once
            rebuilding_gives_what_was_written
            many_keys_are_found_also_after_an_abort
            no_key_in_the_log_is_surely_unknown
            a_marker_only_moves_forward
            markers_survive_an_abort
            of_two_snapshots_the_newer_one_stays
            two_logs_share_nothing
            random_stories_read_as_in_memory
        }
    };
    (@tests $factory:expr; $($clause:ident)*) => { $(
        #[tokio::test]
        async fn $clause() {
            let factory = $factory;
            $crate::store::conformance::log::$clause(&factory).await;
        }
    )* };
    (@list; $($clause:ident)*) => {
        &[$($crate::store::conformance::log::Clause {
            name: stringify!($clause),
            run: |factory| Box::pin($crate::store::conformance::log::$clause(factory)),
        }),*]
    };
    ($factory:expr) => {
        $crate::log_conformance! { @clauses [@tests $factory] }
    };
}
