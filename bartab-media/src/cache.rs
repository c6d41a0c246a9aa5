//! What is asked for often, in memory: what is known of files, small files, and thumbnails.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use bartab_core::MediaId;
use bartab_core::store::BlobKey;
use bytes::Bytes;
use quick_cache::sync::{Cache, DefaultLifecycle, PlaceholderGuard};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};

use crate::delivery::{File, MadeThumbnail};
use crate::thumbnail::{Fit, ThumbnailAccept, ThumbnailSize};

/// What a process holds in memory of the files that are asked for often, bounded in bytes.
///
/// One serves every tenant of a process ([`MediaCache::shared`]): what is hot stays, whosever it is. It decides nothing: whether
/// somebody may read is asked for every request, and what is deleted or in quarantine is let go of at once.
#[derive(Clone)]
pub struct MediaCache(Arc<Caches>);

struct Caches {
    files: Cache<(u64, MediaId), Arc<File>, Weights>,
    pieces: Cache<PieceOf, Held, Weights>,
}

/// Bytes of a tenant.
type PieceOf = (u64, Piece);

/// Bytes that are held.
///
/// Those of each file by themselves, although another may have the same: whoever guesses a private file's bytes and uploads
/// them is not to learn from `Cache-Status` that somebody reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Piece {
    /// A whole file.
    Whole(MediaId),
    /// A thumbnail, as it is given to who takes that.
    Thumbnail(MediaId, ThumbnailSize, Fit, ThumbnailAccept),
    /// Nothing that is held, but the turn to make a thumbnail, in any format.
    Making(BlobKey, ThumbnailSize, Fit),
    /// Nothing that is held, but the turn to write or delete what is made of a file.
    Deriving(BlobKey),
}

#[derive(Clone)]
enum Held {
    Whole(Bytes),
    /// `None`: there is none, and trying again does not help.
    Thumbnail(Option<Arc<MadeThumbnail>>),
}

impl Held {
    fn whole(self) -> Option<Bytes> {
        if let Self::Whole(bytes) = self { Some(bytes) } else { None }
    }

    fn thumbnail(self) -> Option<Arc<MadeThumbnail>> {
        if let Self::Thumbnail(made) = self { made } else { None }
    }
}

#[derive(Clone)]
struct Weights;

/// About what an entry takes beside its bytes.
const ENTRY: u64 = 256;
/// About what is known of a file takes, its headers included.
const FILE: u64 = 2 << 10;

impl Weighter<(u64, MediaId), Arc<File>> for Weights {
    fn weight(&self, _: &(u64, MediaId), _: &Arc<File>) -> u64 {
        FILE
    }
}

impl Weighter<PieceOf, Held> for Weights {
    fn weight(&self, _: &PieceOf, held: &Held) -> u64 {
        let length = match held {
            Held::Whole(bytes) => bytes.len(),
            Held::Thumbnail(made) => made.as_ref().map_or(0, |made| made.bytes.len()),
        };
        ENTRY + length as u64
    }
}

impl MediaCache {
    /// A cache of at most about `bytes`.
    pub fn new(bytes: u64) -> Self {
        let files = bytes / 8;
        Self(Arc::new(Caches { files: cache(files, FILE), pieces: cache(bytes - files, 16 << 10) }))
    }

    /// The cache of this process: 32 MiB.
    pub fn shared() -> Self {
        static SHARED: LazyLock<MediaCache> = LazyLock::new(|| MediaCache::new(32 << 20));
        SHARED.clone()
    }
}

impl fmt::Debug for MediaCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let weight = self.0.files.weight() + self.0.pieces.weight();
        f.debug_struct("MediaCache").field("bytes", &weight).finish_non_exhaustive()
    }
}

/// A cache for `bytes`, in parts that are each large enough for what is held.
fn cache<K: Eq + std::hash::Hash, V: Clone>(bytes: u64, each: u64) -> Cache<K, V, Weights>
where
    Weights: Weighter<K, V>,
{
    const PART: u64 = 2 << 20;
    let mut options = OptionsBuilder::new();
    options.weight_capacity(bytes);
    options.estimated_items_capacity(usize::try_from(bytes / each).unwrap_or(usize::MAX).max(1));
    options.shards(usize::try_from((bytes / PART).clamp(1, 16)).unwrap_or(1));
    let parts =
        |options| Cache::with_options(options, Weights, DefaultHashBuilder::default(), DefaultLifecycle::default());
    // Both of what it wants to know is said above.
    options.build().map_or_else(|_| Cache::with_weighter(1, bytes, Weights), parts)
}

