//! A store that remembers what it was asked for.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions,
    PutOptions, PutPayload, PutResult, Result,
};
use tokio::sync::watch;

/// Bytes in memory, and the names that were read.
#[derive(Debug, Default)]
pub(crate) struct Counting {
    memory: InMemory,
    reads: Mutex<Vec<String>>,
    /// Whether who has read a private file is to wait before going on.
    is_held: watch::Sender<bool>,
}

impl Counting {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Has who reads a private file wait, or go on.
    pub(crate) fn hold(&self, is_held: bool) {
        self.is_held.send_replace(is_held);
    }

    /// Waits until somebody has read a private file.
    pub(crate) async fn reading(&self) {
        while !self.reads.lock().unwrap().iter().any(|name| name.starts_with("private/")) {
            tokio::task::yield_now().await;
        }
    }

    /// How often a name was read that begins so, since this was asked before.
    pub(crate) fn reads_of(&self, start: &str) -> usize {
        let mut reads = self.reads.lock().unwrap();
        let before = reads.len();
        reads.retain(|name| !name.starts_with(start));
        before - reads.len()
    }
}

impl fmt::Display for Counting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Counting")
    }
}

#[async_trait]
impl ObjectStore for Counting {
    async fn put_opts(&self, to: &Path, bytes: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.memory.put_opts(to, bytes, options).await
    }

    async fn put_multipart_opts(&self, to: &Path, options: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.memory.put_multipart_opts(to, options).await
    }

    async fn get_opts(&self, from: &Path, options: GetOptions) -> Result<GetResult> {
        let found = self.memory.get_opts(from, options).await?;
        self.reads.lock().unwrap().push(from.to_string());
        if from.as_ref().starts_with("private/") {
            self.is_held.subscribe().wait_for(|is_held| !is_held).await.unwrap();
        }
        Ok(found)
    }

    async fn get_ranges(&self, from: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.memory.get_ranges(from, ranges).await
    }

    fn delete_stream(&self, names: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.memory.delete_stream(names)
    }

    fn list(&self, below: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.memory.list(below)
    }

    async fn list_with_delimiter(&self, below: Option<&Path>) -> Result<ListResult> {
        self.memory.list_with_delimiter(below).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.memory.copy_opts(from, to, options).await
    }
}
