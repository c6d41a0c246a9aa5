//! Views, each in a slot that stays where it is: see the migration for why.

use bartab_core::store::ViewRow;
use bytes::Bytes;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row};

use crate::sqlite::error::{Damaged, Failure};
use crate::sqlite::slots::{Slot, Slots};

/// The part of a query that finds the view of `e.seq`, if it has one.
macro_rules! join_views {
    () => {
        " LEFT JOIN views v ON v.seq = e.seq LEFT JOIN view_slots s ON s.slot = v.slot "
    };
}
pub(super) use join_views;

const SLOTS: Slots = Slots {
    insert: "INSERT INTO view_slots (json) VALUES (?1)",
    overwrite: "UPDATE view_slots SET json = ?2 WHERE slot = ?1",
    find_free: "SELECT slot FROM free_slots WHERE size = ?1 ORDER BY slot LIMIT 1",
    take_free: "DELETE FROM free_slots WHERE size = ?1 AND slot = ?2",
    free: "INSERT INTO free_slots (size, slot) VALUES (?1, ?2)",
};

/// Stores changed views.
pub(super) fn put(conn: &Connection, views: &[ViewRow]) -> Result<(), Failure> {
    for view in views {
        let held = conn
            .prepare_cached("SELECT slot, size FROM views WHERE seq = ?1")?
            .query_row([view.seq], |row| Ok(Slot { number: row.get(0)?, size: row.get(1)? }))
            .optional()?;
        let slot = SLOTS.put(conn, held, &view.json)?;
        conn.prepare_cached("INSERT OR REPLACE INTO views (seq, slot, size, length) VALUES (?1, ?2, ?3, ?4)")?
            .execute((view.seq, slot.number, slot.size, view.json.len()))?;
    }
    Ok(())
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
