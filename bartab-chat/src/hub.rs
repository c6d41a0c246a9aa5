//! What readers see: the published state, the newest events ready to be sent, and the people who wait for more.
//!
//! The sequencer publishes after a batch is durable: events into the ring, the state by one pointer swap, then the
//! wake-ups. A reader never looks past the head that it has read, so nobody sees what is not durable.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use bartab_core::event::{Digest, Event, EventType, Facts, Lane, PersonState, Record};
use bartab_core::store::Head;
use bartab_core::{RoomId, SessionId, UserId};
use bytes::Bytes;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::directory::Directory;
use crate::error::CorruptLog;
use crate::model::{Membership, TenantState};
use crate::references::Listeners;
use crate::wire::encode_event;

/// Everything at one position of the log.
#[derive(Clone, Debug)]
pub(crate) struct Published {
    pub(crate) head: Head,
    pub(crate) state: TenantState,
    pub(crate) directory: Directory,
}

/// An event of the log with the bytes that clients get.
#[derive(Clone, Debug)]
pub(crate) struct LogEvent {
    pub(crate) event: Event,
    pub(crate) json: Bytes,
    pub(crate) digest: Digest,
}

impl LogEvent {
    /// An event with the digest of its row.
    pub(crate) fn new(event: Event, digest: Digest) -> Result<Self, CorruptLog> {
        let json = encode_event(&event).map_err(CorruptLog::Encode)?.into();
        Ok(Self { event, json, digest })
    }

    /// The event of a stored row.
    pub(crate) fn from_record(record: &Record) -> Result<Self, CorruptLog> {
        Self::new(record.to_event()?, record.digest())
    }

    pub(crate) const fn seq(&self) -> u64 {
        self.event.envelope.seq()
    }

    /// The same event without its content.
    fn erased(&self) -> Result<Self, CorruptLog> {
        let mut event = self.event.clone();
        event.erased = event.erased || event.content.is_some();
        event.content = None;
        Self::new(event, self.digest)
    }

    /// Whether `user`, with the membership that `state` has now, gets this event by sync.
    pub(crate) fn reaches(&self, state: &TenantState, user: UserId, tenant_events: bool) -> bool {
        let envelope = &self.event.envelope;
        if envelope.subject == Some(user) {
            return true;
        }
        match (envelope.event_type.lane(), envelope.room) {
            (Lane::Tenant, _) => tenant_events,
            (_, Some(room)) => joined_since(state, room, user).is_some_and(|since| envelope.seq() >= since),
            (_, None) => false,
        }
    }
}

/// Whether the content of `other` goes with `event`, as far as the two of them tell.
fn takes_along(event: &Event, other: &Event) -> bool {
    let (envelope, old) = (&event.envelope, &other.envelope);
    match (&envelope.event_type, envelope.target, &event.facts) {
        (EventType::MessageDeleted, Some(message), _) => {
            old.id == message || (old.event_type == EventType::MessageEdited && old.target == Some(message))
        }
        (EventType::UserUpdated, _, Facts::Person(facts)) if facts.state == PersonState::Erased => {
            let goes = match &other.facts {
                Facts::Person(before) => before.state != PersonState::Erased,
                _ => facts.written && is_written(&old.event_type),
            };
            goes && old.sender == envelope.sender
        }
        _ => false,
    }
}

/// Whether the content of such an event is its sender's words: not what a room is called or about.
pub(crate) const fn is_written(event_type: &EventType) -> bool {
    use EventType::{RoomCreated, RoomUpdated, UserCreated, UserUpdated};
    !matches!(event_type, UserCreated | UserUpdated | RoomCreated | RoomUpdated)
}

fn joined_since(state: &TenantState, room: RoomId, user: UserId) -> Option<u64> {
    let member = state.rooms.get(&room)?.members.get(&user)?;
    (member.membership == Membership::Joined).then_some(member.since)
}

/// The newest events, without a gap.
#[derive(Debug)]
struct Recent {
    events: VecDeque<Arc<LogEvent>>,
    bytes: usize,
    /// The head before the first of them.
    before: (u64, Digest),
}

/// A bound on what the ring holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RecentLimits {
    pub(crate) events: usize,
    pub(crate) bytes: usize,
}

/// Somebody who waits.
#[derive(Debug)]
struct Waiter {
    wake: Notify,
    session: Option<SessionId>,
    ended: AtomicBool,
}

/// The line of those who wait.
#[derive(Debug, Default)]
struct Line {
    waiters: HashMap<UserId, Vec<Arc<Waiter>>>,
    /// Sessions that ended lately: a request that was let in just before may enter the line just after.
    ended: VecDeque<SessionId>,
    /// The same for people whose every access token up to then was taken back, with when that was: those who have asked
    /// for new ones may wait again.
    sent_away: VecDeque<(UserId, Instant)>,
}

