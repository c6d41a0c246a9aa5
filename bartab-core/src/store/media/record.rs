//! Files: what is known of each, how long it is kept, and which bytes nothing needs any more.

use async_trait::async_trait;

use super::{Attachment, BlobKey, ClaimRefusal, Holder, MediaFeed, MediaUsage, ReferenceChange};
use crate::id::{MediaId, UserId};
use crate::store::StoreError;
use crate::time::Timestamp;

/// The record of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaRecord {
    /// Which file.
    pub media_id: MediaId,
    /// Who uploaded it.
    pub owner: UserId,
    /// Its bytes, and whether they are public.
    pub blob: BlobKey,
    /// How many bytes are stored.
    pub size: u64,
    /// What sort of file it is, found from its bytes.
    pub mime: String,
    /// What the uploader called it.
    pub filename: Option<String>,
    /// The width in pixels as it is shown, of a picture.
    pub width: Option<u32>,
    /// The height in pixels as it is shown, of a picture.
    pub height: Option<u32>,
    /// A blurred impression, of a picture.
    pub blurhash: Option<String>,
    /// When it was uploaded.
    pub created_at: Timestamp,
    /// Until when it is kept although nobody refers to it; `None`: until somebody deletes it.
    pub kept_until: Option<Timestamp>,
    /// How many refer to it.
    pub references: u64,
    /// Why nobody may read it.
    pub quarantine: Option<Quarantine>,
}

impl MediaRecord {
    /// Whether it may go at `now`: nobody refers to it, and its time is over. What is in quarantine stays, as evidence.
    pub fn is_collectable(&self, now: Timestamp) -> bool {
        self.references == 0 && self.quarantine.is_none() && self.kept_until.is_some_and(|end| end <= now)
    }

    /// Moves the end of its time to `until` if it would be sooner; answers whether it did.
    pub fn keep(&mut self, until: Timestamp) -> bool {
        let sooner = self.kept_until.is_some_and(|end| end < until);
        if sooner {
            self.kept_until = Some(until);
        }
        sooner
    }

    /// Whether `by` may attach it; without a `by`, whoever may attach any.
    ///
    /// # Errors
    /// Why not.
    pub fn claim(&self, by: Option<UserId>) -> Result<(), ClaimRefusal> {
        if by.is_some_and(|by| by != self.owner) {
            return Err(ClaimRefusal::NotYours);
        }
        if self.quarantine.is_some() { Err(ClaimRefusal::Quarantined) } else { Ok(()) }
    }

    /// What a message keeps of it.
    pub fn attachment(&self) -> Attachment {
        Attachment {
            media_id: self.media_id,
            filename: self.filename.clone(),
            mime: self.mime.clone(),
            size: self.size,
            width: self.width,
            height: self.height,
            blurhash: self.blurhash.clone(),
        }
    }
}

/// That nobody may read a file, and by whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantine {
    /// Who said so.
    pub by: UserId,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: Option<String>,
}

/// What is known of a file when its upload is finished; the rest is the upload's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMedia {
    /// Its id.
    pub media_id: MediaId,
    /// How many bytes are stored, at most [`Upload::MAX_LENGTH`](super::Upload::MAX_LENGTH).
    pub size: u64,
    /// See [`MediaRecord::mime`].
    pub mime: String,
    /// See [`MediaRecord::filename`].
    pub filename: Option<String>,
    /// See [`MediaRecord::width`].
    pub width: Option<u32>,
    /// See [`MediaRecord::height`].
    pub height: Option<u32>,
    /// See [`MediaRecord::blurhash`].
    pub blurhash: Option<String>,
    /// See [`MediaRecord::created_at`].
    pub created_at: Timestamp,
    /// See [`MediaRecord::kept_until`].
    pub kept_until: Option<Timestamp>,
}

/// A file that was removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemovedMedia {
    /// The file as it was.
    pub record: MediaRecord,
    /// The blob that is doomed by this: nothing else used it, and what was made of it can go, too.
    pub doomed: Option<BlobKey>,
}

/// Whether files are kept for who wants to attach them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claiming {
    /// They are, all of them; as they are now, in the order asked.
    Claimed(Vec<MediaRecord>),
    /// None is.
    Refused {
        /// The first one that stands in the way.
        media_id: MediaId,
        /// Why.
        reason: ClaimRefusal,
    },
}

