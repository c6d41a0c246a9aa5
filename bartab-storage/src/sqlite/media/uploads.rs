//! Uploads that are under way.

use async_trait::async_trait;
use bartab_core::store::{
    Advance, Advancing, Beginning, BlobKey, Finishing, MediaLimits, NewMedia, RemovedUpload, Staging, StoreError,
    Upload, UploadStore,
};
use bartab_core::{Timestamp, UploadId, UserId};
use rusqlite::Connection;

use super::blobs::{self, Uses};
use super::records;
use super::row::{insert_media, insert_upload, select_uploads, upload as read};
use super::usage::{self, Change, signed};
use crate::sqlite::SqliteStore;
use crate::sqlite::error::Failure;
use crate::sqlite::rows::{all, execute, first, limit};
use crate::sqlite::texts::MEDIA;

#[async_trait]
impl UploadStore for SqliteStore {
    async fn begin(&self, upload: Upload, limits: MediaLimits) -> Result<Beginning, StoreError> {
        self.write(move |work| {
            if by_id(work.conn, upload.upload_id)?.is_some() {
                return Err(StoreError::Conflict.into());
            }
            if let Err(exceeded) = usage::admit(work.conn, &limits, upload.owner, upload.reserved(), 1)? {
                return Ok(Beginning::Exceeded(exceeded));
            }
            insert_upload(work.conn, &upload)?;
            let change = Change { uploads: 1, reserved: signed(upload.reserved()), ..Change::default() };
            usage::count(work.conn, upload.owner, &change)?;
            Ok(Beginning::Begun)
        })
        .await
    }

    async fn get(&self, upload: UploadId) -> Result<Option<Upload>, StoreError> {
        self.read(move |conn| by_id(conn, upload)).await
    }

    async fn list(&self, owner: UserId, after: Option<UploadId>, most: usize) -> Result<Vec<Upload>, StoreError> {
        self.read(move |conn| {
            let sql = select_uploads!("WHERE u.owner = ?1 AND u.upload_id > ?2 ORDER BY u.upload_id LIMIT ?3");
            // Without `after`, bytes that are below every id.
            let after = after.map_or(Vec::new(), |after| after.to_bytes().to_vec());
            all(conn, sql, (owner.to_bytes(), after, limit(most)), read)
        })
        .await
    }

    async fn advance(&self, advance: Advance, limits: MediaLimits) -> Result<Advancing, StoreError> {
        self.write(move |work| {
            let Some(mut upload) = by_id(work.conn, advance.upload_id)? else { return Ok(Advancing::Gone) };
            let (owner, before) = (upload.owner, upload.reserved());
            let (person, tenant) = (usage::usage(work.conn, Some(owner))?, usage::usage(work.conn, None)?);
            let answer = upload.advance(&advance, |bytes| limits.admit(&person, &tenant, bytes, 0));
            if matches!(answer, Advancing::Advanced(_)) {
                let sql = "UPDATE uploads SET received = ?2, expires_at = ?3 WHERE upload_id = ?1";
                let params = (upload.upload_id.to_bytes(), upload.received, upload.expires_at.as_millis());
                execute(work.conn, sql, params)?;
                let reserved = signed(upload.reserved()) - signed(before);
                if reserved != 0 {
                    usage::count(work.conn, owner, &Change { reserved, ..Change::default() })?;
                }
            }
            Ok(answer)
        })
        .await
    }

    async fn stage(&self, upload: UploadId, blob: BlobKey, now: Timestamp) -> Result<Staging, StoreError> {
        self.write(move |work| {
            let held = by_id(work.conn, upload)?.filter(|upload| upload.may_hold(blob, now));
            let Some(held) = held else { return Ok(Staging::Gone) };
            let uses = blobs::uses(work.conn, blob)?;
            if uses == Some(Uses::DOOMED) {
                return Ok(Staging::Doomed);
            }
            if held.blob.is_none() {
                let sql = "UPDATE uploads SET public = ?2, sha256 = ?3 WHERE upload_id = ?1";
                execute(work.conn, sql, (upload.to_bytes(), blob.public, blob.sha256))?;
                blobs::count(work.conn, blob, 0, 1)?;
            }
            Ok(Staging::Staged { stored: uses.is_some_and(|uses| uses.files > 0) })
        })
        .await
    }

    async fn finish(&self, upload: UploadId, media: NewMedia, limits: MediaLimits) -> Result<Finishing, StoreError> {
        self.write(move |work| {
            let Some(mut finished) = by_id(work.conn, upload)? else { return Ok(Finishing::Gone) };
            let reserved = finished.reserved();
            let Some(record) = finished.finish(media) else { return Ok(Finishing::Gone) };
            if records::by_id(work.conn, record.media_id)?.is_some() {
                return Err(StoreError::Conflict.into());
            }
            let more = record.size.saturating_sub(reserved);
            if let Err(exceeded) = usage::admit(work.conn, &limits, record.owner, more, 0)? {
                return Ok(Finishing::Exceeded(exceeded));
            }
            insert_media(work.conn, &record)?;
            let sql = "UPDATE uploads SET media_id = ?2 WHERE upload_id = ?1";
            execute(work.conn, sql, (upload.to_bytes(), record.media_id.to_bytes()))?;
            blobs::count(work.conn, record.blob, 1, -1)?;
            let change = Change { files: 1, bytes: signed(record.size), uploads: -1, reserved: -signed(reserved) };
            usage::count(work.conn, record.owner, &change)?;
            Ok(Finishing::Finished(Box::new(record)))
        })
        .await
    }

    async fn expired(&self, now: Timestamp, most: usize) -> Result<Vec<Upload>, StoreError> {
        self.read(move |conn| {
            let sql = select_uploads!("WHERE u.expires_at <= ?1 ORDER BY u.expires_at, u.upload_id LIMIT ?2");
            all(conn, sql, (now.as_millis(), limit(most)), read)
        })
        .await
    }

    async fn remove(&self, upload: UploadId) -> Result<Option<RemovedUpload>, StoreError> {
        self.write(move |work| {
            let Some(upload) = by_id(work.conn, upload)? else { return Ok(None) };
            let sql = "DELETE FROM uploads WHERE upload_id = ?1 RETURNING slot";
            let slot = first(work.conn, sql, [upload.upload_id.to_bytes()], |row| Ok(row.get::<_, Option<i64>>(0)?))?;
            if let Some(slot) = slot.flatten() {
                MEDIA.erase(work.conn, slot)?;
                work.pending.erasures += 1;
            }
            let mut doomed = None;
            if upload.media_id.is_none() {
                let change = Change { uploads: -1, reserved: -signed(upload.reserved()), ..Change::default() };
                usage::count(work.conn, upload.owner, &change)?;
                if let Some(blob) = upload.blob {
                    doomed = blobs::count(work.conn, blob, 0, -1)?;
                }
            }
            Ok(Some(RemovedUpload { upload, doomed }))
        })
        .await
    }
}

fn by_id(conn: &Connection, upload: UploadId) -> Result<Option<Upload>, Failure> {
    first(conn, select_uploads!("WHERE u.upload_id = ?1"), [upload.to_bytes()], read)
}
