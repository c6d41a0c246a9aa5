//! The port of the log, and what its methods take and give.

use std::pin::Pin;

use async_trait::async_trait;
use bytes::Bytes;
use futures_core::Stream;

use super::error::StoreError;
use crate::event::{Digest, KeyHash, Record};
use crate::id::{EventId, RoomId, UserId};
use crate::time::Timestamp;

/// The end of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The position of the last event; 0 when there is none.
    pub seq: u64,
    /// The digest of the last event; the log's genesis when there is none.
    pub digest: Digest,
    /// The time of the last event; the epoch when there is none.
    pub time: Timestamp,
}

/// What one append writes, in one transaction.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// The new rows, in order, beginning right after the expected head. Their chain is the caller's work.
    pub events: Vec<Record>,
    /// Views that changed; the store keeps them without understanding them.
    pub views: Vec<ViewRow>,
    /// Reactions that came or went.
    pub reactions: Vec<ReactionChange>,
    /// People whom messages call.
    pub mentions: Vec<MentionRow>,
    /// Positions whose content, salt and fingerprint are removed; their mention rows go with them.
    pub erase: Vec<u64>,
}

/// A changed view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewRow {
    /// The position of the message.
    pub seq: u64,
    /// The stored form of its [`MessageView`](crate::MessageView).
    pub json: Bytes,
}

/// A reaction that came or went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReactionChange {
    /// The position of the message.
    pub target: u64,
    /// The emoji.
    pub emoji: String,
    /// Whose it is.
    pub user: UserId,
    /// Whether it is there now.
    pub present: bool,
}

/// A person whom a message calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MentionRow {
    /// The position of the message.
    pub seq: u64,
    /// The person; `None` when the message calls the whole room.
    pub user: Option<UserId>,
    /// The room.
    pub room: RoomId,
    /// The message's number in the room.
    pub number: u64,
}

/// Who reads, and how much of the log is theirs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audience {
    /// Rooms, each with the first position that may be read.
    pub rooms: Vec<(RoomId, u64)>,
    /// The person whose own membership events are read wherever they are.
    pub person: Option<UserId>,
    /// Whether events of the tenant as a whole are read.
    pub tenant: bool,
}

impl Audience {
    /// Whether `record` is for this audience. Every store answers as this does.
    pub fn admits(&self, record: &Record) -> bool {
        use crate::event::Lane;
        let envelope = &record.envelope;
        let own = self.person.is_some() && envelope.subject == self.person;
        own || match envelope.event_type.lane() {
            Lane::Tenant => self.tenant,
            Lane::Message | Lane::Room => {
                self.rooms.iter().any(|(room, since)| envelope.room == Some(*room) && envelope.seq() >= *since)
            }
        }
    }
}

/// Which way a page of history runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// Newest first.
    #[default]
    Backward,
    /// Oldest first.
    Forward,
}

/// A part of a room's messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageQuery {
    /// The room.
    pub room: RoomId,
    /// Which way to go.
    pub direction: Direction,
    /// The position to start from, exclusive; from the end that the direction begins at when missing.
    pub from: Option<u64>,
    /// The first position that may be read.
    pub since: u64,
    /// How many messages at most.
    pub limit: usize,
}

/// A message of a page: its row, and its view when something refers to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageRow {
    /// The row of its `message.created`.
    pub record: Record,
    /// The stored form of its view; none when nothing refers to the message.
    pub view: Option<Bytes>,
}

/// The head of the log as it moves.
pub type HeadStream = Pin<Box<dyn Stream<Item = u64> + Send>>;

/// One append-only log: the truth of one tenant.
#[async_trait]
pub trait EventLog: Send + Sync + 'static {
    /// Gives the end of the log as of now.
    async fn head(&self) -> Result<Head, StoreError>;

    /// Gives the digest that the first event follows; it never changes, and no two logs share it.
    async fn genesis(&self) -> Result<Digest, StoreError>;

    /// Writes the whole batch or nothing of it, durably and only if the log ends at `expected_head`.
    ///
    /// When it answers `Ok`, the events survive a crash, every later read sees them, and what `erase` names can be
    /// read nowhere any more. Two appends with one expected head never both succeed.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the log ends elsewhere; [`StoreError::Unavailable`] when nothing was written;
    /// [`StoreError::OutcomeUnknown`] when that cannot be told.
    async fn append(&self, expected_head: u64, batch: Batch) -> Result<(), StoreError>;

    /// Gives the rows at these positions, in the order asked, `None` where there is none.
    async fn get(&self, seqs: &[u64]) -> Result<Vec<Option<Record>>, StoreError>;

    /// Gives up to `limit` rows after `after` in log order, whoever may read them.
    async fn scan(&self, after: u64, limit: usize) -> Result<Vec<Record>, StoreError>;

    /// Gives up to `limit` rows with `after < seq <= until` that `audience` admits, in log order, skipping none.
    ///
    /// The cost follows the rows that are admitted, not those that lie between.
    async fn read(&self, after: u64, until: u64, audience: &Audience, limit: usize) -> Result<Vec<Record>, StoreError>;

    /// Gives the rows whose target is `target`, in log order, up to `limit` after position `after`.
    async fn related(&self, target: EventId, after: u64, limit: usize) -> Result<Vec<Record>, StoreError>;

    /// Gives a room's messages in the order of the query's direction, with their views as of one moment.
    async fn room_page(&self, query: PageQuery) -> Result<Vec<MessageRow>, StoreError>;

    /// Gives the messages at these positions with their views as of one moment, in the order asked, `None` where
    /// there is no message.
    async fn messages(&self, seqs: &[u64]) -> Result<Vec<Option<MessageRow>>, StoreError>;

    /// Gives those of `targets` that `user` reacts to, each with the emoji.
    async fn reacted(&self, user: UserId, targets: &[u64]) -> Result<Vec<(u64, String)>, StoreError>;

    /// Counts, for each room, the messages after that number which call `user` or the whole room.
    async fn mention_counts(&self, user: UserId, rooms: &[(RoomId, u64)]) -> Result<Vec<u64>, StoreError>;

    /// Gives the positions of the events appended under these keys, in the order asked.
    ///
    /// Every key of an acknowledged append is found, also after a crash.
    async fn find_keys(&self, keys: &[KeyHash]) -> Result<Vec<Option<u64>>, StoreError>;

    /// Whether [`EventLog::find_keys`] can answer without touching a disk that none of `keys` is known.
    ///
    /// A hint: `false` is always right.
    fn surely_unknown(&self, keys: &[KeyHash]) -> bool {
        let _ = keys;
        false
    }

    /// Drops every view, reaction and mention row and makes them again from the log, by [`crate::MessageView::fold`].
    async fn rebuild_views(&self) -> Result<(), StoreError>;

    /// Follows the head as other nodes move it; a store with one writer gives a stream that stays silent.
    fn watch(&self) -> HeadStream;
}
