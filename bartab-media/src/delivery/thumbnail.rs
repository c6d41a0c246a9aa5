//! Thumbnails: made once, kept in the object store as something that can be made again, and held in memory.

use std::sync::Arc;

use bartab_core::store::MediaRecord;
use bytes::Bytes;
use http::HeaderMap;
use object_store::path::Path;
use sha2::{Digest, Sha256};

use super::{File, Origin, thumbnail_head};
use crate::blobs::{BlobError, blob_path, thumbnails_of};
use crate::cache::Piece;
use crate::error::MediaError;
use crate::inspect::Inspection;
use crate::media::Media;
use crate::picture::{PictureError, PictureLimits};
use crate::sniff::Kind;
use crate::thumbnail::{Fit, Picture, Thumbnail, ThumbnailAccept, ThumbnailFormat, ThumbnailSize};

/// A thumbnail as it is given out.
#[derive(Debug)]
pub(crate) struct MadeThumbnail {
    pub(crate) bytes: Bytes,
    pub(crate) format: ThumbnailFormat,
    /// The strong validator of its bytes.
    pub(crate) etag: String,
    /// The headers of an answer that carries it, but for those that say who may keep it.
    pub(crate) head: HeaderMap,
}

impl MadeThumbnail {
    fn new(bytes: Bytes, format: ThumbnailFormat) -> Self {
        let digest: [u8; 32] = Sha256::digest(&bytes).into();
        let (etag, head) = thumbnail_head(&digest, format, bytes.len());
        Self { bytes, format, etag, head }
    }
}

/// Which thumbnail of which file.
#[derive(Clone)]
struct Wanted {
    record: MediaRecord,
    kind: Kind,
    size: ThumbnailSize,
    fit: Fit,
    accept: ThumbnailAccept,
}

impl Media {
    /// The thumbnail of a file that the caller may read; its size is the next one that there is.
    ///
    /// # Errors
    /// [`MediaError::NoThumbnail`] for a file that has none, [`MediaError::Overloaded`] when too many pictures are being
    /// decoded, a store's own.
    pub(crate) async fn thumbnail_of(
        &self,
        file: &File,
        wanted: ThumbnailSize,
        fit: Fit,
        accept: ThumbnailAccept,
    ) -> Result<(Arc<MadeThumbnail>, Origin), MediaError> {
        if !file.kind.has_thumbnail() {
            return Err(MediaError::NoThumbnail);
        }
        let size = self.inner.config.thumbnails.round_up(wanted);
        let piece = Piece::Thumbnail(file.record.media_id, size, fit, accept);
        if let Some(held) = self.inner.hot.thumbnail(piece) {
            return held.map(|made| (made, Origin::Hit)).ok_or(MediaError::NoThumbnail);
        }
        let (media, kind, record) = (self.clone(), file.kind, file.record.clone());
        let wanted = Wanted { record, kind, size, fit, accept };
        // Whoever waits first may go away; the others still get what is being made.
        let made = self.to_the_end(async move { media.thumbnail_once(piece, wanted).await }).await?;
        made.map(|made| (made, Origin::Miss)).ok_or(MediaError::NoThumbnail)
    }

    async fn thumbnail_once(&self, piece: Piece, wanted: Wanted) -> Result<Option<Arc<MadeThumbnail>>, MediaError> {
        let mut found = None;
        let find = async {
            // The turn is kept until what is made is held: who has the next one looks there.
            let turn = self.inner.hot.turn(Piece::Making(wanted.record.blob, wanted.size, wanted.fit)).await;
            let (made, is_new) = self.find_or_make(&wanted).await?;
            found = Some((is_new, turn));
            Ok::<_, MediaError>(made)
        };
        let made = self.inner.hot.thumbnail_or(piece, find).await?;
        match found.map(|(is_new, _)| is_new) {
            Some(true) => self.keep_thumbnail_later(&wanted, made.clone()),
            Some(false) => self.forget_if_gone(&wanted.record).await,
            // Somebody else has made it.
            None => {}
        }
        Ok(made)
    }

