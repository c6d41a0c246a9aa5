//! Receiving a piece of a resumable upload: whatever ends it, what came is kept.

use std::pin::pin;

use bartab_core::UploadId;
use bartab_core::store::{Advance, Advancing, Upload};
use bytes::Bytes;
use futures_util::{Stream, TryStreamExt};
use sha2::{Digest, Sha256};

use super::turns::Turn;
use crate::blobs::{Writer, upload_part};
use crate::digest::{Check, Checksum};
use crate::error::MediaError;
use crate::media::Media;

/// A piece of an upload that comes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Piece {
    /// Where it begins.
    pub offset: u64,
    /// How many bytes will come, if that is known.
    pub length: Option<u64>,
    /// What it is to be; if it is not, nothing of it is kept.
    pub checksum: Option<Checksum>,
}

/// The upload as it is after a piece.
pub(crate) struct Appended {
    pub(crate) upload: Upload,
    /// Of all of it, when all of it came now.
    pub(crate) sha256: Option<[u8; 32]>,
}

/// What is being received, and not counted yet.
struct Receiving<'a> {
    media: &'a Media,
    upload: Upload,
    writer: Option<Writer>,
    /// Where the part begins that is being written.
    start: u64,
    /// Stands in that part before what comes.
    before: Bytes,
    /// How much of the upload there is with what came.
    position: u64,
}

impl Media {
    /// Receives the piece. Also when this fails, some of it may count: without a checksum all that came.
    pub(crate) async fn receive_piece(
        &self,
        upload: Upload,
        piece: Piece,
        body: impl Stream<Item = Result<Bytes, MediaError>> + Send,
        turn: &Turn,
    ) -> Result<Appended, MediaError> {
        let length = upload.length.unwrap_or(Upload::MAX_LENGTH);
        if piece.offset != upload.received {
            return Err(MediaError::OffsetMismatch { offset: upload.received });
        }
        if piece.length.is_some_and(|more| more > length - upload.received) {
            return Err(MediaError::TooLarge { limit: length });
        }
        if upload.received == length {
            return Ok(Appended { upload, sha256: None });
        }
        let mut hash = (upload.received == 0).then(Sha256::new);
        let mut check = piece.checksum.map(Check::new);
        let (start, before) = self.next_part(&upload).await?;
        let position = upload.received;
        let mut receiving = Receiving { media: self, upload, writer: None, start, before, position };
        let (mut body, mut wanted) = (pin!(body), pin!(turn.is_wanted()));
        let ended = loop {
            let next = tokio::select! {
                biased;
                () = &mut wanted => Err(MediaError::UploadInterrupted),
                () = self.inner.closing.cancelled() => Err(MediaError::Closed),
                next = body.try_next() => next,
            };
            let bytes = match next {
                Ok(Some(bytes)) if bytes.is_empty() => continue,
                Ok(Some(bytes)) => bytes,
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            };
            if receiving.position + bytes.len() as u64 > length {
                return receiving.give_up(MediaError::TooLarge { limit: length }).await;
            }
            if let Some(hash) = &mut hash {
                hash.update(&bytes);
            }
            if let Some(check) = &mut check {
                check.update(&bytes);
            }
            if let Err(error) = receiving.write(bytes).await {
                return receiving.give_up(error).await;
            }
            // What is to be checked counts as a whole, or not at all.
            if check.is_none() && receiving.position - receiving.start >= self.inner.config.part_bytes {
                receiving.count().await?;
            }
        };
        let ended = match (check, ended) {
            (Some(_), Err(error)) => return receiving.give_up(error).await,
            (Some(check), Ok(())) => match check.holds() {
                true => Ok(()),
                false => return receiving.give_up(MediaError::ChecksumMismatch).await,
            },
            (None, ended) => ended,
        };
        receiving.count().await?;
        ended?;
        Ok(Appended { upload: receiving.upload, sha256: hash.map(|hash| hash.finalize().into()) })
    }

    /// The error of an upload that is gone, or whose time is over.
    async fn is_gone(&self, upload: UploadId) -> MediaError {
        match self.inner.stores.uploads.get(upload).await {
            Ok(Some(_)) => MediaError::UploadExpired,
            Ok(None) => {
                // Its bytes were deleted before these came.
                match self.inner.stores.blobs.delete_upload(upload).await {
                    Ok(()) => MediaError::UploadNotFound,
                    Err(error) => error.into(),
                }
            }
            Err(error) => error.into(),
        }
    }
}

impl Receiving<'_> {
    async fn write(&mut self, bytes: Bytes) -> Result<(), MediaError> {
        let writer = match &mut self.writer {
            Some(writer) => writer,
            None => {
                let path = upload_part(self.upload.upload_id, self.start);
                let writer = self.writer.insert(self.media.inner.stores.blobs.writer(&path).await?);
                writer.write(std::mem::take(&mut self.before)).await?;
                writer
            }
        };
        self.position += bytes.len() as u64;
        Ok(writer.write(bytes).await?)
    }

    /// Has what came count: it is durable then.
    async fn count(&mut self) -> Result<(), MediaError> {
        let Some(writer) = self.writer.take() else { return Ok(()) };
        writer.finish().await?;
        let inner = &self.media.inner;
        let now = inner.clock.now();
        let advance = Advance {
            upload_id: self.upload.upload_id,
            offset: self.upload.received,
            received: self.position,
            expires_at: now.after(inner.config.upload_time()),
            now,
        };
        match inner.stores.uploads.advance(advance, inner.config.limits()).await? {
            Advancing::Advanced(upload) => {
                self.start = upload.received;
                self.upload = upload;
                Ok(())
            }
            Advancing::Elsewhere { received } => Err(MediaError::OffsetMismatch { offset: received }),
            Advancing::TooLong { length } => Err(MediaError::TooLarge { limit: length }),
            Advancing::Exceeded(exceeded) => Err(MediaError::Quota(exceeded)),
            Advancing::Gone => Err(self.media.is_gone(self.upload.upload_id).await),
        }
    }

    /// Keeps nothing of what does not count yet.
    async fn give_up<T>(self, error: MediaError) -> Result<T, MediaError> {
        if let Some(writer) = self.writer {
            writer.abort().await;
        }
        Err(error)
    }
}
