//! Uploads that go on after a connection broke, or the server started anew.
//!
//! Nothing of one is in memory between two requests: the record says how far it came, and the object store has the bytes.

use bartab_core::store::Upload;
use bartab_core::{Actor, Scope, UploadId, UserId};
use bytes::Bytes;
use futures_util::Stream;

use super::append::{Appended, Piece};
use super::keep::Whole;
use super::metadata::UploadMetadata;
use super::{NewUpload, Turn, Unfinished};
use crate::blobs::blob_path;
use crate::error::MediaError;
use crate::filename;
use crate::media::{Media, require, require_account};

impl Media {
    /// Begins an upload of `length` bytes, which count from now on; an empty one makes its file at once. `metadata` is
    /// what the `Upload-Metadata` of tus says.
    ///
    /// # Errors
    /// What stands in the way: [`MediaError::Invalid`], [`MediaError::TooLarge`], [`MediaError::Quota`], a store's own.
    pub async fn create_upload(&self, actor: &Actor, length: u64, metadata: &str) -> Result<Upload, MediaError> {
        self.may_upload(actor, &NewUpload { length: Some(length), ..NewUpload::default() })?;
        UploadMetadata::parse(metadata)?;
        let upload = self.begin_upload(actor, Some(length), metadata.to_owned()).await?;
        if length > 0 { Ok(upload) } else { self.upload_progress(actor, upload.upload_id).await }
    }

    /// The same with the first bytes. Of one that fails, or whose client goes away, nothing stays: the client does not know
    /// of it.
    ///
    /// # Errors
    /// As [`Media::create_upload`] and [`Media::append_upload`].
    pub(crate) async fn create_upload_with(
        &self,
        actor: &Actor,
        length: u64,
        metadata: &str,
        piece: Piece,
        body: impl Stream<Item = Result<Bytes, MediaError>> + Send + 'static,
    ) -> Result<Upload, MediaError> {
        let upload = self.create_upload(actor, length, metadata).await?;
        if length == 0 {
            return Ok(upload);
        }
        let mut unfinished = Unfinished { media: self, upload: Some(upload.upload_id) };
        let appended = self.append_upload(actor, upload.upload_id, piece, body).await?;
        unfinished.upload = None;
        Ok(appended)
    }

    /// How far an upload came, and which file it made. Whoever sends bytes of it now stops, and what came is kept.
    ///
    /// # Errors
    /// [`MediaError::UploadNotFound`], [`MediaError::UploadExpired`], [`MediaError::UploadLocked`]; what stands in the
    /// way of making the file of one that is complete; a store's own.
    pub async fn upload_progress(&self, actor: &Actor, upload: UploadId) -> Result<Upload, MediaError> {
        let owner = self.own_upload(actor, upload).await?.owner;
        let media = self.clone();
        self.to_the_end(async move {
            let turn = media.inner.turns.take(upload).await?;
            let upload = media.open_upload(owner, upload).await?;
            media.complete(upload, None, &turn).await
        })
        .await
    }

    /// Receives a piece of an upload; the last one makes the file. What came of one that ends early is kept, unless it has
    /// a checksum. Whoever else sends bytes of the upload stops.
    ///
    /// # Errors
    /// As [`Media::upload_progress`]; [`MediaError::OffsetMismatch`], [`MediaError::TooLarge`],
    /// [`MediaError::ChecksumMismatch`], [`MediaError::UploadInterrupted`], an error of the stream. When the file cannot
    /// be made, the upload is gone, unless it may succeed later.
    pub async fn append_upload(
        &self,
        actor: &Actor,
        upload: UploadId,
        piece: Piece,
        body: impl Stream<Item = Result<Bytes, MediaError>> + Send + 'static,
    ) -> Result<Upload, MediaError> {
        let owner = self.own_upload(actor, upload).await?.owner;
        let media = self.clone();
        // Also when its connection breaks and nobody waits: what came is kept.
        self.to_the_end(async move {
            let turn = media.inner.turns.take(upload).await?;
            let upload = media.open_upload(owner, upload).await?;
            let Appended { upload, sha256 } = media.receive_piece(upload, piece, body, &turn).await?;
            media.complete(upload, sha256, &turn).await
        })
        .await
    }

    /// Gives an upload up; the file of a finished one stays.
    ///
    /// # Errors
    /// [`MediaError::UploadNotFound`], [`MediaError::UploadExpired`], [`MediaError::UploadLocked`], a store's own.
    pub async fn cancel_upload(&self, actor: &Actor, upload: UploadId) -> Result<(), MediaError> {
        let owner = self.own_upload(actor, upload).await?.owner;
        let media = self.clone();
        self.to_the_end(async move {
            let _turn = media.inner.turns.take(upload).await?;
            media.open_upload(owner, upload).await?;
            media.remove_upload(upload).await
        })
        .await
    }

    /// The upload, if the caller may go on with it. Asked before the turn is taken: nobody else stops the owner.
    async fn own_upload(&self, actor: &Actor, upload: UploadId) -> Result<Upload, MediaError> {
        require(actor, Scope::MediaWrite)?;
        require_account(actor)?;
        self.open_upload(actor.user_id, upload).await
    }

    async fn open_upload(&self, owner: UserId, upload: UploadId) -> Result<Upload, MediaError> {
        let upload = self.inner.stores.uploads.get(upload).await?;
        let upload = upload.filter(|upload| upload.owner == owner).ok_or(MediaError::UploadNotFound)?;
        if upload.expires_at <= self.inner.clock.now() { Err(MediaError::UploadExpired) } else { Ok(upload) }
    }

    /// Makes the file if all is there and it was not made; `sha256` is of all, if it is known.
    async fn complete(&self, upload: Upload, sha256: Option<[u8; 32]>, _: &Turn) -> Result<Upload, MediaError> {
        if upload.media_id.is_some() || Some(upload.received) != upload.length {
            return Ok(upload);
        }
        let made = async {
            let whole = self.whole(&upload, sha256).await?;
            self.keep(&upload, whole).await
        };
        match made.await {
            Ok(record) => {
                self.delete_parts_later(upload.upload_id);
                Ok(Upload { blob: Some(record.blob), media_id: Some(record.media_id), ..upload })
            }
            Err(error) if error.is_passing() => Err(error),
            Err(error) => {
                self.remove_upload(upload.upload_id).await?;
                // Its time was over before it held its bytes.
                Err(if matches!(error, MediaError::Incomplete) { MediaError::UploadExpired } else { error })
            }
        }
    }

    async fn whole(&self, upload: &Upload, sha256: Option<[u8; 32]>) -> Result<Whole, MediaError> {
        let UploadMetadata { filename, public } = UploadMetadata::parse(&upload.metadata)?;
        let filename = filename.as_deref().and_then(filename::clean);
        // The program ended when the bytes were at their place already.
        if let Some(blob) = upload.blob
            && let Some(size) = self.inner.stores.blobs.size(&blob_path(blob)).await?
        {
            return Ok(Whole { filename, public, size, sha256: blob.sha256, path: blob_path(blob) });
        }
        let (path, sha256) = self.join(upload, sha256).await?;
        Ok(Whole { filename, public, size: upload.received, sha256, path })
    }

    /// Deletes what the file was made of; the record tells for a while which one it is.
    fn delete_parts_later(&self, upload: UploadId) {
        let media = self.clone();
        self.inner.tasks.spawn(async move {
            if let Err(error) = media.inner.stores.blobs.delete_upload(upload).await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the parts of an upload stay until it expires"
                );
            }
        });
    }
}
