//! Who uses which bytes.

use bartab_core::store::BlobKey;
use rusqlite::Connection;

use super::row::blob;
use crate::sqlite::error::Failure;
use crate::sqlite::rows::{all, execute, first, limit};

/// What uses a blob.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Uses {
    pub(super) files: u64,
    pub(super) staged: u64,
}

impl Uses {
    /// A blob that is known and used by nothing: its bytes are to be deleted.
    pub(super) const DOOMED: Self = Self { files: 0, staged: 0 };
}

/// The uses of a blob; `None` when nothing is known of it.
pub(super) fn uses(conn: &Connection, blob: BlobKey) -> Result<Option<Uses>, Failure> {
    let sql = "SELECT files, staged FROM media_blobs WHERE public = ?1 AND sha256 = ?2";
    first(conn, sql, (blob.public, blob.sha256), |row| Ok(Uses { files: row.get(0)?, staged: row.get(1)? }))
}

/// Counts so many more files and uploads in, or fewer; gives the blob if it is doomed by that.
pub(super) fn count(conn: &Connection, blob: BlobKey, files: i64, staged: i64) -> Result<Option<BlobKey>, Failure> {
    let sql = "INSERT INTO media_blobs (public, sha256, files, staged) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (public, sha256) DO UPDATE SET files = files + excluded.files, staged = staged + excluded.staged";
    execute(conn, sql, (blob.public, blob.sha256, files, staged))?;
    Ok((uses(conn, blob)? == Some(Uses::DOOMED)).then_some(blob))
}

pub(super) fn doomed(conn: &Connection, most: usize) -> Result<Vec<BlobKey>, Failure> {
    let sql = "SELECT public, sha256 FROM media_blobs WHERE files = 0 AND staged = 0
         ORDER BY public, sha256 LIMIT ?1";
    all(conn, sql, [limit(most)], |row| blob(row, 0, 1))
}

pub(super) fn gone(conn: &Connection, blob: BlobKey) -> Result<(), Failure> {
    let sql = "DELETE FROM media_blobs WHERE public = ?1 AND sha256 = ?2 AND files = 0 AND staged = 0";
    execute(conn, sql, (blob.public, blob.sha256))?;
    Ok(())
}
