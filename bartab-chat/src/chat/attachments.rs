//! Attaching files: media is asked before the message is queued, because deciding asks nobody.

use std::sync::Arc;

use bartab_core::event::{KeyHash, MessageContent};
use bartab_core::store::{Attachment, ClaimRefusal, Claimed, MediaClaims};
use bartab_core::{Actor, MediaId, RoomId};

use super::{Chat, IdempotencyKey};
use crate::error::ChatError;
use crate::model::{Command, Rejection, Targets, decide};

impl Chat {
    /// Lets messages carry files from now on: `claims` says which. Without it, a message that is to carry one is refused
    /// with 501. The first one stays for as long as the chat is open.
    ///
    /// The chat holds `claims`; what stands behind it should hold the chat by [`Chat::downgrade`] only.
    pub fn use_media(&self, claims: Arc<dyn MediaClaims>) {
        if self.inner.media.set(claims).is_err() {
            tracing::warn!("media is set already; the other one is not used");
        }
    }

    /// Calls `listener` after every append after which somebody may carry other files than before; see
    /// [`ReferenceFeed`](bartab_core::store::ReferenceFeed). It is called by who writes the log, so it must not block:
    /// wake a task. It may be called when nothing changed.
    pub fn on_references_changed(&self, listener: impl Fn() + Send + Sync + 'static) {
        self.inner.hub.references.add(Box::new(listener));
    }

    /// What a message of `actor` in `room` keeps of these files, or why it is not to be posted.
    pub(super) async fn attachments(
        &self,
        actor: &Actor,
        room: RoomId,
        media: &[MediaId],
        key: Option<IdempotencyKey<'_>>,
    ) -> Result<Result<Vec<Attachment>, Rejection>, ChatError> {
        if media.is_empty() {
            return Ok(Ok(Vec::new()));
        }
        if let Some(key) = key
            && self.is_used(KeyHash::new(actor.user_id, key.key)).await?
        {
            // The first answer is given again, whatever became of the files: this is never what is told.
            return Ok(Err(Rejection::MediaNotYours));
        }
        if let Err(rejection) = self.may_post(actor, room) {
            return Ok(Err(rejection));
        }
        let Some(claims) = self.inner.media.get() else { return Ok(Err(Rejection::MediaUnsupported)) };
        let limit = self.inner.config.command_deadline();
        Ok(match tokio::time::timeout(limit, claims.claim(actor, media)).await {
            Ok(Ok(Claimed::Granted(granted))) => same_files(granted, media),
            Ok(Ok(Claimed::Refused { reason: ClaimRefusal::Quarantined, .. })) => Err(Rejection::MediaQuarantined),
            Ok(Ok(Claimed::Refused { .. })) => Err(Rejection::MediaNotYours),
            Ok(Err(error)) => {
                tracing::error!(error = &error as &dyn std::error::Error, "media cannot be asked");
                Err(Rejection::MediaUnavailable)
            }
            Err(_) => {
                tracing::error!("media does not answer in time");
                Err(Rejection::MediaUnavailable)
            }
        })
    }

    /// Whether the log has an answer under this key.
    async fn is_used(&self, key: KeyHash) -> Result<bool, ChatError> {
        let log = &self.inner.stores.log;
        if log.surely_unknown(&[key]) {
            return Ok(false);
        }
        Ok(log.find_keys(&[key]).await?.pop().flatten().is_some())
    }

    /// Whether `actor` could post in the room as things are now: who could not learns nothing of files, and costs media
    /// nothing.
    fn may_post(&self, actor: &Actor, room: RoomId) -> Result<(), Rejection> {
        let published = self.published();
        let command = Command::PostMessage { room, content: MessageContent::default(), reply_to: None, thread: None };
        decide(&published.state, &Targets::default(), actor, command, published.head.time).map(drop)
    }
}

/// What was granted, if it is what was asked for: a message never carries another file, whoever answers.
fn same_files(granted: Vec<Attachment>, media: &[MediaId]) -> Result<Vec<Attachment>, Rejection> {
    if granted.iter().map(|file| &file.media_id).eq(media) {
        return Ok(granted);
    }
    tracing::error!("media granted other files than were asked for");
    Err(Rejection::MediaUnavailable)
}
