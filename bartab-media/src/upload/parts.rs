//! The parts of an upload that came in pieces, and how they become one.
//!
//! A part is named by where it begins. What is counted is in the record alone: a part may be longer than that when
//! a crash came before its bytes were counted, and another one may begin where the record stands; the one gives way to
//! what comes next, and the other is deleted.

use bartab_core::store::Upload;
use bytes::Bytes;
use object_store::path::Path;
use sha2::{Digest, Sha256};

use crate::blobs::{upload_folder, upload_part, upload_whole};
use crate::error::MediaError;
use crate::media::Media;

/// A part that is smaller is written anew with what comes after it, so that many small pieces do not become many parts.
const SMALL: u64 = 256 << 10;
/// Bytes that are copied at a time.
const PIECE: u64 = 4 << 20;

/// Bytes of an upload that are counted.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Part {
    offset: u64,
    path: Path,
    /// How many of its bytes count.
    counted: u64,
    /// How many it has.
    size: u64,
}

impl Media {
    /// Where the parts of the upload begin, and how many bytes each has.
    async fn listed_parts(&self, upload: &Upload) -> Result<Vec<(u64, u64)>, MediaError> {
        let listed = self.inner.stores.blobs.list(&upload_folder(upload.upload_id)).await?;
        let offset = |name: &str| if name.len() == 16 { u64::from_str_radix(name, 16).ok() } else { None };
        let named = listed.into_iter().filter_map(|(name, size)| Some((offset(&name)?, size)));
        let mut sizes: Vec<(u64, u64)> = named.collect();
        sizes.sort_unstable();
        Ok(sizes)
    }

    /// The parts of the upload that count, one after the other without a gap; what does not count is deleted.
    async fn parts(&self, upload: &Upload) -> Result<Vec<Part>, MediaError> {
        let mut sizes = self.listed_parts(upload).await?;
        let counted = sizes.partition_point(|(offset, _)| *offset < upload.received);
        for (offset, _) in sizes.split_off(counted) {
            // It would seem to count once the part before has grown beyond it.
            self.inner.stores.blobs.delete(&upload_part(upload.upload_id, offset)).await?;
        }
        let ends = sizes.iter().map(|(offset, _)| *offset).skip(1).chain([upload.received]);
        let part = |((offset, size), end): ((u64, u64), u64)| Part {
            offset,
            path: upload_part(upload.upload_id, offset),
            counted: end - offset,
            size,
        };
        let parts: Vec<Part> = sizes.iter().copied().zip(ends).map(part).collect();
        let begins = parts.first().map_or(upload.received, |part| part.offset);
        if begins != 0 || parts.iter().any(|part| part.size < part.counted) {
            tracing::error!(upload = %upload.upload_id, "bytes of an upload are lost");
            return Err(MediaError::UploadExpired);
        }
        Ok(parts)
    }

    /// Where the next bytes are put, and what stands before them there.
    pub(crate) async fn next_part(&self, upload: &Upload) -> Result<(u64, Bytes), MediaError> {
        if upload.received == 0 {
            return Ok((0, Bytes::new()));
        }
        let small = SMALL.min(self.inner.config.part_bytes);
        match self.parts(upload).await?.pop() {
            Some(last) if last.counted < small => {
                Ok((last.offset, self.inner.stores.blobs.read(&last.path, 0..last.counted).await?))
            }
            _ => Ok((upload.received, Bytes::new())),
        }
    }

    /// Makes one of all the parts, unless there is only one; `sha256` is that of all, if it is known.
    pub(crate) async fn join(&self, upload: &Upload, sha256: Option<[u8; 32]>) -> Result<(Path, [u8; 32]), MediaError> {
        let parts = self.parts(upload).await?;
        let only = match &*parts {
            [part] if part.size == part.counted => Some(part.path.clone()),
            _ => None,
        };
        if let (Some(path), Some(sha256)) = (&only, sha256) {
            return Ok((path.clone(), sha256));
        }
        let mut hash = Sha256::new();
        let path = upload_whole(upload.upload_id);
        let mut writer = match only {
            None => Some(self.inner.stores.blobs.writer(&path).await?),
            Some(_) => None,
        };
        for part in &parts {
            let mut read = 0;
            while read < part.counted {
                let end = part.counted.min(read + PIECE);
                let bytes = self.inner.stores.blobs.read(&part.path, read..end).await?;
                if bytes.len() as u64 != end - read {
                    return Err(MediaError::UploadExpired);
                }
                hash.update(&bytes);
                if let Some(writer) = &mut writer {
                    writer.write(bytes).await?;
                }
                read = end;
            }
        }
        if let Some(writer) = writer {
            writer.finish().await?;
        }
        Ok((only.unwrap_or(path), hash.finalize().into()))
    }
}
