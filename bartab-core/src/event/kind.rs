//! The types of events, and how far each one reaches.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EventType {
    /// `user.created`: somebody is here for the first time.
    UserCreated,
    /// `user.updated`: a profile changed.
    UserUpdated,
    /// `room.created`
    RoomCreated,
    /// `room.updated`
    RoomUpdated,
    /// `room.deleted`
    RoomDeleted,
    /// `member.invited`
    MemberInvited,
    /// `member.joined`
    MemberJoined,
    /// `member.left`
    MemberLeft,
    /// `member.kicked`
    MemberKicked,
    /// `member.banned`
    MemberBanned,
    /// `member.unbanned`
    MemberUnbanned,
    /// `member.updated`: the role changed.
    MemberUpdated,
    /// `message.created`
    MessageCreated,
    /// `message.edited`
    MessageEdited,
    /// `message.deleted`
    MessageDeleted,
    /// `reaction.added`
    ReactionAdded,
    /// `reaction.removed`
    ReactionRemoved,
    /// `x.<name>`: a bot's or an embedder's own.
    Custom(CustomType),
}

impl EventType {
    /// Every type with a fixed name.
    pub const NAMED: [(Self, &'static str); 17] = [
        (Self::UserCreated, "user.created"),
        (Self::UserUpdated, "user.updated"),
        (Self::RoomCreated, "room.created"),
        (Self::RoomUpdated, "room.updated"),
        (Self::RoomDeleted, "room.deleted"),
        (Self::MemberInvited, "member.invited"),
        (Self::MemberJoined, "member.joined"),
        (Self::MemberLeft, "member.left"),
        (Self::MemberKicked, "member.kicked"),
        (Self::MemberBanned, "member.banned"),
        (Self::MemberUnbanned, "member.unbanned"),
        (Self::MemberUpdated, "member.updated"),
        (Self::MessageCreated, "message.created"),
        (Self::MessageEdited, "message.edited"),
        (Self::MessageDeleted, "message.deleted"),
        (Self::ReactionAdded, "reaction.added"),
        (Self::ReactionRemoved, "reaction.removed"),
    ];

    /// The name, as the log and the API write it.
    pub fn name(&self) -> &str {
        match self {
            Self::UserCreated => "user.created",
            Self::UserUpdated => "user.updated",
            Self::RoomCreated => "room.created",
            Self::RoomUpdated => "room.updated",
            Self::RoomDeleted => "room.deleted",
            Self::MemberInvited => "member.invited",
            Self::MemberJoined => "member.joined",
            Self::MemberLeft => "member.left",
            Self::MemberKicked => "member.kicked",
            Self::MemberBanned => "member.banned",
            Self::MemberUnbanned => "member.unbanned",
            Self::MemberUpdated => "member.updated",
            Self::MessageCreated => "message.created",
            Self::MessageEdited => "message.edited",
            Self::MessageDeleted => "message.deleted",
            Self::ReactionAdded => "reaction.added",
            Self::ReactionRemoved => "reaction.removed",
            Self::Custom(custom) => custom.as_str(),
        }
    }

    /// How far an event of this type reaches.
    pub const fn lane(&self) -> Lane {
        match self {
            Self::MessageCreated => Lane::Message,
            Self::UserCreated | Self::UserUpdated => Lane::Tenant,
            _ => Lane::Room,
        }
    }
}

/// How far an event reaches, and so which index finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Lane {
    /// A message: its room reads it, and pages of history hold nothing else.
    Message = 0,
    /// Anything else that a room's members read.
    Room = 1,
    /// Everyone of the tenant reads it.
    Tenant = 2,
}

/// A name that is no type of event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a type of event")]
pub struct UnknownEventType(pub String);

impl FromStr for EventType {
    type Err = UnknownEventType;

    fn from_str(name: &str) -> Result<Self, UnknownEventType> {
        if let Some((known, _)) = Self::NAMED.iter().find(|(_, known)| *known == name) {
            return Ok(known.clone());
        }
        name.parse().map(Self::Custom).map_err(|_| UnknownEventType(name.chars().take(64).collect()))
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for EventType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// The name of a custom type: `x.` and 1 to 62 of `a-z 0-9 _ - .`, beginning with a letter.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CustomType(Arc<str>);

impl CustomType {
    /// The whole name, `x.` included.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text is no name of a custom type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected `x.` and up to 62 of a-z, 0-9, `_`, `-`, `.`, beginning with a letter")]
pub struct CustomTypeError;

impl FromStr for CustomType {
    type Err = CustomTypeError;

    fn from_str(name: &str) -> Result<Self, CustomTypeError> {
        let rest = name.strip_prefix("x.").ok_or(CustomTypeError)?;
        let fit = rest.len() <= 62
            && rest.starts_with(|first: char| first.is_ascii_lowercase())
            && rest.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.'));
        if fit { Ok(Self(Arc::from(name))) } else { Err(CustomTypeError) }
    }
}

impl<'de> Deserialize<'de> for CustomType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        name.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_round_trips() {
        for (known, name) in EventType::NAMED {
            assert_eq!(known.name(), name);
            assert_eq!(name.parse(), Ok(known));
        }
        assert_eq!("x.game-move.v2".parse::<EventType>().unwrap().name(), "x.game-move.v2");
    }

    #[test]
    fn custom_names_are_narrow() {
        let long = format!("x.{}", "a".repeat(63));
        for name in ["x.", "x", "y.a", "x.A", "x.1", "x.a b", "x.\u{e9}", "message.forged", long.as_str()] {
            assert!(name.parse::<EventType>().is_err(), "{name}");
        }
    }
}
