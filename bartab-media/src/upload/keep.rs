//! Making a file of what was received: what it is, without what nobody asked to publish, under the name of its hash.

use std::time::Duration;

use bartab_core::store::{BlobKey, Finishing, MediaRecord, NewMedia, Staging, Upload};
use bytes::Bytes;
use object_store::path::Path;
use sha2::{Digest, Sha256};

use crate::blobs::{blob_path, upload_folder};
use crate::error::MediaError;
use crate::inspect::Inspection;
use crate::media::Media;
use crate::metadata::strip_metadata;
use crate::picture::{PictureError, PictureLimits};
use crate::sniff::Kind;
use crate::thumbnail::Picture;

/// How long to wait for bytes to be gone that are the same.
const GONE_WAIT: Duration = Duration::from_secs(10);

/// All that was received of an upload.
#[derive(Debug)]
pub(crate) struct Whole {
    /// Cleaned.
    pub(crate) filename: Option<String>,
    pub(crate) public: bool,
    pub(crate) size: u64,
    pub(crate) sha256: [u8; 32],
    /// Where it is.
    pub(crate) path: Path,
}

/// What a picture looks like.
struct Look {
    width: u32,
    height: u32,
    blurhash: Option<String>,
}

impl Media {
    /// Makes the file. Call it with [`Media::to_the_end`]: what is staged must be finished or removed.
    pub(crate) async fn keep(&self, upload: &Upload, whole: Whole) -> Result<MediaRecord, MediaError> {
        let head = self.inner.stores.blobs.read(&whole.path, 0..(Kind::HEAD as u64).min(whole.size)).await?;
        let kind = Kind::sniff(&head);
        let (whole, look) = if kind.is_picture() { self.develop(upload, kind, whole).await? } else { (whole, None) };
        let blob = BlobKey { public: whole.public, sha256: whole.sha256 };
        self.stage(upload, blob).await?;
        let path = blob_path(blob);
        // It is at its place when a crash came between here and the end. Otherwise it goes there also when another file
        // has the same bytes: those may be lost or damaged, and how long this takes is not to tell that there are any.
        if whole.path != path {
            self.inner.stores.blobs.rename(&whole.path, &path).await?;
        }
        let now = self.inner.clock.now();
        let media = NewMedia {
            media_id: self.new_media_id(),
            size: whole.size,
            mime: kind.mime().to_owned(),
            filename: whole.filename,
            width: look.as_ref().map(|look| look.width),
            height: look.as_ref().map(|look| look.height),
            blurhash: look.and_then(|look| look.blurhash),
            created_at: now,
            // Where nobody can say who carries a file, it stays until somebody deletes it.
            kept_until: self.connections().map(|_| now.after(self.inner.config.unattached_time())),
        };
        match self.inner.stores.uploads.finish(upload.upload_id, media, self.inner.config.limits()).await? {
            Finishing::Finished(record) => Ok(*record),
            Finishing::Exceeded(exceeded) => Err(MediaError::Quota(exceeded)),
            Finishing::Gone => Err(MediaError::Incomplete),
        }
    }

    /// Looks at a picture and cuts out its metadata; gives what is to be stored.
    async fn develop(&self, upload: &Upload, kind: Kind, whole: Whole) -> Result<(Whole, Option<Look>), MediaError> {
        let limit = self.inner.config.picture_bytes;
        if whole.size > limit {
            return Err(MediaError::TooLarge { limit });
        }
        let turn = self.inner.pictures.turn().await?;
        let bytes = self.inner.stores.blobs.read(&whole.path, 0..whole.size).await?;
        let (limits, strips) = (self.inner.config.pictures, !self.inner.config.keep_metadata);
        // The file twice, and the picture, also while it is made smaller.
        let memory = whole.size * 2 + limits.max_memory.min(estimate(kind, &bytes) * 2);
        let original = bytes.clone();
        let (bytes, look) = turn.run(memory, move || look_at(kind, bytes, strips, &limits)).await??;
        if bytes == original {
            return Ok((whole, Some(look)));
        }
        let path = upload_folder(upload.upload_id).join("stripped");
        let (size, sha256) = (bytes.len() as u64, Sha256::digest(&bytes).into());
        self.inner.stores.blobs.put(&path, bytes).await?;
        Ok((Whole { size, sha256, path, ..whole }, Some(look)))
    }

    /// Has the upload hold the blob.
    async fn stage(&self, upload: &Upload, blob: BlobKey) -> Result<(), MediaError> {
        let staged = async {
            loop {
                // Before it is asked for, so that nothing is missed in between.
                let gone = self.inner.gone.notified();
                match self.inner.stores.uploads.stage(upload.upload_id, blob, self.inner.clock.now()).await? {
                    Staging::Staged { .. } => return Ok(()),
                    Staging::Gone => return Err(MediaError::Incomplete),
                    Staging::Doomed => {
                        self.sweep_soon();
                        gone.await;
                    }
                }
            }
        };
        tokio::time::timeout(GONE_WAIT, staged).await.unwrap_or(Err(MediaError::Overloaded))
    }
}

/// About the memory that decoding takes, as the headers say.
fn estimate(kind: Kind, bytes: &[u8]) -> u64 {
    Inspection::read(kind, bytes).map_or(0, |inspection| inspection.coded.memory)
}

/// The picture as it is to be stored, and what it looks like. Only bytes that were looked at are kept.
fn look_at(kind: Kind, bytes: Bytes, strips: bool, limits: &PictureLimits) -> Result<(Bytes, Look), PictureError> {
    let bytes = if strips { Bytes::from(strip_metadata(kind, &bytes)?) } else { bytes };
    let inspection = Inspection::read(kind, &bytes)?;
    inspection.check(limits)?;
    let blurhash = match kind.has_thumbnail() {
        true => Some(Picture::decode(&inspection, &bytes, limits)?.blurhash()?),
        false => None,
    };
    Ok((bytes, Look { width: inspection.width, height: inspection.height, blurhash }))
}
