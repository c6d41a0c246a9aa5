//! What callers hand in, and the limits that it must keep.

use bartab_core::event::{CustomType, Format, History, Mentions, MessageContent, RoomKind, Visibility};
use bartab_core::store::Attachment;
use bartab_core::{EventId, MediaId, UserId};
use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::config::{Config, limits};
use crate::error::ChatError;
use crate::service::words;

/// A room to be made.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RoomDraft {
    /// The name; may be missing in a conversation of two.
    #[serde(default)]
    #[schema(max_length = 100)]
    pub name: String,
    /// What it is for.
    #[serde(default = "channel")]
    #[schema(value_type = words::RoomKind, default = "channel")]
    pub kind: RoomKind,
    /// For whom it exists; `private` unless said otherwise.
    #[serde(default = "private")]
    #[schema(value_type = words::Visibility, default = "private")]
    pub visibility: Visibility,
    /// What a member may read.
    #[serde(default)]
    #[schema(value_type = words::History, default = "all")]
    pub history: History,
    /// What it is about.
    #[serde(default)]
    #[schema(max_length = 1000)]
    pub topic: Option<String>,
    /// Who is asked to join at once.
    #[serde(default)]
    #[schema(value_type = Vec<words::UserId>, max_items = 100)]
    pub members: Vec<UserId>,
}

const fn channel() -> RoomKind {
    RoomKind::Channel
}

const fn private() -> Visibility {
    Visibility::Private
}

impl RoomDraft {
    /// A channel with this name that everyone may join.
    pub fn public(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            kind: RoomKind::Channel,
            visibility: Visibility::Public,
            history: History::All,
            topic: None,
            members: Vec::new(),
        }
    }

    pub(crate) fn check(&self) -> Result<(), ChatError> {
        match self.kind {
            RoomKind::Channel => check_line("/name", &self.name, 1, limits::ROOM_NAME_CHARS)?,
            RoomKind::Direct => check_line("/name", &self.name, 0, limits::ROOM_NAME_CHARS)?,
            RoomKind::Discussion | RoomKind::Ephemeral => {
                return Err(ChatError::invalid("/kind", "unsupported", "this server makes channel and direct rooms"));
            }
        }
        if let Some(topic) = &self.topic {
            check_text("/topic", topic, 0, limits::TOPIC_CHARS)?;
        }
        check_people("/members", &self.members)
    }
}

/// Changes to a room; what is missing stays.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RoomUpdate {
    /// The new name.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 100)]
    pub name: Option<String>,
    /// The new topic; an empty one removes it.
    #[serde(default)]
    #[schema(max_length = 1000)]
    pub topic: Option<String>,
    /// For whom it exists now.
    #[serde(default)]
    #[schema(value_type = Option<words::Visibility>)]
    pub visibility: Option<Visibility>,
    /// What a member may read now.
    #[serde(default)]
    #[schema(value_type = Option<words::History>)]
    pub history: Option<History>,
}

impl RoomUpdate {
    pub(crate) fn check(&self) -> Result<(), ChatError> {
        if let Some(name) = &self.name {
            check_line("/name", name, 1, limits::ROOM_NAME_CHARS)?;
        }
        self.topic.as_ref().map_or(Ok(()), |topic| check_text("/topic", topic, 0, limits::TOPIC_CHARS))
    }
}

/// A message to be posted.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MessageDraft {
    /// The text; empty only with attachments.
    #[schema(max_length = 8000)]
    pub text: String,
    /// The message that it answers.
    #[serde(default)]
    #[schema(value_type = Option<words::EventId>)]
    pub reply_to: Option<EventId>,
    /// The root of the thread that it belongs to.
    #[serde(default)]
    #[schema(value_type = Option<words::EventId>)]
    pub thread: Option<EventId>,
    /// Whom it calls.
    #[serde(default)]
    #[schema(value_type = words::MentionsDraft)]
    pub mentions: Mentions,
    /// The files that it is to carry, each once: the caller's own, or for administrators anyone's.
    #[serde(default)]
    #[schema(value_type = Vec<words::MediaId>, max_items = 10)]
    pub attachments: Vec<MediaId>,
    /// How the text is to be shown.
    #[serde(default)]
    #[schema(value_type = words::Format, default = "plain")]
    pub format: Format,
    /// The client's own mark, echoed in the event.
    #[serde(default)]
    #[schema(max_length = 64)]
    pub nonce: Option<String>,
}

