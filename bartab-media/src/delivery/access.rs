//! Who may read a file.

use std::sync::{Mutex, PoisonError};

use bartab_core::store::{Holder, MediaAccess, MediaRecord};
use bartab_core::{Actor, MediaId, Scope};

use crate::error::MediaError;
use crate::media::{Media, require};

/// How many of those that carry a file are asked about at a time, and in all: who is further down is not found. A file has
/// one or two, unless somebody attaches it to everything.
const PAGE: usize = 200;
const PAGES: usize = 50;

/// A message by which somebody may read a file: whoever reads one file of a conversation reads it by the same.
///
/// What a message carries never changes until it is deleted, and then it gives no access whoever asks; so it is asked about
/// first, and the store, which knows every holder, only after.
#[derive(Debug, Default)]
pub(crate) struct Shortcut(Mutex<Option<Holder>>);

impl Shortcut {
    fn get(&self) -> Option<Holder> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, holder: Holder) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(holder);
    }
}

impl Media {
    /// Whether the caller may read the file; what there is not is told from what is not for them by nothing.
    pub(super) async fn check_access(
        &self,
        actor: Option<&Actor>,
        media: MediaId,
        record: Option<&MediaRecord>,
        shortcut: Option<&Shortcut>,
    ) -> Result<(), MediaError> {
        let public = record.is_some_and(|record| record.blob.public);
        if !public {
            let actor = actor.ok_or(MediaError::Unauthenticated)?;
            require(actor, Scope::MediaRead)?;
            // What is not there is looked for as far as what is: otherwise the time would tell the one from the other.
            let own = record.is_some_and(|record| record.owner == actor.user_id);
            if !own && !self.is_shown(actor, media, shortcut).await? || record.is_none() {
                return Err(MediaError::NotFound);
            }
        }
        match record {
            Some(record) if record.quarantine.is_some() => Err(MediaError::Quarantined),
            _ => Ok(()),
        }
    }

    /// Whether somebody else's private file is shown to the caller by what carries it.
    async fn is_shown(&self, actor: &Actor, media: MediaId, shortcut: Option<&Shortcut>) -> Result<bool, MediaError> {
        let Some(connections) = self.connections() else { return Ok(false) };
        let access = &*connections.access;
        if let Some(holder) = shortcut.and_then(Shortcut::get)
            && access.may_read(actor, &[holder]).await?
        {
            return Ok(true);
        }
        if self.ask_holders(access, actor, media, shortcut).await? {
            return Ok(true);
        }
        // Whoever sees a message also gets what is attached to it, however shortly ago it was written.
        self.follow_references().await?;
        self.ask_holders(access, actor, media, shortcut).await
    }

    async fn ask_holders(
        &self,
        access: &dyn MediaAccess,
        actor: &Actor,
        media: MediaId,
        shortcut: Option<&Shortcut>,
    ) -> Result<bool, MediaError> {
        let mut after = None;
        for _ in 0..PAGES {
            let holders = self.inner.stores.media.holders(media, after, PAGE).await?;
            if !holders.is_empty() && access.may_read(actor, &holders).await? {
                // Of several it is not said which; a picture of a profile can be exchanged for another.
                if let (Some(shortcut), [holder @ Holder::Message(_)]) = (shortcut, holders.as_slice()) {
                    shortcut.set(*holder);
                }
                return Ok(true);
            }
            if holders.len() < PAGE {
                break;
            }
            after = holders.last().copied();
        }
        Ok(false)
    }
}
