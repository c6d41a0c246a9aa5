//! Facts: the part of an event that is kept for ever and that the state follows from.

use serde::{Deserialize, Serialize};

use super::kind::EventType;
use crate::id::{EventId, GroupId, UserId};

/// The facts of an event, by its type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Facts {
    /// Of `user.*`.
    Person(PersonFacts),
    /// Of `room.created`.
    Room(RoomFacts),
    /// Of `room.updated`.
    RoomPatch(RoomPatch),
    /// Of `member.*`.
    Member(MemberFacts),
    /// Of `message.created`.
    Message(MessageFacts),
    /// Of `reaction.*`.
    Reaction(ReactionFacts),
    /// The type says it all.
    None,
}

impl Facts {
    /// The text that is stored and goes into the digest; empty when there is nothing to say.
    ///
    /// # Errors
    /// None for facts that the program can hold; the signature is serde's.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        match self {
            Self::Person(facts) => serde_json::to_string(facts),
            Self::Room(facts) => serde_json::to_string(facts),
            Self::RoomPatch(facts) => serde_json::to_string(facts),
            Self::Member(facts) => serde_json::to_string(facts),
            // Most messages answer nothing: the commonest row of all carries no facts.
            Self::Message(facts) if *facts == MessageFacts::default() => Ok(String::new()),
            Self::Message(facts) => serde_json::to_string(facts),
            Self::Reaction(facts) => serde_json::to_string(facts),
            Self::None => Ok(String::new()),
        }
    }

    /// Reads what [`Facts::to_json`] wrote for an event of this type.
    ///
    /// # Errors
    /// When the text is not of the shape that the type has.
    pub fn from_json(event_type: &EventType, json: &str) -> Result<Self, serde_json::Error> {
        let json = if json.is_empty() { "{}" } else { json };
        Ok(match event_type {
            EventType::UserCreated | EventType::UserUpdated => Self::Person(serde_json::from_str(json)?),
            EventType::RoomCreated => Self::Room(serde_json::from_str(json)?),
            EventType::RoomUpdated => Self::RoomPatch(serde_json::from_str(json)?),
            EventType::MemberInvited
            | EventType::MemberJoined
            | EventType::MemberLeft
            | EventType::MemberKicked
            | EventType::MemberBanned
            | EventType::MemberUnbanned
            | EventType::MemberUpdated => Self::Member(serde_json::from_str(json)?),
            EventType::MessageCreated => Self::Message(serde_json::from_str(json)?),
            EventType::ReactionAdded | EventType::ReactionRemoved => Self::Reaction(serde_json::from_str(json)?),
            EventType::RoomDeleted | EventType::MessageEdited | EventType::MessageDeleted | EventType::Custom(_) => {
                Self::None
            }
        })
    }
}

/// Facts of `user.created` and `user.updated`; the sender is the person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonFacts {
    /// What sort of user it is.
    pub kind: PersonKind,
    /// Who answers for a bot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<UserId>,
    /// The profile's revision; only a higher one changes it.
    pub rev: u64,
    /// Whether the person may do anything.
    #[serde(default, skip_serializing_if = "PersonState::is_active")]
    pub state: PersonState,
    /// The number in the account feed up to which all is done with this event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feed: Option<u64>,
    /// Of somebody who is erased: what they wrote is gone, too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub written: bool,
}

impl PersonFacts {
    /// Facts of somebody who may do things, as of this revision of the profile.
    pub const fn new(kind: PersonKind, owner: Option<UserId>, rev: u64) -> Self {
        Self { kind, owner, rev, state: PersonState::Active, feed: None, written: false }
    }
}

/// Whether somebody may do anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PersonState {
    /// They may.
    #[default]
    Active,
    /// Not for now.
    Suspended,
    /// Never again: the person is gone and has no name any more.
    Erased,
}

impl PersonState {
    /// Whether they may do things.
    pub const fn is_active(&self) -> bool {
        matches!(self, Self::Active)
    }
}

/// What sort of user it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PersonKind {
    /// A person with an account.
    #[default]
    Person,
    /// A program.
    Bot,
    /// Somebody without an account.
    Guest,
}

/// What a room is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoomKind {
    /// A room with a name.
    Channel,
    /// Two people.
    Direct,
    /// A room of a group.
    Discussion,
    /// A room that ends by itself.
    Ephemeral,
}

/// For whom a room exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Listed, readable and joinable by every person of the tenant.
    Public,
    /// For its members alone.
    Private,
}

/// What a member may read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum History {
    /// Everything.
    #[default]
    All,
    /// What came since the present membership began.
    Joined,
}

/// How a text is to be shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// As it is.
    #[default]
    Plain,
    /// CommonMark.
    Markdown,
}

/// A member's role in a room, from the least to the most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoomRole {
    /// Reads, writes, invites.
    #[default]
    Member,
    /// Keeps order.
    Moderator,
    /// Decides on the room itself.
    Owner,
}

/// Facts of `room.created`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomFacts {
    /// What the room is for.
    pub kind: RoomKind,
    /// For whom it exists.
    pub visibility: Visibility,
    /// What a member may read.
    pub history: History,
    /// The group that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_id: Option<GroupId>,
}

/// Facts of `room.updated`: what changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomPatch {
    /// For whom the room exists now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visibility: Option<Visibility>,
    /// What a member may read now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history: Option<History>,
    /// The content carries a new name.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub renamed: bool,
    /// The content carries a new topic.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub retitled: bool,
}

/// Facts of `member.*`; the subject is the member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberFacts {
    /// The role that the member has after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<RoomRole>,
}

/// Facts of `message.created`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageFacts {
    /// The message that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<EventId>,
    /// The root of its thread; also the event's target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<EventId>,
}

/// Facts of `reaction.added` and `reaction.removed`; the target is the message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReactionFacts {
    /// The emoji.
    pub emoji: String,
}
