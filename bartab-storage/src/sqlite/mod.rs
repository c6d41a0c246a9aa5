//! One tenant in one SQLite file.
//!
//! All ports of a tenant share one writer, which commits whatever waits in one transaction, and a few readers. Work
//! runs on tokio's blocking pool: a store that nobody uses owns no thread and no task.

mod accounts;
mod audit;
mod checkpoint;
mod clients;
mod error;
mod feed;
mod housekeeping;
mod invites;
mod job;
mod keys;
mod log;
mod markers;
mod media;
mod migrate;
mod open;
mod options;
mod places;
mod readers;
mod rows;
mod sessions;
mod signing_keys;
mod slots;
mod snapshots;
#[cfg(test)]
mod tests;
mod texts;
mod tickets;
mod transaction;
mod writer;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bartab_core::Random;
use bartab_core::event::Digest;
use bartab_core::store::{BoxError, StoreError};
use rusqlite::Connection;

pub use open::OpenError;
pub use options::SqliteOptions;

use self::error::Failure;
use self::job::Work;
use self::keys::Keys;
use self::open::Link;
use self::readers::Readers;
use self::writer::{Order, Writer};

/// Every port of one tenant, in one file; clones are handles of the same store.
///
/// Dropping the last handle closes the file as well, but then the next opening reads the log's tail:
/// [`SqliteStore::close`] is the tidy way.
#[derive(Clone)]
pub struct SqliteStore(Arc<Tenant>);

struct Tenant {
    path: PathBuf,
    genesis: Digest,
    keys: Arc<Keys>,
    readers: Readers,
    writer: Arc<Writer>,
    idle_after: std::time::Duration,
    /// Counts reads and writes, so that housekeeping sees when there are none.
    uses: AtomicU64,
    housekeeping: AtomicBool,
}

impl SqliteStore {
    /// Opens the tenant's file at `path`, and makes it if there is none; its folder must exist.
    ///
    /// The folder is locked until the store is closed or dropped. `random` gives a new log its identity. Must be called
    /// in a tokio runtime with time.
    ///
    /// # Errors
    /// [`OpenError::InUse`] when somebody has it open, [`OpenError::Newer`] when a newer program wrote it.
    pub async fn open(path: impl AsRef<Path>, options: SqliteOptions, random: &dyn Random) -> Result<Self, OpenError> {
        let path = open::absolute(path.as_ref())?;
        let mut log_id = [0; 16];
        random.fill(&mut log_id);
        let task = tokio::task::spawn_blocking(move || Self::open_blocking(path, options, log_id));
        task.await.map_err(|error| OpenError::Failed(error.into()))?
    }

    fn open_blocking(path: PathBuf, options: SqliteOptions, log_id: [u8; 16]) -> Result<Self, OpenError> {
        let lock = open::lock(&path)?;
        open::create(&path)?;
        open::inspect(&path)?;
        let mut link = Link::write(&path)?;
        let conn = link.used()?;
        migrate::migrate(conn, &log_id)?;
        let log_id: [u8; 16] = conn.query_row("SELECT value FROM meta WHERE name = 'log_id'", [], |row| row.get(0))?;
        let keys = Arc::new(Keys::default());
        keys.load(conn).map_err(open_failed)?;
        // The next write opens it again: most tenants of a start are not written to for a while.
        link.close()?;
        let writer = Writer::new(path.clone(), lock, options.queue, keys.clone());
        Ok(Self(Arc::new(Tenant {
            genesis: Digest::genesis(&log_id),
            keys,
            readers: Readers::new(path.clone(), options.readers),
            writer: Arc::new(writer),
            path,
            idle_after: options.idle_after,
            uses: AtomicU64::new(0),
            housekeeping: AtomicBool::new(false),
        })))
    }

    /// Finishes what waits, brings the caches up to date, closes the file and gives the folder free.
    ///
    /// Whatever is asked of the store afterwards is answered [`StoreError::Unavailable`].
    pub async fn close(&self) {
        self.0.readers.close().await;
        self.0.writer.order(Order::Close).await;
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Work<'_>) -> Result<T, Failure> + Send + 'static,
    {
        self.used();
        self.0.writer.write(work).await
    }

    async fn read<T, F>(&self, read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    {
        self.used();
        self.0.readers.read(read).await
    }

    /// Makes the filter of idempotency keys in the background: nobody waits for it.
    fn build_filter(&self) {
        let store = self.clone();
        tokio::spawn(async move {
            let keys = store.0.keys.clone();
            if let Err(error) = store.read(move |conn| keys.build_filter(conn)).await {
                tracing::warn!(%error, "idempotency keys are looked up in the file");
            }
        });
    }

    /// Counts a use; the first after a rest starts the housekeeping.
    fn used(&self) {
        self.0.uses.fetch_add(1, Ordering::Relaxed);
        if !self.0.housekeeping.load(Ordering::Acquire) && !self.0.housekeeping.swap(true, Ordering::AcqRel) {
            let stuck = self.0.writer.stuck();
            tokio::spawn(housekeeping::run(Arc::downgrade(&self.0), stuck, self.0.idle_after));
        }
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").field("path", &self.0.path).finish_non_exhaustive()
    }
}

fn open_failed(failure: Failure) -> OpenError {
    match failure {
        Failure::Sqlite(error) => error.into(),
        Failure::Store(StoreError::Backend(source)) => OpenError::Damaged(source),
        Failure::Store(error) => OpenError::Failed(BoxError::from(error)),
    }
}
