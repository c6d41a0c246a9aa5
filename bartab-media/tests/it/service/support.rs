//! A tenant's media, and requests to it.

use std::sync::Arc;
use std::time::Duration;

use bartab_core::store::{MediaRecord, MediaStore, MemoryMedia, UploadStore};
use bartab_core::{Actor, ManualClock, MediaId, Scope, SeededRandom, TenantRole, Timestamp, UserId};
use bartab_media::{Blobs, Body, Config, Media, MediaService, MediaStores, PicturePool};
use bytes::Bytes;
use futures_util::TryStreamExt;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use serde_json::Value;
use tower::ServiceExt;

/// One tenant's media with its stores and clock.
pub(crate) struct World {
    pub(crate) service: MediaService,
    pub(crate) records: Arc<MemoryMedia>,
    pub(crate) bytes: Arc<dyn ObjectStore>,
    pub(crate) clock: Arc<ManualClock>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(Config::default())
    }

    pub(crate) fn with(config: Config) -> Self {
        Self::over(config, Arc::new(InMemory::new()))
    }

    /// Over local files.
    pub(crate) fn local(folder: &std::path::Path) -> Self {
        let bytes = Arc::new(LocalFileSystem::new_with_prefix(folder).unwrap());
        Self::open(Config::default(), bytes, Blobs::local(folder).unwrap(), new_records())
    }

    /// Over bytes of one's own: a store that fails, say.
    pub(crate) fn over(config: Config, bytes: Arc<dyn ObjectStore>) -> Self {
        let blobs = Blobs::new(bytes.clone());
        Self::open(config, bytes, blobs, new_records())
    }

    /// The same tenant after its process was killed: what was under way is gone, what was stored is there.
    pub(crate) fn killed(self) -> Self {
        let config = self.media().config().clone();
        let Self { service, records, bytes, clock } = self;
        drop(service);
        Self::open(config, bytes.clone(), Blobs::new(bytes), (records, clock))
    }

    /// The same tenant after it was closed and opened with these settings.
    pub(crate) async fn again(self, config: Config) -> Self {
        self.media().close().await;
        let Self { records, bytes, clock, .. } = self;
        Self::open(config, bytes.clone(), Blobs::new(bytes), (records, clock))
    }

    fn open(
        config: Config,
        bytes: Arc<dyn ObjectStore>,
        blobs: Blobs,
        (records, clock): (Arc<MemoryMedia>, Arc<ManualClock>),
    ) -> Self {
        let stores = MediaStores::of(records.clone(), blobs);
        let media = Media::open(stores, config, PicturePool::shared(), clock.clone(), Arc::new(SeededRandom::new(7)));
        Self { service: MediaService::new(media), records, bytes, clock }
    }

    pub(crate) fn media(&self) -> &Media {
        self.service.media()
    }

    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> Answer {
        self.send_body(request).await
    }

    /// Sends a body of any sort.
    pub(crate) async fn send_body<B>(&self, request: Request<B>) -> Answer
    where
        B: http_body::Body<Data = Bytes, Error = std::convert::Infallible> + Send + 'static,
    {
        Answer::read(self.service.clone().oneshot(request).await.unwrap()).await
    }

    /// `POST /v1/media` with these bytes.
    pub(crate) async fn upload(&self, actor: &Actor, query: &str, bytes: impl Into<Bytes>) -> Answer {
        let bytes = bytes.into();
        let request = as_(actor, Method::POST, &format!("/v1/media{query}"));
        self.send(request.header("content-length", bytes.len()).body(Full::new(bytes)).unwrap()).await
    }

    /// Uploads these bytes as a file; gives its id.
    pub(crate) async fn file(&self, actor: &Actor, query: &str, bytes: impl Into<Bytes>) -> MediaId {
        let answer = self.upload(actor, query, bytes).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()["media_id"].as_str().unwrap().parse().unwrap()
    }

    /// A request with this JSON body, or without a body.
    pub(crate) async fn call(&self, actor: &Actor, method: Method, path: &str, body: Option<Value>) -> Answer {
        let body = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
        self.send(as_(actor, method, path).body(Full::new(body)).unwrap()).await
    }

    pub(crate) async fn find(&self, media: MediaId) -> Option<MediaRecord> {
        MediaStore::get(&*self.records, media).await.unwrap()
    }

    pub(crate) fn later(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// Every name in the object store.
    pub(crate) async fn names(&self) -> Vec<String> {
        let all: Vec<_> = self.bytes.list(None).map_ok(|meta| meta.location.to_string()).try_collect().await.unwrap();
        all
    }

    pub(crate) async fn stored(&self, path: &str) -> Bytes {
        self.bytes.get_opts(&Path::from(path), Default::default()).await.unwrap().bytes().await.unwrap()
    }

    /// Has bytes be gone that nobody deleted.
    pub(crate) async fn lose(&self, path: &str) {
        self.bytes.delete(&Path::from(path)).await.unwrap();
    }

    /// The bytes of a file.
    pub(crate) async fn content(&self, id: MediaId) -> Bytes {
        let blob = format!("{:?}", self.record(id).await.blob);
        let (side, hash) = blob.split_once('/').unwrap();
        self.stored(&format!("{side}/{}/{}/{hash}", &hash[..2], &hash[2..4])).await
    }

    /// Waits until nothing of an upload is left, neither bytes nor records.
    pub(crate) async fn settled(&self, actor: &Actor) {
        loop {
            let uploads = self.records.list_uploads(actor.user_id).await;
            if uploads == 0 && self.names().await.iter().all(|name| !name.starts_with("uploads/")) {
                return;
            }
            tokio::task::yield_now().await;
        }
    }

    pub(crate) async fn record(&self, id: MediaId) -> MediaRecord {
        MediaStore::get(&*self.records, id).await.unwrap().unwrap()
    }

    pub(crate) async fn uploads(&self, actor: &Actor) -> usize {
        self.records.list_uploads(actor.user_id).await
    }

    /// Whether an upload of theirs holds the blob that it becomes.
    pub(crate) async fn is_staged(&self, actor: &Actor) -> bool {
        let uploads = UploadStore::list(&*self.records, actor.user_id, None, 100).await.unwrap();
        uploads.iter().any(|upload| upload.blob.is_some())
    }

    pub(crate) async fn files(&self, actor: &Actor) -> usize {
        MediaStore::list(&*self.records, Some(actor.user_id), None, 100).await.unwrap().len()
    }
}

