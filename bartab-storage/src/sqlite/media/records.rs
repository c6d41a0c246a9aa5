//! Files.

use async_trait::async_trait;
use bartab_core::store::{
    BlobKey, ClaimRefusal, Claiming, Holder, MediaFeed, MediaRecord, MediaStore, MediaUsage, Quarantine,
    ReferenceChange, RemovedMedia, StoreError,
};
use bartab_core::{MediaId, Timestamp, UserId};
use rusqlite::Connection;

use super::blobs::{self, Uses};
use super::references;
use super::row::{media as read, put_texts, select_media};
use super::usage::{self, Change, signed};
use crate::sqlite::SqliteStore;
use crate::sqlite::error::Failure;
use crate::sqlite::job::Work;
use crate::sqlite::rows::{all, execute, first, limit};
use crate::sqlite::texts::MEDIA;

#[async_trait]
impl MediaStore for SqliteStore {
    async fn get(&self, media: MediaId) -> Result<Option<MediaRecord>, StoreError> {
        self.read(move |conn| by_id(conn, media)).await
    }

    async fn list(
        &self,
        owner: Option<UserId>,
        before: Option<MediaId>,
        most: usize,
    ) -> Result<Vec<MediaRecord>, StoreError> {
        // Bytes that are above every id.
        let before = before.map_or(vec![0xff; 17], |before| before.to_bytes().to_vec());
        self.read(move |conn| match owner {
            Some(owner) => {
                let sql = select_media!("WHERE m.owner = ?1 AND m.media_id < ?2 ORDER BY m.media_id DESC LIMIT ?3");
                all(conn, sql, (owner.to_bytes(), before, limit(most)), read)
            }
            None => {
                let sql = select_media!("WHERE m.media_id < ?1 ORDER BY m.media_id DESC LIMIT ?2");
                all(conn, sql, (before, limit(most)), read)
            }
        })
        .await
    }

    async fn claim(&self, media: Vec<MediaId>, by: Option<UserId>, until: Timestamp) -> Result<Claiming, StoreError> {
        self.write(move |work| {
            let mut claimed = Vec::with_capacity(media.len());
            for media_id in media {
                let record = by_id(work.conn, media_id)?.ok_or(ClaimRefusal::Unknown);
                match record.and_then(|record| record.claim(by).map(|()| record)) {
                    Ok(record) => claimed.push(record),
                    Err(reason) => return Ok(Claiming::Refused { media_id, reason }),
                }
            }
            for record in &mut claimed {
                if record.keep(until) {
                    keep(work.conn, record)?;
                }
            }
            Ok(Claiming::Claimed(claimed))
        })
        .await
    }

    async fn quarantine(&self, media: MediaId, quarantine: Quarantine) -> Result<Option<MediaRecord>, StoreError> {
        self.write(move |work| {
            let Some(mut record) = by_id(work.conn, media)? else { return Ok(None) };
            record.quarantine = Some(quarantine);
            put_quarantine(work.conn, &record)?;
            Ok(Some(record))
        })
        .await
    }

    async fn restore(&self, media: MediaId) -> Result<Option<MediaRecord>, StoreError> {
        self.write(move |work| {
            let Some(mut record) = by_id(work.conn, media)? else { return Ok(None) };
            if record.quarantine.take().is_some() {
                put_quarantine(work.conn, &record)?;
            }
            Ok(Some(record))
        })
        .await
    }

    async fn remove(&self, media: MediaId) -> Result<Option<RemovedMedia>, StoreError> {
        self.write(move |work| by_id(work.conn, media)?.map(|record| remove(work, record)).transpose()).await
    }

    async fn collect(&self, now: Timestamp, most: usize) -> Result<Vec<RemovedMedia>, StoreError> {
        self.write(move |work| {
            let sql = select_media!(
                "WHERE m.holders = 0 AND m.quarantined_by IS NULL AND m.kept_until IS NOT NULL AND m.kept_until <= ?1
                 ORDER BY m.kept_until, m.media_id LIMIT ?2"
            );
            let over = all(work.conn, sql, (now.as_millis(), limit(most)), read)?;
            over.into_iter().map(|record| remove(work, record)).collect()
        })
        .await
    }

    async fn position(&self, feed: MediaFeed) -> Result<u64, StoreError> {
        self.read(move |conn| references::position(conn, feed)).await
    }

