//! Messages as they are seen: in answers to posts, in sync, in pages of history.

use std::collections::HashMap;

use serde::Deserialize;

/// A message, whichever way it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) event_id: String,
    pub(crate) number: u64,
    pub(crate) sender: String,
    pub(crate) text: String,
    pub(crate) reply_to: Option<String>,
}

/// A `message.created` as writes and sync give it.
#[derive(Debug, Deserialize)]
pub(crate) struct EventJson {
    pub(crate) event_id: String,
    number: u64,
    sender: String,
    content: Content,
    pub(crate) nonce: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Content {
    text: String,
    reply_to: Option<String>,
}

impl From<EventJson> for Seen {
    fn from(event: EventJson) -> Self {
        Self {
            event_id: event.event_id,
            number: event.number,
            sender: event.sender,
            text: event.content.text,
            reply_to: event.content.reply_to,
        }
    }
}

/// A page of history.
#[derive(Debug, Deserialize)]
pub(crate) struct PageJson {
    pub(crate) items: Vec<MessageJson>,
    pub(crate) users: HashMap<String, ProfileJson>,
    pub(crate) end: Option<String>,
    pub(crate) has_more: bool,
}

/// A message of a page.
#[derive(Debug, Deserialize)]
pub(crate) struct MessageJson {
    event_id: String,
    number: u64,
    pub(crate) sender: String,
    text: String,
    reply_to: Option<String>,
}

impl From<MessageJson> for Seen {
    fn from(message: MessageJson) -> Self {
        let MessageJson { event_id, number, sender, text, reply_to } = message;
        Self { event_id, number, sender, text, reply_to }
    }
}

/// Somebody as a page shows them.
#[derive(Debug, Deserialize)]
pub(crate) struct ProfileJson {
    pub(crate) display_name: String,
}

/// An answer of `/v1/sync`.
#[derive(Debug, Deserialize)]
pub(crate) struct SyncJson {
    pub(crate) next: String,
    #[serde(default)]
    pub(crate) events: Vec<EventJson>,
    #[serde(default)]
    pub(crate) reset: bool,
}
