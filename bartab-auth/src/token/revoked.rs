//! Which sessions ended, and whose rights shrank, while access tokens of theirs are still about.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bartab_core::store::{AuditFilter, StoreError};
use bartab_core::{SessionId, Timestamp, UserId};

use crate::auth::AuthStores;
use crate::clients::REMOVED;

/// So many sessions, and so many accounts, are remembered one by one.
const CAPACITY: usize = 16 * 1024;
/// A token can be made a moment after the rights that it was made by were read: so much later, at most, does it run out.
const SLACK: Duration = Duration::from_secs(60);

/// No token of a client for itself says as much: the `rights_rev` of them all is 0.
pub(crate) const SERVICE_GONE: u64 = 1;
/// So many entries of the audit trail are read in one go.
const PAGE: usize = 200;

type Listener<T> = Box<dyn Fn(T) + Send + Sync>;

/// The sessions that ended, and the accounts whose rights shrank, within the life of an access token.
///
/// A session that ends is refused at once in this process, and whoever listens is told, so that what waits in its name
/// can be let go. It is remembered until its last access token has run out by itself. Should more sessions end within
/// that time than are remembered, every token made before that moment is refused: clients then refresh, and nobody
/// whose session has ended gets in.
#[derive(Clone, Default)]
pub struct Revocations(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// Whether there is anything to look up: nearly always not, and then a request takes no lock.
    any: AtomicBool,
    ended: RwLock<Ended>,
    listeners: RwLock<Vec<Listener<SessionId>>>,
    user_listeners: RwLock<Vec<Listener<UserId>>>,
}

#[derive(Default)]
struct Ended {
    /// When each session's last access token runs out.
    until: HashMap<SessionId, Timestamp>,
    /// The least `rights_rev` that a token of each account must have, and when the last one with less runs out.
    users: HashMap<UserId, (u64, Timestamp)>,
    /// No token that was made up to then is good.
    floor: Option<Timestamp>,
}

impl Revocations {
    /// Calls `listener` for every session that ends from now on, after its end is durable.
    ///
    /// It is called on the task that ended the session and must not block. It stays for as long as the service does.
    pub fn on_revoked(&self, listener: impl Fn(SessionId) + Send + Sync + 'static) {
        self.0.listeners.write().unwrap_or_else(PoisonError::into_inner).push(Box::new(listener));
    }

    /// Calls `listener` for every account whose access tokens up to now are good no more, after that is durable: what
    /// waits in its name has to ask again with new ones, if it gets any.
    ///
    /// It is called on the task that did it and must not block. It stays for as long as the service does.
    pub fn on_user_revoked(&self, listener: impl Fn(UserId) + Send + Sync + 'static) {
        self.0.user_listeners.write().unwrap_or_else(PoisonError::into_inner).push(Box::new(listener));
    }

    /// Whether the session ended within the life of an access token.
    pub fn is_revoked(&self, session: SessionId) -> bool {
        self.refuses(Some(session), Timestamp::MAX)
    }

    /// Remembers what happened just before the tenant was opened: tokens of then may still be about.
    /// `service_id` says who a client is when it acts for itself.
    pub(crate) async fn recall(
        &self,
        stores: &AuthStores,
        now: Timestamp,
        life: Duration,
        service_id: impl Fn(&str) -> UserId,
    ) -> Result<(), StoreError> {
        let before = |age: Duration| {
            let age = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
            Timestamp::from_millis(now.as_millis().saturating_sub(age))
        };
        for session in stores.sessions.ended_since(before(life)).await? {
            self.remember(session, now, life);
        }
        for (user, rights_rev) in stores.accounts.rights_changed_since(before(life + SLACK)).await? {
            self.remember_user(user, rights_rev, now, life);
        }
        for client in removed_since(stores, before(life + SLACK)).await? {
            self.remember_user(service_id(&client), SERVICE_GONE, now, life);
        }
        Ok(())
    }