/// The files of a tenant.
///
/// They are made by [`UploadStore::finish`](super::UploadStore::finish) alone: a file that were made by itself would
/// have no upload to hold its blob while the bytes are put.
#[async_trait]
pub trait MediaStore: Send + Sync + 'static {
    /// Gives the file as of the last change that was acknowledged.
    async fn get(&self, media: MediaId) -> Result<Option<MediaRecord>, StoreError>;

    /// Gives up to `limit` files by falling id, from the first one below `before` on; only those of `owner`, when that
    /// is given.
    async fn list(
        &self,
        owner: Option<UserId>,
        before: Option<MediaId>,
        limit: usize,
    ) -> Result<Vec<MediaRecord>, StoreError>;

    /// Keeps every one of the files until `until`, durably, or changes nothing: none of them is collected while a
    /// message that carries them is on its way. [`MediaRecord::claim`] says whether `by` may.
    async fn claim(&self, media: Vec<MediaId>, by: Option<UserId>, until: Timestamp) -> Result<Claiming, StoreError>;

    /// Puts the file into quarantine, durably, or has this take the place of who put it there before, so that it is not let
    /// out in between; gives it as it is then. `None` when there is none.
    async fn quarantine(&self, media: MediaId, quarantine: Quarantine) -> Result<Option<MediaRecord>, StoreError>;

    /// Lets the file out of quarantine, durably; gives it as it is then. `None` when there is none.
    async fn restore(&self, media: MediaId) -> Result<Option<MediaRecord>, StoreError>;

    /// Removes the file durably, whoever refers to it, with all that is known of it, and dooms its blob unless
    /// something else uses that, in one atomic step; `None` when there is none.
    async fn remove(&self, media: MediaId) -> Result<Option<RemovedMedia>, StoreError>;

    /// Removes up to `limit` files for which [`MediaRecord::is_collectable`] says that they may go at `now`, as
    /// [`MediaStore::remove`] does, all in one atomic step: earliest end first, and of those with the same by rising id.
    ///
    /// Follow the log to its end before: then a message that is written keeps what it carries, and one that is on its
    /// way has its claim.
    async fn collect(&self, now: Timestamp, limit: usize) -> Result<Vec<RemovedMedia>, StoreError>;

    /// Gives the position up to which `feed` was applied; 0 at first.
    async fn position(&self, feed: MediaFeed) -> Result<u64, StoreError>;

    /// Applies the changes one after the other and moves the position of `feed` from `expected` to `position`, durably,
    /// all or nothing: so each takes effect exactly once, also after a crash. A file that nobody refers to any more is
    /// kept until `keep_until` at least.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the position is not `expected`, or would move back.
    async fn apply(
        &self,
        feed: MediaFeed,
        expected: u64,
        changes: Vec<ReferenceChange>,
        position: u64,
        keep_until: Timestamp,
    ) -> Result<(), StoreError>;

    /// Gives up to `limit` of those who refer to the file, in order, from the first one above `after` on.
    async fn holders(&self, media: MediaId, after: Option<Holder>, limit: usize) -> Result<Vec<Holder>, StoreError>;

    /// Gives what `owner` holds, or the tenant as a whole, as of the last change that was acknowledged.
    async fn usage(&self, owner: Option<UserId>) -> Result<MediaUsage, StoreError>;

    /// Gives up to `limit` doomed blobs, in order: their bytes are to be deleted, which is safe to do again after a
    /// crash.
    ///
    /// One task at a time deletes them: if two did, the slower one could delete what was put after the faster one said
    /// that they are gone.
    async fn doomed(&self, limit: usize) -> Result<Vec<BlobKey>, StoreError>;

    /// Notes durably that the bytes of a doomed blob are deleted: it can be staged again. Any other blob is left alone.
    async fn blob_gone(&self, blob: BlobKey) -> Result<(), StoreError>;

    /// Gives the key that the tenant's links are signed with. The first time that is `fresh`, which is stored durably; of
    /// concurrent first times one decides.
    async fn signing_key(&self, fresh: [u8; 32]) -> Result<[u8; 32], StoreError>;

    /// Whether a file or an upload uses the blob, as of the last change that was acknowledged.
    async fn is_used(&self, blob: BlobKey) -> Result<bool, StoreError>;

    /// Dooms the blob, durably, if no file and no upload uses it; answers whether it is doomed now.
    ///
    /// For bytes that were found and belong to nothing.
    async fn doom(&self, blob: BlobKey) -> Result<bool, StoreError>;
}
