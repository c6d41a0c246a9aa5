//! Uploads: bytes are received, become one, and are kept as a file.

mod append;
mod keep;
mod metadata;
mod parts;
mod receive;
mod resume;
mod turns;

use bartab_core::store::MediaRecord;
use bartab_core::store::{Advance, Beginning, Upload};
use bartab_core::{Actor, Scope, UploadId};
use bytes::Bytes;
use futures_util::Stream;

pub use append::Piece;
pub(crate) use keep::Whole;
pub(crate) use receive::receive;
pub(crate) use turns::{Turn, Turns};

use crate::blobs::upload_whole;
use crate::error::MediaError;
use crate::filename;
use crate::media::{Media, require, require_account};

/// What is said of a file before it comes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewUpload {
    /// What the uploader calls it; folders, control characters and marks of direction are taken out.
    pub filename: Option<String>,
    /// Whether everybody may read it, also without an account.
    pub public: bool,
    /// How many bytes will come, if that is known.
    pub length: Option<u64>,
}

impl Media {
    /// Stores a file that comes as a stream. Nothing of it is visible before the end, and nothing stays of one that
    /// fails.
    ///
    /// # Errors
    /// What stands in the way: [`MediaError::TooLarge`], [`MediaError::Quota`], [`MediaError::Picture`], an error of the
    /// stream, a store's own.
    pub async fn upload(
        &self,
        actor: &Actor,
        new: NewUpload,
        body: impl Stream<Item = Result<Bytes, MediaError>> + Send,
    ) -> Result<MediaRecord, MediaError> {
        self.may_upload(actor, &new)?;
        let filename = new.filename.as_deref().and_then(filename::clean);
        let upload = self.begin_upload(actor, new.length, String::new()).await?;
        let mut unfinished = Unfinished { media: self, upload: Some(upload.upload_id) };
        let path = upload_whole(upload.upload_id);
        let received = receive(self, &upload, &path, body).await?;
        let whole = Whole { filename, public: new.public, size: received.size, sha256: received.sha256, path };
        // From here on it is a file, whether or not the client waits.
        unfinished.upload = None;
        let media = self.clone();
        self.to_the_end(async move {
            let kept = async {
                let _turn = media.inner.turns.take(upload.upload_id).await?;
                media.keep(&upload, whole).await
            };
            let kept = kept.await;
            media.remove_upload_later(upload.upload_id);
            kept
        })
        .await
    }

    /// Bytes that a file may have.
    pub(crate) fn most_bytes(&self) -> u64 {
        self.inner.config.file_bytes.min(Upload::MAX_LENGTH)
    }

    /// Whether the caller may upload that, as far as it can be told before.
    pub(crate) fn may_upload(&self, actor: &Actor, new: &NewUpload) -> Result<(), MediaError> {
        require(actor, Scope::MediaWrite)?;
        require_account(actor)?;
        let limit = self.most_bytes();
        if new.length.is_some_and(|length| length > limit) { Err(MediaError::TooLarge { limit }) } else { Ok(()) }
    }

    /// Begins an upload, with what it announces counted in.
    pub(crate) async fn begin_upload(
        &self,
        actor: &Actor,
        length: Option<u64>,
        metadata: String,
    ) -> Result<Upload, MediaError> {
        let now = self.inner.clock.now();
        let upload = Upload {
            upload_id: self.new_upload_id(),
            owner: actor.user_id,
            length,
            received: 0,
            metadata,
            created_at: now,
            expires_at: now.after(self.inner.config.upload_time()),
            blob: None,
            media_id: None,
        };
        match self.inner.stores.uploads.begin(upload.clone(), self.inner.config.limits()).await? {
            Beginning::Begun => Ok(upload),
            Beginning::Exceeded(exceeded) => Err(MediaError::Quota(exceeded)),
        }
    }

    /// Removes an upload in the background, once whoever goes on with it has stopped; if that fails, the sweeper tries
    /// again.
    fn remove_upload_later(&self, upload: UploadId) {
        let media = self.clone();
        self.inner.tasks.spawn(async move {
            let removed = async {
                let _turn = media.inner.turns.take(upload).await?;
                media.remove_upload(upload).await
            };
            let Err(error) = removed.await else { return };
            tracing::warn!(error = &error as &dyn std::error::Error, "what was received of an upload is still there");
            if let Err(error) = media.end_upload(upload).await {
                tracing::warn!(error = &error as &dyn std::error::Error, "an upload stays until its time is over");
            }
        });
    }

    /// Ends the time of an open upload. One that is staged has to wait for its end.
    async fn end_upload(&self, upload: UploadId) -> Result<(), MediaError> {
        let Some(upload) = self.inner.stores.uploads.get(upload).await? else { return Ok(()) };
        let now = self.inner.clock.now();
        let Upload { upload_id, received, .. } = upload;
        let end = Advance { upload_id, offset: received, received, expires_at: now, now };
        self.inner.stores.uploads.advance(end, self.inner.config.limits()).await?;
        Ok(())
    }
}

/// An upload that is given up when this is dropped: its client went away, or it failed.
struct Unfinished<'a> {
    media: &'a Media,
    upload: Option<UploadId>,
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if let Some(upload) = self.upload.take() {
            self.media.remove_upload_later(upload);
        }
    }
}
