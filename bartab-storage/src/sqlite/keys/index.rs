//! The index of idempotency keys in the file.

use std::collections::HashMap;

use bartab_core::event::KeyHash;
use rusqlite::{Connection, OptionalExtension};

use super::filter::Filter;
use crate::sqlite::error::{Damaged, Failure};

/// In `meta`: every key of an event up to here is in the index.
pub(in crate::sqlite) const POSITION: &str = "idempotency_until";
/// In `meta`: how many keys are in it.
pub(in crate::sqlite) const SIZE: &str = "idempotency_size";

/// How many keys enter the index in one transaction.
const SLICE: usize = 1_024;

/// The part of a key that is in the index. A key is a cryptographic hash: its head is as random as all of it.
pub(super) fn hash(key: &KeyHash) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = key.0;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

pub(super) fn meta(conn: &Connection, name: &str) -> Result<u64, Failure> {
    let mut statement = conn.prepare_cached("SELECT value FROM meta WHERE name = ?1")?;
    Ok(statement.query_row([name], |row| row.get(0)).optional()?.unwrap_or(0))
}

fn set_meta(conn: &Connection, name: &str, value: u64) -> rusqlite::Result<()> {
    let mut statement = conn.prepare_cached("INSERT OR REPLACE INTO meta (name, value) VALUES (?1, ?2)")?;
    statement.execute((name, value))?;
    Ok(())
}

/// The keys of the events after `position`.
pub(super) fn tail(conn: &Connection, position: u64) -> Result<HashMap<KeyHash, u64>, Failure> {
    let mut statement = conn.prepare(
        "SELECT seq, idempotency_key FROM events WHERE seq > ?1 AND idempotency_key IS NOT NULL ORDER BY seq",
    )?;
    let mut rows = statement.query([position])?;
    let mut keys = HashMap::new();
    while let Some(row) = rows.next()? {
        let key = row.get_ref(1)?.as_blob().ok().and_then(|key| key.try_into().ok());
        keys.entry(KeyHash(key.ok_or(Damaged { column: 15 })?)).or_insert(row.get(0)?);
    }
    Ok(keys)
}

/// The filter of what is in the index; `None` when that is too much for one.
pub(super) fn filter(conn: &Connection) -> Result<Option<Filter>, Failure> {
    let mut filter = Filter::default();
    let mut statement = conn.prepare("SELECT hash FROM idempotency")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let hash: i64 = row.get(0)?;
        if !filter.insert(hash.cast_unsigned()) {
            return Ok(None);
        }
    }
    Ok(Some(filter))
}

/// The position of the first event with this key, as far as the index knows.
pub(in crate::sqlite) fn lookup(conn: &Connection, key: &KeyHash) -> Result<Option<u64>, Failure> {
    // Two keys can share a hash; the row has the whole key.
    let mut statement = conn.prepare_cached(
        "SELECT e.seq FROM idempotency i CROSS JOIN events e ON e.seq = i.seq
         WHERE i.hash = ?1 AND e.idempotency_key = ?2 ORDER BY i.seq LIMIT 1",
    )?;
    Ok(statement.query_row((hash(key).cast_signed(), key.0), |row| row.get(0)).optional()?)
}

/// Keys on their way into the index, sorted as it is, so that each of its pages is touched once.
pub(super) struct Sweep {
    keys: Vec<(u64, u64)>,
    next: usize,
    position: u64,
    size: u64,
}

impl Sweep {
    pub(super) fn new(recent: &HashMap<KeyHash, u64>, size: u64) -> Option<Self> {
        let mut keys: Vec<(u64, u64)> = recent.iter().map(|(key, seq)| (hash(key), *seq)).collect();
        keys.sort_unstable_by_key(|(hash, seq)| (hash.cast_signed(), *seq));
        // A key comes to memory only after its commit, and in the order of the log: below the newest, none is missing.
        let position = keys.iter().map(|(_, seq)| *seq).max()?;
        let size = size + keys.len() as u64;
        Some(Self { keys, next: 0, position, size })
    }

    /// Writes the next slice; answers whether it was the last.
    pub(super) fn advance(&mut self, conn: &Connection) -> rusqlite::Result<bool> {
        let end = (self.next + SLICE).min(self.keys.len());
        let ended = end == self.keys.len();
        let transaction = conn.unchecked_transaction()?;
        {
            let mut insert = conn.prepare_cached("INSERT OR IGNORE INTO idempotency (hash, seq) VALUES (?1, ?2)")?;
            for (hash, seq) in self.keys.get(self.next..end).unwrap_or_default() {
                insert.execute((hash.cast_signed(), seq))?;
            }
        }
        if ended {
            set_meta(conn, POSITION, self.position)?;
            set_meta(conn, SIZE, self.size)?;
        }
        transaction.commit()?;
        self.next = end;
        Ok(ended)
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = u64> + '_ {
        self.keys.iter().map(|(hash, _)| *hash)
    }

    pub(super) const fn position(&self) -> u64 {
        self.position
    }

    pub(super) const fn size(&self) -> u64 {
        self.size
    }
}
