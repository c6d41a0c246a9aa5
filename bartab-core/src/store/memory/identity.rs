//! Identity in memory.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::id::{SessionId, UserId};
use crate::store::{
    Account, AccountStore, KeyState, KeyStore, ProfileChange, Rotation, RotationOutcome, Session, SessionStore,
    SigningKey, StoreError,
};
use crate::time::Timestamp;

/// Accounts, sessions and keys of one tenant, gone when it is dropped.
#[derive(Default)]
pub struct MemoryIdentity(Mutex<Records>);

#[derive(Default)]
struct Records {
    accounts: BTreeMap<UserId, Account>,
    usernames: BTreeMap<String, UserId>,
    sessions: BTreeMap<SessionId, Session>,
    keys: Vec<SigningKey>,
}

impl MemoryIdentity {
    /// A tenant nobody belongs to yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// No method leaves the records half changed, so a panic elsewhere while they were held does no harm.
    fn records(&self) -> MutexGuard<'_, Records> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MemoryIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let records = self.records();
        f.debug_struct("MemoryIdentity")
            .field("accounts", &records.accounts.len())
            .field("sessions", &records.sessions.len())
            .field("keys", &records.keys.len())
            .finish()
    }
}

#[async_trait]
impl AccountStore for MemoryIdentity {
    async fn create(&self, account: Account) -> Result<(), StoreError> {
        let mut records = self.records();
        if records.accounts.contains_key(&account.user_id) || records.usernames.contains_key(&account.username_key) {
            return Err(StoreError::Conflict);
        }
        records.usernames.insert(account.username_key.clone(), account.user_id);
        records.accounts.insert(account.user_id, account);
        Ok(())
    }

    async fn get(&self, user: UserId) -> Result<Option<Account>, StoreError> {
        Ok(self.records().accounts.get(&user).cloned())
    }

    async fn find(&self, username_key: &str) -> Result<Option<Account>, StoreError> {
        let records = self.records();
        Ok(records.usernames.get(username_key).and_then(|user| records.accounts.get(user)).cloned())
    }

    async fn change_profile(&self, user: UserId, change: ProfileChange) -> Result<Account, StoreError> {
        let mut records = self.records();
        let account = records.accounts.get_mut(&user).ok_or(StoreError::NotFound)?;
        change.apply(account);
        Ok(account.clone())
    }
}

#[async_trait]
impl SessionStore for MemoryIdentity {
    async fn create(&self, session: Session) -> Result<(), StoreError> {
        let mut records = self.records();
        if records.sessions.contains_key(&session.session_id) {
            return Err(StoreError::Conflict);
        }
        records.sessions.insert(session.session_id, session);
        Ok(())
    }

    async fn get(&self, session: SessionId) -> Result<Option<Session>, StoreError> {
        Ok(self.records().sessions.get(&session).cloned())
    }

    async fn list(&self, user: UserId, now: Timestamp, limit: usize) -> Result<Vec<Session>, StoreError> {
        let records = self.records();
        let mut live: Vec<&Session> =
            records.sessions.values().filter(|session| session.user_id == user && session.is_live(now)).collect();
        live.sort_by_key(|session| std::cmp::Reverse((session.created_at, session.session_id)));
        Ok(live.into_iter().take(limit).cloned().collect())
    }

    async fn rotate(&self, rotation: Rotation) -> Result<RotationOutcome, StoreError> {
        let mut records = self.records();
        let session = records.sessions.get_mut(&rotation.session_id);
        Ok(session.map_or(RotationOutcome::Refused, |session| session.rotate(&rotation)))
    }

    async fn end(&self, user: UserId, session: SessionId, now: Timestamp) -> Result<bool, StoreError> {
        let mut records = self.records();
        let session = records.sessions.get_mut(&session);
        let Some(session) = session.filter(|session| session.user_id == user && session.ended_at.is_none()) else {
            return Ok(false);
        };
        session.ended_at = Some(now);
        Ok(true)
    }

    async fn end_others(
        &self,
        user: UserId,
        keep: Option<SessionId>,
        now: Timestamp,
    ) -> Result<Vec<SessionId>, StoreError> {
        let mut ended = Vec::new();
        for session in self.records().sessions.values_mut() {
            if session.user_id == user && Some(session.session_id) != keep && session.is_live(now) {
                session.ended_at = Some(now);
                ended.push(session.session_id);
            }
        }
        Ok(ended)
    }

    async fn ended_since(&self, since: Timestamp) -> Result<Vec<SessionId>, StoreError> {
        let records = self.records();
        let ended = records.sessions.values().filter(|session| session.ended_at.is_some_and(|at| at >= since));
        Ok(ended.map(|session| session.session_id).collect())
    }

    async fn prune(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let mut records = self.records();
        let over = |session: &&Session| session.expires_at < before || session.ended_at.is_some_and(|at| at < before);
        let gone: Vec<SessionId> =
            records.sessions.values().filter(over).take(limit).map(|session| session.session_id).collect();
        for session in &gone {
            records.sessions.remove(session);
        }
        Ok(gone.len())
    }
}

#[async_trait]
impl KeyStore for MemoryIdentity {
    async fn list(&self) -> Result<Vec<SigningKey>, StoreError> {
        Ok(self.records().keys.clone())
    }

    async fn ensure_active(&self, key: SigningKey) -> Result<Vec<SigningKey>, StoreError> {
        let mut records = self.records();
        if !records.keys.iter().any(|key| key.state == KeyState::Active) {
            if records.keys.iter().any(|known| known.kid == key.kid) {
                return Err(StoreError::Conflict);
            }
            records.keys.push(key);
            records.keys.sort_by_key(|key| key.created_at);
        }
        Ok(records.keys.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::MemoryIdentity;
    use crate::store::conformance::identity::IdentityStores;

    async fn open(_name: &str) -> ((), IdentityStores) {
        let identity = Arc::new(MemoryIdentity::new());
        ((), IdentityStores { accounts: identity.clone(), sessions: identity.clone(), keys: identity })
    }

    crate::identity_conformance!(open);
}
