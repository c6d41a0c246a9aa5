//! Views, reactions and mentions made again from the log.

use bartab_core::store::MessageRebuild;
use rusqlite::Connection;

use super::append::{change_reactions, put_mentions};
use super::row::{self, columns};
use super::{read, views};
use crate::sqlite::error::Failure;

/// How many rows that refer to one message are held at a time.
const STEP: usize = 1_000;

/// Drops all three and makes them again, one message at a time.
pub(super) fn rebuild(conn: &Connection) -> Result<(), Failure> {
    views::clear(conn)?;
    conn.execute_batch("DELETE FROM reactions; DELETE FROM mentions;")?;
    let mut messages =
        conn.prepare(concat!("SELECT ", columns!(), " FROM events e WHERE e.lane = 0 ORDER BY e.seq"))?;
    let mut rows = messages.query([])?;
    while let Some(row) = rows.next()? {
        let created = row::record(row)?;
        let Some(mut message) = MessageRebuild::new(&created)? else { continue };
        let mut after = created.seq();
        loop {
            let related = read::related(conn, created.envelope.id, after, STEP)?;
            related.iter().try_for_each(|record| message.fold(record))?;
            match related.last() {
                Some(last) if related.len() == STEP => after = last.seq(),
                _ => break,
            }
        }
        let rows = message.finish()?;
        views::put(conn, rows.view.as_slice())?;
        change_reactions(conn, &rows.reactions)?;
        put_mentions(conn, &rows.mentions)?;
    }
    Ok(())
}