type Guard<'a> = PlaceholderGuard<'a, PieceOf, Held, Weights, DefaultHashBuilder, DefaultLifecycle<PieceOf, Held>>;

/// A turn that nobody else has until this is dropped.
pub(crate) struct Turn<'a> {
    _guard: Guard<'a>,
}

/// The part of a cache that is one media's.
#[derive(Debug)]
pub(crate) struct Hot {
    cache: MediaCache,
    /// Unlike that of any other media of the process.
    tenant: u64,
}

impl Hot {
    pub(crate) fn of(cache: MediaCache) -> Self {
        static TENANTS: AtomicU64 = AtomicU64::new(0);
        Self { cache, tenant: TENANTS.fetch_add(1, Ordering::Relaxed) }
    }

    /// What is known of the file, loaded once for all who ask at a time. What is let go of meanwhile is not held.
    pub(crate) async fn file<E>(
        &self,
        media: MediaId,
        load: impl Future<Output = Result<Arc<File>, E>>,
    ) -> Result<Arc<File>, E> {
        self.cache.0.files.get_or_insert_async(&(self.tenant, media), load).await
    }

    /// The bytes of a file, if they are held.
    pub(crate) fn whole(&self, media: MediaId) -> Option<Bytes> {
        self.cache.0.pieces.get(&(self.tenant, Piece::Whole(media))).and_then(Held::whole)
    }

    /// The bytes of a file, read once for all who ask at a time.
    pub(crate) async fn whole_or<E>(
        &self,
        media: MediaId,
        read: impl Future<Output = Result<Bytes, E>>,
    ) -> Result<Option<Bytes>, E> {
        let read = async { read.await.map(Held::Whole) };
        self.cache.0.pieces.get_or_insert_async(&(self.tenant, Piece::Whole(media)), read).await.map(Held::whole)
    }

    /// The thumbnail, if it is held; `Some(None)`: there is none.
    pub(crate) fn thumbnail(&self, piece: Piece) -> Option<Option<Arc<MadeThumbnail>>> {
        self.cache.0.pieces.get(&(self.tenant, piece)).map(Held::thumbnail)
    }

    /// The thumbnail, made once for all who ask at a time.
    pub(crate) async fn thumbnail_or<E>(
        &self,
        piece: Piece,
        make: impl Future<Output = Result<Option<Arc<MadeThumbnail>>, E>>,
    ) -> Result<Option<Arc<MadeThumbnail>>, E> {
        let make = async { make.await.map(Held::Thumbnail) };
        self.cache.0.pieces.get_or_insert_async(&(self.tenant, piece), make).await.map(Held::thumbnail)
    }

    /// Waits for a turn that one has at a time, until what this gives is dropped.
    pub(crate) async fn turn(&self, turn: Piece) -> Turn<'_> {
        loop {
            // Nothing is ever put there, so what comes is the turn.
            match self.cache.0.pieces.get_value_or_guard_async(&(self.tenant, turn)).await {
                Ok(_) => drop(self.cache.0.pieces.remove(&(self.tenant, turn))),
                Err(guard) => return Turn { _guard: guard },
            }
        }
    }

    pub(crate) fn forget_file(&self, media: MediaId) {
        self.cache.0.files.remove(&(self.tenant, media));
    }

    pub(crate) fn forget(&self, piece: Piece) {
        self.cache.0.pieces.remove(&(self.tenant, piece));
    }

    /// Lets go of everything.
    pub(crate) fn forget_all(&self) {
        let tenant = self.tenant;
        self.cache.0.files.retain(|(other, _), _| *other != tenant);
        self.cache.0.pieces.retain(|(other, _), _| *other != tenant);
    }
}

impl Drop for Hot {
    fn drop(&mut self) {
        self.forget_all();
    }
}
