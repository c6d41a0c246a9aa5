//! Content: what people wrote, and what erasure removes.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::facts::Format;
use super::kind::EventType;
use crate::id::{MediaId, UserId};
use crate::store::Attachment;

/// The content of an event, by its type.
#[derive(Clone, Debug)]
pub enum Content {
    /// Of `user.*`.
    Profile(ProfileContent),
    /// Of `room.created` and `room.updated`.
    Room(RoomContent),
    /// Of `message.created`.
    Message(MessageContent<'static>),
    /// Of `message.edited`.
    Edit(EditContent),
    /// Of moderation and deletion.
    Reason(ReasonContent),
    /// Of `x.*`: a JSON object.
    Custom(Box<RawValue>),
}

impl PartialEq for Content {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Profile(a), Self::Profile(b)) => a == b,
            (Self::Room(a), Self::Room(b)) => a == b,
            (Self::Message(a), Self::Message(b)) => a == b,
            (Self::Edit(a), Self::Edit(b)) => a == b,
            (Self::Reason(a), Self::Reason(b)) => a == b,
            (Self::Custom(a), Self::Custom(b)) => a.get() == b.get(),
            _ => false,
        }
    }
}

impl Content {
    /// The text that is stored.
    ///
    /// # Errors
    /// None for content that the program can hold; the signature is serde's.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        match self {
            Self::Profile(content) => serde_json::to_string(content),
            Self::Room(content) => serde_json::to_string(content),
            Self::Message(content) => serde_json::to_string(content),
            Self::Edit(content) => serde_json::to_string(content),
            Self::Reason(content) => serde_json::to_string(content),
            Self::Custom(content) => Ok(content.get().to_owned()),
        }
    }

    /// Reads what [`Content::to_json`] wrote for an event of this type.
    ///
    /// # Errors
    /// When the text is not of the shape that the type has.
    pub fn from_json(event_type: &EventType, json: &str) -> Result<Self, serde_json::Error> {
        Ok(match event_type {
            EventType::UserCreated | EventType::UserUpdated => Self::Profile(serde_json::from_str(json)?),
            EventType::RoomCreated | EventType::RoomUpdated => Self::Room(serde_json::from_str(json)?),
            EventType::MessageCreated => Self::Message(serde_json::from_str::<MessageContent<'_>>(json)?.into_owned()),
            EventType::MessageEdited => Self::Edit(serde_json::from_str(json)?),
            EventType::Custom(_) => Self::Custom(RawValue::from_string(json.to_owned())?),
            _ => Self::Reason(serde_json::from_str(json)?),
        })
    }
}

/// A public profile.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileContent {
    /// The name that is shown.
    pub display_name: String,
    /// The picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar: Option<MediaId>,
}

/// The words of a room; in an update, those that changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomContent {
    /// The name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
}

/// What somebody said. It borrows where it can: pages of history read fifty at a time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageContent<'a> {
    /// The text.
    #[serde(borrow)]
    pub text: Cow<'a, str>,
    /// How it is to be shown.
    #[serde(default, skip_serializing_if = "is_plain")]
    pub format: Format,
    /// Whom it calls.
    #[serde(default, skip_serializing_if = "Mentions::is_empty")]
    pub mentions: Mentions,
    /// The files that it carries, as they were when it was posted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    /// The client's own mark, echoed.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<Cow<'a, str>>,
}

impl MessageContent<'_> {
    /// The same, borrowing nothing.
    pub fn into_owned(self) -> MessageContent<'static> {
        MessageContent {
            text: Cow::Owned(self.text.into_owned()),
            format: self.format,
            mentions: self.mentions,
            attachments: self.attachments,
            nonce: self.nonce.map(|nonce| Cow::Owned(nonce.into_owned())),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_plain(format: &Format) -> bool {
    *format == Format::Plain
}

/// Whom a message calls.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mentions {
    /// These people.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<UserId>,
    /// Everyone in the room.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub room: bool,
}

impl Mentions {
    /// Whether nobody is called.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty() && !self.room
    }
}

/// The new text of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EditContent {
    /// The text.
    pub text: String,
}

/// Why something was done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReasonContent {
    /// The reason.
    pub reason: String,
}
