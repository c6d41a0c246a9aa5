//! When the WAL's pages go into the file.

use std::ffi::CStr;
use std::fs::{File, OpenOptions};
use std::path::Path;

use bartab_core::store::StoreError;
use rusqlite::Connection;
use rusqlite::wal::CheckpointMode;

use super::error::Failure;
use super::open;

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

/// Makes what the connection sees what a crash would leave, after a commit whose fsync failed.
///
/// Such a commit's frames can be whole in the WAL although no connection counts them: recovery would. So the WAL's
/// counted pages go into the file and the rest is cut off, all of it on disk when this returns.
pub(super) fn settle(conn: &Connection, path: &Path) -> Result<(), Failure> {
    conn.wal_checkpoint_v2(Some(MAIN), CheckpointMode::TRUNCATE)?;
    let synced = || {
        // SQLite leaves the cut itself to the file system, and the WAL may be another file than it was.
        OpenOptions::new().write(true).open(open::companion(path, "-wal"))?.sync_all()?;
        path.parent().map_or(Ok(()), sync_folder)
    };
    synced().map_err(|error: std::io::Error| StoreError::Unavailable(Some(error.into())).into())
}

/// Brings the names in a folder to disk, where folders can be opened.
fn sync_folder(folder: &Path) -> std::io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}
