//! Uploads that are under way, and how one becomes a file.

use async_trait::async_trait;

use super::{BlobKey, MediaLimits, MediaRecord, NewMedia, QuotaExceeded};
use crate::id::{MediaId, UploadId, UserId};
use crate::store::StoreError;
use crate::time::Timestamp;

/// The record of an upload.
///
/// It is *open* from its beginning until it is staged with a blob; then it is *finished* with a file. A finished one is
/// kept until its time is over, so that a client that lost the answer learns which file it made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Which upload.
    pub upload_id: UploadId,
    /// Who sends it.
    pub owner: UserId,
    /// How many bytes were announced, at most [`Upload::MAX_LENGTH`]; `None`: that was not said.
    pub length: Option<u64>,
    /// How many bytes are stored for certain; the next ones go there.
    pub received: u64,
    /// What the client said of the file; the store does not look into it, and erases it with the upload.
    pub metadata: String,
    /// When it was begun.
    pub created_at: Timestamp,
    /// From when on it takes nothing more.
    pub expires_at: Timestamp,
    /// What it was staged with.
    pub blob: Option<BlobKey>,
    /// The file that it made.
    pub media_id: Option<MediaId>,
}

impl Upload {
    /// The most bytes of an upload: 2^48, so that sums of them stay numbers that every store can keep.
    pub const MAX_LENGTH: u64 = 1 << 48;

    /// How many bytes it counts for in quotas: what was announced or else received, nothing once it made a file.
    pub fn reserved(&self) -> u64 {
        if self.media_id.is_some() { 0 } else { self.length.unwrap_or(self.received) }
    }

    /// Whether it takes bytes at `now`.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.blob.is_none() && self.media_id.is_none() && now < self.expires_at
    }

    /// Whether it may hold `blob` from `now` on: it is open, or holds just that.
    pub fn may_hold(&self, blob: BlobKey, now: Timestamp) -> bool {
        self.is_open(now) || (self.media_id.is_none() && self.blob == Some(blob))
    }

    /// Moves the upload on, unless the answer is not [`Advancing::Advanced`].
    ///
    /// `admit` says whether so many bytes more fit into the quotas; it is asked last.
    pub fn advance(&mut self, advance: &Advance, admit: impl FnOnce(u64) -> Result<(), QuotaExceeded>) -> Advancing {
        if !self.is_open(advance.now) {
            return Advancing::Gone;
        }
        if advance.offset != self.received || advance.received < self.received {
            return Advancing::Elsewhere { received: self.received };
        }
        let most = self.length.unwrap_or(Self::MAX_LENGTH);
        if advance.received > most {
            return Advancing::TooLong { length: most };
        }
        let before = self.reserved();
        let moved = Self { received: advance.received, expires_at: advance.expires_at, ..self.clone() };
        if let Err(exceeded) = admit(moved.reserved().saturating_sub(before)) {
            return Advancing::Exceeded(exceeded);
        }
        *self = moved;
        Advancing::Advanced(self.clone())
    }

    /// Makes the file of a staged upload; `None`, and no change, if it is not staged or made one before.
    pub fn finish(&mut self, media: NewMedia) -> Option<MediaRecord> {
        let blob = self.blob.filter(|_| self.media_id.is_none())?;
        self.media_id = Some(media.media_id);
        Some(MediaRecord {
            media_id: media.media_id,
            owner: self.owner,
            blob,
            size: media.size,
            mime: media.mime,
            filename: media.filename,
            width: media.width,
            height: media.height,
            blurhash: media.blurhash,
            created_at: media.created_at,
            kept_until: media.kept_until,
            references: 0,
            quarantine: None,
        })
    }
}

/// Bytes that were stored, to be counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advance {
    /// Which upload.
    pub upload_id: UploadId,
    /// Where the bytes were put: how many were there before them.
    pub offset: u64,
    /// How many there are with them.
    pub received: u64,
    /// Until when more may come.
    pub expires_at: Timestamp,
    /// The time.
    pub now: Timestamp,
}

/// Whether an upload was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beginning {
    /// It was.
    Begun,
    /// A quota stands in the way; nothing changed.
    Exceeded(QuotaExceeded),
}

/// What became of bytes that were to be counted in. Nothing changed but for [`Advancing::Advanced`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Advancing {
    /// They count; the upload as it is now.
    Advanced(Upload),
    /// The upload is not where the bytes were put, or they would make it shorter.
    Elsewhere {
        /// Where it is.
        received: u64,
    },
    /// That is more than the upload may have.
    TooLong {
        /// How much it may have.
        length: u64,
    },
    /// A quota stands in the way.
    Exceeded(QuotaExceeded),
    /// There is no such upload, or it takes nothing more.
    Gone,
}

/// Whether an upload holds a blob now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Staging {
    /// It does: from now on the blob is in use, and its bytes can be put.
    Staged {
        /// A file with this blob is finished, so the bytes are there already.
        stored: bool,
    },
    /// The bytes of that blob are about to be deleted; once they are, staging works again. Nothing changed.
    Doomed,
    /// There is no such upload, its time is over, it made a file, or it is staged with another blob. Nothing changed.
    Gone,
}

