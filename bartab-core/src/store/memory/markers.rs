//! Read markers in memory.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::id::{RoomId, UserId};
use crate::store::{Marker, MarkerStore, StoreError};

/// Read markers that are gone when they are dropped.
#[derive(Debug, Default)]
pub struct MemoryMarkers(Mutex<BTreeMap<UserId, BTreeMap<RoomId, u64>>>);

impl MemoryMarkers {
    /// No marker yet.
    pub fn new() -> Self {
        Self::default()
    }

    fn markers(&self) -> MutexGuard<'_, BTreeMap<UserId, BTreeMap<RoomId, u64>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl MarkerStore for MemoryMarkers {
    async fn advance(&self, markers: &[Marker]) -> Result<(), StoreError> {
        let mut stored = self.markers();
        for marker in markers {
            let number = stored.entry(marker.user).or_default().entry(marker.room).or_default();
            *number = marker.number.max(*number);
        }
        Ok(())
    }

    async fn of_user(&self, user: UserId) -> Result<Vec<(RoomId, u64)>, StoreError> {
        Ok(self.markers().get(&user).into_iter().flatten().map(|(room, number)| (*room, *number)).collect())
    }
}
