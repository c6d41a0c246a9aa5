//! The names of stored bytes.

use bartab_core::UploadId;
use bartab_core::store::BlobKey;
use object_store::path::Path;

/// Two levels of folders, so that none of them becomes large.
fn hashed(root: &str, blob: BlobKey) -> String {
    use std::fmt::Write as _;
    let mut path = String::with_capacity(root.len() + 80);
    path.push_str(root);
    path.push_str(if blob.public { "public" } else { "private" });
    for (depth, byte) in blob.sha256.iter().take(2).chain(&blob.sha256).enumerate() {
        if depth < 3 {
            path.push('/');
        }
        let _ = write!(path, "{byte:02x}");
    }
    path
}

/// Where a file's bytes are.
pub(crate) fn blob_path(blob: BlobKey) -> Path {
    Path::from(hashed("", blob))
}

/// The folder of the thumbnails that were made of a file.
pub(crate) fn thumbnails_of(blob: BlobKey) -> Path {
    Path::from(hashed("thumbs/", blob))
}

/// The folder of an upload.
pub(crate) fn upload_folder(upload: UploadId) -> Path {
    Path::from(format!("uploads/{upload}"))
}

/// Where the bytes of an upload are that begin at `offset`.
pub(crate) fn upload_part(upload: UploadId, offset: u64) -> Path {
    Path::from(format!("uploads/{upload}/{offset:016x}"))
}

/// Where the bytes of an upload are once they are one.
pub(crate) fn upload_whole(upload: UploadId) -> Path {
    Path::from(format!("uploads/{upload}/whole"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_hashed_over_two_levels_and_sides_are_apart() {
        let mut sha256 = [0x0f; 32];
        sha256[0] = 0xab;
        let hash = format!("ab{}", "0f".repeat(31));
        let path = |public| blob_path(BlobKey { public, sha256 }).to_string();
        assert_eq!(path(true), format!("public/ab/0f/{hash}"));
        assert_eq!(path(false), format!("private/ab/0f/{hash}"));
        let thumbnails = thumbnails_of(BlobKey { public: true, sha256 }).to_string();
        assert_eq!(thumbnails, format!("thumbs/public/ab/0f/{hash}"));
    }

    #[test]
    fn parts_sort_as_they_follow() {
        let parts = [0, 9, 16, u64::from(u32::MAX), 1 << 48].map(|offset| upload_part(UploadId::from_u128(1), offset));
        assert!(parts.is_sorted());
        assert!(parts[4] < upload_whole(UploadId::from_u128(1)));
    }
}
