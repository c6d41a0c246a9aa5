//! Pages of a room's messages.

use std::collections::BTreeSet;

use bartab_core::event::Content;
use bartab_core::store::{Direction, MessageRow, PageQuery};
use bartab_core::{Actor, EventId, MessageView, RoomId, Scope, Timestamp, UserId};
use bytes::Bytes;
use serde::Serialize;

use super::{Chat, require};
use crate::config::limits;
use crate::edits::edits_of;
use crate::error::{ChatError, CorruptLog};
use crate::hub::Published;
use crate::model::Rejection;
use crate::wire::{MessageJson, UsersJson, message_json, users_json};

/// Edits of one message that are given, at most.
const EDITS: usize = 1_000;

/// A part of a room's messages, from one end or from an event on.
#[derive(Clone, Copy, Debug)]
pub struct HistoryQuery {
    /// Which way to go.
    pub direction: Direction,
    /// The event to start from, exclusive.
    pub from: Option<EventId>,
    /// How many messages at most.
    pub limit: usize,
}

/// The messages on both sides of an event.
#[derive(Clone, Copy, Debug)]
pub struct Around {
    /// The event.
    pub event: EventId,
    /// How many messages at most.
    pub limit: usize,
}

#[derive(Serialize)]
struct PageJson<'a> {
    items: &'a [MessageJson<'a>],
    users: UsersJson,
    start: Option<EventId>,
    end: Option<EventId>,
    has_more: bool,
}

#[derive(Serialize)]
struct AroundJson<'a> {
    items: &'a [MessageJson<'a>],
    users: UsersJson,
    start: Option<EventId>,
    end: Option<EventId>,
    has_more_before: bool,
    has_more_after: bool,
}

#[derive(Serialize)]
struct EditsJson {
    items: Vec<VersionJson>,
}

/// One version of a message's text.
#[derive(Serialize)]
struct VersionJson {
    event_id: EventId,
    sender: UserId,
    timestamp: Timestamp,
    text: String,
}

impl Chat {
    /// A page of a room's messages as JSON.
    ///
    /// # Errors
    /// See [`ChatError`].
    pub async fn history(&self, actor: &Actor, room: RoomId, query: HistoryQuery) -> Result<Bytes, ChatError> {
        let (published, since) = self.readable(actor, room)?;
        let end = published.head.seq + 1;
        let limit = query.limit.clamp(1, limits::PAGE_MAX);
        let from = match (query.from, query.direction) {
            // The event itself is read with the page: when it comes first, it is a message of the room and the one that
            // was meant, and nothing else has to be looked up.
            (Some(from), Direction::Backward) => Some(from.seq().saturating_add(1)),
            (Some(from), Direction::Forward) => from.seq().checked_sub(1),
            // Only what the published state covers: `unread` and the page agree.
            (None, Direction::Backward) => Some(end),
            (None, Direction::Forward) => None,
        };
        let page = PageQuery { room, direction: query.direction, from, since, limit: limit + 2 };
        let mut rows = self.inner.stores.log.room_page(page).await?;
        if let Some(from) = query.from {
            if rows.first().is_some_and(|row| row.record.envelope.id == from && from.seq() < end) {
                rows.remove(0);
            } else {
                // No message, or not of this room: is it an event that the actor may read?
                let seq = self.position(&published, room, since, from).await?;
                rows.retain(|row| row.record.seq() != seq);
            }
        }
        rows.retain(|row| row.record.seq() < end);
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let items = self.messages_json(actor, &rows).await?;
        let json = PageJson {
            users: users_json(&published, &people(&items)),
            start: rows.first().map(|row| row.record.envelope.id),
            end: rows.last().map(|row| row.record.envelope.id),
            has_more,
            items: &items,
        };
        encode(&json, rows.len())
    }

    /// The messages on both sides of an event, oldest first, as JSON.
    ///
    /// # Errors
    /// See [`ChatError`].
    pub async fn history_around(&self, actor: &Actor, room: RoomId, around: Around) -> Result<Bytes, ChatError> {
        let (published, since) = self.readable(actor, room)?;
        let middle = self.position(&published, room, since, around.event).await?;
        let log = &self.inner.stores.log;
        let query = |direction, from, limit| PageQuery { room, direction, from: Some(from), since, limit };
        // The event itself counts to the older side.
        let limit = around.limit.clamp(1, limits::PAGE_MAX);
        let older = limit.div_ceil(2);
        let newer = limit - older;
        let mut before = log.room_page(query(Direction::Backward, middle + 1, older + 1)).await?;
        let mut after = log.room_page(query(Direction::Forward, middle, newer + 1)).await?;
        after.retain(|row| row.record.seq() <= published.head.seq);
        let (has_more_before, has_more_after) = (before.len() > older, after.len() > newer);
        before.truncate(older);
        after.truncate(newer);
        before.reverse();
        before.append(&mut after);
        let items = self.messages_json(actor, &before).await?;
        let json = AroundJson {
            users: users_json(&published, &people(&items)),
            start: before.first().map(|row| row.record.envelope.id),
            end: before.last().map(|row| row.record.envelope.id),
            has_more_before,
            has_more_after,
            items: &items,
        };
        encode(&json, before.len())
    }