    /// Whether a token of `session` that was made at `issued_at` is good no more.
    pub(crate) fn refuses(&self, session: Option<SessionId>, issued_at: Timestamp) -> bool {
        if !self.0.any.load(Ordering::Acquire) {
            return false;
        }
        let ended = self.0.ended.read().unwrap_or_else(PoisonError::into_inner);
        session.is_some_and(|session| ended.until.contains_key(&session))
            || ended.floor.is_some_and(|floor| issued_at <= floor)
    }

    /// Whether a token of `user` that says `rights_rev` is good no more.
    pub(crate) fn refuses_user(&self, user: UserId, rights_rev: u64) -> bool {
        if !self.0.any.load(Ordering::Acquire) {
            return false;
        }
        let ended = self.0.ended.read().unwrap_or_else(PoisonError::into_inner);
        ended.users.get(&user).is_some_and(|(least, _)| rights_rev < *least)
    }

    /// Refuses every token that was made up to `now`.
    pub(crate) fn refuse_older(&self, now: Timestamp) {
        self.0.ended.write().unwrap_or_else(PoisonError::into_inner).floor = Some(now);
        self.0.any.store(true, Ordering::Release);
    }

    /// Remembers that tokens of `user` need at least `rights_rev`, and tells the listeners.
    pub(crate) fn add_user(&self, user: UserId, rights_rev: u64, now: Timestamp, token_life: Duration) {
        self.remember_user(user, rights_rev, now, token_life);
        for listener in self.0.user_listeners.read().unwrap_or_else(PoisonError::into_inner).iter() {
            listener(user);
        }
    }

    /// Remembers that tokens of `user` have needed at least `rights_rev` for some time.
    pub(crate) fn remember_user(&self, user: UserId, rights_rev: u64, now: Timestamp, token_life: Duration) {
        let mut ended = self.0.ended.write().unwrap_or_else(PoisonError::into_inner);
        if ended.users.len() >= CAPACITY && !ended.users.contains_key(&user) {
            ended.users.retain(|_, (_, until)| *until > now);
        }
        if ended.users.len() >= CAPACITY && !ended.users.contains_key(&user) {
            ended.users = HashMap::new();
            ended.floor = Some(now);
        }
        let entry = ended.users.entry(user).or_insert((rights_rev, now));
        // Two changes may be told of in the other order.
        *entry = (entry.0.max(rights_rev), now.after(token_life).after(SLACK));
        self.0.any.store(true, Ordering::Release);
    }

    /// Remembers that the session ended, and tells the listeners.
    pub(crate) fn add(&self, session: SessionId, now: Timestamp, token_life: Duration) {
        self.remember(session, now, token_life);
        for listener in self.0.listeners.read().unwrap_or_else(PoisonError::into_inner).iter() {
            listener(session);
        }
    }

    /// Remembers that the session ended some time ago.
    pub(crate) fn remember(&self, session: SessionId, now: Timestamp, token_life: Duration) {
        let mut ended = self.0.ended.write().unwrap_or_else(PoisonError::into_inner);
        if ended.until.len() >= CAPACITY {
            ended.until.retain(|_, until| *until > now);
        }
        if ended.until.len() >= CAPACITY {
            ended.until = HashMap::new();
            ended.floor = Some(now);
        }
        ended.until.insert(session, now.after(token_life));
        self.0.any.store(true, Ordering::Release);
    }
}

/// The clients that were removed since then, as the audit trail says, which was written with their removal.
async fn removed_since(stores: &AuthStores, since: Timestamp) -> Result<Vec<String>, StoreError> {
    let filter = AuditFilter { action: Some(REMOVED.to_owned()), ..AuditFilter::default() };
    let (mut removed, mut before) = (Vec::new(), None);
    loop {
        let entries = stores.audit.list(&filter, before, PAGE).await?;
        let recent = entries.iter().take_while(|entry| entry.at >= since);
        removed.extend(recent.filter_map(|entry| entry.subject.clone()));
        match entries.last() {
            Some(last) if entries.len() == PAGE && last.at >= since => before = Some(last.number),
            _ => return Ok(removed),
        }
    }
}

