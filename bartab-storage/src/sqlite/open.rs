//! Opening a tenant's file: the lock on its folder, connections and their settings.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bartab_core::store::BoxError;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::migrate;

/// The file beside the database that is locked while a store is open.
const LOCK_FILE: &str = "tenant.lock";

/// How long a checkpoint that must finish waits for readers; a read takes a millisecond.
const BUSY_WAIT: Duration = Duration::from_millis(100);

/// Where a database's header tells how it is read, and what stands there in WAL mode (SQLite's file format, 1.3).
const READ_VERSION: usize = 19;
const READ_VERSION_WAL: u8 = 2;

/// Why a tenant's file was not opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process, or another store of this one, has it open.
    #[error("the tenant's folder is in use by another process")]
    InUse,
    /// A newer program wrote it.
    #[error("the file has schema version {found}, this program knows up to {known}: use a newer program")]
    Newer {
        /// The version of the file.
        found: u32,
        /// The newest version that this program knows.
        known: u32,
    },
    /// It is a database, but not one of ours.
    #[error("the file is not a tenant's database")]
    Foreign,
    /// It is damaged, or no database at all.
    #[error("the file is damaged")]
    Damaged(#[source] BoxError),
    /// The folder or a file in it cannot be used.
    #[error("the tenant's folder cannot be used")]
    Io(#[from] io::Error),
    /// The database could not be opened for another reason.
    #[error("the database could not be opened")]
    Failed(#[source] BoxError),
}

impl From<rusqlite::Error> for OpenError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => Self::Damaged(error.into()),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::InUse,
            _ => Self::Failed(error.into()),
        }
    }
}

/// Takes the lock of the folder that `path` is in; it is held until the file is dropped.
pub(super) fn lock(path: &Path) -> Result<File, OpenError> {
    let lock =
        private(OpenOptions::new().write(true).create(true).truncate(false)).open(path.with_file_name(LOCK_FILE))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

/// Makes the file if there is none. SQLite gives its companions the same permissions.
pub(super) fn create(path: &Path) -> Result<(), OpenError> {
    private(OpenOptions::new().write(true).create(true).truncate(false)).open(path)?;
    Ok(())
}

/// Refuses a file that is not ours before any setting of ours is written into it.
pub(super) fn inspect(path: &Path) -> Result<(), OpenError> {
    let mut header = Vec::new();
    File::open(path)?.take(READ_VERSION as u64 + 1).read_to_end(&mut header)?;
    // Empty: new. In WAL mode and closed cleanly: opening it to write changes nothing, while a connection that only
    // reads would leave an empty WAL behind.
    let Some(version) = header.get(READ_VERSION) else { return Ok(()) };
    if *version == READ_VERSION_WAL && !companion(path, "-wal").try_exists()? {
        return Ok(());
    }
    let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    conn.busy_timeout(BUSY_WAIT)?;
    migrate::inspect(&conn)?;
    Ok(())
}

/// A file that SQLite keeps beside the database.
pub(super) fn companion(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// The file holds private keys and private words: nobody but the owner reads it.
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

/// How often a connection is used with a small cache before it gets a large one.
const USES_BEFORE_LARGE: u32 = 16;

/// A connection whose cache grows with use: the many tenants that are asked little hold little memory.
pub(super) struct Link {
    conn: Connection,
    uses: u32,
}

impl Link {
    /// The connection that writes.
    pub(super) fn write(path: &Path) -> rusqlite::Result<Self> {
        // `secure_delete` keeps erased text out of free pages. Checkpoints run after answers, never inside a commit.
        let settings = "PRAGMA page_size = 4096;
             PRAGMA journal_mode = WAL;
             PRAGMA synchronous = FULL;
             PRAGMA secure_delete = ON;
             PRAGMA foreign_keys = ON;
             PRAGMA wal_autocheckpoint = 0;
             PRAGMA journal_size_limit = 33554432;";
        Self::open(path, OpenFlags::SQLITE_OPEN_READ_WRITE, settings)
    }

    /// A connection that reads.
    pub(super) fn read(path: &Path) -> rusqlite::Result<Self> {
        Self::open(path, OpenFlags::SQLITE_OPEN_READ_ONLY, "")
    }

    fn open(path: &Path, flags: OpenFlags, settings: &str) -> rusqlite::Result<Self> {
        let conn = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        conn.busy_timeout(BUSY_WAIT)?;
        // Otherwise SQLite plans a query anew whenever a value changes, which takes longer than running it.
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        conn.execute_batch(settings)?;
        conn.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -32;")?;
        // SQLite took memory for pages before it knew how few there would be.
        conn.release_memory()?;
        conn.set_prepared_statement_cache_capacity(64);
        Ok(Self { conn, uses: 0 })
    }

    /// The connection, for one use.
    pub(super) fn used(&mut self) -> rusqlite::Result<&mut Connection> {
        self.uses = self.uses.saturating_add(1);
        if self.uses == USES_BEFORE_LARGE {
            self.conn.execute_batch("PRAGMA cache_size = -4096")?;
        }
        Ok(&mut self.conn)
    }

    /// The connection, for what does not count.
    pub(super) const fn conn(&self) -> &Connection {
        &self.conn
    }

    pub(super) fn close(self) -> rusqlite::Result<()> {
        self.conn.close().map_err(|(_, error)| error)
    }
}

/// The path made absolute, so that a later change of the working directory does not matter.
pub(super) fn absolute(path: &Path) -> Result<PathBuf, OpenError> {
    Ok(std::path::absolute(path)?)
}
