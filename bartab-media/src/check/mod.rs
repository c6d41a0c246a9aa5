//! Comparing records with bytes, and repairing what can be repaired.

mod names;
mod report;

use bartab_core::store::{MediaRecord, Quarantine};
use futures_util::TryStreamExt;
use sha2::{Digest, Sha256};

pub use report::{CheckReport, Found};

use crate::blobs::blob_path;
use crate::error::MediaError;
use crate::media::Media;

/// Records that are taken at a time.
const PAGE: usize = 200;
/// After so many files that could not be looked at, the storage itself is in trouble.
const MOST_UNREADABLE: u64 = 100;
/// Between so many names the progress is told.
const NAMES_PER_STEP: u64 = 200;

/// What a check does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CheckOptions {
    /// Whether to repair what is found.
    pub repair: bool,
    /// Whether to read all bytes and compare their hashes.
    pub hashes: bool,
    /// Whether nothing else uses the media meanwhile: then whatever is half written was left by a process that is no
    /// more. Else only what is older than an hour is taken for that.
    pub offline: bool,
}

/// What is wrong with the bytes of a file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wrong {
    Missing,
    Damaged,
}

impl Media {
    /// Compares records with bytes: every file has its bytes, with the right size and on demand the right hash, and all
    /// bytes belong to something. Safe while the media is in use: what it deletes, nobody can be using.
    ///
    /// A file without its bytes is never removed: a repair puts it into quarantine in the name of its owner, so that
    /// readers get a clear answer and the owner can restore or delete it. Bytes that are lost or damaged come back when
    /// somebody uploads the same again.
    ///
    /// It reads everything there is, and holds little of it. `progress` is told how far it is, now and then.
    ///
    /// Not seen are parts of uploads to S3 that were given up in the middle; a bucket has a rule of its own for those.
    ///
    /// # Errors
    /// The stores' own. What was repaired until then is repaired, and a second check goes on.
    pub async fn check(
        &self,
        options: CheckOptions,
        mut progress: impl FnMut(&CheckReport) + Send,
    ) -> Result<CheckReport, MediaError> {
        let mut report = CheckReport { repaired: options.repair, ..CheckReport::default() };
        self.check_doomed(options, &mut report).await?;
        let mut before = None;
        loop {
            let page = self.inner.stores.media.list(None, before, PAGE).await?;
            for record in &page {
                self.check_file(record, options, &mut report).await?;
            }
            progress(&report);
            before = page.last().map(|record| record.media_id);
            if page.len() < PAGE {
                break;
            }
        }
        self.check_names(options, &mut report, &mut progress).await?;
        progress(&report);
        Ok(report)
    }

    async fn check_file(
        &self,
        record: &MediaRecord,
        options: CheckOptions,
        report: &mut CheckReport,
    ) -> Result<(), MediaError> {
        report.files += 1;
        let wrong = match self.look_at_bytes(record, options.hashes, &mut report.bytes_read).await {
            Ok(None) => return Ok(()),
            Ok(Some(wrong)) => wrong,
            Err(error) => {
                report.unreadable.add(record.media_id);
                tracing::warn!(
                    media = %record.media_id,
                    error = &error as &dyn std::error::Error,
                    "the bytes of a file cannot be looked at"
                );
                return if report.unreadable.count < MOST_UNREADABLE { Ok(()) } else { Err(error) };
            }
        };
        // Somebody may have deleted it since it was listed.
        if self.inner.stores.media.get(record.media_id).await?.is_none() {
            return Ok(());
        }
        let (found, reason) = match wrong {
            Wrong::Missing => (&mut report.missing, "its bytes are missing"),
            Wrong::Damaged => (&mut report.damaged, "its bytes are damaged"),
        };
        found.add(record.media_id);
        if options.repair {
            let _turn = self.inner.acting.lock().await;
            let store = &self.inner.stores.media;
            // Who has put it there by now keeps it there.
            if store.get(record.media_id).await?.is_some_and(|record| record.quarantine.is_none()) {
                let (by, at) = (record.owner, self.inner.clock.now());
                let quarantine = Quarantine { by, at, reason: Some(reason.to_owned()) };
                store.quarantine(record.media_id, quarantine).await?;
                self.forget(record);
            }
        }
        Ok(())
    }

    /// What is wrong with the bytes of a file, if something is.
    async fn look_at_bytes(
        &self,
        record: &MediaRecord,
        hashes: bool,
        bytes_read: &mut u64,
    ) -> Result<Option<Wrong>, MediaError> {
        let (blobs, path) = (&self.inner.stores.blobs, blob_path(record.blob));
        match blobs.size(&path).await? {
            None => return Ok(Some(Wrong::Missing)),
            Some(size) if size != record.size => return Ok(Some(Wrong::Damaged)),
            Some(_) => {}
        }
        if !hashes {
            return Ok(None);
        }
        let mut hash = Sha256::new();
        if record.size > 0 {
            let mut bytes = blobs.stream(&path, 0..record.size).await?;
            while let Some(piece) = bytes.try_next().await? {
                *bytes_read += piece.len() as u64;
                hash.update(&piece);
            }
        }
        let same = hash.finalize().as_slice() == record.blob.sha256;
        Ok((!same).then_some(Wrong::Damaged))
    }
}
