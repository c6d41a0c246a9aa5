//! Writing bytes as they come, in pieces that fit in memory.

use bytes::{Bytes, BytesMut};
use futures_util::future::BoxFuture;
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload};

use super::BlobError;
use super::patience::{LONG_STALL, STALL, within};

/// Bytes of one write to a local file.
const LOCAL_PIECE: usize = 1 << 20;
/// Bytes of one part of an upload to S3, which takes 10,000 of them and none but the last below 5 MiB.
const REMOTE_PIECE: usize = 8 << 20;

/// Bytes that are being written, and appear when they are finished.
///
/// One that is dropped before leaves nothing visible; [`Writer::abort`] also takes back what is there.
#[derive(Debug)]
pub(crate) struct Writer {
    upload: Box<dyn MultipartUpload>,
    piece: usize,
    /// Pieces of what came last, together less than one.
    gathered: Vec<Bytes>,
    length: usize,
    /// The one that is being written while the next is gathered.
    writing: Option<Writing>,
}

struct Writing(BoxFuture<'static, Result<(), BlobError>>);

impl std::fmt::Debug for Writing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Writing")
    }
}

impl Writer {
    pub(super) async fn open(store: &dyn ObjectStore, path: &Path, local: bool) -> Result<Self, BlobError> {
        let upload = within(STALL, store.put_multipart(path)).await?;
        let piece = if local { LOCAL_PIECE } else { REMOTE_PIECE };
        Ok(Self { upload, piece, gathered: Vec::new(), length: 0, writing: None })
    }

    /// Takes the next bytes; waits only while the piece before is being written.
    pub(crate) async fn write(&mut self, mut bytes: Bytes) -> Result<(), BlobError> {
        while self.length + bytes.len() >= self.piece {
            let rest = bytes.split_off(self.piece - self.length);
            self.gather(bytes);
            self.write_piece().await?;
            bytes = rest;
        }
        self.gather(bytes);
        Ok(())
    }

    fn gather(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.length += bytes.len();
            self.gathered.push(bytes);
        }
    }

    async fn write_piece(&mut self) -> Result<(), BlobError> {
        if let Some(Writing(before)) = self.writing.take() {
            within(STALL, before).await?;
        }
        self.length = 0;
        let payload = PutPayload::from_iter(compact(std::mem::take(&mut self.gathered)));
        // Begun at once, and waited for when the next piece is there.
        let part = tokio::spawn(self.upload.put_part(payload));
        self.writing =
            Some(Writing(Box::pin(
                async move { part.await.unwrap_or_else(|source| Err(BlobError::JoinError { source })) },
            )));
        Ok(())
    }

    /// Has the bytes appear; they are durable then.
    pub(crate) async fn finish(mut self) -> Result<(), BlobError> {
        let finished = self.try_finish().await;
        if finished.is_err() {
            self.abort().await;
        }
        finished
    }

    async fn try_finish(&mut self) -> Result<(), BlobError> {
        if self.length > 0 {
            self.write_piece().await?;
        }
        if let Some(Writing(last)) = self.writing.take() {
            within(STALL, last).await?;
        }
        within(LONG_STALL, self.upload.complete()).await.map(drop)
    }

    /// Takes back what was written.
    pub(crate) async fn abort(mut self) {
        // What is still being written would come after.
        if let Some(Writing(last)) = self.writing.take() {
            let _ = within(STALL, last).await;
        }
        if let Err(error) = within(STALL, self.upload.abort()).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "bytes that were given up are not taken back");
        }
    }
}

/// Small pieces hold large buffers of the connection; copied together they do not.
fn compact(pieces: Vec<Bytes>) -> Vec<Bytes> {
    const SMALL: usize = 4 << 10;
    let length: usize = pieces.iter().map(Bytes::len).sum();
    if pieces.len() <= 1 || length / pieces.len() >= SMALL {
        return pieces;
    }
    let mut together = BytesMut::with_capacity(length);
    pieces.iter().for_each(|piece| together.extend_from_slice(piece));
    vec![together.freeze()]
}
