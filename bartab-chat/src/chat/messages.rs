//! Posting, editing, deleting, reacting, custom events, read markers.

use std::sync::Arc;

use bartab_core::store::{Direction, Marker, PageQuery};
use bartab_core::{Actor, EventId, RoomId, Scope};

use super::drafts::{check_message, check_reason};
use super::emoji::check_emoji;
use super::{Appended, Chat, CustomDraft, IdempotencyKey, MessageDraft, require};
use crate::error::ChatError;
use crate::model::{Command, Rejection};

impl Chat {
    /// Posts a message; durable, and on its way to everyone who may read it, when this returns.
    ///
    /// What it carries is asked for at the [`MediaClaims`](bartab_core::store::MediaClaims) of
    /// [`Chat::use_media`], all or none, and kept in the message as it is now.
    ///
    /// # Errors
    /// See [`ChatError`]; without a room that the actor has joined, or with a file that the actor may not attach,
    /// [`ChatError::Rejected`].
    pub async fn post_message(
        &self,
        actor: &Arc<Actor>,
        room: RoomId,
        draft: MessageDraft,
    ) -> Result<Appended, ChatError> {
        self.post_message_once(actor, room, draft, None).await
    }

    /// Posts a message; asked again with the same key and request it answers the same and posts nothing.
    ///
    /// # Errors
    /// As [`Chat::post_message`]; [`ChatError::KeyMismatch`] when the key belongs to another request.
    pub async fn post_message_once(
        &self,
        actor: &Arc<Actor>,
        room: RoomId,
        draft: MessageDraft,
        key: Option<IdempotencyKey<'_>>,
    ) -> Result<Appended, ChatError> {
        require(actor, Scope::ChatWrite)?;
        draft.check(&self.inner.config)?;
        let (reply_to, thread) = (draft.reply_to, draft.thread);
        let command = match self.attachments(actor, room, &draft.attachments, key).await? {
            Ok(attachments) => {
                Command::PostMessage { room, content: draft.into_content(attachments), reply_to, thread }
            }
            Err(rejection) => Command::Refused(rejection),
        };
        self.submit(actor, command, 201, key).await
    }

    /// Changes the text of one's own message; the text of one that carries files may be taken away.
    ///
    /// # Errors
    /// See [`ChatError`].
    pub async fn edit_message(
        &self,
        actor: &Arc<Actor>,
        room: RoomId,
        message: EventId,
        text: String,
    ) -> Result<Appended, ChatError> {
        require(actor, Scope::ChatWrite)?;
        check_message(&text, &self.inner.config)?;
        self.submit(actor, Command::EditMessage { room, message, text }, 200, None).await
    }

    /// Takes a message back: one's own, or as a moderator anyone's. Its text is gone from everywhere when this
    /// returns.
    ///
    /// # Errors
    /// See [`ChatError`].
    pub async fn delete_message(
        &self,
        actor: &Arc<Actor>,
        room: RoomId,
        message: EventId,
        reason: Option<String>,
    ) -> Result<Appended, ChatError> {
        require(actor, Scope::ChatWrite)?;
        check_reason(reason.as_deref())?;
        self.submit(actor, Command::DeleteMessage { room, message, reason }, 200, None).await
    }

    /// Adds or removes one's reaction to a message.
    ///
    /// # Errors
    /// See [`ChatError`].
    pub async fn react(
        &self,
        actor: &Arc<Actor>,
        room: RoomId,
        message: EventId,
        emoji: String,
        present: bool,
    ) -> Result<Appended, ChatError> {
        require(actor, Scope::ChatWrite)?;
        check_emoji(&emoji)?;
        self.submit(actor, Command::React { room, message, emoji, present }, 200, None).await
    }

    /// Posts an event of one's own type.
    ///
    /// # Errors
    /// See [`ChatError`].
    pub async fn post_custom(
        &self,
        actor: &Arc<Actor>,
        room: RoomId,
        draft: CustomDraft,
        key: Option<IdempotencyKey<'_>>,
    ) -> Result<Appended, ChatError> {
        require(actor, Scope::ChatWrite)?;
        draft.check(&self.inner.config)?;
        let CustomDraft { event_type, content } = draft;
        self.submit(actor, Command::PostCustom { room, event_type, content }, 201, key).await
    }

    /// Marks a room as read up to an event of it; durable when this returns. A marker never moves back.
    ///
    /// # Errors
    /// See [`ChatError`]; [`Rejection::MessageNotFound`] when the room has no such event for the actor.
    pub async fn mark_read(&self, actor: &Arc<Actor>, room: RoomId, event: EventId) -> Result<(), ChatError> {
        require(actor, Scope::ChatRead)?;
        let published = self.published();
        let access = published.state.access(actor, room).ok_or(Rejection::RoomNotFound)?;
        if access.joined.is_none() {
            return Err(Rejection::NotMember.into());
        }
        let since = access.readable_since().ok_or(Rejection::MessageNotFound)?;
        let log = &self.inner.stores.log;
        let found = log.get(&[event.seq()]).await?.pop().flatten();
        let readable = found.is_some_and(|record| {
            record.envelope.id == event && record.envelope.room == Some(room) && event.seq() >= since
        });
        if !readable || event.seq() > published.head.seq {
            return Err(Rejection::MessageNotFound.into());
        }
        // An event that is no message marks what was said before it.
        let from = Some(event.seq() + 1);
        let query = PageQuery { room, direction: Direction::Backward, from, since, limit: 1 };
        let number = log.room_page(query).await?.pop().and_then(|row| row.record.envelope.number);
        if let Some(number) = number {
            self.inner.stores.markers.advance(&[Marker { user: actor.user_id, room, number }]).await?;
        }
        Ok(())
    }
}
