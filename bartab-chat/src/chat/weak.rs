//! What media asks chat, by a handle that does not hold it.

use std::sync::{Arc, Weak};

use async_trait::async_trait;
use bartab_core::event::{EventType, PersonState, Record};
use bartab_core::store::{Holder, MediaAccess, ReferenceFeed, ReferencePage, StoreError};
use bartab_core::{Actor, ActorKind, EventId};

use super::{Chat, Inner};
use crate::hub::Published;
use crate::references::change;

/// Messages that are looked up at a time.
const MESSAGES: usize = 64;
/// Rows of the log that are held at a time, each with the whole of its content.
const ROWS: usize = 256;

/// A handle to a chat that does not keep it open; for who is held by the chat itself.
///
/// It is what media asks: who may read a message ([`MediaAccess`]), and who carries which file ([`ReferenceFeed`]).
/// Once the chat is gone, both are [`StoreError::Unavailable`].
#[derive(Clone, Debug)]
pub struct WeakChat {
    inner: Weak<Inner>,
}

impl Chat {
    /// A handle that does not keep the chat open.
    pub fn downgrade(&self) -> WeakChat {
        WeakChat { inner: Arc::downgrade(&self.inner) }
    }

    /// Whether `actor` can read one of these messages now, as [`Chat::message`] would show it.
    async fn reads_any(&self, actor: &Actor, messages: &[EventId]) -> Result<bool, StoreError> {
        // The newest first: of a file that was attached again and again, they are the likeliest to be readable.
        for messages in messages.rchunks(MESSAGES) {
            let seqs: Vec<u64> = messages.iter().map(|message| message.seq()).collect();
            let rows = self.inner.stores.log.get(&seqs).await?;
            let published = self.published();
            let mut found = messages.iter().zip(rows).filter_map(|(id, row)| row.filter(|row| row.envelope.id == *id));
            if found.any(|row| readable(&published, actor, &row)) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl WeakChat {
    /// The chat, if it is still there.
    pub fn upgrade(&self) -> Option<Chat> {
        self.inner.upgrade().map(|inner| Chat { inner })
    }

    fn chat(&self) -> Result<Chat, StoreError> {
        self.upgrade().ok_or(StoreError::Unavailable(None))
    }
}

#[async_trait]
impl MediaAccess for WeakChat {
    /// A message gives access to who can read it; a profile to every person and bot of the tenant. Somebody who is
    /// suspended reads nothing, and what is not in the published state yet is read by nobody.
    async fn may_read(&self, actor: &Actor, holders: &[Holder]) -> Result<bool, StoreError> {
        let chat = self.chat()?;
        let published = chat.published();
        if !published.state.may_act(actor) {
            return Ok(false);
        }
        // The tenant shows its profiles to these.
        if matches!(actor.kind, ActorKind::Person | ActorKind::Bot { .. })
            && holders.iter().any(|it| shown(&published, *it))
        {
            return Ok(true);
        }
        drop(published);
        let messages: Vec<EventId> = holders
            .iter()
            .filter_map(|holder| if let Holder::Message(message) = holder { Some(*message) } else { None })
            .collect();
        chat.reads_any(actor, &messages).await
    }
}

#[async_trait]
impl ReferenceFeed for WeakChat {
    async fn after(&self, position: u64, limit: usize) -> Result<ReferencePage, StoreError> {
        let chat = self.chat()?;
        let mut page = ReferencePage { changes: Vec::new(), position };
        let mut left = limit;
        while left > 0 {
            let rows = chat.inner.stores.log.scan(page.position, left.min(ROWS)).await?;
            let Some(last) = rows.last() else { break };
            page.position = last.seq();
            left = left.saturating_sub(rows.len());
            for row in &rows {
                page.changes.extend(change(row).map_err(StoreError::backend)?);
            }
        }
        Ok(page)
    }
}

/// Whether this is a profile that there is still.
fn shown(published: &Published, holder: Holder) -> bool {
    matches!(holder, Holder::Profile(user) if published.state.person_state(user) != PersonState::Erased)
}

/// Whether this row is a message that was not deleted and that `actor` can read. With its deletion a message loses its
/// content, in the same append.
fn readable(published: &Published, actor: &Actor, row: &Record) -> bool {
    let envelope = &row.envelope;
    let alive = envelope.event_type == EventType::MessageCreated && row.content.is_some();
    let since = envelope.room.and_then(|room| published.state.access(actor, room)?.readable_since());
    alive && since.is_some_and(|since| (since..=published.head.seq).contains(&envelope.seq()))
}
