//! The audit trail.

use async_trait::async_trait;

use super::MemoryIdentity;
use crate::store::{AuditEntry, AuditFilter, AuditRecord, AuditStore, StoreError};

#[async_trait]
impl AuditStore for MemoryIdentity {
    async fn append(&self, record: AuditRecord) -> Result<(), StoreError> {
        self.records().audit(Some(record));
        Ok(())
    }

    async fn list(
        &self,
        filter: &AuditFilter,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let records = self.records();
        let rest = records.audit.iter().rev().filter(|entry| before.is_none_or(|before| entry.number < before));
        Ok(rest.filter(|entry| filter.admits(entry)).take(limit).cloned().collect())
    }
}
