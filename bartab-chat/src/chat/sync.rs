//! Following the log: snapshots, pages of events, waiting for more.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bartab_core::event::{Digest, EventType};
use bartab_core::store::Audience;
use bartab_core::{Actor, RoomId, Scope};
use bytes::Bytes;
use tokio::time::Instant;

use super::{Chat, require};
use crate::config::limits;
use crate::error::ChatError;
use crate::hub::{LogEvent, Published, Waiting};
use crate::sync::{Answer, SyncToken, join_events};

/// A wait ends after this long, whatever its caller in process says.
const LONGEST_WAIT: Duration = Duration::from_hours(24);
/// Rows that are read at a time for somebody who is far behind.
const STEP: usize = 256;
/// Bytes of events after which an answer says that there is more. What comes from the ring is bounded by the ring.
pub(super) const ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// Which events a reader wants; what is filtered out still counts as read.
#[derive(Clone, Debug, Default)]
pub struct SyncFilter {
    /// Only events of these rooms, when given.
    pub rooms: Option<BTreeSet<RoomId>>,
    /// Only events of these types, when given.
    pub types: Option<BTreeSet<EventType>>,
}

impl SyncFilter {
    fn admits(&self, event: &LogEvent) -> bool {
        let envelope = &event.event.envelope;
        let room = self.rooms.as_ref().is_none_or(|rooms| envelope.room.is_some_and(|room| rooms.contains(&room)));
        room && self.types.as_ref().is_none_or(|types| types.contains(&envelope.event_type))
    }
}

/// What a reader asks for.
#[derive(Clone, Debug)]
pub struct SyncQuery {
    /// The token of the last answer; `None` for a snapshot.
    pub since: Option<SyncToken>,
    /// How long to wait for the first event.
    pub timeout: Duration,
    /// How many events at most.
    pub limit: usize,
    /// Which events.
    pub filter: SyncFilter,
    /// How many events the reader may be behind before it prefers a snapshot.
    pub max_behind: Option<u64>,
}

impl SyncQuery {
    /// The limit within what an answer can have: with none it would never come to an end.
    fn limit(&self) -> usize {
        self.limit.clamp(1, limits::SYNC_LIMIT_MAX)
    }
}

/// The answers to one reader, one after the other.
#[derive(Debug)]
pub struct SyncStream {
    chat: Chat,
    actor: Arc<Actor>,
    query: SyncQuery,
    /// Kept between the answers, so that the end of the session is heard also while one is being sent.
    place: Option<Waiting>,
}

impl SyncStream {
    /// The next answer as JSON, with its token; without events when `timeout` passed. `None` when the stream is over
    /// because the credentials or the session ended or the chat closes.
    ///
    /// # Errors
    /// See [`ChatError`].
    pub async fn next(&mut self) -> Result<Option<(String, Bytes, bool)>, ChatError> {
        if self.place.as_ref().is_some_and(Waiting::is_ended) || self.chat.has_expired(&self.actor) {
            return Ok(None);
        }
        let answer = self.chat.answer(&self.actor, &self.query, &mut self.place).await?;
        self.query.since = Some(answer.next);
        Ok(Some((answer.next.to_string(), answer.json, answer.empty)))
    }
}

/// What was found after a token.
struct Found {
    events: Vec<Arc<LogEvent>>,
    /// How far the log was read for it.
    until: SyncToken,
    more: bool,
}

impl Found {
    /// The rooms that `actor` has joined by these events.
    fn joined_by(&self, actor: &Actor) -> Vec<RoomId> {
        let own = self.events.iter().map(|event| &event.event.envelope).filter(|envelope| {
            envelope.event_type == EventType::MemberJoined && envelope.subject == Some(actor.user_id)
        });
        let rooms: BTreeSet<RoomId> = own.filter_map(|envelope| envelope.room).collect();
        rooms.into_iter().collect()
    }
}

impl Chat {
    /// One answer of `/v1/sync` as JSON: a snapshot, events, or after the timeout none.
    ///
    /// # Errors
    /// See [`ChatError`].
    pub async fn sync(&self, actor: &Arc<Actor>, query: &SyncQuery) -> Result<Bytes, ChatError> {
        Ok(self.answer(actor, query, &mut None).await?.json)
    }

    /// The answers to a reader that stays: events as they come.
    ///
    /// # Errors
    /// See [`ChatError`].
    pub fn follow(&self, actor: &Arc<Actor>, query: SyncQuery) -> Result<SyncStream, ChatError> {
        require(actor, Scope::ChatRead)?;
        let place = Some(self.inner.hub.wait(actor.user_id, actor.session_id));
        Ok(SyncStream { chat: self.clone(), actor: Arc::clone(actor), query, place })
    }

    /// One answer; `place` is the caller's place in the line, taken when there is something to wait for.
    async fn answer(
        &self,
        actor: &Arc<Actor>,
        query: &SyncQuery,
        place: &mut Option<Waiting>,
    ) -> Result<Answer, ChatError> {
        require(actor, Scope::ChatRead)?;
        let published = self.published();
        let Some(since) = query.since else {
            return self.snapshot_apart(actor, false).await;
        };
        if !self.is_of_this_history(&published, since).await? {
            return self.snapshot_apart(actor, true).await;
        }
        let behind = published.head.seq - since.seq;
        if query.max_behind.is_some_and(|most| behind > most) {
            return self.snapshot_apart(actor, true).await;
        }
        drop(published);
        self.events(actor, query, since, place).await
    }