fn new_records() -> (Arc<MemoryMedia>, Arc<ManualClock>) {
    (Arc::default(), Arc::new(ManualClock::new(Timestamp::from_secs(1_800_000_000))))
}

/// Counting what is under way.
trait Uploads {
    async fn list_uploads(&self, owner: UserId) -> usize;
}

impl Uploads for MemoryMedia {
    async fn list_uploads(&self, owner: UserId) -> usize {
        UploadStore::list(self, owner, None, 100).await.unwrap().len()
    }
}

/// Somebody with an account.
pub(crate) fn person(number: u128) -> Actor {
    Actor::person(UserId::from_u128(number), "Robin")
}

/// Somebody who runs the tenant.
pub(crate) fn administrator(number: u128) -> Actor {
    let person = person(number);
    Actor { tenant_role: TenantRole::Administrator, scopes: person.scopes.with(Scope::Admin), ..person }
}

/// A request of somebody.
pub(crate) fn as_(actor: &Actor, method: Method, uri: &str) -> http::request::Builder {
    Request::builder().method(method).uri(uri).extension(Arc::new(actor.clone()))
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    async fn read(response: Response<Body>) -> Self {
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Self { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// Asserts that it is the problem with this status and code.
    #[track_caller]
    pub(crate) fn is_problem(&self, status: u16, code: &str) {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.headers["content-type"], "application/problem+json");
        assert_eq!(self.json()["code"], code);
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}
