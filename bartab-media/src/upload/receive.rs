//! Receiving bytes: stored as they come, hashed, and counted.

use std::pin::pin;

use bartab_core::store::{Advance, Advancing, Upload};
use bytes::Bytes;
use futures_util::{Stream, TryStreamExt};
use object_store::path::Path;
use sha2::{Digest, Sha256};

use crate::error::MediaError;
use crate::media::Media;

/// Bytes that may come before they are counted in, when it was not announced how many there will be.
const COUNT_EVERY: u64 = 8 << 20;

/// What was received.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Received {
    pub(crate) size: u64,
    pub(crate) sha256: [u8; 32],
}

/// Stores all of `body` at `path`, as the whole of `upload`; nothing is there if it fails.
pub(crate) async fn receive(
    media: &Media,
    upload: &Upload,
    path: &Path,
    body: impl Stream<Item = Result<Bytes, MediaError>> + Send,
) -> Result<Received, MediaError> {
    let limit = media.most_bytes();
    let mut counted = Counted { media, upload, counted: 0 };
    let mut writer = media.inner.stores.blobs.writer(path).await?;
    let mut hash = Sha256::new();
    let mut size = 0_u64;
    let mut body = pin!(body);
    let received = loop {
        let bytes = match body.try_next().await {
            Ok(Some(bytes)) => bytes,
            Ok(None) if upload.length.is_some_and(|length| length != size) => break Err(MediaError::Incomplete),
            Ok(None) => break Ok(Received { size, sha256: hash.finalize().into() }),
            Err(error) => break Err(error),
        };
        size += bytes.len() as u64;
        if size > limit {
            break Err(MediaError::TooLarge { limit });
        }
        hash.update(&bytes);
        let counted = counted.up_to(size).await;
        if let Err(error) = counted.and(writer.write(bytes).await.map_err(MediaError::from)) {
            break Err(error);
        }
    };
    let received = match received {
        Ok(received) => counted.all(size).await.map(|()| received),
        Err(error) => Err(error),
    };
    match received {
        Ok(received) => {
            writer.finish().await?;
            Ok(received)
        }
        Err(error) => {
            writer.abort().await;
            Err(error)
        }
    }
}

/// What of an upload is counted against the quotas. What was announced counts from the beginning.
struct Counted<'a> {
    media: &'a Media,
    upload: &'a Upload,
    counted: u64,
}

impl Counted<'_> {
    /// Sees to it that not much is stored without being counted.
    async fn up_to(&mut self, size: u64) -> Result<(), MediaError> {
        if size - self.counted < COUNT_EVERY { Ok(()) } else { self.all(size).await }
    }

    async fn all(&mut self, size: u64) -> Result<(), MediaError> {
        if self.upload.length.is_some() || size == self.counted {
            return Ok(());
        }
        let inner = &self.media.inner;
        let now = inner.clock.now();
        let advance = Advance {
            upload_id: self.upload.upload_id,
            offset: self.counted,
            received: size,
            expires_at: now.after(inner.config.upload_time()),
            now,
        };
        match inner.stores.uploads.advance(advance, inner.config.limits()).await? {
            Advancing::Advanced(_) => {
                self.counted = size;
                Ok(())
            }
            Advancing::Exceeded(exceeded) => Err(MediaError::Quota(exceeded)),
            Advancing::TooLong { length } => Err(MediaError::TooLarge { limit: length }),
            Advancing::Elsewhere { .. } | Advancing::Gone => Err(MediaError::Incomplete),
        }
    }
}
