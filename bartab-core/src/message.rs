//! A message as people see it: its `message.created` folded with what refers to it.
//!
//! The fold is pure and, for events that commute (two people's reactions, a reaction and an edit), independent of
//! their order. A store keeps the result as bytes and can make it again from the log.

use serde::{Deserialize, Serialize};

use crate::event::{Content, Envelope, Event, EventType, Facts, Format, Mentions, MessageContent, MessageFacts};
use crate::id::{EventId, RoomId, UserId};
use crate::store::Attachment;
use crate::time::Timestamp;

/// A message with its edits, deletion, reactions and thread counted in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageView {
    /// The id of its `message.created`.
    pub event_id: EventId,
    /// The room.
    pub room_id: RoomId,
    /// The number in the room: gapless, from 1.
    pub number: u64,
    /// Who wrote it.
    pub sender: UserId,
    /// Whether a bot wrote it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bot: bool,
    /// The `seq` of the last event folded in.
    pub version: u64,
    /// The text as it is now; empty when deleted.
    pub text: String,
    /// How the text is to be shown.
    pub format: Format,
    /// Whom it calls.
    #[serde(default, skip_serializing_if = "Mentions::is_empty")]
    pub mentions: Mentions,
    /// The files that it carries; none when deleted. An edit keeps them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    /// The message that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<EventId>,
    /// The root of its thread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<EventId>,
    /// How many messages name this one as the root of their thread.
    #[serde(default)]
    pub thread_count: u64,
    /// The last edit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edit: Option<EventId>,
    /// Whether it was deleted; the rest is a tombstone then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
    /// Reactions by emoji, in the order of first use, those that nobody uses any more included.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reactions: Vec<ReactionCount>,
}

/// How many people react to a message with one emoji.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReactionCount {
    /// The emoji.
    pub emoji: String,
    /// How many people.
    pub count: u64,
    /// The `seq` of its first use. Kept at a count of 0, so that the order does not depend on who left first.
    pub first: u64,
}

impl MessageView {
    /// The view of a message that nothing refers to.
    pub fn created(envelope: &Envelope, facts: MessageFacts, content: Option<&MessageContent<'_>>) -> Option<Self> {
        Some(Self {
            event_id: envelope.id,
            room_id: envelope.room?,
            number: envelope.number?,
            sender: envelope.sender,
            bot: envelope.bot,
            version: envelope.seq(),
            text: content.map(|content| content.text.clone().into_owned()).unwrap_or_default(),
            format: content.map(|content| content.format).unwrap_or_default(),
            mentions: content.map(|content| content.mentions.clone()).unwrap_or_default(),
            attachments: content.map(|content| content.attachments.clone()).unwrap_or_default(),
            reply_to: facts.reply_to,
            thread: facts.thread,
            thread_count: 0,
            edit: None,
            deleted: false,
            reactions: Vec::new(),
        })
    }

    /// The view of a `message.created`; `None` for any other event.
    pub fn of(event: &Event) -> Option<Self> {
        let Facts::Message(facts) = event.facts else { return None };
        let content = match &event.content {
            Some(Content::Message(content)) => Some(content),
            _ => None,
        };
        Self::created(&event.envelope, facts, content)
    }

    /// When it was written.
    pub fn timestamp(&self) -> Timestamp {
        self.event_id.time()
    }

    /// When it was last edited.
    pub fn edited_at(&self) -> Option<Timestamp> {
        self.edit.map(EventId::time)
    }

    /// Folds in an event whose target is this message; any other is passed over.
    pub fn fold(&mut self, event: &Event) {
        if event.envelope.target != Some(self.event_id) {
            return;
        }
        let id = event.envelope.id;
        match (&event.envelope.event_type, &event.facts) {
            (EventType::MessageEdited, _) => {
                if self.edit.is_none_or(|last| last < id) {
                    self.edit = Some(id);
                    if let (Some(Content::Edit(content)), false) = (&event.content, self.deleted) {
                        self.text.clone_from(&content.text);
                    }
                }
            }
            (EventType::MessageDeleted, _) => {
                self.deleted = true;
                self.text = String::new();
                self.format = Format::Plain;
                self.mentions = Mentions::default();
                self.attachments = Vec::new();
            }
            (EventType::ReactionAdded, Facts::Reaction(facts)) => self.react(&facts.emoji, id.seq()),
            (EventType::ReactionRemoved, Facts::Reaction(facts)) => {
                if let Some(reaction) = self.reactions.iter_mut().find(|reaction| reaction.emoji == facts.emoji) {
                    reaction.count = reaction.count.saturating_sub(1);
                }
            }
            (EventType::MessageCreated, _) => self.thread_count += 1,
            _ => return,
        }
        self.version = self.version.max(id.seq());
    }

    fn react(&mut self, emoji: &str, seq: u64) {
        match self.reactions.iter_mut().find(|reaction| reaction.emoji == emoji) {
            Some(reaction) => {
                reaction.count += 1;
                reaction.first = reaction.first.min(seq);
            }
            None => self.reactions.push(ReactionCount { emoji: emoji.to_owned(), count: 1, first: seq }),
        }
        self.reactions.sort_by_key(|reaction| reaction.first);
    }

    /// The stored form.
    ///
    /// # Errors
    /// None for a view that the program can hold; the signature is serde's.
    pub fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }

    /// Reads the stored form.
    ///
    /// # Errors
    /// When the bytes are no view.
    pub fn from_json(json: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(json)
    }
}

#[cfg(test)]
mod tests;