impl MessageDraft {
    /// A plain message.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    pub(crate) fn check(&self, config: &Config) -> Result<(), ChatError> {
        check_message(&self.text, config)?;
        check_attachments(&self.attachments)?;
        if self.attachments.is_empty() && self.text.trim().is_empty() {
            return Err(ChatError::invalid("/text", "too_short", "a message says something"));
        }
        check_people("/mentions/users", &self.mentions.users)?;
        self.nonce.as_ref().map_or(Ok(()), |nonce| check_line("/nonce", nonce, 0, limits::NONCE_CHARS))
    }

    /// What the message says; `attachments` in place of the ids.
    pub(crate) fn into_content(self, attachments: Vec<Attachment>) -> MessageContent<'static> {
        let mut mentions = self.mentions;
        mentions.users.sort_unstable();
        mentions.users.dedup();
        let nonce = self.nonce.map(Into::into);
        MessageContent { text: self.text.into(), format: self.format, mentions, attachments, nonce }
    }
}

/// An event of a caller's own type.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CustomDraft {
    /// The type: `x.<name>`.
    #[serde(rename = "type")]
    #[schema(value_type = String, pattern = "^x\\.[a-z][a-z0-9_.-]{0,61}$")]
    pub event_type: CustomType,
    /// A JSON object.
    #[schema(value_type = Object)]
    pub content: Box<RawValue>,
}

impl CustomDraft {
    pub(crate) fn check(&self, config: &Config) -> Result<(), ChatError> {
        let json = self.content.get();
        if !json.starts_with('{') {
            return Err(ChatError::invalid("/content", "invalid", "expected a JSON object"));
        }
        if json.len() > config.custom_event_bytes {
            let detail = format!("at most {} bytes", config.custom_event_bytes);
            return Err(ChatError::invalid("/content", "too_long", detail));
        }
        // Everyone in the room has to read it: half a surrogate pair, a number that nothing holds or a hundred
        // brackets would stop their parsers for good.
        let value: serde_json::Value =
            serde_json::from_str(json).map_err(|error| ChatError::invalid("/content", "invalid", error.to_string()))?;
        if depth(&value) > limits::CUSTOM_DEPTH {
            let detail = format!("at most {} levels", limits::CUSTOM_DEPTH);
            return Err(ChatError::invalid("/content", "too_deep", detail));
        }
        Ok(())
    }
}

/// How many levels of objects and lists there are. serde_json has bounded them before.
fn depth(value: &serde_json::Value) -> usize {
    match value {
        serde_json::Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        serde_json::Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// Checks the text of a message. Whether it may say nothing depends on what the message carries.
pub(super) fn check_message(text: &str, config: &Config) -> Result<(), ChatError> {
    check_text("/text", text, 0, config.message_chars)
}

fn check_attachments(media: &[MediaId]) -> Result<(), ChatError> {
    if media.len() > limits::ATTACHMENTS {
        let detail = format!("at most {} files", limits::ATTACHMENTS);
        return Err(ChatError::invalid("/attachments", "too_long", detail));
    }
    let twice = media.iter().enumerate().any(|(index, id)| media.iter().skip(index + 1).any(|other| other == id));
    if twice { Err(ChatError::invalid("/attachments", "duplicate", "each file once")) } else { Ok(()) }
}

/// Checks a text of several lines: its length in characters, and that it holds no NUL.
pub(super) fn check_text(pointer: &'static str, text: &str, least: usize, most: usize) -> Result<(), ChatError> {
    // Characters never outnumber bytes: most texts are short enough at a glance.
    let chars = if text.len() <= most { text.len().min(most) } else { text.chars().count() };
    if chars > most {
        return Err(ChatError::invalid(pointer, "too_long", format!("at most {most} characters")));
    }
    if text.len() < least {
        return Err(ChatError::invalid(pointer, "too_short", format!("at least {least} characters")));
    }
    if text.contains('\0') {
        return Err(ChatError::invalid(pointer, "invalid", "no NUL characters"));
    }
    Ok(())
}

/// Checks a text of one line.
pub(super) fn check_line(pointer: &'static str, text: &str, least: usize, most: usize) -> Result<(), ChatError> {
    check_text(pointer, text, least, most)?;
    if text.chars().any(char::is_control) {
        return Err(ChatError::invalid(pointer, "invalid", "no control characters"));
    }
    if least > 0 && text.trim().is_empty() {
        return Err(ChatError::invalid(pointer, "too_short", "not only spaces"));
    }
    Ok(())
}

pub(super) fn check_reason(reason: Option<&str>) -> Result<(), ChatError> {
    reason.map_or(Ok(()), |reason| check_line("/reason", reason, 0, limits::REASON_CHARS))
}

fn check_people(pointer: &'static str, people: &[UserId]) -> Result<(), ChatError> {
    if people.len() > limits::PEOPLE {
        return Err(ChatError::invalid(pointer, "too_long", format!("at most {} people", limits::PEOPLE)));
    }
    Ok(())
}
