//! Signing keys.

use async_trait::async_trait;

use super::MemoryIdentity;
use crate::store::{AuditRecord, KeyChange, KeyStore, SigningKey, StoreError};

#[async_trait]
impl KeyStore for MemoryIdentity {
    async fn list(&self) -> Result<Vec<SigningKey>, StoreError> {
        Ok(self.records().keys.clone())
    }

    async fn change(&self, change: KeyChange, audit: Option<AuditRecord>) -> Result<Vec<SigningKey>, StoreError> {
        let mut records = self.records();
        let taken = |key: &SigningKey| records.keys.iter().any(|other| other.kid == key.kid);
        if change.insert.iter().any(taken) || !change.apply(&mut records.keys) {
            return Err(StoreError::Conflict);
        }
        records.audit(audit);
        Ok(records.keys.clone())
    }
}
