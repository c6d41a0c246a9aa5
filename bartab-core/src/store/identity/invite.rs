//! Invites: codes that let people make accounts.

use async_trait::async_trait;

use crate::actor::TenantRole;
use crate::id::{InviteId, RoomId, UserId};
use crate::store::{AuditRecord, StoreError, TokenHash};
use crate::time::Timestamp;

/// The record of an invite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invite {
    /// Which invite.
    pub invite_id: InviteId,
    /// The code that is handed out.
    pub code: TokenHash,
    /// Who made it; `None`: the operator.
    pub created_by: Option<UserId>,
    /// The role of those who come by it.
    pub role: TenantRole,
    /// The rooms that they join.
    pub rooms: Vec<RoomId>,
    /// How many may come by it; `None`: any number.
    pub max_uses: Option<u32>,
    /// How many have.
    pub uses: u32,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on nobody comes by it any more.
    pub expires_at: Option<Timestamp>,
    /// When it was taken back.
    pub revoked_at: Option<Timestamp>,
}

impl Invite {
    /// Whether somebody can come by it at `now`.
    pub fn is_usable(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none()
            && self.expires_at.is_none_or(|end| now < end)
            && self.max_uses.is_none_or(|most| self.uses < most)
    }
}

/// The invites of a tenant. They are used by [`AccountStore::create`](crate::store::AccountStore::create).
#[async_trait]
pub trait InviteStore: Send + Sync + 'static {
    /// Stores the invite, and what the audit trail says of it, durably, or nothing of it.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the id or the code is taken.
    async fn create(&self, invite: Invite, audit: Option<AuditRecord>) -> Result<(), StoreError>;

    /// Gives the invite with this code, usable or not.
    async fn find(&self, code: &TokenHash) -> Result<Option<Invite>, StoreError>;

    /// Gives up to `limit` invites by falling id, from the first one below `before` on; only those that `created_by`
    /// made, when it is given.
    async fn list(
        &self,
        created_by: Option<UserId>,
        before: Option<InviteId>,
        limit: usize,
    ) -> Result<Vec<Invite>, StoreError>;

    /// Takes the invite back at `now`, durably, if it has not been, and if `created_by` made it when that is given;
    /// answers whether it did. `audit` is written only then.
    async fn revoke(
        &self,
        invite: InviteId,
        created_by: Option<UserId>,
        now: Timestamp,
        audit: Option<AuditRecord>,
    ) -> Result<bool, StoreError>;
}
