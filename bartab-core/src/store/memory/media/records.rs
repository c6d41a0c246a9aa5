//! Files, who refers to them, and blobs.

use async_trait::async_trait;

use super::MemoryMedia;
use crate::id::{MediaId, UserId};
use crate::store::{
    BlobKey, ClaimRefusal, Claiming, Holder, MediaFeed, MediaRecord, MediaStore, MediaUsage, Quarantine,
    ReferenceChange, RemovedMedia, StoreError,
};
use crate::time::Timestamp;

#[async_trait]
impl MediaStore for MemoryMedia {
    async fn get(&self, media: MediaId) -> Result<Option<MediaRecord>, StoreError> {
        Ok(self.records().media.get(&media).cloned())
    }

    async fn list(
        &self,
        owner: Option<UserId>,
        before: Option<MediaId>,
        limit: usize,
    ) -> Result<Vec<MediaRecord>, StoreError> {
        let records = self.records();
        let rest = records.media.values().rev().filter(|record| before.is_none_or(|before| record.media_id < before));
        let own = rest.filter(|record| owner.is_none_or(|owner| record.owner == owner));
        Ok(own.take(limit).cloned().collect())
    }

    async fn claim(&self, media: Vec<MediaId>, by: Option<UserId>, until: Timestamp) -> Result<Claiming, StoreError> {
        let mut records = self.records();
        let mut claimed = Vec::with_capacity(media.len());
        for media_id in media {
            let record = records.media.get(&media_id);
            match record.ok_or(ClaimRefusal::Unknown).and_then(|record| record.claim(by).map(|()| record)) {
                Ok(record) => claimed.push(record.clone()),
                Err(reason) => return Ok(Claiming::Refused { media_id, reason }),
            }
        }
        for record in &mut claimed {
            record.keep(until);
            records.media.insert(record.media_id, record.clone());
        }
        Ok(Claiming::Claimed(claimed))
    }

    async fn quarantine(&self, media: MediaId, quarantine: Quarantine) -> Result<Option<MediaRecord>, StoreError> {
        let mut records = self.records();
        let Some(record) = records.media.get_mut(&media) else { return Ok(None) };
        record.quarantine = Some(quarantine);
        Ok(Some(record.clone()))
    }

    async fn restore(&self, media: MediaId) -> Result<Option<MediaRecord>, StoreError> {
        let mut records = self.records();
        let Some(record) = records.media.get_mut(&media) else { return Ok(None) };
        record.quarantine = None;
        Ok(Some(record.clone()))
    }

    async fn remove(&self, media: MediaId) -> Result<Option<RemovedMedia>, StoreError> {
        Ok(self.records().remove(media))
    }

    async fn collect(&self, now: Timestamp, limit: usize) -> Result<Vec<RemovedMedia>, StoreError> {
        let mut records = self.records();
        let over = records.media.values().filter(|record| record.is_collectable(now));
        let mut over: Vec<_> = over.map(|record| (record.kept_until, record.media_id)).collect();
        over.sort_unstable();
        Ok(over.into_iter().take(limit).filter_map(|(_, media)| records.remove(media)).collect())
    }

    async fn position(&self, feed: MediaFeed) -> Result<u64, StoreError> {
        Ok(self.records().positions.get(&feed).copied().unwrap_or(0))
    }

    async fn apply(
        &self,
        feed: MediaFeed,
        expected: u64,
        changes: Vec<ReferenceChange>,
        position: u64,
        keep_until: Timestamp,
    ) -> Result<(), StoreError> {
        let mut records = self.records();
        if records.positions.get(&feed).copied().unwrap_or(0) != expected || position < expected {
            return Err(StoreError::Conflict);
        }
        changes.into_iter().for_each(|change| records.refer(change, keep_until));
        records.positions.insert(feed, position);
        Ok(())
    }

    async fn holders(&self, media: MediaId, after: Option<Holder>, limit: usize) -> Result<Vec<Holder>, StoreError> {
        let records = self.records();
        let all = records.carried.iter().filter(|(_, carried)| carried.contains(&media)).map(|(holder, _)| *holder);
        Ok(all.filter(|holder| after.is_none_or(|after| *holder > after)).take(limit).collect())
    }

    async fn usage(&self, owner: Option<UserId>) -> Result<MediaUsage, StoreError> {
        Ok(self.records().usage(owner))
    }

    async fn doomed(&self, limit: usize) -> Result<Vec<BlobKey>, StoreError> {
        Ok(self.records().doomed.iter().take(limit).copied().collect())
    }

    async fn blob_gone(&self, blob: BlobKey) -> Result<(), StoreError> {
        self.records().doomed.remove(&blob);
        Ok(())
    }

    async fn signing_key(&self, fresh: [u8; 32]) -> Result<[u8; 32], StoreError> {
        Ok(*self.records().signing_key.get_or_insert(fresh))
    }

    async fn is_used(&self, blob: BlobKey) -> Result<bool, StoreError> {
        Ok(self.records().is_used(blob))
    }

    async fn doom(&self, blob: BlobKey) -> Result<bool, StoreError> {
        Ok(self.records().release(blob).is_some())
    }
}
