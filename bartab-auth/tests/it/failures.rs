//! Stores that fail: what the client is told is true, and trying again does no harm.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bartab_auth::{AuthStores, NewAccount};
use bartab_core::store::{
    Account, AccountChange, AccountFilter, AccountStore, Admission, AuditRecord, ExternalIdentity, MemoryIdentity,
    Rotation, RotationOutcome, SecondFactorChange, Session, SessionStore, StoreError, TotpSecret,
};
use bartab_core::{SessionId, Timestamp, UserId};
use serde_json::json;

use crate::world::{PASSWORD, World, config};

/// What goes wrong next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    AccountUnread,
    AccountUnchanged,
    SessionUnmade,
    /// The password is taken from the account just before a session of it is stored.
    PasswordTaken,
    /// The access of the account is taken back just before a session of it is stored.
    AccessRevoked,
    /// Another second factor is begun just before a change of the account is written.
    BegunAnew,
    /// The answer to a rotation is lost, before or after it is written.
    RotationUnknown {
        written: bool,
    },
    /// The answer to a change of an account is lost, before or after it is written.
    ChangeUnknown {
        written: bool,
    },
    AccountsUnlisted,
    SessionsUnended,
    /// What is written stands, and the answer takes its time.
    SlowToAnswer,
    PruneFails,
    /// The password is taken away, or all sessions end, once the account has been read so often.
    OvertakenAfter {
        reads: u8,
        password: bool,
    },
}

/// A memory store with faults.
#[derive(Clone, Default)]
pub(crate) struct Faulty {
    memory: Arc<MemoryIdentity>,
    fault: Arc<Mutex<Option<Fault>>>,
}

impl Faulty {
    pub(crate) async fn world() -> (World, Self) {
        let store = Self::default();
        let sessions = Arc::new(store.clone());
        let stores = AuthStores { accounts: sessions.clone(), sessions, ..AuthStores::of(store.memory.clone()) };
        (World::on(stores, config(), 1).await, store)
    }

    pub(crate) fn set(&self, fault: impl Into<Option<Fault>>) {
        *self.fault.lock().unwrap() = fault.into();
    }

    fn has(&self, fault: Fault) -> bool {
        *self.fault.lock().unwrap() == Some(fault)
    }

    async fn answer<T>(&self, answer: T) -> T {
        if self.has(Fault::SlowToAnswer) {
            tokio::task::yield_now().await;
        }
        answer
    }

    fn unless(&self, fault: Fault) -> Result<(), StoreError> {
        if self.has(fault) { Err(StoreError::Unavailable(None)) } else { Ok(()) }
    }
}

#[async_trait]
impl AccountStore for Faulty {
    async fn create(&self, account: Account, admission: Admission) -> Result<(), StoreError> {
        AccountStore::create(&*self.memory, account, admission).await
    }

    async fn get(&self, user: UserId) -> Result<Option<Account>, StoreError> {
        self.unless(Fault::AccountUnread)?;
        let account = AccountStore::get(&*self.memory, user).await?;
        let fault = *self.fault.lock().unwrap();
        if let Some(Fault::OvertakenAfter { reads, password }) = fault {
            self.set((reads > 1).then(|| Fault::OvertakenAfter { reads: reads - 1, password }));
            let now = Timestamp::from_secs(1_750_000_000);
            match (reads, password) {
                (1, true) => {
                    AccountStore::change(&*self.memory, user, AccountChange::Password(None), now, None).await?;
                }
                (1, false) => drop(self.memory.end_others(user, None, now).await?),
                _ => {}
            }
        }
        Ok(account)
    }

    async fn find(&self, username_key: &str) -> Result<Option<Account>, StoreError> {
        self.memory.find(username_key).await
    }

    async fn find_external(&self, identity: &ExternalIdentity) -> Result<Option<Account>, StoreError> {
        self.memory.find_external(identity).await
    }

    async fn external_identities(&self, user: UserId) -> Result<Vec<ExternalIdentity>, StoreError> {
        self.memory.external_identities(user).await
    }

    async fn link(
        &self,
        user: UserId,
        identity: ExternalIdentity,
        audit: Option<AuditRecord>,
    ) -> Result<(), StoreError> {
        self.memory.link(user, identity, audit).await
    }

    async fn unlink(&self, user: UserId, issuer: &str, audit: Option<AuditRecord>) -> Result<bool, StoreError> {
        self.memory.unlink(user, issuer, audit).await
    }

    async fn list(
        &self,
        filter: &AccountFilter,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<Account>, StoreError> {
        self.unless(Fault::AccountsUnlisted)?;
        AccountStore::list(&*self.memory, filter, after, limit).await
    }

    async fn change(
        &self,
        user: UserId,
        change: AccountChange,
        at: Timestamp,
        audit: Option<AuditRecord>,
    ) -> Result<Account, StoreError> {
        self.unless(Fault::AccountUnchanged)?;
        if self.has(Fault::BegunAnew) {
            let begun = AccountChange::SecondFactor(SecondFactorChange::Begin(TotpSecret::new(vec![7; 21])));
            AccountStore::change(&*self.memory, user, begun, at, None).await?;
        }
        for written in [false, true] {
            if self.has(Fault::ChangeUnknown { written }) {
                if written {
                    AccountStore::change(&*self.memory, user, change, at, audit).await?;
                }
                return Err(StoreError::OutcomeUnknown("lost".into()));
            }
        }
        AccountStore::change(&*self.memory, user, change, at, audit).await
    }

    async fn rights_changed_since(&self, since: Timestamp) -> Result<Vec<(UserId, u64)>, StoreError> {
        self.memory.rights_changed_since(since).await
    }
}

#[async_trait]
impl SessionStore for Faulty {
    async fn create(&self, session: Session) -> Result<(), StoreError> {
        self.unless(Fault::SessionUnmade)?;
        for (fault, change) in
            [(Fault::PasswordTaken, AccountChange::Password(None)), (Fault::AccessRevoked, AccountChange::Revoke)]
        {
            if !self.has(fault) {
                continue;
            }
            AccountStore::change(&*self.memory, session.user_id, change, session.created_at, None).await?;
        }
        SessionStore::create(&*self.memory, session).await
    }