    async fn apply(
        &self,
        feed: MediaFeed,
        expected: u64,
        changes: Vec<ReferenceChange>,
        position: u64,
        keep_until: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(move |work| {
            references::advance(work.conn, feed, expected, position)?;
            changes.iter().try_for_each(|change| references::refer(work.conn, change, keep_until))
        })
        .await
    }

    async fn holders(&self, media: MediaId, after: Option<Holder>, most: usize) -> Result<Vec<Holder>, StoreError> {
        self.read(move |conn| references::holders(conn, media, after, most)).await
    }

    async fn usage(&self, owner: Option<UserId>) -> Result<MediaUsage, StoreError> {
        self.read(move |conn| usage::usage(conn, owner)).await
    }

    async fn doomed(&self, most: usize) -> Result<Vec<BlobKey>, StoreError> {
        self.read(move |conn| blobs::doomed(conn, most)).await
    }

    async fn blob_gone(&self, blob: BlobKey) -> Result<(), StoreError> {
        self.write(move |work| blobs::gone(work.conn, blob)).await
    }

    async fn signing_key(&self, fresh: [u8; 32]) -> Result<[u8; 32], StoreError> {
        self.write(move |work| {
            let sql = "INSERT INTO media_signing_key (id, bytes) VALUES (1, ?1) ON CONFLICT (id) DO NOTHING";
            execute(work.conn, sql, [fresh])?;
            let held = first(work.conn, "SELECT bytes FROM media_signing_key", [], |row| Ok(row.get(0)?))?;
            Ok(held.unwrap_or(fresh))
        })
        .await
    }

    async fn is_used(&self, blob: BlobKey) -> Result<bool, StoreError> {
        self.read(move |conn| Ok(blobs::uses(conn, blob)?.is_some_and(|uses| uses != Uses::DOOMED))).await
    }

    async fn doom(&self, blob: BlobKey) -> Result<bool, StoreError> {
        self.write(move |work| match blobs::uses(work.conn, blob)? {
            Some(uses) => Ok(uses == Uses::DOOMED),
            None => Ok(blobs::count(work.conn, blob, 0, 0)?.is_some()),
        })
        .await
    }
}

pub(super) fn by_id(conn: &Connection, media: MediaId) -> Result<Option<MediaRecord>, Failure> {
    first(conn, select_media!("WHERE m.media_id = ?1"), [media.to_bytes()], read)
}

/// Writes until when the file is kept.
pub(super) fn keep(conn: &Connection, record: &MediaRecord) -> Result<(), Failure> {
    let kept_until = record.kept_until.map(Timestamp::as_millis);
    execute(conn, "UPDATE media SET kept_until = ?2 WHERE media_id = ?1", (record.media_id.to_bytes(), kept_until))?;
    Ok(())
}

fn put_quarantine(conn: &Connection, record: &MediaRecord) -> Result<(), Failure> {
    let sql = "SELECT slot FROM media WHERE media_id = ?1";
    let held = first(conn, sql, [record.media_id.to_bytes()], |row| Ok(row.get::<_, Option<i64>>(0)?))?;
    let slot = put_texts(conn, held.flatten(), record)?;
    let (by, at) = record.quarantine.as_ref().map(|held| (held.by.to_bytes(), held.at.as_millis())).unzip();
    let sql = "UPDATE media SET slot = ?2, quarantined_by = ?3, quarantined_at = ?4 WHERE media_id = ?1";
    execute(conn, sql, (record.media_id.to_bytes(), slot, by, at))?;
    Ok(())
}

/// Removes the file with all that is known of it, and has the WAL cut when that is committed.
fn remove(work: &mut Work<'_>, record: MediaRecord) -> Result<RemovedMedia, Failure> {
    let (conn, media_id) = (work.conn, record.media_id.to_bytes());
    let sql = "DELETE FROM media WHERE media_id = ?1 RETURNING slot";
    let slot = first(conn, sql, [media_id], |row| Ok(row.get::<_, Option<i64>>(0)?))?;
    if let Some(slot) = slot.flatten() {
        MEDIA.erase(conn, slot)?;
        work.pending.erasures += 1;
    }
    execute(conn, "DELETE FROM media_holders WHERE media_id = ?1", [media_id])?;
    let change = Change { files: -1, bytes: -signed(record.size), ..Change::default() };
    usage::count(conn, record.owner, &change)?;
    let doomed = blobs::count(conn, record.blob, -1, 0)?;
    Ok(RemovedMedia { record, doomed })
}
