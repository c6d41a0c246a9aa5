//! One tenant's place in the registry, and the states it goes through.
//!
//! A request enters under the read lock and is counted there; closing begins under the write lock and only at a count
//! of zero. So a tenant that somebody uses is never closed, and no lock is held across an `await`.

use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bartab_core::{Clock, Timestamp};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

use super::Refusal;
use crate::settings::TenantSettings;
use crate::tenant_name::TenantName;

/// How long a tenant that failed to open is not tried again: a failure is not cached for ever, and not repeated by
/// every request either.
const RETRY_AFTER: Duration = Duration::from_secs(1);

pub(super) struct Slot<T> {
    pub(super) name: TenantName,
    pub(super) settings: TenantSettings,
    state: RwLock<State<T>>,
}

enum State<T> {
    Closed,
    Failed {
        why: Refusal,
        at: Timestamp,
    },
    /// It opens or closes; the token is cancelled once the state has moved on.
    Moving(CancellationToken),
    Open(Arc<OpenTenant<T>>),
}

/// What a request that comes to a slot finds.
pub(super) enum Entry<T> {
    In(InUse<T>),
    Refused(Refusal),
    Wait(CancellationToken),
    Closed,
}

/// An open tenant and who uses it.
pub(crate) struct OpenTenant<T> {
    pub(crate) tenant: T,
    users: AtomicUsize,
    last_used: AtomicU64,
    clock: Arc<dyn Clock>,
    /// Given back when the tenant is closed and nobody holds it any more.
    _room: OwnedSemaphorePermit,
}

/// The right to use an open tenant: it is not closed as idle while this is held.
pub struct InUse<T>(Arc<OpenTenant<T>>);

impl<T> std::ops::Deref for InUse<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.tenant
    }
}

impl<T> Drop for InUse<T> {
    fn drop(&mut self) {
        if self.0.users.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.last_used.store(self.0.clock.now().as_millis(), Ordering::SeqCst);
        }
    }
}

impl<T> fmt::Debug for InUse<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InUse").field("users", &self.0.users).finish_non_exhaustive()
    }
}

impl<T> Slot<T> {
    pub(super) fn new(name: TenantName, settings: TenantSettings) -> Self {
        Self { name, settings, state: RwLock::new(State::Closed) }
    }

    pub(super) fn enter(&self, clock: &Arc<dyn Clock>) -> Entry<T> {
        match &*self.state.read().unwrap_or_else(PoisonError::into_inner) {
            State::Open(open) => {
                open.users.fetch_add(1, Ordering::SeqCst);
                Entry::In(InUse(Arc::clone(open)))
            }
            State::Moving(moved_on) => Entry::Wait(moved_on.clone()),
            State::Failed { why, at } if clock.now().since(*at) < RETRY_AFTER => Entry::Refused(*why),
            State::Failed { .. } | State::Closed => Entry::Closed,
        }
    }

    /// The tenant when it is open, without using it.
    pub(super) fn open(&self) -> Option<Arc<OpenTenant<T>>> {
        match &*self.state.read().unwrap_or_else(PoisonError::into_inner) {
            State::Open(open) => Some(Arc::clone(open)),
            _ => None,
        }
    }

    /// When the tenant was last used, if it is open and nobody uses it.
    pub(super) fn idle_since(&self) -> Option<Timestamp> {
        let open = self.open()?;
        (open.users.load(Ordering::SeqCst) == 0).then(|| Timestamp::from_millis(open.last_used.load(Ordering::SeqCst)))
    }

    /// Calls `start` if the tenant is closed and nobody opens it yet.
    pub(super) fn begin_opening(self: &Arc<Self>, start: impl FnOnce(Transition<T>)) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if matches!(*state, State::Closed | State::Failed { .. }) {
            let moved_on = CancellationToken::new();
            *state = State::Moving(moved_on.clone());
            drop(state);
            start(Transition { slot: Arc::clone(self), moved_on: Some(moved_on) });
        }
    }

    /// Takes the tenant out if it is open and nobody uses it.
    pub(super) fn begin_closing(self: &Arc<Self>) -> Option<(Arc<OpenTenant<T>>, Transition<T>)> {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if !matches!(&*state, State::Open(open) if open.users.load(Ordering::SeqCst) == 0) {
            return None;
        }
        let moved_on = CancellationToken::new();
        match std::mem::replace(&mut *state, State::Moving(moved_on.clone())) {
            State::Open(open) => Some((open, Transition { slot: Arc::clone(self), moved_on: Some(moved_on) })),
            before => {
                *state = before;
                None
            }
        }
    }
}

/// The duty to move a slot's state on; dropped without it, as by a panic, the slot is closed.
pub(super) struct Transition<T> {
    slot: Arc<Slot<T>>,
    moved_on: Option<CancellationToken>,
}

impl<T> Transition<T> {
    pub(super) fn opened(mut self, tenant: T, room: OwnedSemaphorePermit, clock: &Arc<dyn Clock>) {
        let last_used = AtomicU64::new(clock.now().as_millis());
        let clock = Arc::clone(clock);
        let open = OpenTenant { tenant, users: AtomicUsize::new(0), last_used, clock, _room: room };
        self.move_to(State::Open(Arc::new(open)));
    }

    pub(super) fn failed(mut self, why: Refusal, at: Timestamp) {
        self.move_to(State::Failed { why, at });
    }

    pub(super) fn closed(mut self) {
        self.move_to(State::Closed);
    }

    fn move_to(&mut self, next: State<T>) {
        if let Some(moved_on) = self.moved_on.take() {
            *self.slot.state.write().unwrap_or_else(PoisonError::into_inner) = next;
            moved_on.cancel();
        }
    }
}

impl<T> Drop for Transition<T> {
    fn drop(&mut self) {
        self.move_to(State::Closed);
    }
}
