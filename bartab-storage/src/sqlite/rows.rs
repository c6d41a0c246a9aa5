//! What the tables of identity have in common: reading rows, and small lists in one column.

use bartab_core::{Id, IdKind, Timestamp};
use rusqlite::{Connection, Params, Row};

use super::error::{Damaged, Failure};
use super::log::{array, optional_array};

/// Every row of `sql`, each as `read` makes it.
pub(super) fn all<T>(
    conn: &Connection,
    sql: &str,
    params: impl Params,
    read: impl Fn(&Row<'_>) -> Result<T, Failure>,
) -> Result<Vec<T>, Failure> {
    let mut select = conn.prepare_cached(sql)?;
    let mut rows = select.query(params)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read(row)?);
    }
    Ok(found)
}

/// The first row of `sql`.
pub(super) fn first<T>(
    conn: &Connection,
    sql: &str,
    params: impl Params,
    read: impl Fn(&Row<'_>) -> Result<T, Failure>,
) -> Result<Option<T>, Failure> {
    let mut select = conn.prepare_cached(sql)?;
    let mut rows = select.query(params)?;
    rows.next()?.map(read).transpose()
}

/// Runs a statement with these parameters; answers how many rows it changed.
pub(super) fn execute(conn: &Connection, sql: &str, params: impl Params) -> Result<usize, Failure> {
    Ok(conn.prepare_cached(sql)?.execute(params)?)
}

/// A limit as SQLite takes it.
pub(super) fn limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

pub(super) fn id<K: IdKind>(row: &Row<'_>, column: usize) -> Result<Id<K>, Failure> {
    Ok(Id::from_bytes(array(row, column)?))
}

pub(super) fn optional_id<K: IdKind>(row: &Row<'_>, column: usize) -> Result<Option<Id<K>>, Failure> {
    Ok(optional_array(row, column)?.map(Id::from_bytes))
}

pub(super) fn time(row: &Row<'_>, column: usize) -> Result<Timestamp, Failure> {
    Ok(Timestamp::from_millis(row.get(column)?))
}

pub(super) fn optional_time(row: &Row<'_>, column: usize) -> Result<Option<Timestamp>, Failure> {
    Ok(row.get::<_, Option<u64>>(column)?.map(Timestamp::from_millis))
}

/// The value whose name stands in the column.
pub(super) fn named<T>(row: &Row<'_>, column: usize, value: impl Fn(&str) -> Option<T>) -> Result<T, Failure> {
    let name = row.get_ref(column)?.as_str().map_err(|_| Damaged { column })?;
    value(name).ok_or_else(|| Damaged { column }.into())
}

/// The parts of `N` bytes that stand one after the other in a column.
pub(super) fn parts<const N: usize>(bytes: &[u8], column: usize) -> Result<Vec<[u8; N]>, Damaged> {
    let (parts, rest) = bytes.as_chunks::<N>();
    if rest.is_empty() { Ok(parts.to_vec()) } else { Err(Damaged { column }) }
}
