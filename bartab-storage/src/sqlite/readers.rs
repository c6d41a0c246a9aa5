//! The connections that read: opened when first needed, each used by one read at a time.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use bartab_core::store::StoreError;
use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::error::Failure;
use super::open::Link;

/// A bounded pool of read connections.
pub(super) struct Readers {
    path: PathBuf,
    limit: u32,
    permits: Arc<Semaphore>,
    /// The last one put back is the first one taken: its cache is warm, and the others can be dropped.
    idle: Arc<Mutex<Vec<Link>>>,
}

impl Readers {
    pub(super) fn new(path: PathBuf, limit: usize) -> Self {
        let limit = u32::try_from(limit.clamp(1, 64)).unwrap_or(1);
        let permits = Arc::new(Semaphore::new(limit as usize));
        Self { path, limit, permits, idle: Arc::default() }
    }

    /// Runs `read` on the blocking pool, with a connection that nobody else uses.
    pub(super) async fn read<T, F>(&self, read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    {
        let permit = self.permits.clone().acquire_owned().await.map_err(|_| StoreError::Unavailable(None))?;
        let (path, idle) = (self.path.clone(), self.idle.clone());
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let taken = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut link = match taken {
                Some(link) => link,
                None => Link::read(&path).map_err(Failure::from)?,
            };
            let answer = read(link.used().map_err(Failure::from)?);
            // A connection that is in the middle of something would keep a snapshot, and with it the WAL, for ever.
            if link.conn().is_autocommit() {
                idle.lock().unwrap_or_else(PoisonError::into_inner).push(link);
            }
            Ok(answer?)
        });
        match task.await {
            Ok(answer) => answer,
            Err(error) => Err(StoreError::backend(error)),
        }
    }

    /// Closes the connections that are not in use now.
    pub(super) fn release(&self) {
        let idle = std::mem::take(&mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner));
        drop(idle);
    }

    /// Whether a read runs now.
    pub(super) fn is_busy(&self) -> bool {
        self.permits.available_permits() < self.limit as usize
    }

    /// Waits for the reads that run, and refuses every later one.
    pub(super) async fn close(&self) {
        let all = self.permits.acquire_many(self.limit).await;
        self.permits.close();
        drop(all);
        self.release();
    }
}

/// Runs several statements on one snapshot.
pub(super) fn snapshot<T>(conn: &Connection, read: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    conn.prepare_cached("BEGIN")?.execute([])?;
    let answer = read();
    // Whoever leaves without getting here leaves a connection that is not used again.
    conn.prepare_cached("COMMIT")?.execute([])?;
    answer
}
