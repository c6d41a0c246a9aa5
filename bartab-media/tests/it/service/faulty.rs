//! An object store that fails or stalls when it is told to.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt, StreamExt};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result, UploadPart,
};

/// What is asked of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Op {
    Open,
    Part,
    Complete,
    Abort,
    Put,
    Get,
    Head,
    Rename,
    Delete,
}

/// What becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Fails,
    Full,
    Stalls,
}

/// Bytes in memory behind faults.
#[derive(Clone, Debug)]
pub(crate) struct Faulty {
    inner: Arc<InMemory>,
    faults: Arc<Mutex<HashMap<Op, (usize, Fault)>>>,
    /// Bytes whose deletion fails.
    stuck: Arc<Mutex<Option<String>>>,
}

impl Faulty {
    pub(crate) fn new() -> Self {
        Self { inner: Arc::new(InMemory::new()), faults: Arc::default(), stuck: Arc::default() }
    }

    /// Has the operation fail from the `nth` time on, counted from 1.
    pub(crate) fn breaks(&self, op: Op, nth: usize, fault: Fault) {
        self.faults.lock().unwrap().insert(op, (nth, fault));
    }

    /// Has nothing be deleted whose name holds this.
    pub(crate) fn keeps(&self, name: Option<&str>) {
        *self.stuck.lock().unwrap() = name.map(str::to_owned);
    }

    pub(crate) fn heals(&self) {
        self.faults.lock().unwrap().clear();
    }

    async fn meets(&self, op: Op) -> Result<()> {
        let fault = match self.faults.lock().unwrap().get_mut(&op) {
            Some((nth, fault)) if *nth <= 1 => Some(*fault),
            Some((nth, _)) => {
                *nth -= 1;
                None
            }
            None => None,
        };
        let failed = |source: io::Error| Err(Error::Generic { store: "faulty", source: source.into() });
        match fault {
            None => Ok(()),
            Some(Fault::Fails) => failed(io::ErrorKind::ConnectionReset.into()),
            Some(Fault::Full) => failed(io::ErrorKind::StorageFull.into()),
            Some(Fault::Stalls) => std::future::pending().await,
        }
    }
}

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("faulty")
    }
}

#[derive(Debug)]
struct FaultyUpload {
    inner: Box<dyn MultipartUpload>,
    store: Faulty,
}

#[async_trait]
impl MultipartUpload for FaultyUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let (part, store) = (self.inner.put_part(data), self.store.clone());
        async move {
            store.meets(Op::Part).await?;
            part.await
        }
        .boxed()
    }

    async fn complete(&mut self) -> Result<PutResult> {
        self.store.meets(Op::Complete).await?;
        self.inner.complete().await
    }

    async fn abort(&mut self) -> Result<()> {
        self.store.meets(Op::Abort).await?;
        self.inner.abort().await
    }
}

#[async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        self.meets(Op::Put).await?;
        self.inner.put_opts(location, payload, opts).await
    }

    async fn put_multipart_opts(&self, location: &Path, opts: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.meets(Op::Open).await?;
        let inner = self.inner.put_multipart_opts(location, opts).await?;
        Ok(Box::new(FaultyUpload { inner, store: self.clone() }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.meets(if options.head { Op::Head } else { Op::Get }).await?;
        self.inner.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.meets(Op::Get).await?;
        self.inner.get_ranges(location, ranges).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let store = self.clone();
        let checked = locations.then(move |location| {
            let store = store.clone();
            async move {
                let location = location?;
                store.meets(Op::Delete).await?;
                let stuck = store.stuck.lock().unwrap().clone();
                match stuck.is_some_and(|stuck| location.as_ref().contains(&stuck)) {
                    true => Err(Error::Generic { store: "faulty", source: "stuck".into() }),
                    false => Ok(location),
                }
            }
        });
        let inner = self.inner.clone();
        checked
            .then(move |location| {
                let inner = inner.clone();
                async move {
                    let mut deleted = inner.delete_stream(stream::once(std::future::ready(location)).boxed());
                    deleted.next().await.unwrap()
                }
            })
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.meets(Op::Rename).await?;
        self.inner.rename_opts(from, to, options).await
    }
}
