//! The log: who carries which file.

use bartab_core::store::{MediaFeed, StoreError};

use crate::error::MediaError;
use crate::media::Media;

/// Events that are looked at in one step.
const PAGE: usize = 1000;
/// After so many events that change nothing the position is written down, so that they are not read again and again.
const RECORD_EVERY: u64 = 10_000;

/// Where in the log one is.
#[derive(Debug, Default)]
pub(super) struct Looked {
    /// Up to where its changes are applied, as the store knows it; `None`: that was not asked yet.
    stored: Option<u64>,
    /// Up to where it was read; nothing between the two changes anything.
    read: u64,
}

impl Media {
    /// Follows the log to its end, as it is when this is called. Nothing is followed while there is no connection.
    pub(crate) async fn follow_references(&self) -> Result<(), MediaError> {
        let mut looked = self.inner.follower.log.lock().await;
        let Some(connections) = self.connections() else { return Ok(()) };
        loop {
            let stored = match looked.stored {
                Some(stored) => stored,
                None => {
                    let stored = self.inner.stores.media.position(MediaFeed::Log).await?;
                    *looked = Looked { stored: Some(stored), read: stored };
                    stored
                }
            };
            let page = connections.references.after(looked.read, PAGE).await?;
            if page.position <= looked.read {
                return Ok(());
            }
            if !page.changes.is_empty() || page.position - stored >= RECORD_EVERY {
                let keep_until = self.inner.clock.now().after(self.inner.config.grace_time());
                let store = &self.inner.stores.media;
                // Until it is known how this ends, the store is asked where it is.
                looked.stored = None;
                match store.apply(MediaFeed::Log, stored, page.changes, page.position, keep_until).await {
                    Ok(()) => looked.stored = Some(page.position),
                    // Somebody else was faster.
                    Err(StoreError::Conflict) => continue,
                    Err(error) => return Err(error.into()),
                }
            }
            looked.read = page.position;
        }
    }
}
