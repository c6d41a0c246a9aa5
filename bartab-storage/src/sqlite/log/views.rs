//! Views, each in a slot that stays where it is: see the migration for why.

use bartab_core::store::ViewRow;
use bytes::Bytes;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row};

use crate::sqlite::error::{Damaged, Failure};

/// The part of a query that finds the view of `e.seq`, if it has one.
macro_rules! join_views {
    () => {
        " LEFT JOIN views v ON v.seq = e.seq LEFT JOIN view_slots s ON s.slot = v.slot "
    };
}
pub(super) use join_views;

/// The smallest slot, and the least by which slots differ.
const LEAST: usize = 64;

/// The size of the slot for so many bytes: at most a quarter is wasted, and few sizes are in use.
fn slot_size(length: usize) -> usize {
    let step = (length.next_power_of_two() / 8).max(LEAST);
    length.max(1).div_ceil(step) * step
}

/// Stores changed views.
pub(super) fn put(conn: &Connection, views: &[ViewRow]) -> Result<(), Failure> {
    for view in views {
        let size = slot_size(view.json.len());
        let mut padded = view.json.to_vec();
        padded.resize(size, 0);
        let slot = conn
            .prepare_cached("SELECT slot, size FROM views WHERE seq = ?1")?
            .query_row([view.seq], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let slot = match slot {
            Some((slot, held)) if held == size => {
                overwrite(conn, slot, &padded)?;
                slot
            }
            other => {
                if let Some((slot, held)) = other {
                    free(conn, slot, held)?;
                }
                take(conn, &padded)?
            }
        };
        conn.prepare_cached("INSERT OR REPLACE INTO views (seq, slot, size, length) VALUES (?1, ?2, ?3, ?4)")?
            .execute((view.seq, slot, size, view.json.len()))?;
    }
    Ok(())
}

fn overwrite(conn: &Connection, slot: i64, padded: &[u8]) -> rusqlite::Result<()> {
    conn.prepare_cached("UPDATE view_slots SET json = ?2 WHERE slot = ?1")?.execute((slot, padded))?;
    Ok(())
}

fn free(conn: &Connection, slot: i64, size: usize) -> rusqlite::Result<()> {
    overwrite(conn, slot, &vec![0; size])?;
    conn.prepare_cached("INSERT INTO free_slots (size, slot) VALUES (?1, ?2)")?.execute((size, slot))?;
    Ok(())
}

/// Puts `padded` into a free slot of its size, or into a new one at the end.
fn take(conn: &Connection, padded: &[u8]) -> rusqlite::Result<i64> {
    let free: Option<i64> = conn
        .prepare_cached("SELECT slot FROM free_slots WHERE size = ?1 ORDER BY slot LIMIT 1")?
        .query_row([padded.len()], |row| row.get(0))
        .optional()?;
    let Some(slot) = free else {
        return conn.prepare_cached("INSERT INTO view_slots (json) VALUES (?1)")?.insert([padded]);
    };
    conn.prepare_cached("DELETE FROM free_slots WHERE size = ?1 AND slot = ?2")?.execute((padded.len(), slot))?;
    overwrite(conn, slot, padded)?;
    Ok(slot)
}

/// Drops every view and every slot.
pub(super) fn clear(conn: &Connection) -> rusqlite::Result<()> {
    conn.execute_batch("DELETE FROM views; DELETE FROM view_slots; DELETE FROM free_slots;")
}

/// The view in a row that has its length and its slot's bytes from this column on; none when both are missing.
pub(super) fn view(row: &Row<'_>, column: usize) -> Result<Option<Bytes>, Failure> {
    match (row.get_ref(column)?, row.get_ref(column + 1)?) {
        (ValueRef::Null, ValueRef::Null) => Ok(None),
        (ValueRef::Integer(length), ValueRef::Blob(padded)) => {
            let json = usize::try_from(length).ok().and_then(|length| padded.get(..length));
            Ok(Some(Bytes::copy_from_slice(json.ok_or(Damaged { column })?)))
        }
        _ => Err(Damaged { column }.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::slot_size;

    #[test]
    fn a_slot_holds_what_it_is_for_and_wastes_little() {
        for length in 0..100_000 {
            let size = slot_size(length);
            assert!(size >= length && size <= (length + length / 4).max(64) + 64, "{length}: {size}");
            assert_eq!(slot_size(size), size);
        }
    }
}