    async fn get(&self, session: SessionId) -> Result<Option<Session>, StoreError> {
        SessionStore::get(&*self.memory, session).await
    }

    async fn list(
        &self,
        user: UserId,
        before: Option<SessionId>,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Session>, StoreError> {
        SessionStore::list(&*self.memory, user, before, now, limit).await
    }

    async fn rename(
        &self,
        user: UserId,
        session: SessionId,
        name: Option<String>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.memory.rename(user, session, name, now).await
    }

    async fn rotate(&self, rotation: Rotation) -> Result<RotationOutcome, StoreError> {
        if self.has(Fault::RotationUnknown { written: false }) {
            return Err(StoreError::OutcomeUnknown("lost".into()));
        }
        let outcome = self.answer(self.memory.rotate(rotation).await?).await;
        if self.has(Fault::RotationUnknown { written: true }) {
            return Err(StoreError::OutcomeUnknown("lost".into()));
        }
        Ok(outcome)
    }

    async fn end(&self, user: UserId, session: SessionId, now: Timestamp) -> Result<bool, StoreError> {
        self.answer(self.memory.end(user, session, now).await).await
    }

    async fn end_others(
        &self,
        user: UserId,
        keep: Option<SessionId>,
        now: Timestamp,
    ) -> Result<Vec<SessionId>, StoreError> {
        self.unless(Fault::SessionsUnended)?;
        self.answer(self.memory.end_others(user, keep, now).await).await
    }

    async fn end_of_client(&self, client_id: &str, now: Timestamp) -> Result<Vec<SessionId>, StoreError> {
        self.unless(Fault::SessionsUnended)?;
        self.answer(self.memory.end_of_client(client_id, now).await).await
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
    // Nor does giving a lost answer again; after its time, a spent token ends the session even so.
    store.set(Fault::AccountUnread);
    world.refresh(&tokens.refresh_token).await.assert_oauth(503, "temporarily_unavailable");
    world.advance(30);
    world.refresh(&tokens.refresh_token).await.assert_oauth(400, "invalid_grant");
    assert!(world.service.revocations().is_revoked(tokens.session_id));
}

#[tokio::test]
async fn a_rotation_of_unknown_outcome_is_told_as_such() {
    for written in [false, true] {
        let (world, store) = Faulty::world().await;
        let tokens = world.person("alice").await;
        store.set(Fault::RotationUnknown { written });
        let answer = world.refresh(&tokens.refresh_token).await;
        answer.assert_oauth(504, "server_error");
        assert!(answer.text("error_description").starts_with("write.unknown"));
        store.set(None);
        let again = world.refresh(&tokens.refresh_token).await;
        assert_eq!(again.status, 200);
        assert_eq!(world.refresh(&again.text("refresh_token")).await.status, 200);
        assert!(!world.service.revocations().is_revoked(tokens.session_id));
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
async fn a_sign_in_that_a_reset_overtakes_comes_to_nothing() {
    let (world, store) = Faulty::world().await;
    let alice = world.person("alice").await;
    store.set(Fault::PasswordTaken);
    let body = json!({"username": "alice", "password": PASSWORD});
    world.post("/v1/auth/login", "", body).await.assert_problem(401, "auth.bad_credentials");
    let live = SessionStore::list(&*store.memory, alice.user_id, None, Timestamp::from_secs(0), 10).await.unwrap();
    let live: Vec<_> = live.iter().map(|session| session.session_id).collect();
    assert_eq!(live, [alice.session_id]);
}

#[tokio::test]
async fn a_reset_overtakes_the_sign_in_of_somebody_without_a_password_as_well() {
    let (world, store) = Faulty::world().await;
    let auth = world.service.auth();
    let new = NewAccount { password: None, ..NewAccount::member("eva", "") };
    let eva = auth.create_account(new).await.unwrap();
    store.set(Fault::AccessRevoked);
    let refused = auth.sign_in(eva.user_id, None).await.unwrap_err().to_problem();
    assert_eq!((refused.status, refused.code), (401, "auth.bad_credentials"));
    let live = SessionStore::list(&*store.memory, eva.user_id, None, Timestamp::from_secs(0), 10).await.unwrap();
    assert_eq!(live, []);
    store.set(None);
    assert!(auth.sign_in(eva.user_id, None).await.is_ok());
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

#[tokio::test]
async fn a_change_of_password_that_was_overtaken_sets_nothing() {
    for password in [true, false] {
        let (world, store) = Faulty::world().await;
        let alice = world.person("alice").await;
        let before = world.service.auth().account(alice.user_id).await.unwrap().password;
        // After the reads of the proof, while the new password is hashed.
        store.set(Fault::OvertakenAfter { reads: 2, password });
        let body = json!({"current": PASSWORD, "new": "quite another password"});
        let answer = world.post("/v1/me/password", &alice.access_token, body).await;
        answer.assert_problem(400, "request.invalid");
        assert_eq!(answer.wrong_field(), ("/current".to_owned(), "wrong".to_owned()));
        let after = world.service.auth().account(alice.user_id).await.unwrap().password;
        assert_eq!(after, before.filter(|_| !password));
    }
}
