//! Deleting what can go: uploads whose time is over, files that nobody needs, bytes that nothing uses.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::{Arc, PoisonError, Weak};
use std::time::Duration;

use bartab_core::UploadId;
use bartab_core::store::BlobKey;
use tokio::sync::Notify;

use crate::cache::Piece;
use crate::error::MediaError;
use crate::media::{Inner, Media};

/// How long to wait for bytes to be deleted before going on.
const DELETION_WAIT: Duration = Duration::from_secs(10);
/// How much is taken at a time.
const STEP: usize = 100;
/// After so many failures in the steps before, the storage itself is in trouble: the rest waits for the next time.
const MOST_FAILURES: usize = 100;

/// What a sweep deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Swept {
    /// Uploads whose time was over.
    pub uploads: u64,
    /// Files that nobody needed any more.
    pub files: u64,
    /// Bytes that those files had; some may be in use by others.
    pub file_bytes: u64,
    /// Stored bytes that nothing used, each with its thumbnails.
    pub blobs: u64,
}

/// Sweeps now and then, and whenever it is asked to, until the media is gone.
pub(crate) async fn run(media: Weak<Inner>, asked: Arc<Notify>) {
    loop {
        let Some(pause) = media.upgrade().map(|inner| Duration::from_secs(inner.config.sweep_seconds.max(1))) else {
            return;
        };
        let _ = tokio::time::timeout(pause, asked.notified()).await;
        let Some(media) = media.upgrade().map(|inner| Media { inner }) else { return };
        if let Err(error) = media.sweep().await {
            tracing::warn!(error = &error as &dyn std::error::Error, "what can go is not all deleted");
        }
    }
}

impl Media {
    /// Deletes what can go now. The media's own task does that by itself, every
    /// [`Config::sweep_seconds`](crate::Config::sweep_seconds) and whenever there is reason to.
    ///
    /// Files are collected only once the log was followed to its end, and not at all while there is no connection to it:
    /// then nobody knows who carries them.
    ///
    /// # Errors
    /// The first thing that could not be deleted, when all the rest is; it is tried again the next time.
    pub async fn sweep(&self) -> Result<Swept, MediaError> {
        let _turn = self.inner.sweeping.lock().await;
        let mut swept = Swept::default();
        let uploads = self.sweep_uploads(&mut swept).await;
        let files = self.collect(&mut swept).await;
        let blobs = self.delete_doomed(&mut swept).await;
        if swept != Swept::default() {
            let Swept { uploads, files, file_bytes, blobs } = swept;
            tracing::info!(uploads, files, file_bytes, blobs, "deleted what can go");
        }
        uploads.and(files).and(blobs).map(|()| swept)
    }

    /// Has the task look now.
    pub(crate) fn sweep_soon(&self) {
        self.inner.sweep.notify_one();
    }

    async fn sweep_uploads(&self, swept: &mut Swept) -> Result<(), MediaError> {
        let now = self.inner.clock.now();
        let mut failures = Failures::default();
        loop {
            let over = self.inner.stores.uploads.expired(now, failures.beside(STEP)).await?;
            let over = failures.without(over.into_iter().map(|upload| upload.upload_id));
            if over.is_empty() {
                return failures.first();
            }
            for upload in over {
                // What just becomes a file puts its bytes and is finished: its blob is not to be doomed in between.
                let removed = match self.inner.turns.try_take(upload) {
                    Some(_turn) => self.remove_upload(upload).await,
                    None => Err(MediaError::UploadLocked),
                };
                swept.uploads += failures.note(upload, removed);
            }
        }
    }

    async fn collect(&self, swept: &mut Swept) -> Result<(), MediaError> {
        if self.connections().is_none() {
            return Ok(());
        }
        self.follow_accounts().await?;
        loop {
            // Again before each step: a message may have come whose claim ends now.
            self.follow_references().await?;
            let acting = self.inner.acting.lock().await;
            let removed = self.inner.stores.media.collect(self.inner.clock.now(), STEP).await;
            drop(acting);
            // Which files went is not known.
            let removed = removed.inspect_err(|_| self.inner.hot.forget_all())?;
            swept.files += removed.len() as u64;
            removed.iter().for_each(|removed| self.forget(&removed.record));
            swept.file_bytes += removed.iter().map(|removed| removed.record.size).sum::<u64>();
            if removed.len() < STEP {
                return Ok(());
            }
        }
    }

