//! OAuth clients and consents.

use std::ops::Bound;

use async_trait::async_trait;

use super::{MemoryIdentity, Records};
use crate::actor::Scopes;
use crate::id::UserId;
use crate::store::{AuditRecord, ClientStore, OAuthClient, SecretRotation, StoreError};

impl Records {
    fn change_client(
        &mut self,
        client_id: &str,
        audit: Option<AuditRecord>,
        change: impl FnOnce(&mut OAuthClient),
    ) -> Result<OAuthClient, StoreError> {
        let client = self.clients.get_mut(client_id).ok_or(StoreError::NotFound)?;
        change(client);
        let client = client.clone();
        self.audit(audit);
        Ok(client)
    }
}

#[async_trait]
impl ClientStore for MemoryIdentity {
    async fn create(&self, client: OAuthClient, audit: Option<AuditRecord>) -> Result<(), StoreError> {
        let mut records = self.records();
        if records.clients.contains_key(&client.client_id) {
            return Err(StoreError::Conflict);
        }
        records.clients.insert(client.client_id.clone(), client);
        records.audit(audit);
        Ok(())
    }

    async fn get(&self, client_id: &str) -> Result<Option<OAuthClient>, StoreError> {
        Ok(self.records().clients.get(client_id).cloned())
    }

    async fn list(&self, after: Option<&str>, limit: usize) -> Result<Vec<OAuthClient>, StoreError> {
        let records = self.records();
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let rest = records.clients.range::<str, _>((from, Bound::Unbounded));
        Ok(rest.take(limit).map(|(_, client)| client.clone()).collect())
    }

    async fn rotate_secret(
        &self,
        client_id: &str,
        rotation: SecretRotation,
        audit: Option<AuditRecord>,
    ) -> Result<OAuthClient, StoreError> {
        self.records().change_client(client_id, audit, |client| rotation.apply(client))
    }

    async fn set_scopes(
        &self,
        client_id: &str,
        scopes: Scopes,
        audit: Option<AuditRecord>,
    ) -> Result<OAuthClient, StoreError> {
        self.records().change_client(client_id, audit, |client| client.scopes = scopes)
    }

    async fn remove(&self, client_id: &str, audit: Option<AuditRecord>) -> Result<bool, StoreError> {
        let mut records = self.records();
        if records.clients.remove(client_id).is_none() {
            return Ok(false);
        }
        records.consents.retain(|(_, client), _| client != client_id);
        records.audit(audit);
        Ok(true)
    }

    async fn consent(&self, user: UserId, client_id: &str) -> Result<Scopes, StoreError> {
        Ok(self.records().consents.get(&(user, client_id.to_owned())).copied().unwrap_or_default())
    }

    async fn allow(&self, user: UserId, client_id: &str, scopes: Scopes) -> Result<(), StoreError> {
        let mut records = self.records();
        if !records.clients.contains_key(client_id) {
            return Err(StoreError::NotFound);
        }
        let allowed = records.consents.entry((user, client_id.to_owned())).or_default();
        *allowed = allowed.union(scopes);
        Ok(())
    }

    async fn withdraw(&self, user: UserId, client_id: Option<&str>) -> Result<(), StoreError> {
        let gone = |other: UserId, client: &str| other == user && client_id.is_none_or(|client_id| client_id == client);
        self.records().consents.retain(|(other, client), _| !gone(*other, client));
        Ok(())
    }
}
