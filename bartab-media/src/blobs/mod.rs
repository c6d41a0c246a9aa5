//! Bytes in an object store: parts of uploads, stored files, thumbnails.

mod list;
mod path;
mod patience;
#[cfg(feature = "s3")]
mod s3;
mod storage;
mod stream;
mod writer;

use std::ops::Range;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use bartab_core::UploadId;
use bartab_core::store::BlobKey;
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};

pub(crate) use list::Stored;
pub(crate) use path::{
    Named, blob_path, leftover_of, parse_name, thumbnails_of, upload_folder, upload_part, upload_whole,
};
use patience::{LONG_STALL, STALL, within};
#[cfg(feature = "s3")]
pub use s3::S3Config;
pub use storage::{BlobStorage, StorageConfig, StorageError};
pub(crate) use writer::Writer;

/// Why bytes cannot be stored or read.
pub type BlobError = object_store::Error;

/// Where a tenant's bytes are.
///
/// A file's bytes are addressed by their hash, and appear whole or not at all. Every name begins with `public/`,
/// `private/`, `thumbs/` or `uploads/`; nothing else may be in there.
#[derive(Clone, Debug)]
pub struct Blobs {
    store: Arc<dyn ObjectStore>,
    /// The folder, when the bytes are local files.
    folder: Option<Arc<FilePath>>,
}

impl Blobs {
    /// Bytes in any store that is for this tenant alone; another tenant's needs a prefix of its own.
    pub fn new(store: Arc<dyn ObjectStore>) -> Self {
        Self { store, folder: None }
    }

    /// Bytes as files below `folder`, which is made when it is missing. What was answered is on disk: files are written
    /// aside, synced and renamed.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn local(folder: impl Into<PathBuf>) -> Result<Self, BlobError> {
        let folder: PathBuf = folder.into();
        let failed = |source: std::io::Error| BlobError::Generic { store: "local files", source: source.into() };
        std::fs::create_dir_all(&folder).map_err(failed)?;
        let store = LocalFileSystem::new_with_prefix(&folder)?.with_fsync(true).with_automatic_cleanup(true);
        Ok(Self { store: Arc::new(store), folder: Some(folder.into()) })
    }

    /// Bytes behind a prefix of a store that others use, too.
    pub fn behind(store: Arc<dyn ObjectStore>, prefix: &str) -> Self {
        Self::new(Arc::new(PrefixStore::new(store, prefix)))
    }

    /// Begins to write bytes that appear at `path` once they are all there.
    pub(crate) async fn writer(&self, path: &Path) -> Result<Writer, BlobError> {
        Writer::open(&*self.store, path, self.folder.is_some()).await
    }

    /// Stores bytes that are in memory, in place of what was there.
    pub(crate) async fn put(&self, path: &Path, bytes: Bytes) -> Result<(), BlobError> {
        within(STALL, self.store.put(path, bytes.into())).await.map(drop)
    }

    /// Has the bytes at `from` appear at `to` alone, in place of what was there.
    pub(crate) async fn rename(&self, from: &Path, to: &Path) -> Result<(), BlobError> {
        within(LONG_STALL, self.store.rename(from, to)).await
    }

    /// How many bytes there are; `None` when nothing is there.
    pub(crate) async fn size(&self, path: &Path) -> Result<Option<u64>, BlobError> {
        absent(within(STALL, self.store.head(path)).await.map(|meta| meta.size))
    }

    /// Bytes that fit in memory. A range beyond the end gives what there is.
    pub(crate) async fn read(&self, path: &Path, range: Range<u64>) -> Result<Bytes, BlobError> {
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        within(STALL, self.store.get_range(path, range)).await
    }

    /// Bytes that fit in memory, all of them; `None` when nothing is there.
    pub(crate) async fn read_whole(&self, path: &Path) -> Result<Option<Bytes>, BlobError> {
        absent(within(STALL, async { self.store.get(path).await?.bytes().await }).await)
    }

    /// The names in `folder`, without it, and how many bytes each has.
    pub(crate) async fn list(&self, folder: &Path) -> Result<Vec<(String, u64)>, BlobError> {
        let listed = self.store.list(Some(folder));
        let name = |meta: ObjectMeta| Some((meta.location.filename()?.to_owned(), meta.size));
        within(STALL, listed.try_filter_map(async |meta| Ok(name(meta))).try_collect()).await
    }

    /// Deletes what is at `path`; nothing there is no error.
    pub(crate) async fn delete(&self, path: &Path) -> Result<(), BlobError> {
        absent(self.store.delete(path).await).map(drop)
    }

    /// Deletes all that is below `folder`.
    pub(crate) async fn delete_all(&self, folder: &Path) -> Result<(), BlobError> {
        // What a killed process was writing is not listed, but lies in the folder.
        if let Some(root) = &self.folder {
            let folder = root.join(folder.as_ref());
            let removed = tokio::task::spawn_blocking(move || std::fs::remove_dir_all(folder)).await;
            return match removed.map_err(std::io::Error::from).flatten() {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    Err(BlobError::Generic { store: "local files", source: error.into() })
                }
                _ => Ok(()),
            };
        }
        let listed = self.store.list(Some(folder)).map_ok(|meta| meta.location).boxed();
        self.store
            .delete_stream(listed)
            .try_for_each(async |_| Ok(()))
            .await
            .or_else(|error| if matches!(error, BlobError::NotFound { .. }) { Ok(()) } else { Err(error) })
    }

    /// Deletes a file's bytes and what was made of them. However long that takes, wait for it: a deletion that comes late
    /// would delete what was put since.
    pub(crate) async fn delete_blob(&self, blob: BlobKey) -> Result<(), BlobError> {
        self.delete_all(&thumbnails_of(blob)).await?;
        self.delete(&blob_path(blob)).await
    }

    /// Deletes what was received of an upload.
    pub(crate) async fn delete_upload(&self, upload: UploadId) -> Result<(), BlobError> {
        within(STALL, self.delete_all(&upload_folder(upload))).await
    }
}

/// Nothing there is `None`.
fn absent<T>(result: Result<T, BlobError>) -> Result<Option<T>, BlobError> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(BlobError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
