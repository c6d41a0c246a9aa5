//! The port of read markers, which are not in the log.

use async_trait::async_trait;

use super::error::StoreError;
use crate::id::{RoomId, UserId};

/// How far somebody has read a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marker {
    /// Who.
    pub user: UserId,
    /// Where.
    pub room: RoomId,
    /// The number of the last message read.
    pub number: u64,
}

/// Read markers, one per person and room.
#[async_trait]
pub trait MarkerStore: Send + Sync + 'static {
    /// Moves each marker forward, durably; one that is already further stays where it is.
    async fn advance(&self, markers: &[Marker]) -> Result<(), StoreError>;

    /// Gives every marker of `user`.
    async fn of_user(&self, user: UserId) -> Result<Vec<(RoomId, u64)>, StoreError>;
}
