//! What an append writes.

use bartab_core::event::{Lane, Record};
use bartab_core::store::{Batch, MentionRow, ReactionChange, StoreError};
use rusqlite::Connection;

use super::{row, views};
use crate::sqlite::error::Failure;
use crate::sqlite::job::Work;

/// The user of a mention of the whole room.
pub(super) const WHOLE_ROOM: &[u8] = &[];

/// Writes `batch` if the log ends at `expected_head`.
pub(super) fn append(work: &mut Work<'_>, expected_head: u64, batch: &Batch) -> Result<(), Failure> {
    if work.pending.head != expected_head {
        return Err(StoreError::Conflict.into());
    }
    let conn = work.conn;
    for record in &batch.events {
        if record.seq() != work.pending.head + 1 {
            return Err(StoreError::backend("the events of a batch do not follow one another").into());
        }
        if record.envelope.event_type.lane() == Lane::Tenant && record.envelope.room.is_some() {
            // The index would not find it for the tenant.
            return Err(StoreError::backend("an event of the whole tenant is in a room").into());
        }
        work.pending.head = record.seq();
        work.pending.keys.extend(record.idempotency.map(|idempotency| (idempotency.key, record.seq())));
    }
    row::insert(conn, &mut work.pending.places, &batch.events)?;
    batch.events.iter().try_for_each(|record| put_references(conn, record))?;
    views::put(conn, &batch.views)?;
    change_reactions(conn, &batch.reactions)?;
    put_mentions(conn, &batch.mentions)?;
    erase(work, &batch.erase)
}

fn put_references(conn: &Connection, record: &Record) -> Result<(), Failure> {
    if let Some(target) = record.envelope.target {
        conn.prepare_cached("INSERT INTO targets (target, seq) VALUES (?1, ?2)")?
            .execute((target.to_bytes(), record.seq()))?;
    }
    if let Some(subject) = record.envelope.subject {
        conn.prepare_cached("INSERT INTO subjects (subject, seq) VALUES (?1, ?2)")?
            .execute((subject.to_bytes(), record.seq()))?;
    }
    Ok(())
}

pub(super) fn change_reactions(conn: &Connection, reactions: &[ReactionChange]) -> Result<(), Failure> {
    for change in reactions {
        let sql = match change.present {
            true => "INSERT OR IGNORE INTO reactions (target, user, emoji) VALUES (?1, ?2, ?3)",
            false => "DELETE FROM reactions WHERE target = ?1 AND user = ?2 AND emoji = ?3",
        };
        conn.prepare_cached(sql)?.execute((change.target, change.user.to_bytes(), &change.emoji))?;
    }
    Ok(())
}

pub(super) fn put_mentions(conn: &Connection, mentions: &[MentionRow]) -> Result<(), Failure> {
    for row in mentions {
        let user = row.user.map(|user| user.to_bytes());
        let user = user.as_ref().map_or(WHOLE_ROOM, <[u8; 16]>::as_slice);
        conn.prepare_cached("INSERT OR REPLACE INTO mentions (room, user, number, seq) VALUES (?1, ?2, ?3, ?4)")?
            .execute((row.room.to_bytes(), user, row.number, row.seq))?;
    }
    Ok(())
}

fn erase(work: &mut Work<'_>, seqs: &[u64]) -> Result<(), Failure> {
    for seq in seqs {
        work.conn
            .prepare_cached("UPDATE events SET content = NULL, salt = NULL, fingerprint = NULL WHERE seq = ?1")?
            .execute([seq])?;
        work.conn.prepare_cached("DELETE FROM mentions WHERE seq = ?1")?.execute([seq])?;
    }
    work.pending.erasures += seqs.len();
    Ok(())
}
