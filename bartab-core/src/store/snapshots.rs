//! The port of state snapshots: what makes opening a long log quick.

use async_trait::async_trait;

use super::error::StoreError;

/// A state of the tenant, encoded by the service that holds it; it carries no content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The position of the last event in it.
    pub seq: u64,
    /// The format of the bytes; a service drops one that it does not know.
    pub format: u32,
    /// The state.
    pub bytes: Vec<u8>,
}

/// The newest snapshot of a tenant's state.
#[async_trait]
pub trait SnapshotStore: Send + Sync + 'static {
    /// Replaces the snapshot, unless the stored one is newer.
    async fn save(&self, snapshot: Snapshot) -> Result<(), StoreError>;

    /// Gives the newest snapshot; losing it costs time, never data.
    async fn load(&self) -> Result<Option<Snapshot>, StoreError>;
}
