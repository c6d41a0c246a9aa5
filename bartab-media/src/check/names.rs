//! Bytes that belong to nothing.

use std::collections::HashSet;
use std::time::Duration;

use bartab_core::UploadId;
use bartab_core::store::BlobKey;
use futures_util::StreamExt;
use object_store::path::Path;

use super::{CheckOptions, CheckReport, NAMES_PER_STEP};
use crate::blobs::{Named, Stored, leftover_of, parse_name};
use crate::error::MediaError;
use crate::media::Media;
use crate::sweep::Swept;

/// Doomed blobs that are told from others without a record.
const MOST_DOOMED: usize = 10_000;
/// From what age on something half written is taken for left, while the media is in use.
const LEFT_AFTER: Duration = Duration::from_hours(1);

/// Whose bytes were looked at last; names of one folder come together.
#[derive(Default)]
struct Seen {
    upload: Option<UploadId>,
    /// Blobs that are on their way out.
    doomed: HashSet<BlobKey>,
}

impl Media {
    /// Counts what was not deleted yet, and deletes it on a repair.
    pub(super) async fn check_doomed(&self, options: CheckOptions, report: &mut CheckReport) -> Result<(), MediaError> {
        report.doomed = self.inner.stores.media.doomed(MOST_DOOMED).await?.len() as u64;
        if options.repair {
            let _turn = self.inner.sweeping.lock().await;
            self.delete_doomed(&mut Swept::default()).await?;
        }
        Ok(())
    }

    pub(super) async fn check_names(
        &self,
        options: CheckOptions,
        report: &mut CheckReport,
        progress: &mut (impl FnMut(&CheckReport) + Send),
    ) -> Result<(), MediaError> {
        let doomed = self.inner.stores.media.doomed(MOST_DOOMED).await?;
        let mut seen = Seen { doomed: HashSet::from_iter(doomed), ..Seen::default() };
        let mut names = self.inner.stores.blobs.names();
        while let Some(stored) = names.next().await {
            self.check_name(&stored?, options, &mut seen, report).await?;
            report.names += 1;
            if report.names.is_multiple_of(NAMES_PER_STEP) {
                progress(report);
            }
        }
        Ok(())
    }

    async fn check_name(
        &self,
        stored: &Stored,
        options: CheckOptions,
        seen: &mut Seen,
        report: &mut CheckReport,
    ) -> Result<(), MediaError> {
        let Some(named) = parse_name(&stored.name) else {
            report.foreign.add(&stored.name);
            return Ok(());
        };
        let leftover = leftover_of(&stored.name).is_some();
        match named {
            Named::Upload(upload) => {
                if seen.upload == Some(upload) {
                    return Ok(());
                }
                if self.inner.stores.uploads.get(upload).await?.is_none() {
                    seen.upload = Some(upload);
                    // It may have been removed, with its bytes, since they were listed.
                    if leftover || self.is_there(&stored.name).await? {
                        report.orphaned_uploads.add(upload);
                        self.repair_upload(upload, options).await?;
                    }
                } else if leftover {
                    self.check_leftover(stored, options, report).await?;
                }
            }
            _ if leftover => self.check_leftover(stored, options, report).await?,
            Named::Blob(blob) | Named::Thumbnail(blob) => {
                let used = self.inner.stores.media.is_used(blob).await?;
                if used || seen.doomed.contains(&blob) || !self.is_there(&stored.name).await? {
                    return Ok(());
                }
                match named {
                    Named::Blob(_) => report.orphaned_blobs.add(&stored.name),
                    _ => report.orphaned_thumbnails.add(&stored.name),
                }
                // Dooming says whether they are in use, and keeps others from using them until they are gone.
                if options.repair {
                    self.delete_doomed_blob(blob).await?;
                }
            }
        }
        Ok(())
    }

    async fn check_leftover(
        &self,
        stored: &Stored,
        options: CheckOptions,
        report: &mut CheckReport,
    ) -> Result<(), MediaError> {
        if !options.offline && stored.at.after(LEFT_AFTER) > self.inner.clock.now() {
            return Ok(());
        }
        report.leftovers.add(&stored.name);
        if options.repair {
            self.inner.stores.blobs.delete_leftover(&stored.name).await?;
        }
        Ok(())
    }

    async fn repair_upload(&self, upload: UploadId, options: CheckOptions) -> Result<(), MediaError> {
        if options.repair {
            self.inner.stores.blobs.delete_upload(upload).await?;
        }
        Ok(())
    }

    async fn is_there(&self, name: &str) -> Result<bool, MediaError> {
        Ok(self.inner.stores.blobs.size(&Path::from(name)).await?.is_some())
    }
}
