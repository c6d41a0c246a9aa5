//! Who refers to files, and how far that was followed.

use std::collections::BTreeSet;

use bartab_core::store::{Holder, MediaFeed, ReferenceChange, StoreError};
use bartab_core::{MediaId, Timestamp};
use rusqlite::Connection;

use super::records::{by_id, keep};
use crate::sqlite::error::{Damaged, Failure};
use crate::sqlite::log::array;
use crate::sqlite::rows::{all, execute, first, id, limit};

pub(super) fn position(conn: &Connection, feed: MediaFeed) -> Result<u64, Failure> {
    let found =
        first(conn, "SELECT position FROM media_positions WHERE feed = ?1", [feed.name()], |row| Ok(row.get(0)?))?;
    Ok(found.unwrap_or(0))
}

/// Moves the position, if it is the expected one.
pub(super) fn advance(conn: &Connection, feed: MediaFeed, expected: u64, to: u64) -> Result<(), Failure> {
    if position(conn, feed)? != expected || to < expected {
        return Err(StoreError::Conflict.into());
    }
    let sql = "INSERT INTO media_positions (feed, position) VALUES (?1, ?2)
         ON CONFLICT (feed) DO UPDATE SET position = excluded.position";
    execute(conn, sql, (feed.name(), to))?;
    Ok(())
}

pub(super) fn holders(
    conn: &Connection,
    media: MediaId,
    after: Option<Holder>,
    most: usize,
) -> Result<Vec<Holder>, Failure> {
    let sql = "SELECT holder FROM media_holders WHERE media_id = ?1 AND holder > ?2 ORDER BY holder LIMIT ?3";
    // Without `after`, bytes that are below every holder.
    let after = after.map_or(Vec::new(), |after| after.to_bytes().to_vec());
    all(conn, sql, (media.to_bytes(), after, limit(most)), |row| {
        Holder::from_bytes(array(row, 0)?).ok_or_else(|| Damaged { column: 0 }.into())
    })
}

/// Makes the holder carry what the change says.
pub(super) fn refer(conn: &Connection, change: &ReferenceChange, keep_until: Timestamp) -> Result<(), Failure> {
    let holder = change.holder.to_bytes();
    let sql = "SELECT media_id FROM media_holders WHERE holder = ?1";
    let before: BTreeSet<MediaId> = all(conn, sql, [holder], |row| id(row, 0))?.into_iter().collect();
    let after: BTreeSet<MediaId> = change.media.iter().copied().collect();
    for media in after.difference(&before) {
        let sql = "UPDATE media SET holders = holders + 1 WHERE media_id = ?1";
        // One that there is not is passed over.
        if execute(conn, sql, [media.to_bytes()])? > 0 {
            let sql = "INSERT INTO media_holders (holder, media_id) VALUES (?1, ?2)";
            execute(conn, sql, (holder, media.to_bytes()))?;
        }
    }
    for media in before.difference(&after) {
        let sql = "DELETE FROM media_holders WHERE holder = ?1 AND media_id = ?2";
        execute(conn, sql, (holder, media.to_bytes()))?;
        execute(conn, "UPDATE media SET holders = holders - 1 WHERE media_id = ?1", [media.to_bytes()])?;
        let unheld = by_id(conn, *media)?.filter(|record| record.references == 0);
        if let Some(mut record) = unheld
            && record.keep(keep_until)
        {
            keep(conn, &record)?;
        }
    }
    Ok(())
}
