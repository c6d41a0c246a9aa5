//! Media in memory.

mod records;
mod uploads;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::id::{MediaId, UploadId, UserId};
use crate::store::{
    BlobKey, Holder, MediaFeed, MediaLimits, MediaRecord, MediaUsage, QuotaExceeded, ReferenceChange, RemovedMedia,
    Upload,
};
use crate::time::Timestamp;

/// The uploads and files of one tenant, gone when it is dropped; the bytes are elsewhere.
#[derive(Default)]
pub struct MemoryMedia(Mutex<Records>);

#[derive(Default)]
struct Records {
    uploads: BTreeMap<UploadId, Upload>,
    media: BTreeMap<MediaId, MediaRecord>,
    /// What each holder carries.
    carried: BTreeMap<Holder, BTreeSet<MediaId>>,
    doomed: BTreeSet<BlobKey>,
    positions: BTreeMap<MediaFeed, u64>,
    signing_key: Option<[u8; 32]>,
}

impl Records {
    fn usage(&self, owner: Option<UserId>) -> MediaUsage {
        let mut usage = MediaUsage::default();
        let counts = |other: UserId| owner.is_none_or(|owner| owner == other);
        for record in self.media.values().filter(|record| counts(record.owner)) {
            usage.files += 1;
            usage.bytes += record.size;
        }
        let unfinished = self.uploads.values().filter(|upload| upload.media_id.is_none());
        for upload in unfinished.filter(|upload| counts(upload.owner)) {
            usage.uploads += 1;
            usage.reserved += upload.reserved();
        }
        usage
    }

    fn admit(&self, limits: &MediaLimits, owner: UserId, bytes: u64, uploads: u64) -> Result<(), QuotaExceeded> {
        limits.admit(&self.usage(Some(owner)), &self.usage(None), bytes, uploads)
    }

    fn is_stored(&self, blob: BlobKey) -> bool {
        self.media.values().any(|record| record.blob == blob)
    }

    fn is_used(&self, blob: BlobKey) -> bool {
        let staged = |upload: &Upload| upload.media_id.is_none() && upload.blob == Some(blob);
        self.is_stored(blob) || self.uploads.values().any(staged)
    }

    /// Dooms a blob that one user less has, if that was the last.
    fn release(&mut self, blob: BlobKey) -> Option<BlobKey> {
        let doomed = (!self.is_used(blob)).then_some(blob);
        self.doomed.extend(doomed);
        doomed
    }

    fn remove(&mut self, media: MediaId) -> Option<RemovedMedia> {
        let record = self.media.remove(&media)?;
        self.carried.retain(|_, carried| {
            carried.remove(&media);
            !carried.is_empty()
        });
        let doomed = self.release(record.blob);
        Some(RemovedMedia { record, doomed })
    }

    fn refer(&mut self, change: ReferenceChange, keep_until: Timestamp) {
        let there = change.media.into_iter().filter(|media| self.media.contains_key(media));
        let after: BTreeSet<MediaId> = there.collect();
        let before = self.carried.remove(&change.holder).unwrap_or_default();
        for media in after.difference(&before) {
            if let Some(record) = self.media.get_mut(media) {
                record.references += 1;
            }
        }
        for media in before.difference(&after) {
            if let Some(record) = self.media.get_mut(media) {
                record.references -= 1;
                if record.references == 0 {
                    record.keep(keep_until);
                }
            }
        }
        if !after.is_empty() {
            self.carried.insert(change.holder, after);
        }
    }
}

impl MemoryMedia {
    /// A tenant without files.
    pub fn new() -> Self {
        Self::default()
    }

    /// No method leaves the records half changed, so a panic elsewhere while they were held does no harm.
    fn records(&self) -> MutexGuard<'_, Records> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MemoryMedia {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let records = self.records();
        f.debug_struct("MemoryMedia")
            .field("uploads", &records.uploads.len())
            .field("media", &records.media.len())
            .field("doomed", &records.doomed.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::MemoryMedia;
    use crate::store::conformance::media::{MediaFactory, MediaStores};

    struct InMemory;

    #[async_trait::async_trait]
    impl MediaFactory for InMemory {
        async fn open(&self, _name: &str) -> MediaStores {
            MediaStores::of(Arc::new(MemoryMedia::new()))
        }

        async fn reopen_after_abort(&self, _name: &str, stores: MediaStores) -> MediaStores {
            stores
        }
    }

    crate::media_conformance!(InMemory);
}
