//! Stores that fail: what the client is told is true, and trying again does no harm.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bartab_auth::AuthStores;
use bartab_core::store::{
    Account, AccountStore, MemoryIdentity, ProfileChange, Rotation, RotationOutcome, Session, SessionStore, StoreError,
};
use bartab_core::{SessionId, Timestamp, UserId};
use serde_json::json;

use crate::world::{PASSWORD, World, config};

/// What goes wrong next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    AccountUnread,
    SessionUnmade,
    /// The answer to a rotation is lost, before or after it is written.
    RotationUnknown {
        written: bool,
    },
    PruneFails,
}

/// A memory store with faults.
#[derive(Clone, Default)]
struct Faulty {
    memory: Arc<MemoryIdentity>,
    fault: Arc<Mutex<Option<Fault>>>,
}

impl Faulty {
    async fn world() -> (World, Self) {
        let store = Self::default();
        let sessions = Arc::new(store.clone());
        let stores = AuthStores { accounts: sessions.clone(), sessions, keys: store.memory.clone() };
        (World::on(stores, config(), 1).await, store)
    }

    fn set(&self, fault: impl Into<Option<Fault>>) {
        *self.fault.lock().unwrap() = fault.into();
    }

    fn has(&self, fault: Fault) -> bool {
        *self.fault.lock().unwrap() == Some(fault)
    }

    fn unless(&self, fault: Fault) -> Result<(), StoreError> {
        if self.has(fault) { Err(StoreError::Unavailable(None)) } else { Ok(()) }
    }
}

#[async_trait]
impl AccountStore for Faulty {
    async fn create(&self, account: Account) -> Result<(), StoreError> {
        AccountStore::create(&*self.memory, account).await
    }

    async fn get(&self, user: UserId) -> Result<Option<Account>, StoreError> {
        self.unless(Fault::AccountUnread)?;
        AccountStore::get(&*self.memory, user).await
    }

    async fn find(&self, username_key: &str) -> Result<Option<Account>, StoreError> {
        self.memory.find(username_key).await
    }

    async fn change_profile(&self, user: UserId, change: ProfileChange) -> Result<Account, StoreError> {
        self.memory.change_profile(user, change).await
    }
}

#[async_trait]
impl SessionStore for Faulty {
    async fn create(&self, session: Session) -> Result<(), StoreError> {
        self.unless(Fault::SessionUnmade)?;
        SessionStore::create(&*self.memory, session).await
    }

    async fn get(&self, session: SessionId) -> Result<Option<Session>, StoreError> {
        SessionStore::get(&*self.memory, session).await
    }

    async fn list(&self, user: UserId, now: Timestamp, limit: usize) -> Result<Vec<Session>, StoreError> {
        SessionStore::list(&*self.memory, user, now, limit).await
    }

    async fn rotate(&self, rotation: Rotation) -> Result<RotationOutcome, StoreError> {
        if self.has(Fault::RotationUnknown { written: false }) {
            return Err(StoreError::OutcomeUnknown("lost".into()));
        }
        let outcome = self.memory.rotate(rotation).await?;
        if self.has(Fault::RotationUnknown { written: true }) {
            return Err(StoreError::OutcomeUnknown("lost".into()));
        }
        Ok(outcome)
    }

    async fn end(&self, user: UserId, session: SessionId, now: Timestamp) -> Result<bool, StoreError> {
        self.memory.end(user, session, now).await
    }

    async fn end_others(
        &self,
        user: UserId,
        keep: Option<SessionId>,
        now: Timestamp,
    ) -> Result<Vec<SessionId>, StoreError> {
        self.memory.end_others(user, keep, now).await
    }

    async fn ended_since(&self, since: Timestamp) -> Result<Vec<SessionId>, StoreError> {
        self.memory.ended_since(since).await
    }

    async fn prune(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.unless(Fault::PruneFails)?;
        self.memory.prune(before, limit).await
    }
}

#[tokio::test]
async fn a_refresh_that_cannot_read_the_account_spends_nothing() {
    let (world, store) = Faulty::world().await;
    let tokens = world.person("alice").await;
    store.set(Fault::AccountUnread);
    for _ in 0..2 {
        world.refresh(&tokens.refresh_token).await.assert_oauth(503, "temporarily_unavailable");
    }
    store.set(None);
    assert_eq!(world.refresh(&tokens.refresh_token).await.status, 200);
    // A spent token ends the session even so.
    store.set(Fault::AccountUnread);
    world.refresh(&tokens.refresh_token).await.assert_oauth(400, "invalid_grant");
    assert!(world.service.revocations().is_revoked(tokens.session_id));
}

#[tokio::test]
async fn a_rotation_of_unknown_outcome_is_told_as_such() {
    for (written, again) in [(false, 200), (true, 400)] {
        let (world, store) = Faulty::world().await;
        let tokens = world.person("alice").await;
        store.set(Fault::RotationUnknown { written });
        let answer = world.refresh(&tokens.refresh_token).await;
        answer.assert_oauth(504, "server_error");
        assert!(answer.text("error_description").starts_with("write.unknown"));
        store.set(None);
        assert_eq!(world.refresh(&tokens.refresh_token).await.status, again);
        assert_eq!(world.service.revocations().is_revoked(tokens.session_id), written);
    }
}

#[tokio::test]
async fn an_account_that_cannot_be_signed_in_is_not_said_to_be_unmade() {
    let (world, store) = Faulty::world().await;
    let body = json!({"username": "alice", "password": PASSWORD});
    store.set(Fault::SessionUnmade);
    world.post("/v1/auth/register", "", body.clone()).await.assert_problem(504, "write.unknown");
    // A login writes nothing but the session.
    world.post("/v1/auth/login", "", body.clone()).await.assert_problem(503, "store.unavailable");
    store.set(None);
    assert_eq!(world.post("/v1/auth/login", "", body).await.status, 200);
}

#[tokio::test]
async fn old_sessions_that_cannot_be_cleared_away_keep_nobody_out() {
    let (world, store) = Faulty::world().await;
    let alice = world.person("alice").await;
    store.set(Fault::PruneFails);
    for _ in 0..64 {
        world.service.auth().sign_in(alice.user_id, None).await.unwrap();
    }
}