    pub(crate) async fn delete_doomed(&self, swept: &mut Swept) -> Result<(), MediaError> {
        let mut failures = Failures::default();
        loop {
            let doomed = failures.without(self.inner.stores.media.doomed(failures.beside(STEP)).await?);
            if doomed.is_empty() {
                return failures.first();
            }
            for blob in doomed {
                swept.blobs += failures.note(blob, self.delete_doomed_blob(blob).await);
            }
        }
    }

    /// Deletes the bytes of a blob that nothing uses, and what was made of them; of any other, nothing.
    ///
    /// A deletion that takes long goes on, and nobody begins another one meanwhile.
    pub(crate) async fn delete_doomed_blob(&self, blob: BlobKey) -> Result<(), MediaError> {
        let Some(deleting) = Deleting::begin(self, blob) else { return Err(MediaError::Overloaded) };
        let deletion = self.inner.tasks.spawn(deleting.run());
        tokio::time::timeout(DELETION_WAIT, deletion).await.map_err(|_| MediaError::Overloaded)??
    }

    /// Removes an upload with what was received of it; the file of a finished one stays.
    pub(crate) async fn remove_upload(&self, upload: UploadId) -> Result<(), MediaError> {
        self.inner.stores.blobs.delete_upload(upload).await?;
        let removed = self.inner.stores.uploads.remove(upload).await?;
        if removed.is_some_and(|removed| removed.doomed.is_some()) {
            self.sweep_soon();
        }
        Ok(())
    }
}

/// The one deletion of a blob's bytes that is under way.
struct Deleting {
    media: Media,
    blob: BlobKey,
}

impl Deleting {
    /// `None` when there is one.
    fn begin(media: &Media, blob: BlobKey) -> Option<Self> {
        let begun = media.inner.deleting.lock().unwrap_or_else(PoisonError::into_inner).insert(blob);
        begun.then(|| Self { media: media.clone(), blob })
    }

    async fn run(self) -> Result<(), MediaError> {
        let Self { media, blob } = &self;
        let inner = &media.inner;
        // Whoever deleted before may have deleted it, and somebody else put it again since.
        if inner.stores.media.doom(*blob).await? {
            // While nobody stores a thumbnail: one that came after would stay.
            let _turn = inner.hot.turn(Piece::Deriving(*blob)).await;
            inner.stores.blobs.delete_blob(*blob).await?;
            inner.stores.media.blob_gone(*blob).await?;
            inner.gone.notify_waiters();
        }
        Ok(())
    }
}

impl Drop for Deleting {
    fn drop(&mut self) {
        self.media.inner.deleting.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.blob);
    }
}

/// What could not be deleted: it is left, and does not keep the rest from being done.
struct Failures<T> {
    of: HashSet<T>,
    first: Option<MediaError>,
}

impl<T> Default for Failures<T> {
    fn default() -> Self {
        Self { of: HashSet::new(), first: None }
    }
}

impl<T: Copy + Eq + Hash> Failures<T> {
    /// How many to ask for to get `step` others.
    fn beside(&self, step: usize) -> usize {
        step + self.of.len()
    }

    /// What is still to be done; nothing once too much failed.
    fn without(&self, listed: impl IntoIterator<Item = T>) -> Vec<T> {
        let enough = self.of.len() >= MOST_FAILURES;
        listed.into_iter().filter(|one| !enough && !self.of.contains(one)).collect()
    }

    /// Notes how it went; gives how many were done by that.
    fn note(&mut self, one: T, result: Result<(), MediaError>) -> u64 {
        let Err(error) = result else { return 1 };
        self.of.insert(one);
        self.first.get_or_insert(error);
        0
    }

    fn first(self) -> Result<(), MediaError> {
        self.first.map_or(Ok(()), Err)
    }
}
