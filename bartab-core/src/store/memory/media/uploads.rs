//! Uploads that are under way.

use async_trait::async_trait;

use super::MemoryMedia;
use crate::id::{UploadId, UserId};
use crate::store::{
    Advance, Advancing, Beginning, BlobKey, Finishing, MediaLimits, NewMedia, RemovedUpload, Staging, StoreError,
    Upload, UploadStore,
};
use crate::time::Timestamp;

#[async_trait]
impl UploadStore for MemoryMedia {
    async fn begin(&self, upload: Upload, limits: MediaLimits) -> Result<Beginning, StoreError> {
        let mut records = self.records();
        if records.uploads.contains_key(&upload.upload_id) {
            return Err(StoreError::Conflict);
        }
        if let Err(exceeded) = records.admit(&limits, upload.owner, upload.reserved(), 1) {
            return Ok(Beginning::Exceeded(exceeded));
        }
        records.uploads.insert(upload.upload_id, upload);
        Ok(Beginning::Begun)
    }

    async fn get(&self, upload: UploadId) -> Result<Option<Upload>, StoreError> {
        Ok(self.records().uploads.get(&upload).cloned())
    }

    async fn list(&self, owner: UserId, after: Option<UploadId>, limit: usize) -> Result<Vec<Upload>, StoreError> {
        let records = self.records();
        let own = records.uploads.values().filter(|upload| upload.owner == owner);
        Ok(own.filter(|upload| after.is_none_or(|after| upload.upload_id > after)).take(limit).cloned().collect())
    }

    async fn advance(&self, advance: Advance, limits: MediaLimits) -> Result<Advancing, StoreError> {
        let mut records = self.records();
        let Some(mut upload) = records.uploads.get(&advance.upload_id).cloned() else { return Ok(Advancing::Gone) };
        let owner = upload.owner;
        let answer = upload.advance(&advance, |bytes| records.admit(&limits, owner, bytes, 0));
        records.uploads.insert(advance.upload_id, upload);
        Ok(answer)
    }

    async fn stage(&self, upload: UploadId, blob: BlobKey, now: Timestamp) -> Result<Staging, StoreError> {
        let mut records = self.records();
        let (stored, doomed) = (records.is_stored(blob), records.doomed.contains(&blob));
        let upload = records.uploads.get_mut(&upload);
        let Some(upload) = upload.filter(|upload| upload.may_hold(blob, now)) else { return Ok(Staging::Gone) };
        if doomed {
            return Ok(Staging::Doomed);
        }
        upload.blob = Some(blob);
        Ok(Staging::Staged { stored })
    }

    async fn finish(&self, upload: UploadId, media: NewMedia, limits: MediaLimits) -> Result<Finishing, StoreError> {
        let mut records = self.records();
        let Some(mut finished) = records.uploads.get(&upload).cloned() else { return Ok(Finishing::Gone) };
        let reserved = finished.reserved();
        let Some(record) = finished.finish(media) else { return Ok(Finishing::Gone) };
        if records.media.contains_key(&record.media_id) {
            return Err(StoreError::Conflict);
        }
        if let Err(exceeded) = records.admit(&limits, record.owner, record.size.saturating_sub(reserved), 0) {
            return Ok(Finishing::Exceeded(exceeded));
        }
        records.uploads.insert(upload, finished);
        records.media.insert(record.media_id, record.clone());
        Ok(Finishing::Finished(Box::new(record)))
    }

    async fn expired(&self, now: Timestamp, limit: usize) -> Result<Vec<Upload>, StoreError> {
        let records = self.records();
        let mut over: Vec<&Upload> = records.uploads.values().filter(|upload| upload.expires_at <= now).collect();
        over.sort_by_key(|upload| (upload.expires_at, upload.upload_id));
        Ok(over.into_iter().take(limit).cloned().collect())
    }

    async fn remove(&self, upload: UploadId) -> Result<Option<RemovedUpload>, StoreError> {
        let mut records = self.records();
        let Some(upload) = records.uploads.remove(&upload) else { return Ok(None) };
        let held = upload.blob.filter(|_| upload.media_id.is_none());
        let doomed = held.and_then(|blob| records.release(blob));
        Ok(Some(RemovedUpload { upload, doomed }))
    }
}
