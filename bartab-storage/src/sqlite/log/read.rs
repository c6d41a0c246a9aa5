//! Rows of the log: by position, by audience, by what they refer to.

use std::collections::BTreeSet;

use bartab_core::event::{KeyHash, Record};
use bartab_core::store::Audience;
use bartab_core::{EventId, RoomId, UserId};
use rusqlite::{CachedStatement, Connection, Params};

use super::row::{self, columns};
use crate::sqlite::error::Failure;
use crate::sqlite::keys;

/// The most rows for which memory is set aside before any is read: a limit may be any number.
const AHEAD: usize = 1_024;

pub(super) fn get(conn: &Connection, seqs: &[u64]) -> Result<Vec<Option<Record>>, Failure> {
    let mut select = conn.prepare_cached(concat!("SELECT ", columns!(), " FROM events e WHERE e.seq = ?1"))?;
    seqs.iter().map(|seq| one(&mut select, *seq)).collect()
}

fn one(select: &mut CachedStatement<'_>, seq: u64) -> Result<Option<Record>, Failure> {
    // A position past what SQLite can count is a position where nothing is.
    let Ok(seq) = i64::try_from(seq) else { return Ok(None) };
    let mut rows = select.query([seq])?;
    rows.next()?.map(row::record).transpose()
}

/// The newest row.
pub(super) fn last(conn: &Connection) -> Result<Option<Record>, Failure> {
    let sql = concat!("SELECT ", columns!(), " FROM events e ORDER BY e.seq DESC LIMIT 1");
    Ok(records(conn, sql, [], 1)?.pop())
}

pub(super) fn scan(conn: &Connection, after: u64, limit: usize) -> Result<Vec<Record>, Failure> {
    let sql = concat!("SELECT ", columns!(), " FROM events e WHERE e.seq > ?1 ORDER BY e.seq LIMIT ?2");
    records(conn, sql, (bound(after), bound(limit as u64)), limit)
}

pub(super) fn related(conn: &Connection, target: EventId, after: u64, limit: usize) -> Result<Vec<Record>, Failure> {
    let sql = concat!(
        "SELECT ",
        columns!(),
        " FROM targets t CROSS JOIN events e ON e.seq = t.seq
         WHERE t.target = ?1 AND t.seq > ?2 ORDER BY t.seq LIMIT ?3"
    );
    records(conn, sql, (target.to_bytes(), bound(after), bound(limit as u64)), limit)
}

fn records(conn: &Connection, sql: &str, params: impl Params, limit: usize) -> Result<Vec<Record>, Failure> {
    let mut select = conn.prepare_cached(sql)?;
    let mut rows = select.query(params)?;
    let mut records = Vec::with_capacity(limit.min(AHEAD));
    while let Some(row) = rows.next()? {
        records.push(row::record(row)?);
    }
    Ok(records)
}

/// The same, as far as SQLite can count; no position lies beyond.
pub(super) fn bound(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The first rows after `after` that `audience` admits.
pub(super) fn read(
    conn: &Connection,
    after: u64,
    until: u64,
    audience: &Audience,
    limit: usize,
) -> Result<Vec<Record>, Failure> {
    if limit == 0 || after >= until {
        return Ok(Vec::new());
    }
    let mut seqs = First { seqs: BTreeSet::new(), limit, until };
    let ranges = audience.rooms.len() as u64 * 2 + 2;
    // A short stretch is read faster as it lies than by looking for each room in it.
    if until - after <= ranges {
        return stretch(conn, after, until, audience, limit);
    }
    for (room, since) in &audience.rooms {
        seqs.add_room(conn, *room, after.max(since.saturating_sub(1)))?;
    }
    if let Some(person) = audience.person {
        seqs.add_person(conn, person, after)?;
    }
    if audience.tenant {
        seqs.add_tenant(conn, after)?;
    }
    let mut select = conn.prepare_cached(concat!("SELECT ", columns!(), " FROM events e WHERE e.seq = ?1"))?;
    let found: Result<Vec<Option<Record>>, Failure> = seqs.seqs.iter().map(|seq| one(&mut select, *seq)).collect();
    Ok(found?.into_iter().flatten().collect())
}

fn stretch(
    conn: &Connection,
    after: u64,
    until: u64,
    audience: &Audience,
    limit: usize,
) -> Result<Vec<Record>, Failure> {
    let sql = concat!("SELECT ", columns!(), " FROM events e WHERE e.seq > ?1 AND e.seq <= ?2 ORDER BY e.seq");
    let mut select = conn.prepare_cached(sql)?;
    let mut rows = select.query((bound(after), bound(until)))?;
    let mut records = Vec::new();
    while records.len() < limit
        && let Some(row) = rows.next()?
    {
        let record = row::record(row)?;
        if audience.admits(&record) {
            records.push(record);
        }
    }
    Ok(records)
}

/// The lowest positions so far. Once there are enough, what lies above the last of them is not looked at any more, so
/// many ranges cost little more than one.
struct First {
    seqs: BTreeSet<u64>,
    limit: usize,
    until: u64,
}

impl First {
    fn add_room(&mut self, conn: &Connection, room: RoomId, after: u64) -> Result<(), Failure> {
        let mut select = conn.prepare_cached(
            "SELECT seq FROM events INDEXED BY events_place
             WHERE place = (SELECT place FROM rooms WHERE room = ?1) AND lane = ?2 AND seq > ?3 AND seq <= ?4 ORDER BY seq",
        )?;
        for lane in 0..=1 {
            self.add(&mut select, (room.to_bytes(), lane, bound(after), bound(self.until)))?;
        }
        Ok(())
    }

    fn add_person(&mut self, conn: &Connection, person: UserId, after: u64) -> Result<(), Failure> {
        let mut select =
            conn.prepare_cached("SELECT seq FROM subjects WHERE subject = ?1 AND seq > ?2 AND seq <= ?3 ORDER BY seq")?;
        self.add(&mut select, (person.to_bytes(), bound(after), bound(self.until)))
    }

    fn add_tenant(&mut self, conn: &Connection, after: u64) -> Result<(), Failure> {
        let mut select = conn.prepare_cached(
            "SELECT seq FROM events INDEXED BY events_place
             WHERE place IS NULL AND lane = 2 AND seq > ?1 AND seq <= ?2 ORDER BY seq",
        )?;
        self.add(&mut select, (bound(after), bound(self.until)))
    }

    fn add(&mut self, select: &mut CachedStatement<'_>, params: impl Params) -> Result<(), Failure> {
        let mut rows = select.query(params)?;
        while let Some(row) = rows.next()? {
            let seq: u64 = row.get(0)?;
            if seq > self.until {
                break;
            }
            self.seqs.insert(seq);
            if self.seqs.len() > self.limit {
                self.seqs.pop_last();
            }
            if self.seqs.len() == self.limit
                && let Some(last) = self.seqs.last()
            {
                self.until = *last;
            }
        }
        Ok(())
    }
}

/// The positions of the events with these keys, of which memory knew only that they may be in the index.
pub(super) fn find_keys(conn: &Connection, keys: &[KeyHash]) -> Result<Vec<Option<u64>>, Failure> {
    keys.iter().map(|key| keys::lookup(conn, key)).collect()
}