    /// The thumbnail, and whether it is yet to be stored. One at a time makes those of a size, in whatever format.
    async fn find_or_make(&self, wanted: &Wanted) -> Result<(Option<Arc<MadeThumbnail>>, bool), MediaError> {
        let (media, size, fit) = (wanted.record.media_id, wanted.size, wanted.fit);
        // What is opaque is the same for all, and may just have been made for who takes something else.
        let (transparent, other) = match wanted.accept {
            ThumbnailAccept::Webp => (ThumbnailFormat::Webp, ThumbnailAccept::Any),
            ThumbnailAccept::Any => (ThumbnailFormat::Png, ThumbnailAccept::Webp),
        };
        match self.inner.hot.thumbnail(Piece::Thumbnail(media, size, fit, other)) {
            Some(None) => return Ok((None, false)),
            Some(Some(made)) if made.format == ThumbnailFormat::Jpeg => return Ok((Some(made), false)),
            _ => {}
        }
        for format in [ThumbnailFormat::Jpeg, transparent] {
            if let Some(bytes) = self.inner.stores.blobs.read_whole(&wanted.path(format)).await? {
                return Ok((Some(Arc::new(MadeThumbnail::new(bytes, format))), false));
            }
        }
        let made = self.make_thumbnail(wanted).await?;
        let is_new = made.is_some();
        Ok((made.map(|made| Arc::new(MadeThumbnail::new(made.bytes.into(), made.format))), is_new))
    }

    async fn make_thumbnail(&self, wanted: &Wanted) -> Result<Option<Thumbnail>, MediaError> {
        let record = &wanted.record;
        if record.size > self.inner.config.picture_bytes {
            return Ok(None);
        }
        let turn = self.inner.pictures.turn().await?;
        let path = blob_path(record.blob);
        let Some(bytes) = self.inner.stores.blobs.read_whole(&path).await? else {
            let error = BlobError::NotFound { path: path.to_string(), source: "it is not there".into() };
            return Err(self.missing(record, error).await);
        };
        let (Wanted { kind, size, fit, accept, .. }, limits) = (wanted.clone(), self.inner.config.pictures);
        // The file, and the picture, also while it is made smaller.
        let coded = Inspection::read(kind, &bytes).map_or(0, |inspection| inspection.coded.memory);
        let memory = record.size + limits.max_memory.min(coded * 2);
        match turn.run(memory, move || shrink(kind, &bytes, &limits, size, fit, accept)).await? {
            Ok(thumbnail) => Ok(Some(thumbnail)),
            // It was looked at when it came; the limits may have been others.
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, media = %record.media_id, "a picture has no thumbnail");
                Ok(None)
            }
        }
    }

    /// Stores a thumbnail that was made, in the background.
    ///
    /// Its file may be deleted meanwhile. Whoever deletes what is made of a file removed its record before, and waits for
    /// the same turn: so either the record is gone here, and nothing is stored, or what is stored is deleted after.
    fn keep_thumbnail_later(&self, wanted: &Wanted, made: Option<Arc<MadeThumbnail>>) {
        let Some(made) = made else { return };
        let (media, wanted) = (self.clone(), wanted.clone());
        self.inner.tasks.spawn(async move {
            let _turn = media.inner.hot.turn(Piece::Deriving(wanted.record.blob)).await;
            let now = media.inner.stores.media.get(wanted.record.media_id).await;
            if !matches!(now, Ok(Some(now)) if now.quarantine.is_none()) {
                return media.forget(&wanted.record);
            }
            if let Err(error) = media.inner.stores.blobs.put(&wanted.path(made.format), made.bytes.clone()).await {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "a thumbnail is not stored, and will be made again");
            }
        });
    }
}

impl Wanted {
    fn path(&self, format: ThumbnailFormat) -> Path {
        let name = format!("{}-{}.{}", self.size, self.fit, format.extension());
        thumbnails_of(self.record.blob).join(name)
    }
}

fn shrink(
    kind: Kind,
    bytes: &[u8],
    limits: &PictureLimits,
    size: ThumbnailSize,
    fit: Fit,
    accept: ThumbnailAccept,
) -> Result<Thumbnail, PictureError> {
    let inspection = Inspection::read(kind, bytes)?;
    Picture::decode(&inspection, bytes, limits)?.thumbnail(size, fit, accept)
}
