//! Writing bytes as they come, in pieces that fit in memory.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::future::BoxFuture;
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload};
use tokio::runtime::Handle;

use super::BlobError;
use super::patience::{LONG_STALL, STALL, within};

/// Bytes of one write to a local file.
const LOCAL_PIECE: usize = 1 << 20;
/// Bytes of one part of an upload to S3, which takes 10,000 of them and none but the last below 5 MiB. An upload holds two.
const REMOTE_PIECE: usize = 5 << 20;

/// What comes in smaller pieces is copied together at once: each would take more memory than its bytes, and hold a buffer
/// of its connection.
const SMALL: usize = 4 << 10;

/// How long somebody waits until what was written is taken back. It goes on without them.
const TAKE_BACK_WAIT: Duration = Duration::from_secs(1);
/// After which pauses it is tried again, in seconds: S3 lists parts nowhere, keeps them for ever, and charges for them.
const TAKE_BACK_PAUSES: &[u64] = &[1, 5, 30, 120, 600, 3600];

/// Bytes that are being written, and appear when they are finished.
///
/// Of one that is dropped before, nothing stays, unless the program ends meanwhile or S3 fails for longer than an hour.
#[derive(Debug)]
pub(crate) struct Writer {
    /// `None` when all is done.
    upload: Option<Box<dyn MultipartUpload>>,
    /// See [`TAKE_BACK_PAUSES`]; none where the bytes lie in a folder that is deleted in any case.
    pauses: &'static [u64],
    piece: usize,
    /// Pieces of what came last, together less than one.
    gathered: Vec<Bytes>,
    /// What follows them and came in small pieces.
    small: BytesMut,
    /// How many bytes both have.
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
        let (piece, pauses) = if local { (LOCAL_PIECE, &[][..]) } else { (REMOTE_PIECE, TAKE_BACK_PAUSES) };
        Ok(Self {
            upload: Some(upload),
            pauses,
            piece,
            gathered: Vec::new(),
            small: BytesMut::new(),
            length: 0,
            writing: None,
        })
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
        self.length += bytes.len();
        if bytes.len() < SMALL {
            self.small.extend_from_slice(&bytes);
        } else {
            self.end_small();
            self.gathered.push(bytes);
        }
    }

    fn end_small(&mut self) {
        if !self.small.is_empty() {
            self.gathered.push(self.small.split().freeze());
        }
    }

    async fn write_piece(&mut self) -> Result<(), BlobError> {
        if let Some(Writing(before)) = self.writing.take() {
            within(STALL, before).await?;
        }
        self.length = 0;
        self.end_small();
        let payload = PutPayload::from_iter(std::mem::take(&mut self.gathered));
        // Begun at once, and waited for when the next piece is there.
        if let Some(upload) = &mut self.upload {
            let part = tokio::spawn(upload.put_part(payload));
            let written = async move { part.await.unwrap_or_else(|source| Err(BlobError::JoinError { source })) };
            self.writing = Some(Writing(Box::pin(written)));
        }
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
        if let Some(upload) = &mut self.upload {
            within(LONG_STALL, upload.complete()).await?;
        }
        self.upload = None;
        Ok(())
    }

    /// Takes back what was written.
    pub(crate) async fn abort(mut self) {
        if let Some(upload) = self.upload.take() {
            let taking_back = tokio::spawn(take_back(upload, self.writing.take(), self.pauses));
            let _goes_on = tokio::time::timeout(TAKE_BACK_WAIT, taking_back).await;
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if let (Some(upload), Ok(runtime)) = (self.upload.take(), Handle::try_current()) {
            runtime.spawn(take_back(upload, self.writing.take(), self.pauses));
        }
    }
}

/// Takes back what was written, as soon as the store lets it be done.
async fn take_back(mut upload: Box<dyn MultipartUpload>, writing: Option<Writing>, pauses: &'static [u64]) {
    // What is still being written would come after.
    if let Some(Writing(last)) = writing {
        let _ = within(STALL, last).await;
    }
    for pause in pauses {
        match within(STALL, upload.abort()).await {
            Ok(()) | Err(BlobError::NotFound { .. }) => return,
            Err(_) => tokio::time::sleep(Duration::from_secs(*pause)).await,
        }
    }
    if let Err(error) = within(STALL, upload.abort()).await {
        tracing::warn!(error = &error as &dyn std::error::Error, "bytes that were given up are not taken back");
    }
}

#[cfg(test)]
mod tests {
    use object_store::memory::InMemory;

    use super::*;

    #[tokio::test]
    async fn many_small_pieces_take_no_more_memory_than_their_bytes() {
        let (store, path) = (InMemory::new(), Path::from("x"));
        let mut writer = Writer::open(&store, &path, false).await.unwrap();
        let buffer = Bytes::from((0..=255).cycle().take(REMOTE_PIECE / 64 + SMALL).collect::<Vec<u8>>());
        for at in 0..REMOTE_PIECE / 64 {
            writer.write(buffer.slice(at..=at)).await.unwrap();
        }
        assert!(writer.gathered.is_empty() && writer.small.capacity() <= REMOTE_PIECE / 16);
        writer.write(buffer.slice(REMOTE_PIECE / 64..)).await.unwrap();
        writer.write(Bytes::from_static(b"end")).await.unwrap();
        assert_eq!(writer.gathered.len(), 2);
        writer.finish().await.unwrap();
        let stored = store.get(&path).await.unwrap().bytes().await.unwrap();
        assert_eq!(stored, [&buffer, &b"end"[..]].concat());
    }
}
