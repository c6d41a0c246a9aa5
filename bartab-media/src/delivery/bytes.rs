//! The bytes of a file: small ones from memory, others streamed.

use std::ops::Range;

use bartab_core::store::MediaRecord;
use bytes::Bytes;
use futures_util::stream::BoxStream;

use super::File;
use crate::blobs::{BlobError, blob_path};
use crate::error::MediaError;
use crate::media::Media;

/// Up to this size files are held in memory, if they are asked for often.
const SMALL: u64 = 256 << 10;

/// Where an answer comes from, for `Cache-Status` (RFC 9211).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// From memory.
    Hit,
    /// From the object store, or it was made.
    Miss,
    /// From the object store, and too large for memory.
    Bypass,
}

/// Bytes on their way out.
pub(crate) enum Delivered {
    Held(Bytes),
    Streamed(BoxStream<'static, Result<Bytes, BlobError>>),
}

impl Media {
    /// Opens the file, of which `range` is wanted, which is not empty unless the file is.
    pub(crate) async fn open_file(&self, file: &File, range: Range<u64>) -> Result<(Delivered, Origin), MediaError> {
        let (record, path) = (&file.record, blob_path(file.record.blob));
        if record.size > SMALL {
            return match self.inner.stores.blobs.stream(&path, range).await {
                Ok(stream) => Ok((Delivered::Streamed(stream), Origin::Bypass)),
                Err(error @ BlobError::NotFound { .. }) => Err(self.missing(record, error).await),
                Err(error) => Err(error.into()),
            };
        }
        let (whole, origin) = match self.inner.hot.whole(record.media_id) {
            Some(whole) => (whole, Origin::Hit),
            None => (self.read_small(record).await?, Origin::Miss),
        };
        // What is too short is not what was stored; a range of it would be of another file.
        let (length, wanted) = (whole.len() as u64, record.size);
        if length != wanted {
            let error = format!("{length} bytes are stored of {wanted}");
            return Err(BlobError::Generic { store: "media", source: error.into() }.into());
        }
        let end = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(whole.len());
        Ok((Delivered::Held(whole.slice(end(range.start)..end(range.end))), origin))
    }

    /// Whether the file is held in memory.
    pub(crate) fn origin_of(&self, file: &File) -> Origin {
        match self.inner.hot.whole(file.record.media_id) {
            Some(_) => Origin::Hit,
            None if file.record.size > SMALL => Origin::Bypass,
            None => Origin::Miss,
        }
    }

    async fn read_small(&self, record: &MediaRecord) -> Result<Bytes, MediaError> {
        let (media, record) = (self.clone(), record.clone());
        // Also when the client goes away: what was put into memory is looked after.
        self.to_the_end(async move { media.read_small_once(&record).await }).await
    }

    async fn read_small_once(&self, record: &MediaRecord) -> Result<Bytes, MediaError> {
        let path = blob_path(record.blob);
        let mut reader = false;
        let read = async {
            reader = true;
            self.inner.stores.blobs.read_whole(&path).await
        };
        let absent = || BlobError::NotFound { path: path.to_string(), source: "it is not there".into() };
        let read = async { read.await.and_then(|bytes| bytes.ok_or_else(absent)) };
        let whole = match self.inner.hot.whole_or(record.media_id, read).await {
            Ok(whole) => whole.unwrap_or_default(),
            Err(error @ BlobError::NotFound { .. }) => return Err(self.missing(record, error).await),
            Err(error) => return Err(error.into()),
        };
        if reader {
            self.forget_if_gone(record).await;
        }
        Ok(whole)
    }
}
