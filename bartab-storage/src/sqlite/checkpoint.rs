//! When the WAL's pages go into the file.

use std::ffi::CStr;

use rusqlite::Connection;
use rusqlite::wal::CheckpointMode;

const MAIN: &CStr = c"main";

/// How many pages gather before they are moved: 16 MB.
const PAGES: i32 = 4_000;

/// Moves the WAL's pages if there are many; readers are not disturbed.
pub(super) fn when_due(conn: &Connection) {
    let pages = conn.wal_checkpoint_v2(Some(MAIN), CheckpointMode::NOOP);
    let due = pages.is_ok_and(|(pages, moved)| pages - moved >= PAGES);
    if due && let Err(error) = conn.wal_checkpoint_v2(Some(MAIN), CheckpointMode::PASSIVE) {
        tracing::warn!(%error, "the WAL grows");
    }
}

/// Moves all of the WAL and empties it, so that what was erased is in no file any more; `false` when readers are in the
/// way for longer than a connection waits.
pub(super) fn truncate(conn: &Connection) -> bool {
    match conn.wal_checkpoint_v2(Some(MAIN), CheckpointMode::TRUNCATE) {
        Ok(_) => true,
        Err(error) => {
            tracing::debug!(%error, "the WAL was not emptied");
            false
        }
    }
}
