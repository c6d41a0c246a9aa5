//! What follows from the log for one message: its view, its reactions and whom it calls.
//!
//! Every store's [`EventLog::rebuild_views`](super::EventLog::rebuild_views) is made of this, so all rebuild alike.

use std::collections::BTreeSet;

use super::error::StoreError;
use super::log::{MentionRow, ReactionChange, ViewRow};
use crate::event::{Content, Envelope, EventType, Facts, Mentions, Record};
use crate::id::UserId;
use crate::message::MessageView;

/// The rows beside the log that one message has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageRows {
    /// Its view; none when nothing was folded into it.
    pub view: Option<ViewRow>,
    /// The reactions that are there, each once.
    pub reactions: Vec<ReactionChange>,
    /// Whom it calls.
    pub mentions: Vec<MentionRow>,
}

/// Folds a message's events into its [`MessageRows`], one at a time, however many there are.
#[derive(Clone, Debug)]
pub struct MessageRebuild {
    view: MessageView,
    reactions: BTreeSet<(String, UserId)>,
    mentions: Vec<MentionRow>,
}

impl MessageRebuild {
    /// Begins with the row of a `message.created`; `None` for any other row.
    ///
    /// # Errors
    /// [`StoreError::Backend`] when the row cannot be read.
    pub fn new(created: &Record) -> Result<Option<Self>, StoreError> {
        if created.envelope.event_type != EventType::MessageCreated {
            return Ok(None);
        }
        let event = created.to_event().map_err(StoreError::backend)?;
        let mentions = match &event.content {
            Some(Content::Message(content)) => mention_rows(&event.envelope, &content.mentions),
            _ => Vec::new(),
        };
        Ok(MessageView::of(&event).map(|view| Self { view, reactions: BTreeSet::new(), mentions }))
    }

    /// Folds in the next row whose target is the message, in the order of the log.
    ///
    /// # Errors
    /// [`StoreError::Backend`] when the row cannot be read.
    pub fn fold(&mut self, related: &Record) -> Result<(), StoreError> {
        let event = related.to_event().map_err(StoreError::backend)?;
        self.view.fold(&event);
        if let Facts::Reaction(facts) = event.facts {
            let reaction = (facts.emoji, event.envelope.sender);
            match event.envelope.event_type {
                EventType::ReactionAdded => self.reactions.insert(reaction),
                _ => self.reactions.remove(&reaction),
            };
        }
        Ok(())
    }

    /// The rows that follow.
    ///
    /// # Errors
    /// [`StoreError::Backend`] when the view cannot be written as JSON.
    pub fn finish(self) -> Result<MessageRows, StoreError> {
        let seq = self.view.event_id.seq();
        let view = match self.view.version > seq {
            true => Some(ViewRow { seq, json: self.view.to_json().map_err(StoreError::backend)?.into() }),
            false => None,
        };
        let reactions = self.reactions.into_iter();
        let reactions = reactions.map(|(emoji, user)| ReactionChange { target: seq, emoji, user, present: true });
        Ok(MessageRows { view, reactions: reactions.collect(), mentions: self.mentions })
    }
}

/// The rows of [`Batch::mentions`](super::Batch::mentions) that a message with this envelope and these mentions has:
/// each person once, and one for the whole room.
pub fn mention_rows(envelope: &Envelope, mentions: &Mentions) -> Vec<MentionRow> {
    let (Some(room), Some(number)) = (envelope.room, envelope.number) else { return Vec::new() };
    let users: BTreeSet<UserId> = mentions.users.iter().copied().collect();
    let called = mentions.room.then_some(None).into_iter().chain(users.into_iter().map(Some));
    called.map(|user| MentionRow { seq: envelope.seq(), user, room, number }).collect()
}