/// How many ended sessions the line remembers. It bridges the moment between a request's being let in and its
/// waiting, not the life of a token.
const ENDED: usize = 256;
/// How long that moment is at most, for people.
const AWAY: Duration = Duration::from_secs(1);

/// The meeting place of the sequencer and its readers.
#[derive(Debug)]
pub(crate) struct Hub {
    published: ArcSwap<Published>,
    recent: RwLock<Recent>,
    limits: RecentLimits,
    line: Mutex<Line>,
    waiting: AtomicUsize,
    batches: AtomicU64,
    closed: AtomicBool,
    /// Who is told that somebody may carry other files.
    pub(crate) references: Listeners,
}

impl Hub {
    pub(crate) fn new(published: Published, limits: RecentLimits) -> Self {
        let before = (published.head.seq, published.head.digest);
        Self {
            published: ArcSwap::from_pointee(published),
            recent: RwLock::new(Recent { events: VecDeque::new(), bytes: 0, before }),
            limits,
            line: Mutex::default(),
            waiting: AtomicUsize::new(0),
            batches: AtomicU64::new(0),
            closed: AtomicBool::new(false),
            references: Listeners::default(),
        }
    }

    /// The state as of the last durable batch.
    pub(crate) fn published(&self) -> Arc<Published> {
        self.published.load_full()
    }

    /// The position of the last durable event.
    pub(crate) fn head(&self) -> u64 {
        self.published.load().head.seq
    }

    /// How many batches were published.
    pub(crate) fn batches(&self) -> u64 {
        self.batches.load(Ordering::Relaxed)
    }

    /// Makes a durable batch visible and wakes whom it concerns.
    ///
    /// # Errors
    /// When an erased event cannot be encoded; nothing is visible then.
    pub(crate) fn publish(
        &self,
        published: Published,
        events: &[Arc<LogEvent>],
        erase: &[u64],
    ) -> Result<(), CorruptLog> {
        self.remember(events, erase)?;
        self.batches.fetch_add(1, Ordering::Relaxed);
        let published = Arc::new(published);
        self.published.store(Arc::clone(&published));
        self.wake(&published.state, events);
        self.references.tell(events.iter().map(|event| &event.event));
        Ok(())
    }

    fn remember(&self, events: &[Arc<LogEvent>], erase: &[u64]) -> Result<(), CorruptLog> {
        let mut recent = self.recent.write().unwrap_or_else(PoisonError::into_inner);
        for event in events {
            recent.bytes += event.json.len();
            recent.events.push_back(Arc::clone(event));
        }
        for seq in erase {
            let index = seq.checked_sub(recent.before.0 + 1).and_then(|index| usize::try_from(index).ok());
            if let Some(slot) = index.and_then(|index| recent.events.get_mut(index)) {
                let erased = Arc::new(slot.erased()?);
                let before = std::mem::replace(slot, erased).json.len();
                let after = slot.json.len();
                recent.bytes = recent.bytes.saturating_sub(before) + after;
            }
        }
        while recent.events.len() > self.limits.events || recent.bytes > self.limits.bytes {
            let Some(dropped) = recent.events.pop_front() else { break };
            recent.bytes = recent.bytes.saturating_sub(dropped.json.len());
            recent.before = (dropped.seq(), dropped.digest);
        }
        drop(recent);
        Ok(())
    }

    /// The events in `(after, until]` that `admit` lets through, up to `limit`; `None` when the ring does not reach
    /// back that far. `until` is a head that the caller has read.
    pub(crate) fn recent(
        &self,
        after: u64,
        until: u64,
        limit: usize,
        mut admit: impl FnMut(&LogEvent) -> bool,
    ) -> Option<Vec<Arc<LogEvent>>> {
        let recent = self.recent.read().unwrap_or_else(PoisonError::into_inner);
        let start = usize::try_from(after.checked_sub(recent.before.0)?).ok()?;
        let length = usize::try_from(until.saturating_sub(after)).ok()?;
        let found = recent.events.iter().skip(start).take(length).filter(|event| admit(event));
        Some(found.take(limit).cloned().collect())
    }

    /// The positions in the ring, and in `coming`, whose content another node erased with `event`: of a deletion the
    /// message and its edits, of somebody who is erased the names and, when that was chosen, what they wrote.
    pub(crate) fn erasures(&self, event: &Event, coming: &[Arc<LogEvent>]) -> Vec<u64> {
        let recent = self.recent.read().unwrap_or_else(PoisonError::into_inner);
        let all = recent.events.iter().chain(coming).map(|event| &event.event);
        all.filter(|other| takes_along(event, other)).map(|other| other.envelope.seq()).collect()
    }

