//! Invites.

use async_trait::async_trait;

use super::MemoryIdentity;
use crate::id::{InviteId, UserId};
use crate::store::{AuditRecord, Invite, InviteStore, StoreError, TokenHash};
use crate::time::Timestamp;

#[async_trait]
impl InviteStore for MemoryIdentity {
    async fn create(&self, invite: Invite, audit: Option<AuditRecord>) -> Result<(), StoreError> {
        let mut records = self.records();
        let taken = records.invites.values().any(|other| other.code == invite.code);
        if taken || records.invites.contains_key(&invite.invite_id) {
            return Err(StoreError::Conflict);
        }
        records.invites.insert(invite.invite_id, invite);
        records.audit(audit);
        Ok(())
    }

    async fn find(&self, code: &TokenHash) -> Result<Option<Invite>, StoreError> {
        Ok(self.records().invites.values().find(|invite| invite.code == *code).cloned())
    }

    async fn list(
        &self,
        created_by: Option<UserId>,
        before: Option<InviteId>,
        limit: usize,
    ) -> Result<Vec<Invite>, StoreError> {
        let records = self.records();
        let rest =
            records.invites.values().rev().filter(|invite| before.is_none_or(|before| invite.invite_id < before));
        let own = rest.filter(|invite| created_by.is_none() || invite.created_by == created_by);
        Ok(own.take(limit).cloned().collect())
    }

    async fn revoke(
        &self,
        invite: InviteId,
        created_by: Option<UserId>,
        now: Timestamp,
        audit: Option<AuditRecord>,
    ) -> Result<bool, StoreError> {
        let mut records = self.records();
        let invite = records
            .invites
            .get_mut(&invite)
            .filter(|invite| invite.revoked_at.is_none() && (created_by.is_none() || invite.created_by == created_by));
        let Some(invite) = invite else { return Ok(false) };
        invite.revoked_at = Some(now);
        records.audit(audit);
        Ok(true)
    }
}
