//! Messages with their views, and who reacts to them and is called by them.

use bartab_core::store::{Direction, MessageRow, PageQuery};
use bartab_core::{RoomId, UserId};
use rusqlite::Connection;

use super::append::WHOLE_ROOM;
use super::read::bound;
use super::row::{self, COLUMNS, columns};
use super::views::{self, join_views};
use crate::sqlite::error::Failure;

/// The most messages for which memory is set aside before any is read.
const AHEAD: usize = 256;

/// Views are read as they lie, instead of one by one, when at most so many positions come on one message.
const DENSE: u64 = 16;

macro_rules! page {
    ($order:literal) => {
        concat!(
            "SELECT ",
            columns!(),
            " FROM events e INDEXED BY events_place
             WHERE e.place = (SELECT place FROM rooms WHERE room = ?1) AND e.lane = 0 AND e.seq >= ?2 AND e.seq <= ?3 ORDER BY e.seq ",
            $order,
            " LIMIT ?4"
        )
    };
}

pub(super) fn room_page(conn: &Connection, query: &PageQuery) -> Result<Vec<MessageRow>, Failure> {
    let (first, last, sql) = match query.direction {
        Direction::Backward => {
            let last = query.from.map_or(u64::MAX, |from| from.saturating_sub(1));
            (query.since, last, page!("DESC"))
        }
        Direction::Forward => {
            let first = query.from.map_or(0, |from| from.saturating_add(1)).max(query.since);
            (first, u64::MAX, page!("ASC"))
        }
    };
    let mut select = conn.prepare_cached(sql)?;
    let mut rows = select.query((query.room.to_bytes(), bound(first), bound(last), bound(query.limit as u64)))?;
    let mut page = Vec::with_capacity(query.limit.min(AHEAD));
    while let Some(row) = rows.next()? {
        page.push(MessageRow { record: row::record(row)?, view: None });
    }
    add_views(conn, &mut page)?;
    Ok(page)
}

/// Adds the views of a page, which rises or falls.
fn add_views(conn: &Connection, page: &mut [MessageRow]) -> Result<(), Failure> {
    let (Some(one), Some(other)) = (page.first(), page.last()) else { return Ok(()) };
    let (one, other) = (one.record.seq(), other.record.seq());
    if one.abs_diff(other) > page.len() as u64 * DENSE {
        let mut select = conn.prepare_cached(
            "SELECT v.length, s.json FROM views v CROSS JOIN view_slots s ON s.slot = v.slot WHERE v.seq = ?1",
        )?;
        for message in page {
            let mut rows = select.query([message.record.seq()])?;
            if let Some(row) = rows.next()? {
                message.view = views::view(row, 0)?;
            }
        }
        return Ok(());
    }
    let mut select = conn.prepare_cached(
        "SELECT v.seq, v.length, s.json FROM views v CROSS JOIN view_slots s ON s.slot = v.slot
         WHERE v.seq >= ?1 AND v.seq <= ?2",
    )?;
    let mut rows = select.query((one.min(other), one.max(other)))?;
    while let Some(row) = rows.next()? {
        let seq: u64 = row.get(0)?;
        let place = match one <= other {
            true => page.binary_search_by(|message| message.record.seq().cmp(&seq)),
            false => page.binary_search_by(|message| seq.cmp(&message.record.seq())),
        };
        if let Some(message) = place.ok().and_then(|place| page.get_mut(place)) {
            message.view = views::view(row, 1)?;
        }
    }
    Ok(())
}

pub(super) fn messages(conn: &Connection, seqs: &[u64]) -> Result<Vec<Option<MessageRow>>, Failure> {
    let mut select = conn.prepare_cached(concat!(
        "SELECT ",
        columns!(),
        ", v.length, s.json FROM events e",
        join_views!(),
        "WHERE e.seq = ?1 AND e.lane = 0"
    ))?;
    let mut messages = Vec::with_capacity(seqs.len());
    for seq in seqs {
        let mut rows = select.query([bound(*seq)])?;
        let message = rows.next()?.map(|row| -> Result<MessageRow, Failure> {
            Ok(MessageRow { record: row::record(row)?, view: views::view(row, COLUMNS)? })
        });
        messages.push(message.transpose()?);
    }
    Ok(messages)
}

/// Those of `targets`, which rise, that `user` reacts to.
pub(super) fn reacted(conn: &Connection, user: UserId, targets: &[u64]) -> Result<Vec<(u64, String)>, Failure> {
    let mut select =
        conn.prepare_cached("SELECT emoji FROM reactions WHERE target = ?1 AND user = ?2 ORDER BY emoji")?;
    let mut found = Vec::new();
    for target in targets {
        let mut rows = select.query((bound(*target), user.to_bytes()))?;
        while let Some(row) = rows.next()? {
            found.push((*target, row.get(0)?));
        }
    }
    Ok(found)
}

pub(super) fn mention_counts(conn: &Connection, user: UserId, rooms: &[(RoomId, u64)]) -> Result<Vec<u64>, Failure> {
    // A message that calls the room and the person counts once.
    let mut count = conn.prepare_cached(
        "SELECT count(*) FROM (
             SELECT number FROM mentions WHERE room = ?1 AND user = ?2 AND number > ?3
             UNION SELECT number FROM mentions WHERE room = ?1 AND user = ?4 AND number > ?3)",
    )?;
    let mut counts = Vec::with_capacity(rooms.len());
    for (room, number) in rooms {
        let params = (room.to_bytes(), user.to_bytes(), bound(*number), WHOLE_ROOM);
        counts.push(count.query_row(params, |row| row.get(0))?);
    }
    Ok(counts)
}
