//! Deleting what can go: uploads whose time is over, files that nobody needs, bytes that nothing uses.

use std::sync::{Arc, Weak};
use std::time::Duration;

use bartab_core::UploadId;
use bartab_core::store::BlobKey;
use tokio::sync::Notify;

use crate::cache::Piece;
use crate::error::MediaError;
use crate::media::{Inner, Media};

/// How much is taken at a time.
const STEP: usize = 100;

/// Sweeps now and then, and whenever it is asked to, until the media is gone.
pub(crate) async fn run(media: Weak<Inner>, asked: Arc<Notify>) {
    loop {
        let Some(pause) = media.upgrade().map(|inner| Duration::from_secs(inner.config.sweep_seconds.max(1))) else {
            return;
        };
        let _ = tokio::time::timeout(pause, asked.notified()).await;
        let Some(media) = media.upgrade().map(|inner| Media { inner }) else { return };
        if let Err(error) = media.sweep().await {
            tracing::warn!(error = &error as &dyn std::error::Error, "what can go is not all deleted");
        }
    }
}

impl Media {
    /// Deletes what can go now. The media's own task does that by itself; never call it beside that.
    pub(crate) async fn sweep(&self) -> Result<(), MediaError> {
        let swept = self.sweep_uploads().await;
        let collected = self.collect().await;
        let deleted = self.delete_doomed().await;
        swept.and(collected).and(deleted)
    }

    /// Has the task look now.
    pub(crate) fn sweep_soon(&self) {
        self.inner.sweep.notify_one();
    }

    async fn sweep_uploads(&self) -> Result<(), MediaError> {
        loop {
            let over = self.inner.stores.uploads.expired(self.inner.clock.now(), STEP).await?;
            for upload in &over {
                self.remove_upload(upload.upload_id).await?;
            }
            if over.len() < STEP {
                return Ok(());
            }
        }
    }

    async fn collect(&self) -> Result<(), MediaError> {
        loop {
            let removed = self.inner.stores.media.collect(self.inner.clock.now(), STEP).await?;
            removed.iter().for_each(|removed| self.forget(&removed.record));
            if removed.len() < STEP {
                return Ok(());
            }
        }
    }

    async fn delete_doomed(&self) -> Result<(), MediaError> {
        loop {
            let doomed = self.inner.stores.media.doomed(STEP).await?;
            for blob in &doomed {
                self.delete_derived_and_blob(*blob).await?;
                self.inner.stores.media.blob_gone(*blob).await?;
                self.inner.gone.notify_waiters();
            }
            if doomed.len() < STEP {
                return Ok(());
            }
        }
    }

    /// Deletes bytes and what was made of them, while nobody stores a thumbnail: one that came after would stay.
    async fn delete_derived_and_blob(&self, blob: BlobKey) -> Result<(), MediaError> {
        let _turn = self.inner.hot.turn(Piece::Deriving(blob)).await;
        self.forget_bytes(blob);
        Ok(self.inner.stores.blobs.delete_blob(blob).await?)
    }

    /// Removes an upload with what was received of it; the file of a finished one stays.
    pub(crate) async fn remove_upload(&self, upload: UploadId) -> Result<(), MediaError> {
        self.inner.stores.blobs.delete_upload(upload).await?;
        let removed = self.inner.stores.uploads.remove(upload).await?;
        if removed.is_some_and(|removed| removed.doomed.is_some()) {
            self.sweep_soon();
        }
        Ok(())
    }
}
