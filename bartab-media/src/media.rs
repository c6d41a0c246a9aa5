//! The typed API, in process: what [`MediaService`](crate::MediaService) is a thin skin over.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;
use bartab_core::store::{MediaStore, UploadStore};
use bartab_core::{Actor, ActorKind, Clock, MediaId, Random, Scope, UploadId};
use tokio::sync::{Notify, OnceCell};
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

use crate::blobs::Blobs;
use crate::cache::{Hot, MediaCache};
use crate::config::Config;
use crate::connect::Connections;
use crate::error::MediaError;
use crate::pool::PicturePool;
use crate::sweep;

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
    /// Has the sweeper look now.
    pub(crate) sweep: Arc<Notify>,
    /// Says that the bytes of a doomed blob are gone.
    pub(crate) gone: Notify,
    sweeper: Mutex<Option<JoinHandle<()>>>,
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
            sweep: Arc::clone(&sweep),
            gone: Notify::new(),
            sweeper: Mutex::new(None),
        };
        let media = Self { inner: Arc::new(inner) };
        let sweeper = tokio::spawn(sweep::run(Arc::downgrade(&media.inner), sweep));
        media.inner.sweeper.lock().unwrap_or_else(PoisonError::into_inner).replace(sweeper);
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

    /// Closes the media: what goes on after an answer is done to its end. Uploads that are being received end with
    /// their connections.
    pub async fn close(&self) {
        let sweeper = self.inner.sweeper.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(sweeper) = sweeper {
            sweeper.abort();
            let _ = sweeper.await;
        }
        self.inner.tasks.close();
        self.inner.tasks.wait().await;
        self.inner.connections.store(None);
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
        if let Some(sweeper) = self.sweeper.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            sweeper.abort();
        }
    }
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
