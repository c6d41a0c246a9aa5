//! Which sessions ended while access tokens of theirs are still about.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bartab_core::{SessionId, Timestamp};

/// So many sessions are remembered one by one.
const CAPACITY: usize = 16 * 1024;

type Listener = Box<dyn Fn(SessionId) + Send + Sync>;

/// The sessions that ended within the life of an access token.
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
    listeners: RwLock<Vec<Listener>>,
}

#[derive(Default)]
struct Ended {
    /// When each session's last access token runs out.
    until: HashMap<SessionId, Timestamp>,
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

    /// Whether the session ended within the life of an access token.
    pub fn is_revoked(&self, session: SessionId) -> bool {
        self.refuses(Some(session), Timestamp::MAX)
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

impl fmt::Debug for Revocations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ended = self.0.ended.read().unwrap_or_else(PoisonError::into_inner);
        f.debug_struct("Revocations").field("ended", &ended.until.len()).finish_non_exhaustive()
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
}