    /// [`Chat::snapshot`] in an allocation of its own: a poll that waits carries room for whatever it may await, and
    /// thousands wait.
    fn snapshot_apart<'a>(
        &'a self,
        actor: &'a Arc<Actor>,
        reset: bool,
    ) -> Pin<Box<dyn Future<Output = Result<Answer, ChatError>> + Send + 'a>> {
        Box::pin(async move {
            self.arrive(actor).await?;
            self.snapshot(actor, reset).await
        })
    }

    async fn events(
        &self,
        actor: &Arc<Actor>,
        query: &SyncQuery,
        mut since: SyncToken,
        waiting: &mut Option<Waiting>,
    ) -> Result<Answer, ChatError> {
        let deadline = Instant::now() + query.timeout.min(self.time_left(actor)).min(LONGEST_WAIT);
        loop {
            let published = self.published();
            if published.head.seq > since.seq {
                let found = match self.find_recent(actor, query, &published, since) {
                    Some(found) => found,
                    None => Box::pin(self.find_stored(actor, query, &published, since)).await?,
                };
                if !found.events.is_empty() || found.more {
                    let joined = found.joined_by(actor);
                    let extra = match joined.is_empty() {
                        true => Vec::new(),
                        false => Box::pin(self.joined_rooms(&published, actor, &joined)).await?,
                    };
                    return Ok(join_events(found.until, &found.events, found.more, &extra));
                }
                since = found.until;
            }
            drop(published);
            // The line is entered before the head is looked at again, so no event falls between.
            if query.timeout.is_zero() {
                return Ok(join_events(since, &[], false, &[]));
            }
            let Some(place) = &*waiting else {
                *waiting = Some(self.inner.hub.wait(actor.user_id, actor.session_id));
                continue;
            };
            let timed_out = place.is_ended() || tokio::time::timeout_at(deadline, place.woken()).await.is_err();
            if timed_out || place.is_ended() {
                return Ok(join_events(since, &[], false, &[]));
            }
        }
    }

    /// Whether the token's digest is the one that this log has there.
    async fn is_of_this_history(&self, published: &Published, token: SyncToken) -> Result<bool, ChatError> {
        if token.seq > published.head.seq {
            return Ok(false);
        }
        let digest = match self.inner.hub.digest(token.seq) {
            Some(digest) => Some(digest),
            // Each row carries the digest of the one before it.
            None => Box::pin(self.stored_digest(token.seq)).await?,
        };
        Ok(digest.is_some_and(|digest| digest.head() == token.digest))
    }

    async fn stored_digest(&self, seq: u64) -> Result<Option<Digest>, ChatError> {
        // Each row carries the digest of the one before it.
        let next = self.inner.stores.log.get(&[seq + 1]).await?.pop().flatten();
        Ok(next.map(|next| next.previous))
    }

    /// The events after `since` that the actor may see now and asked for; `None` when they reach back too far.
    fn find_recent(&self, actor: &Actor, query: &SyncQuery, published: &Published, since: SyncToken) -> Option<Found> {
        let (state, user) = (&published.state, actor.user_id);
        let tenant = !actor.is_guest();
        let (head, limit) = (published.head, query.limit());
        let admit = |event: &LogEvent| event.reaches(state, user, tenant) && query.filter.admits(event);
        let mut events = self.inner.hub.recent(since.seq, head.seq, limit + 1, admit)?;
        let more = events.len() > limit;
        events.truncate(limit);
        let until = match events.last() {
            Some(last) if more => SyncToken::new(last.seq(), &last.digest),
            _ => SyncToken::new(head.seq, &head.digest),
        };
        Some(Found { events, until, more })
    }

    /// The same, for a reader who is further behind than the ring reaches.
    async fn find_stored(
        &self,
        actor: &Actor,
        query: &SyncQuery,
        published: &Published,
        since: SyncToken,
    ) -> Result<Found, ChatError> {
        let rooms = published.state.memberships(actor.user_id);
        let wanted = |room: RoomId| query.filter.rooms.as_ref().is_none_or(|rooms| rooms.contains(&room));
        let audience = Audience {
            rooms: rooms.filter(|(room, _)| wanted(*room)).collect(),
            person: Some(actor.user_id),
            tenant: query.filter.rooms.is_none() && !actor.is_guest(),
        };
        let (head, limit) = (published.head, query.limit());
        let (mut read, mut bytes) = (0, 0);
        let mut until = since;
        let mut events = Vec::new();
        loop {
            let step = (limit + 1 - read).min(STEP);
            let records = self.inner.stores.log.read(until.seq, head.seq, &audience, step).await?;
            let last = records.len() < step;
            for record in records {
                if read == limit || bytes > ANSWER_BYTES {
                    return Ok(Found { events, until, more: true });
                }
                let event = LogEvent::from_record(&record)?;
                read += 1;
                bytes += event.json.len();
                until = SyncToken::new(event.seq(), &event.digest);
                if query.filter.admits(&event) {
                    events.push(Arc::new(event));
                }
            }
            if last {
                return Ok(Found { events, until: SyncToken::new(head.seq, &head.digest), more: false });
            }
        }
    }

    /// How long the actor's credentials still hold.
    fn time_left(&self, actor: &Actor) -> Duration {
        actor.expires_at.map_or(Duration::MAX, |end| end.since(self.inner.clock.now()))
    }

    fn has_expired(&self, actor: &Actor) -> bool {
        self.time_left(actor).is_zero()
    }
}
