//! The typed API, in process: what [`MediaService`](crate::MediaService) is a thin skin over.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use bartab_core::store::{BlobKey, MediaStore, UploadStore};
use bartab_core::{Actor, ActorKind, Clock, MediaId, Random, Scope, TenantRole, Timestamp, UploadId};
use tokio::sync::{Notify, OnceCell};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::blobs::Blobs;
use crate::cache::{Hot, MediaCache};
use crate::config::Config;
use crate::connect::Connections;
use crate::error::MediaError;
use crate::follow::Follower;
use crate::pool::PicturePool;
use crate::upload::Turns;
use crate::{follow, sweep};

/// How long closing waits for what goes on: what a storage does not do in that time it does not do. Whatever is cut off is
/// found again by what the records say.
const CLOSE_WAIT: Duration = Duration::from_secs(30);

/// The stores of one tenant's media.
#[derive(Clone)]
pub struct MediaStores {
    /// Uploads under way.
    pub uploads: Arc<dyn UploadStore>,
    /// Files.
    pub media: Arc<dyn MediaStore>,
    /// Their bytes.
    pub blobs: Blobs,
}

impl MediaStores {
    /// One store that is both, and the bytes.
    pub fn of<S: UploadStore + MediaStore>(store: Arc<S>, blobs: Blobs) -> Self {
        Self { uploads: store.clone(), media: store, blobs }
    }
}

impl fmt::Debug for MediaStores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MediaStores").field("blobs", &self.blobs).finish_non_exhaustive()
    }
}

/// One tenant's media. A clone is another handle to the same.
#[derive(Clone)]
pub struct Media {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) stores: MediaStores,
    pub(crate) config: Config,
    pub(crate) pictures: PicturePool,
    /// What is held in memory of its files.
    pub(crate) hot: Hot,
    /// What links are signed with.
    pub(crate) link_key: OnceCell<[u8; 32]>,
    /// Let go of when the media closes: chat may hold the media in turn.
    pub(crate) connections: ArcSwapOption<Connections>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    /// What goes on after an answer, or without one.
    pub(crate) tasks: TaskTracker,
    /// Who goes on with which upload.
    pub(crate) turns: Arc<Turns>,
    /// Has uploads that are being received keep what came.
    pub(crate) closing: CancellationToken,
    /// Has the sweeper look now.
    pub(crate) sweep: Arc<Notify>,
    /// Says that the bytes of a doomed blob are gone.
    pub(crate) gone: Notify,
    /// One sweeps at a time.
    pub(crate) sweeping: tokio::sync::Mutex<()>,
    /// Whose bytes are being deleted: a second, slower deletion could delete what was put since.
    pub(crate) deleting: Mutex<HashSet<BlobKey>>,
    /// One act upon a file is decided and done at a time.
    pub(crate) acting: tokio::sync::Mutex<()>,
    pub(crate) follower: Follower,
    /// What runs as long as the media is open.
    running: Mutex<Vec<JoinHandle<()>>>,
}

impl fmt::Debug for Media {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Media").field("blobs", &self.inner.stores.blobs).finish_non_exhaustive()
    }
}

impl Media {
    /// Opens the media whose stores these are, and starts the task that deletes what can go, on the current tokio
    /// runtime. Only one may be open over the same stores at a time.
    ///
    /// What is asked for often is held in [`MediaCache::shared`].
    pub fn open(
        stores: MediaStores,
        config: Config,
        pictures: PicturePool,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Self {
        Self::open_with_cache(stores, config, pictures, MediaCache::shared(), clock, random)
    }

    /// The same with a cache of one's own.
    pub fn open_with_cache(
        stores: MediaStores,
        config: Config,
        pictures: PicturePool,
        cache: MediaCache,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Self {
        let sweep = Arc::new(Notify::new());
        let inner = Inner {
            stores,
            config,
            pictures,
            hot: Hot::of(cache),
            link_key: OnceCell::new(),
            connections: ArcSwapOption::empty(),
            clock,
            random,
            tasks: TaskTracker::new(),
            turns: Arc::default(),
            closing: CancellationToken::new(),
            sweep: Arc::clone(&sweep),
            gone: Notify::new(),
            sweeping: tokio::sync::Mutex::default(),
            deleting: Mutex::default(),
            acting: tokio::sync::Mutex::default(),
            follower: Follower::default(),
            running: Mutex::default(),
        };
        let media = Self { inner: Arc::new(inner) };
        let weak = || Arc::downgrade(&media.inner);
        let nudge = media.inner.follower.nudge();
        let running = vec![tokio::spawn(sweep::run(weak(), sweep)), tokio::spawn(follow::run(weak(), nudge))];
        *media.inner.running.lock().unwrap_or_else(PoisonError::into_inner) = running;
        media
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.inner.config
    }

    /// Whether the store answers.
    ///
    /// # Errors
    /// The store's own.
    pub async fn ready(&self) -> Result<(), MediaError> {
        self.inner.stores.media.usage(None).await?;
        Ok(())
    }

    /// Closes the media: what goes on after an answer is done to its end, if that takes no longer than half a minute. Of resumable uploads that are being received
    /// what came is kept; others end with their connections.
    pub async fn close(&self) {
        let running = std::mem::take(&mut *self.inner.running.lock().unwrap_or_else(PoisonError::into_inner));
        for task in running {
            task.abort();
            let _ = task.await;
        }
        self.inner.closing.cancel();
        self.inner.tasks.close();
        if tokio::time::timeout(CLOSE_WAIT, self.inner.tasks.wait()).await.is_err() {
            tracing::warn!("a storage that does not answer is not waited for any longer");
        }
        self.inner.connections.store(None);
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    pub(crate) fn new_upload_id(&self) -> UploadId {
        UploadId::new(self.inner.clock.now(), &*self.inner.random)
    }

    pub(crate) fn new_media_id(&self) -> MediaId {
        MediaId::new(self.inner.clock.now(), &*self.inner.random)
    }

    /// Runs `work` to its end, also when nobody waits for it any more.
    pub(crate) async fn to_the_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, MediaError>> + Send + 'static,
    ) -> Result<T, MediaError> {
        self.inner.tasks.spawn(work).await?
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.running.get_mut().unwrap_or_else(PoisonError::into_inner).iter().for_each(JoinHandle::abort);
    }
}

/// Whether the caller runs the tenant, by role and by credentials.
pub(crate) fn is_administrator(actor: &Actor) -> bool {
    actor.tenant_role >= TenantRole::Administrator && actor.scopes.contains(Scope::Admin)
}

/// Whether the caller's credentials cover `scope`.
pub(crate) fn require(actor: &Actor, scope: Scope) -> Result<(), MediaError> {
    if actor.scopes.contains(scope) { Ok(()) } else { Err(MediaError::MissingScope(scope)) }
}

/// Whether the caller may have files of their own: who has no account may not.
pub(crate) fn require_account(actor: &Actor) -> Result<(), MediaError> {
    match actor.kind {
        ActorKind::Person | ActorKind::Bot { .. } => Ok(()),
        _ => Err(MediaError::KindNotAllowed),
    }
}