impl fmt::Debug for Revocations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ended = self.0.ended.read().unwrap_or_else(PoisonError::into_inner);
        f.debug_struct("Revocations")
            .field("ended", &ended.until.len())
            .field("users", &ended.users.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    const LIFE: Duration = Duration::from_secs(600);

    #[test]
    fn an_ended_session_is_refused_and_listeners_are_told() {
        let revocations = Revocations::default();
        let told = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&told);
        revocations.on_revoked(move |session| sink.lock().unwrap().push(session));
        let [gone, there] = [1, 2].map(SessionId::from_u128);
        revocations.add(gone, Timestamp::from_secs(100), LIFE);
        assert!(revocations.is_revoked(gone) && !revocations.is_revoked(there));
        assert!(!revocations.refuses(None, Timestamp::from_secs(1)));
        assert_eq!(*told.lock().unwrap(), [gone]);
    }

    #[test]
    fn what_ran_out_is_forgotten_when_room_is_needed() {
        let revocations = Revocations::default();
        for n in 0..CAPACITY {
            revocations.add(SessionId::from_u128(n as u128), Timestamp::from_secs(0), LIFE);
        }
        let now = Timestamp::from_secs(600);
        revocations.add(SessionId::from_u128(u128::MAX), now, LIFE);
        assert!(!revocations.is_revoked(SessionId::from_u128(1)));
        assert!(revocations.is_revoked(SessionId::from_u128(u128::MAX)));
        assert!(!revocations.refuses(None, Timestamp::from_secs(1)));
    }

    #[test]
    fn more_than_can_be_remembered_refuses_every_older_token() {
        let revocations = Revocations::default();
        let now = Timestamp::from_secs(100);
        for n in 0..=CAPACITY {
            revocations.add(SessionId::from_u128(n as u128), now, LIFE);
        }
        assert!(revocations.refuses(Some(SessionId::from_u128(0)), now));
        assert!(revocations.refuses(Some(SessionId::from_u128(u128::MAX)), now));
        assert!(!revocations.refuses(Some(SessionId::from_u128(u128::MAX)), Timestamp::from_secs(101)));
    }

    #[test]
    fn tokens_of_lesser_rights_are_refused_and_listeners_are_told() {
        let revocations = Revocations::default();
        let told = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&told);
        revocations.on_user_revoked(move |user| sink.lock().unwrap().push(user));
        let [alice, bob] = [1, 2].map(UserId::from_u128);
        let now = Timestamp::from_secs(100);
        revocations.add_user(alice, 3, now, LIFE);
        revocations.add_user(alice, 2, now, LIFE);
        assert!(revocations.refuses_user(alice, 2) && !revocations.refuses_user(alice, 3));
        assert!(!revocations.refuses_user(bob, 0) && !revocations.refuses(None, Timestamp::from_secs(1)));
        assert_eq!(*told.lock().unwrap(), [alice, alice]);
    }

    #[test]
    fn more_accounts_than_can_be_remembered_refuse_every_older_token() {
        let revocations = Revocations::default();
        let now = Timestamp::from_secs(100);
        for n in 0..=CAPACITY {
            revocations.remember_user(UserId::from_u128(n as u128), 1, now, LIFE);
        }
        assert!(revocations.refuses(None, now) && !revocations.refuses(None, Timestamp::from_secs(101)));
        assert!(revocations.refuses_user(UserId::from_u128(CAPACITY as u128), 0));
        // Once those have run out they make room without harm.
        let later = Timestamp::from_secs(100 + 600 + 60);
        for n in 0..CAPACITY {
            revocations.remember_user(UserId::from_u128(1_000_000 + n as u128), 1, later, LIFE);
        }
        assert!(!revocations.refuses(None, Timestamp::from_secs(101)));
    }
}
