//! Reading files: who may, and what is held in memory of those that are asked for often.

mod access;
mod bytes;
mod head;
mod link;
mod thumbnail;

use std::ops::Range;
use std::sync::Arc;

use ::bytes::Bytes;
use bartab_core::store::MediaRecord;
use bartab_core::{Actor, MediaId};
use futures_util::stream::{self, BoxStream, StreamExt, TryStreamExt};
use http::HeaderMap;

pub(crate) use access::Shortcut;
pub(crate) use bytes::{Delivered, Origin};
pub(crate) use head::{Reading, thumbnail_head};
pub use link::SignedLink;
pub(crate) use thumbnail::MadeThumbnail;

use crate::cache::Piece;
use crate::error::MediaError;
use crate::media::Media;
use crate::sniff::Kind;
use crate::thumbnail::{Fit, ThumbnailAccept, ThumbnailFormat, ThumbnailSize};

/// What is known of a file, as it is held in memory.
#[derive(Debug)]
pub(crate) struct File {
    /// How long it is kept, and how many refer to it, may have changed since; the rest has not.
    pub(crate) record: MediaRecord,
    pub(crate) kind: Kind,
    /// The headers of an answer that carries all of it.
    pub(crate) head: HeaderMap,
    /// The strong validator of its bytes.
    pub(crate) etag: String,
    /// By what it was read before.
    pub(crate) shortcut: Shortcut,
}

impl Media {
    /// The record of a file that the caller may read; `None` is somebody without an account.
    ///
    /// A public file is everybody's. A private one is read by its owner, and by whoever may read something that carries
    /// it, in both cases with the scope `media:read`.
    ///
    /// # Errors
    /// [`MediaError::NotFound`] when there is no such file, and just so when it is not for the caller;
    /// [`MediaError::Unauthenticated`] instead for who has no account. [`MediaError::Quarantined`] for who might read it
    /// otherwise. [`MediaError::MissingScope`]; a store's own.
    pub async fn read(&self, actor: Option<&Actor>, media: MediaId) -> Result<MediaRecord, MediaError> {
        let record = self.inner.stores.media.get(media).await?;
        self.check_access(actor, media, record.as_ref(), None).await?;
        record.ok_or(MediaError::NotFound)
    }

    /// The bytes of a file that the caller may read, or of it what of `range` there is; they come in pieces, and nothing is
    /// read ahead of who takes them but one.
    ///
    /// # Errors
    /// As of [`Media::read`]; [`MediaError::Storage`] also in between.
    pub async fn download(
        &self,
        actor: Option<&Actor>,
        media: MediaId,
        range: Option<Range<u64>>,
    ) -> Result<BoxStream<'static, Result<Bytes, MediaError>>, MediaError> {
        let file = self.file(actor, media).await?;
        let size = file.record.size;
        let range = range.map_or(0..size, |range| range.start.min(size)..range.end.min(size));
        if range.is_empty() {
            return Ok(stream::empty().boxed());
        }
        Ok(match self.open_file(&file, range).await?.0 {
            Delivered::Held(bytes) => stream::iter([Ok(bytes)]).boxed(),
            Delivered::Streamed(pieces) => pieces.map_err(MediaError::from).boxed(),
        })
    }

    /// The thumbnail of a file that the caller may read, of the next size that there is.
    ///
    /// # Errors
    /// As of [`Media::read`]; [`MediaError::NoThumbnail`] for a file that has none, [`MediaError::Overloaded`] when too
    /// many pictures are being decoded.
    pub async fn thumbnail(
        &self,
        actor: Option<&Actor>,
        media: MediaId,
        size: ThumbnailSize,
        fit: Fit,
        accept: ThumbnailAccept,
    ) -> Result<(Bytes, ThumbnailFormat), MediaError> {
        let file = self.file(actor, media).await?;
        let (made, _) = self.thumbnail_of(&file, size, fit, accept).await?;
        Ok((made.bytes.clone(), made.format))
    }

    /// What is known of a file that the caller may read, from memory; as [`Media::read`].
    pub(crate) async fn file(&self, actor: Option<&Actor>, media: MediaId) -> Result<Arc<File>, MediaError> {
        let load = async {
            let record = self.inner.stores.media.get(media).await?;
            record.map(|record| Arc::new(File::new(record))).ok_or(MediaError::NotFound)
        };
        let file = match self.inner.hot.file(media, load).await {
            Ok(file) => Some(file),
            Err(MediaError::NotFound) => None,
            Err(error) => return Err(error),
        };
        let (record, shortcut) = file.as_ref().map(|file| (&file.record, &file.shortcut)).unzip();
        self.check_access(actor, media, record, shortcut).await?;
        file.ok_or(MediaError::NotFound)
    }

    /// Lets go of all that is held in memory of a file. Call it when the file was put into quarantine, let out of it or
    /// removed, before that is answered.
    pub(crate) fn forget(&self, record: &MediaRecord) {
        let (hot, media) = (&self.inner.hot, record.media_id);
        hot.forget_file(media);
        hot.forget(Piece::Whole(media));
        for size in self.inner.config.thumbnails.iter() {
            for fit in [Fit::Contain, Fit::Cover] {
                for accept in [ThumbnailAccept::Any, ThumbnailAccept::Webp] {
                    hot.forget(Piece::Thumbnail(media, size, fit, accept));
                }
            }
        }
    }

    /// Lets go of bytes in memory that were put there while their file was removed or put into quarantine.
    ///
    /// Call it when they were put there: whoever removes the file has it forgotten afterwards, so one of the two sees
    /// the other.
    async fn forget_if_gone(&self, record: &MediaRecord) {
        let now = self.inner.stores.media.get(record.media_id).await;
        if !matches!(now, Ok(Some(now)) if now.quarantine.is_none()) {
            self.forget(record);
        }
    }

    /// Why bytes that should be there are not.
    async fn missing(&self, record: &MediaRecord, error: crate::blobs::BlobError) -> MediaError {
        self.forget(record);
        match self.inner.stores.media.get(record.media_id).await {
            // It was removed since it was looked up.
            Ok(None) => MediaError::NotFound,
            Ok(Some(_)) => MediaError::Storage(error),
            Err(error) => MediaError::Store(error),
        }
    }
}