    /// One message as JSON.
    ///
    /// # Errors
    /// See [`ChatError`].
    pub async fn message(&self, actor: &Actor, room: RoomId, message: EventId) -> Result<Bytes, ChatError> {
        let row = self.message_row(actor, room, message).await?;
        let rows = [row];
        let items = self.messages_json(actor, &rows).await?;
        items.first().map_or(Err(Rejection::MessageNotFound.into()), |item| encode(item, 1))
    }

    /// Every version of a message that is not erased, oldest first, as JSON.
    ///
    /// # Errors
    /// See [`ChatError`].
    pub async fn edits(&self, actor: &Actor, room: RoomId, message: EventId) -> Result<Bytes, ChatError> {
        let row = self.message_row(actor, room, message).await?;
        let view = row.view.as_deref().map(MessageView::from_json).transpose().map_err(CorruptLog::Message)?;
        let last = view.and_then(|view| view.edit);
        let edits = edits_of(&*self.inner.stores.log, message, last, EDITS).await?;
        let mut items = Vec::new();
        for record in std::iter::once(&row.record).chain(&edits) {
            let event = record.to_event().map_err(CorruptLog::Record)?;
            let text = match event.content {
                Some(Content::Message(content)) => content.text.into_owned(),
                Some(Content::Edit(content)) => content.text,
                _ => continue,
            };
            let envelope = event.envelope;
            let (event_id, sender, timestamp) = (envelope.id, envelope.sender, envelope.time());
            items.push(VersionJson { event_id, sender, timestamp, text });
        }
        encode(&EditsJson { items }, 1)
    }

    async fn message_row(&self, actor: &Actor, room: RoomId, message: EventId) -> Result<MessageRow, ChatError> {
        let (published, since) = self.readable(actor, room)?;
        let found = self.inner.stores.log.messages(&[message.seq()]).await?.pop().flatten();
        let envelope = found.as_ref().map(|row| &row.record.envelope);
        let readable = envelope.is_some_and(|envelope| {
            envelope.id == message
                && envelope.room == Some(room)
                && (since..=published.head.seq).contains(&envelope.seq())
        });
        found.filter(|_| readable).ok_or_else(|| Rejection::MessageNotFound.into())
    }

    /// The published state and the first position of the room that the actor may read.
    fn readable(&self, actor: &Actor, room: RoomId) -> Result<(std::sync::Arc<Published>, u64), ChatError> {
        require(actor, Scope::ChatRead)?;
        let published = self.published();
        let access = published.state.access(actor, room).ok_or(Rejection::RoomNotFound)?;
        let since = access.readable_since().ok_or(Rejection::NotMember)?;
        Ok((published, since))
    }

    /// The position of an event of the room that the actor may read.
    async fn position(
        &self,
        published: &Published,
        room: RoomId,
        since: u64,
        event: EventId,
    ) -> Result<u64, ChatError> {
        let seq = event.seq();
        let missing = || ChatError::from(Rejection::MessageNotFound);
        if !(since..=published.head.seq).contains(&seq) {
            return Err(missing());
        }
        // A page is asked for by the end of the one before, so this row has just been read: the store has it at hand.
        let record = self.inner.stores.log.get(&[seq]).await?.pop().flatten().ok_or_else(missing)?;
        let found = record.envelope.id == event && record.envelope.room == Some(room);
        if found { Ok(seq) } else { Err(missing()) }
    }

    /// The rows as the actor reads them, with the actor's own reactions marked.
    pub(crate) async fn messages_json<'a>(
        &self,
        actor: &Actor,
        rows: &'a [MessageRow],
    ) -> Result<Vec<MessageJson<'a>>, ChatError> {
        let mut items = Vec::with_capacity(rows.len());
        for row in rows {
            items.extend(message_json(row).map_err(CorruptLog::Message)?);
        }
        let reacted: Vec<u64> = items.iter().filter(|item| item.has_reactions()).map(MessageJson::seq).collect();
        if !reacted.is_empty() {
            for (seq, emoji) in self.inner.stores.log.reacted(actor.user_id, &reacted).await? {
                if let Some(item) = items.iter_mut().find(|item| item.seq() == seq) {
                    item.react(emoji);
                }
            }
        }
        Ok(items)
    }
}

/// Everyone whose id stands in these messages.
pub(crate) fn people(items: &[MessageJson<'_>]) -> BTreeSet<UserId> {
    items.iter().flat_map(|item| item.mentions.users.iter().copied().chain([item.sender])).collect()
}

fn encode(json: &impl Serialize, items: usize) -> Result<Bytes, ChatError> {
    let mut bytes = Vec::with_capacity(256 + items * 768);
    serde_json::to_writer(&mut bytes, json).map_err(CorruptLog::Encode)?;
    Ok(bytes.into())
}