/// Whether an upload made a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finishing {
    /// It did.
    Finished(Box<MediaRecord>),
    /// The file is larger than what was announced, and does not fit; nothing changed.
    Exceeded(QuotaExceeded),
    /// There is no such upload, it is not staged, or it made a file before; nothing changed.
    Gone,
}

/// An upload that was removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemovedUpload {
    /// The upload as it was.
    pub upload: Upload,
    /// The blob that is doomed by this: nothing else used it.
    pub doomed: Option<BlobKey>,
}

/// The uploads of a tenant that are under way.
#[async_trait]
pub trait UploadStore: Send + Sync + 'static {
    /// Stores a new upload durably, with what it announces counted in, if that fits into `limits`: of concurrent
    /// beginnings none passes a limit. `blob` and `media_id` are `None` in it.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the `upload_id` is taken.
    async fn begin(&self, upload: Upload, limits: MediaLimits) -> Result<Beginning, StoreError>;

    /// Gives the upload as of the last change that was acknowledged, also when its time is over.
    async fn get(&self, upload: UploadId) -> Result<Option<Upload>, StoreError>;

    /// Gives up to `limit` uploads of `owner`, finished ones too, by rising id, from the first one above `after` on.
    async fn list(&self, owner: UserId, after: Option<UploadId>, limit: usize) -> Result<Vec<Upload>, StoreError>;

    /// Applies [`Upload::advance`] in one atomic step, durably: of concurrent advances from one offset at most one is
    /// [`Advancing::Advanced`], and none passes a limit.
    async fn advance(&self, advance: Advance, limits: MediaLimits) -> Result<Advancing, StoreError>;

    /// Makes the upload hold the blob, durably, if it is open at `now` or holds just that blob; and not while that
    /// blob is doomed: whoever put its bytes after [`Staging::Staged`] knows that nobody deletes them.
    async fn stage(&self, upload: UploadId, blob: BlobKey, now: Timestamp) -> Result<Staging, StoreError>;

    /// Makes the file of a staged upload, durably, in one atomic step with what it counts for: of concurrent finishes
    /// one is [`Finishing::Finished`]. It succeeds also when the time of the upload is over, as long as it is there.
    ///
    /// Call it when the bytes of the blob are stored.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the `media_id` is taken.
    async fn finish(&self, upload: UploadId, media: NewMedia, limits: MediaLimits) -> Result<Finishing, StoreError>;

    /// Gives up to `limit` uploads that take nothing more because of their time, finished ones too: those with an
    /// `expires_at` at or before `now`, earliest first, and of those with the same by rising id.
    async fn expired(&self, now: Timestamp, limit: usize) -> Result<Vec<Upload>, StoreError>;

    /// Removes the upload durably, with all that it says, and dooms what it was staged with unless something else uses
    /// that, in one atomic step; `None` when there is none. The file of a finished upload stays.
    ///
    /// Delete the parts of its bytes before: then a crash in between leaves an upload that is removed again, and never
    /// parts that nobody knows of.
    async fn remove(&self, upload: UploadId) -> Result<Option<RemovedUpload>, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::MediaQuota;

    fn upload(length: Option<u64>) -> Upload {
        Upload {
            upload_id: UploadId::from_u128(1),
            owner: UserId::from_u128(2),
            length,
            received: 10,
            metadata: String::new(),
            created_at: Timestamp::from_secs(0),
            expires_at: Timestamp::from_secs(100),
            blob: None,
            media_id: None,
        }
    }

    fn to(received: u64) -> Advance {
        let (expires_at, now) = (Timestamp::from_secs(200), Timestamp::from_secs(99));
        Advance { upload_id: UploadId::from_u128(1), offset: 10, received, expires_at, now }
    }

    #[test]
    fn only_what_was_not_announced_is_asked_for() {
        for (length, more) in [(Some(20), 0), (None, 5)] {
            let mut upload = upload(length);
            let mut asked = None;
            let answer = upload.advance(&to(15), |bytes| {
                asked = Some(bytes);
                Ok(())
            });
            assert_eq!(asked, Some(more));
            assert_eq!(answer, Advancing::Advanced(upload.clone()));
            assert_eq!((upload.received, upload.expires_at), (15, Timestamp::from_secs(200)));
        }
    }

    #[test]
    fn what_is_refused_changes_nothing() {
        let exceeded = QuotaExceeded { quota: MediaQuota::TenantBytes, limit: 1, used: 1 };
        let staged = Upload { blob: Some(BlobKey { public: false, sha256: [0; 32] }), ..upload(None) };
        let cases = [
            (upload(Some(14)), to(15), Advancing::TooLong { length: 14 }),
            (upload(None), to(Upload::MAX_LENGTH + 1), Advancing::TooLong { length: Upload::MAX_LENGTH }),
            (upload(None), Advance { offset: 9, ..to(15) }, Advancing::Elsewhere { received: 10 }),
            (upload(None), to(9), Advancing::Elsewhere { received: 10 }),
            (upload(None), to(15), Advancing::Exceeded(exceeded)),
            (upload(None), Advance { now: Timestamp::from_secs(100), ..to(15) }, Advancing::Gone),
            (staged, to(15), Advancing::Gone),
        ];
        for (before, advance, expected) in cases {
            let mut upload = before.clone();
            assert_eq!(upload.advance(&advance, |_| Err(exceeded)), expected);
            assert_eq!(upload, before);
        }
    }
}
