//! A message as pages of history, timelines and lookups give it.

use std::borrow::Cow;

use bartab_core::event::{Facts, Format, Mentions, MessageContent};
use bartab_core::store::{Attachment, MessageRow};
use bartab_core::{EventId, MessageView, ReactionCount, RoomId, Timestamp, UserId};
use serde::Serialize;

use super::event::{AttachmentsJson, MentionsJson};

/// A message, read as far as a client needs it; it borrows from its row.
pub(crate) struct MessageJson<'a> {
    event_id: EventId,
    number: u64,
    version: u64,
    room_id: RoomId,
    pub(crate) sender: UserId,
    bot: bool,
    text: Cow<'a, str>,
    format: Format,
    reply_to: Option<EventId>,
    thread: Option<EventId>,
    thread_count: u64,
    pub(crate) mentions: Mentions,
    attachments: Vec<Attachment>,
    edited_at: Option<Timestamp>,
    deleted: bool,
    reactions: Vec<ReactionCount>,
    mine: Vec<String>,
}

impl MessageJson<'_> {
    /// The position of the message.
    pub(crate) const fn seq(&self) -> u64 {
        self.event_id.seq()
    }

    /// Whether anybody ever reacted to it.
    pub(crate) fn has_reactions(&self) -> bool {
        !self.deleted && !self.reactions.is_empty()
    }

    /// Notes the emoji that the reader reacts with.
    pub(crate) fn react(&mut self, emoji: String) {
        self.mine.push(emoji);
    }
}

impl From<MessageView> for MessageJson<'static> {
    fn from(view: MessageView) -> Self {
        Self {
            event_id: view.event_id,
            number: view.number,
            version: view.version,
            room_id: view.room_id,
            sender: view.sender,
            bot: view.bot,
            edited_at: view.edited_at(),
            text: Cow::Owned(view.text),
            format: view.format,
            reply_to: view.reply_to,
            thread: view.thread,
            thread_count: view.thread_count,
            mentions: view.mentions,
            attachments: view.attachments,
            deleted: view.deleted,
            reactions: view.reactions,
            mine: Vec::new(),
        }
    }
}

/// Reads a row: its view when there is one, else the message itself, whose text is borrowed.
pub(crate) fn message_json(row: &MessageRow) -> Result<Option<MessageJson<'_>>, serde_json::Error> {
    if let Some(view) = &row.view {
        return Ok(Some(MessageView::from_json(view)?.into()));
    }
    let envelope = &row.record.envelope;
    let (Some(room_id), Some(number)) = (envelope.room, envelope.number) else { return Ok(None) };
    let Facts::Message(facts) = Facts::from_json(&envelope.event_type, &row.record.facts)? else { return Ok(None) };
    let content: MessageContent<'_> = match &row.record.content {
        Some(content) => serde_json::from_str(&content.json)?,
        None => MessageContent::default(),
    };
    Ok(Some(MessageJson {
        event_id: envelope.id,
        number,
        version: envelope.seq(),
        room_id,
        sender: envelope.sender,
        bot: envelope.bot,
        text: content.text,
        format: content.format,
        reply_to: facts.reply_to,
        thread: facts.thread,
        thread_count: 0,
        mentions: content.mentions,
        attachments: content.attachments,
        edited_at: None,
        deleted: row.record.is_erased(),
        reactions: Vec::new(),
        mine: Vec::new(),
    }))
}

#[derive(Serialize)]
struct Fields<'a> {
    event_id: EventId,
    seq: u64,
    number: u64,
    version: u64,
    room_id: RoomId,
    sender: UserId,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    bot: bool,
    timestamp: Timestamp,
    text: &'a str,
    format: Format,
    reply_to: Option<EventId>,
    thread: Option<EventId>,
    thread_count: u64,
    mentions: MentionsJson<'a>,
    attachments: AttachmentsJson<'a>,
    edited_at: Option<Timestamp>,
    deleted: bool,
    reactions: Reactions<'a>,
    pinned: bool,
}

struct Reactions<'a>(&'a MessageJson<'a>);

#[derive(Serialize)]
struct Reaction<'a> {
    emoji: &'a str,
    count: u64,
    me: bool,
}

impl Serialize for Reactions<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let message = self.0;
        let used = message.reactions.iter().filter(|reaction| reaction.count > 0 && !message.deleted);
        serializer.collect_seq(used.map(|reaction| Reaction {
            emoji: &reaction.emoji,
            count: reaction.count,
            me: message.mine.contains(&reaction.emoji),
        }))
    }
}

impl Serialize for MessageJson<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fields = Fields {
            event_id: self.event_id,
            seq: self.seq(),
            number: self.number,
            version: self.version,
            room_id: self.room_id,
            sender: self.sender,
            bot: self.bot,
            timestamp: self.event_id.time(),
            text: &self.text,
            format: self.format,
            reply_to: self.reply_to,
            thread: self.thread,
            thread_count: self.thread_count,
            mentions: (&self.mentions).into(),
            attachments: AttachmentsJson(&self.attachments),
            edited_at: self.edited_at,
            deleted: self.deleted,
            reactions: Reactions(self),
            pinned: false,
        };
        fields.serialize(serializer)
    }
}
