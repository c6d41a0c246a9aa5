//! Sessions.

use std::cmp::Reverse;

use async_trait::async_trait;

use super::MemoryIdentity;
use crate::id::{SessionId, UserId};
use crate::store::{Rotation, RotationOutcome, Session, SessionStore, StoreError};
use crate::time::Timestamp;

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

    async fn list(
        &self,
        user: UserId,
        before: Option<SessionId>,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Session>, StoreError> {
        let records = self.records();
        let mut live: Vec<&Session> = records
            .sessions
            .values()
            .filter(|session| session.user_id == user && session.is_live(now))
            .filter(|session| before.is_none_or(|before| session.session_id < before))
            .collect();
        live.sort_by_key(|session| Reverse(session.session_id));
        Ok(live.into_iter().take(limit).cloned().collect())
    }

    async fn rename(
        &self,
        user: UserId,
        session: SessionId,
        name: Option<String>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut records = self.records();
        let session = records.sessions.get_mut(&session);
        let Some(session) = session.filter(|session| session.user_id == user && session.is_live(now)) else {
            return Ok(false);
        };
        session.device_name = name;
        Ok(true)
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

    async fn end_of_client(&self, client_id: &str, now: Timestamp) -> Result<Vec<SessionId>, StoreError> {
        let mut ended = Vec::new();
        for session in self.records().sessions.values_mut() {
            if session.client_id == client_id && session.is_live(now) {
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
