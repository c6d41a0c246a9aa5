//! State snapshots in memory.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use crate::store::{Snapshot, SnapshotStore, StoreError};

/// A snapshot that is gone when it is dropped.
#[derive(Debug, Default)]
pub struct MemorySnapshots(Mutex<Option<Snapshot>>);

impl MemorySnapshots {
    /// No snapshot yet.
    pub fn new() -> Self {
        Self::default()
    }
}

#[async_trait]
impl SnapshotStore for MemorySnapshots {
    async fn save(&self, snapshot: Snapshot) -> Result<(), StoreError> {
        let mut stored = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if stored.as_ref().is_none_or(|stored| stored.seq <= snapshot.seq) {
            *stored = Some(snapshot);
        }
        Ok(())
    }

    async fn load(&self) -> Result<Option<Snapshot>, StoreError> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }
}