    /// The digest of the event at `seq`, when it is near the head.
    pub(crate) fn digest(&self, seq: u64) -> Option<Digest> {
        let recent = self.recent.read().unwrap_or_else(PoisonError::into_inner);
        let index = seq.checked_sub(recent.before.0)?;
        match index.checked_sub(1) {
            None => Some(recent.before.1),
            Some(index) => recent.events.get(usize::try_from(index).ok()?).map(|event| event.digest),
        }
    }

    /// Wakes those waiting people whom one of the events reaches.
    fn wake(&self, state: &TenantState, events: &[Arc<LogEvent>]) {
        if self.waiting.load(Ordering::SeqCst) == 0 {
            return;
        }
        // Who is reached by one event of a room is reached by its last one too: memberships have a beginning and, as of
        // `state`, no end. So each room is gone through once, however many events the batch has.
        let mut last: HashMap<Option<RoomId>, &LogEvent> = HashMap::new();
        let line = self.line();
        for event in events {
            let envelope = &event.event.envelope;
            last.insert(envelope.room, event);
            let subject = envelope.subject.and_then(|subject| line.waiters.get(&subject));
            subject.into_iter().flatten().for_each(|waiter| waiter.wake.notify_one());
        }
        for (room, event) in last {
            let members = room.and_then(|room| state.rooms.get(&room)).map(|room| &room.members);
            match members {
                // Whichever is the smaller crowd is gone through.
                Some(members) if members.len() < line.waiters.len() => {
                    for user in members.keys().filter(|user| event.reaches(state, **user, true)) {
                        line.waiters.get(user).into_iter().flatten().for_each(|waiter| waiter.wake.notify_one());
                    }
                }
                _ => {
                    for (user, waiting) in &line.waiters {
                        if event.reaches(state, *user, true) {
                            waiting.iter().for_each(|waiter| waiter.wake.notify_one());
                        }
                    }
                }
            }
        }
    }

    /// Stands in line for events that reach `user`. Look at the head again after this: what came before is not told.
    pub(crate) fn wait(self: &Arc<Self>, user: UserId, session: Option<SessionId>) -> Waiting {
        // Counted first, so that a publisher which does not see the count has published before it is read.
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let mut line = self.line();
        let sent_away = line.sent_away.iter().any(|(other, at)| *other == user && at.elapsed() < AWAY);
        let ended = sent_away || session.is_some_and(|session| line.ended.contains(&session));
        let waiter = Arc::new(Waiter { wake: Notify::new(), session, ended: AtomicBool::new(ended) });
        line.waiters.entry(user).or_default().push(Arc::clone(&waiter));
        drop(line);
        Waiting { hub: Arc::clone(self), user, waiter }
    }

    /// How many wait.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::SeqCst)
    }

    /// Ends the waits of a session, because it was revoked.
    pub(crate) fn end_session(&self, session: SessionId) {
        let mut line = self.line();
        if line.ended.len() == ENDED {
            line.ended.pop_front();
        }
        line.ended.push_back(session);
        for waiter in line.waiters.values().flatten().filter(|waiter| waiter.session == Some(session)) {
            waiter.ended.store(true, Ordering::SeqCst);
            waiter.wake.notify_one();
        }
    }

    /// Ends the waits of a person, because the access tokens that they began with were taken back.
    pub(crate) fn end_user(&self, user: UserId) {
        let mut line = self.line();
        if line.sent_away.len() == ENDED {
            line.sent_away.pop_front();
        }
        line.sent_away.push_back((user, Instant::now()));
        for waiter in line.waiters.get(&user).into_iter().flatten() {
            waiter.ended.store(true, Ordering::SeqCst);
            waiter.wake.notify_one();
        }
    }

    /// Ends every wait, now and from now on.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.line().waiters.values().flatten().for_each(|waiter| waiter.wake.notify_one());
    }

    /// Whether waits have ended for good.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the line; dropping it leaves the line.
#[derive(Debug)]
pub(crate) struct Waiting {
    hub: Arc<Hub>,
    user: UserId,
    waiter: Arc<Waiter>,
}

impl Waiting {
    /// Waits until something may have come.
    pub(crate) async fn woken(&self) {
        self.waiter.wake.notified().await;
    }

    /// Whether the wait was ended from outside.
    pub(crate) fn is_ended(&self) -> bool {
        self.waiter.ended.load(Ordering::SeqCst) || self.hub.is_closed()
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut line = self.hub.line();
        if let Some(waiting) = line.waiters.get_mut(&self.user) {
            waiting.retain(|other| !Arc::ptr_eq(other, &self.waiter));
            if waiting.is_empty() {
                line.waiters.remove(&self.user);
            }
        }
        drop(line);
        self.hub.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}
