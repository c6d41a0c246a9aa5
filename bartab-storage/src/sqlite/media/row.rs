//! The rows of uploads and files.

use bartab_core::Timestamp;
use bartab_core::store::{BlobKey, MediaRecord, Quarantine, Upload};
use rusqlite::{Connection, Row};

use crate::sqlite::error::{Damaged, Failure};
use crate::sqlite::log::{array, optional_array};
use crate::sqlite::rows::{execute, id, optional_id, optional_time, time};
use crate::sqlite::texts::{self, MEDIA, text};

/// A query for whole uploads with this condition.
macro_rules! select_uploads {
    ($condition:literal) => {
        concat!(
            "SELECT u.upload_id, u.owner, u.length, u.received, t.bytes, u.created_at, u.expires_at, u.public, u.sha256,
                 u.media_id
             FROM uploads u LEFT JOIN media_texts t ON t.slot = u.slot ",
            $condition
        )
    };
}

/// A query for whole files with this condition.
macro_rules! select_media {
    ($condition:literal) => {
        concat!(
            "SELECT m.media_id, m.owner, m.public, m.sha256, m.size, m.mime, t.bytes, m.width, m.height, m.created_at,
                 m.kept_until, m.holders, m.quarantined_by, m.quarantined_at
             FROM media m LEFT JOIN media_texts t ON t.slot = m.slot ",
            $condition
        )
    };
}

pub(super) use {select_media, select_uploads};

pub(super) fn blob(row: &Row<'_>, public: usize, sha256: usize) -> Result<BlobKey, Failure> {
    Ok(BlobKey { public: row.get(public)?, sha256: array(row, sha256)? })
}

pub(super) fn upload(row: &Row<'_>) -> Result<Upload, Failure> {
    let metadata = match row.get_ref(4)? {
        rusqlite::types::ValueRef::Null => String::new(),
        _ => {
            let [metadata] = texts::parts(row, 4)?;
            text(metadata, 4)?
        }
    };
    Ok(Upload {
        upload_id: id(row, 0)?,
        owner: id(row, 1)?,
        length: row.get(2)?,
        received: row.get(3)?,
        metadata,
        created_at: time(row, 5)?,
        expires_at: time(row, 6)?,
        blob: optional_array::<32>(row, 8)?.map(|_| blob(row, 7, 8)).transpose()?,
        media_id: optional_id(row, 9)?,
    })
}

pub(super) fn media(row: &Row<'_>) -> Result<MediaRecord, Failure> {
    let [filename, blurhash, reason] = match row.get_ref(6)? {
        rusqlite::types::ValueRef::Null => [None; 3],
        _ => texts::parts(row, 6)?,
    };
    let text_or_none = |part: Option<&[u8]>| part.map(|part| text(Some(part), 6)).transpose();
    let quarantine = match optional_id(row, 12)? {
        Some(by) => {
            let at = optional_time(row, 13)?.ok_or(Damaged { column: 13 })?;
            Some(Quarantine { by, at, reason: text_or_none(reason)? })
        }
        None => None,
    };
    Ok(MediaRecord {
        media_id: id(row, 0)?,
        owner: id(row, 1)?,
        blob: blob(row, 2, 3)?,
        size: row.get(4)?,
        mime: row.get(5)?,
        filename: text_or_none(filename)?,
        width: row.get(7)?,
        height: row.get(8)?,
        blurhash: text_or_none(blurhash)?,
        created_at: time(row, 9)?,
        kept_until: optional_time(row, 10)?,
        references: row.get(11)?,
        quarantine,
    })
}

pub(super) fn insert_upload(conn: &Connection, upload: &Upload) -> Result<(), Failure> {
    let slot = match upload.metadata.as_str() {
        "" => None,
        metadata => Some(MEDIA.put(conn, None, &[Some(metadata.as_bytes())])?),
    };
    let sql = "INSERT INTO uploads (upload_id, owner, length, received, slot, created_at, expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let params = (
        upload.upload_id.to_bytes(),
        upload.owner.to_bytes(),
        upload.length,
        upload.received,
        slot,
        upload.created_at.as_millis(),
        upload.expires_at.as_millis(),
    );
    execute(conn, sql, params)?;
    Ok(())
}

pub(super) fn insert_media(conn: &Connection, record: &MediaRecord) -> Result<(), Failure> {
    let sql = "INSERT INTO media (media_id, owner, public, sha256, size, mime, slot, width, height, created_at,
             kept_until, holders)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 0)";
    let params = (
        record.media_id.to_bytes(),
        record.owner.to_bytes(),
        record.blob.public,
        record.blob.sha256,
        record.size,
        &record.mime,
        put_texts(conn, None, record)?,
        record.width,
        record.height,
        record.created_at.as_millis(),
        record.kept_until.map(Timestamp::as_millis),
    );
    execute(conn, sql, params)?;
    Ok(())
}

/// Stores what a file is called, looks like and is held for in place of what is in the slot `held`.
pub(super) fn put_texts(conn: &Connection, held: Option<i64>, record: &MediaRecord) -> Result<Option<i64>, Failure> {
    let reason = record.quarantine.as_ref().and_then(|quarantine| quarantine.reason.as_ref());
    let parts = [record.filename.as_ref(), record.blurhash.as_ref(), reason].map(|part| part.map(String::as_bytes));
    match (parts, held) {
        ([None, None, None], held) => {
            held.map(|held| MEDIA.erase(conn, held)).transpose()?;
            Ok(None)
        }
        (parts, held) => Ok(Some(MEDIA.put(conn, held, &parts)?)),
    }
}
