//! How much is held: sums that move with every change, so that a quota costs two rows to check.

use bartab_core::UserId;
use bartab_core::store::{MediaLimits, MediaUsage, QuotaExceeded};
use rusqlite::Connection;

use crate::sqlite::error::Failure;
use crate::sqlite::rows::{execute, first};

/// The owner whose row is the tenant's.
const TENANT: &[u8] = &[];

/// By how much the sums move.
#[derive(Default)]
pub(super) struct Change {
    pub(super) files: i64,
    pub(super) bytes: i64,
    pub(super) uploads: i64,
    pub(super) reserved: i64,
}

pub(super) fn usage(conn: &Connection, owner: Option<UserId>) -> Result<MediaUsage, Failure> {
    let sql = "SELECT files, bytes, uploads, reserved FROM media_usage WHERE owner = ?1";
    let owner = owner.map(|owner| owner.to_bytes());
    let found = first(conn, sql, [owner.as_ref().map_or(TENANT, |owner| owner)], |row| {
        Ok(MediaUsage { files: row.get(0)?, bytes: row.get(1)?, uploads: row.get(2)?, reserved: row.get(3)? })
    })?;
    Ok(found.unwrap_or_default())
}

/// What [`MediaLimits::admit`] says of so much more.
pub(super) fn admit(
    conn: &Connection,
    limits: &MediaLimits,
    owner: UserId,
    bytes: u64,
    uploads: u64,
) -> Result<Result<(), QuotaExceeded>, Failure> {
    Ok(limits.admit(&usage(conn, Some(owner))?, &usage(conn, None)?, bytes, uploads))
}

/// Moves the sums of the owner and of the tenant.
pub(super) fn count(conn: &Connection, owner: UserId, change: &Change) -> Result<(), Failure> {
    let sql = "INSERT INTO media_usage (owner, files, bytes, uploads, reserved) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (owner) DO UPDATE SET files = files + excluded.files, bytes = bytes + excluded.bytes,
             uploads = uploads + excluded.uploads, reserved = reserved + excluded.reserved";
    for owner in [&owner.to_bytes()[..], TENANT] {
        execute(conn, sql, (owner, change.files, change.bytes, change.uploads, change.reserved))?;
    }
    Ok(())
}

/// A number of bytes as the sums take it.
pub(super) fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
