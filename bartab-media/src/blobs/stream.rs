//! Reading bytes that do not fit in memory, in pieces.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};
use object_store::path::Path;
use object_store::{GetOptions, GetRange, GetResultPayload};
use tokio::task::{JoinHandle, spawn_blocking};

use super::patience::{STALL, within};
use super::{BlobError, Blobs};

/// Bytes of one read of a local file: the object store's own stream takes 8 KiB, each with a trip to another thread.
const PIECE: u64 = 256 << 10;
/// How long the next bytes of a remote store may take.
const NEXT_STALL: Duration = Duration::from_secs(30);

type Pieces = BoxStream<'static, Result<Bytes, BlobError>>;

impl Blobs {
    /// Opens what is at `path` and gives the bytes of `range` in pieces, the next one read while one is sent. No more
    /// than two of them are held.
    pub(crate) async fn stream(&self, path: &Path, range: Range<u64>) -> Result<Pieces, BlobError> {
        let options = GetOptions { range: Some(GetRange::Bounded(range.clone())), ..GetOptions::default() };
        let found = within(STALL, self.store.get_opts(path, options)).await?;
        if found.range != range {
            return Err(failed(format!("bytes {:?} are stored of {range:?}", found.range)));
        }
        Ok(match found.payload {
            GetResultPayload::File(file, _) => local(file, range),
            GetResultPayload::Stream(pieces) => remote(pieces),
        })
    }
}

fn failed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> BlobError {
    BlobError::Generic { store: "media", source: error.into() }
}

fn remote(pieces: Pieces) -> Pieces {
    stream::unfold(Some(pieces), async |pieces| {
        let mut pieces = pieces?;
        match tokio::time::timeout(NEXT_STALL, pieces.next()).await {
            Ok(Some(Ok(piece))) => Some((Ok(piece), Some(pieces))),
            Ok(Some(Err(error))) => Some((Err(error), None)),
            Ok(None) => None,
            Err(elapsed) => Some((Err(failed(elapsed)), None)),
        }
    })
    .boxed()
}

/// What is left to be read of a file.
struct Rest {
    file: File,
    range: Range<u64>,
}

fn local(file: File, range: Range<u64>) -> Pieces {
    let start = range.start;
    let mut rest = Rest { file, range };
    let first = spawn_blocking(move || {
        rest.file.seek(SeekFrom::Start(start))?;
        rest.read()
    });
    stream::unfold(Some(first), async |reading: Option<JoinHandle<_>>| {
        let read: Result<io::Result<(Bytes, Rest)>, _> = reading?.await;
        match read.map_err(io::Error::from).flatten() {
            Ok((piece, rest)) => {
                let more = !rest.range.is_empty();
                Some((Ok(piece), more.then(|| spawn_blocking(move || rest.read()))))
            }
            Err(error) => Some((Err(failed(error)), None)),
        }
    })
    .boxed()
}

impl Rest {
    fn read(mut self) -> io::Result<(Bytes, Self)> {
        let length = (self.range.end - self.range.start).min(PIECE);
        let mut piece = Vec::with_capacity(length as usize);
        (&mut self.file).take(length).read_to_end(&mut piece)?;
        if piece.len() as u64 != length {
            // Somebody made it shorter; the client must not take it for whole.
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.range.start += length;
        Ok((piece.into(), self))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt;
    use object_store::ObjectStoreExt;

    use super::*;

    #[tokio::test]
    async fn a_range_of_a_local_file_comes_whole_and_in_large_pieces() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::local(folder.path()).unwrap();
        let (path, bytes) = (Path::from("public/x"), (0..3 * PIECE as u32 / 4).flat_map(u32::to_le_bytes));
        let bytes: Bytes = bytes.collect();
        blobs.put(&path, bytes.clone()).await.unwrap();
        let end = bytes.len() as u64;
        for range in [0..end, 1..end, 7..8, PIECE - 1..PIECE + 1, 0..PIECE, PIECE..2 * PIECE] {
            let pieces: Vec<Bytes> = blobs.stream(&path, range.clone()).await.unwrap().try_collect().await.unwrap();
            assert_eq!(pieces.concat(), bytes[range.start as usize..range.end as usize], "{range:?}");
            assert_eq!(pieces.len() as u64, (range.end - range.start).div_ceil(PIECE), "{range:?}");
        }
        assert!(blobs.stream(&path, 0..end + 1).await.is_err());
        assert!(matches!(blobs.stream(&Path::from("public/y"), 0..1).await, Err(BlobError::NotFound { .. })));
    }

    #[tokio::test]
    async fn a_file_that_became_shorter_is_not_taken_for_whole() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::local(folder.path()).unwrap();
        let path = Path::from("public/x");
        blobs.put(&path, vec![7; 3 * PIECE as usize].into()).await.unwrap();
        let mut pieces = blobs.stream(&path, 0..3 * PIECE).await.unwrap();
        pieces.next().await.unwrap().unwrap();
        let file = File::options().write(true).open(folder.path().join("public/x")).unwrap();
        file.set_len(2 * PIECE + 1).unwrap();
        let rest: Result<Vec<Bytes>, BlobError> = pieces.try_collect().await;
        assert!(rest.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_remote_store_that_says_nothing_more_is_given_up() {
        let stalled = stream::iter([Ok(Bytes::from("a"))]).chain(stream::pending()).boxed();
        let pieces: Vec<_> = remote(stalled).collect().await;
        assert!(matches!(pieces.as_slice(), [Ok(_), Err(_)]));
        let memory = Blobs::new(std::sync::Arc::new(object_store::memory::InMemory::new()));
        memory.store.put(&Path::from("x"), "abc".into()).await.unwrap();
        let pieces: Vec<Bytes> = memory.stream(&Path::from("x"), 1..3).await.unwrap().try_collect().await.unwrap();
        assert_eq!(pieces.concat(), b"bc");
    }
}
