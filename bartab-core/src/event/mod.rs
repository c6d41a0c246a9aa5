//! The vocabulary of the log: what an event is, and the row that it is stored as.
//!
//! A row is *envelope* (who, where, when, about what), *facts* (kept for ever; the state of a tenant follows from
//! envelope and facts alone) and *content* (what people wrote; erasure removes it).

mod chain;
mod content;
mod facts;
mod kind;
mod record;

pub use chain::{ChainError, ChainVerifier, Digest, Salt};
pub use content::{Content, EditContent, Mentions, MessageContent, ProfileContent, ReasonContent, RoomContent};
pub use facts::{
    Facts, Format, History, MemberFacts, MessageFacts, PersonFacts, PersonKind, PersonState, ReactionFacts, RoomFacts,
    RoomKind, RoomPatch, RoomRole, Visibility,
};
pub use kind::{CustomType, CustomTypeError, EventType, Lane, UnknownEventType};
pub use record::{CorruptRecord, Idempotency, KeyHash, Record, RecordContent};

use crate::id::{EventId, RoomId, UserId};
use crate::time::Timestamp;

/// Who did what, where, when and about what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// The event's address: its time, the number of its log, its position.
    pub id: EventId,
    /// What happened.
    pub event_type: EventType,
    /// Who did it.
    pub sender: UserId,
    /// Whether a bot did it.
    pub bot: bool,
    /// Where, unless it concerns the tenant as a whole.
    pub room: Option<RoomId>,
    /// A message's number in its room: gapless, from 1.
    pub number: Option<u64>,
    /// The event that this one refers to: the edited message, the root of the thread.
    pub target: Option<EventId>,
    /// The person whom it is about, when that is not the sender alone.
    pub subject: Option<UserId>,
    /// In whose name the sender acted.
    pub on_behalf_of: Option<UserId>,
    /// The event that made a bot send this one.
    pub cause: Option<EventId>,
    /// How many causes there are before it; what stops bots that answer each other.
    pub hops: u8,
}

impl Envelope {
    /// The position in the log, from 1.
    pub const fn seq(&self) -> u64 {
        self.id.seq()
    }

    /// When it happened.
    pub fn time(&self) -> Timestamp {
        self.id.time()
    }
}

/// Something that happened, in the words of the program.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Who, where, when, about what.
    pub envelope: Envelope,
    /// What the state follows from.
    pub facts: Facts,
    /// What people wrote; `None` when there is nothing, or when it was erased.
    pub content: Option<Content>,
    /// Whether there was content that is gone.
    pub erased: bool,
}

/// An event that was decided and is not yet in the log.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEvent {
    /// What happened.
    pub event_type: EventType,
    /// Where.
    pub room: Option<RoomId>,
    /// The event that it refers to.
    pub target: Option<EventId>,
    /// The person whom it is about.
    pub subject: Option<UserId>,
    /// What the state follows from.
    pub facts: Facts,
    /// What people wrote.
    pub content: Option<Content>,
}

impl NewEvent {
    /// An event of the tenant as a whole.
    pub const fn tenant(event_type: EventType, facts: Facts) -> Self {
        Self { event_type, room: None, target: None, subject: None, facts, content: None }
    }

    /// An event in a room.
    pub const fn in_room(event_type: EventType, room: RoomId, facts: Facts) -> Self {
        Self { event_type, room: Some(room), target: None, subject: None, facts, content: None }
    }

    /// The event with a reference to another one.
    #[must_use]
    pub const fn about(mut self, target: EventId) -> Self {
        self.target = Some(target);
        self
    }

    /// The event with the person whom it is about.
    #[must_use]
    pub const fn on(mut self, subject: UserId) -> Self {
        self.subject = Some(subject);
        self
    }

    /// The event with what people wrote.
    #[must_use]
    pub fn with(mut self, content: Content) -> Self {
        self.content = Some(content);
        self
    }
}
