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

/// What a name says that its bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// A file's.
    Blob(BlobKey),
    /// What was made of a file.
    Thumbnail(BlobKey),
    /// What was received of an upload.
    Upload(UploadId),
}

/// What a name says; `None` for one that is not given here. A name that a killed process was writing to, with `#` and a
/// number at its end, is taken for that which it was to become.
pub(crate) fn parse_name(name: &str) -> Option<Named> {
    let name = leftover_of(name).unwrap_or(name);
    match name.split('/').collect::<Vec<_>>().as_slice() {
        ["uploads", upload, _] => upload.parse().ok().map(Named::Upload),
        ["thumbs", side, one, two, hash, _] => parse_hashed([side, one, two, hash]).map(Named::Thumbnail),
        [side, one, two, hash] => parse_hashed([side, one, two, hash]).map(Named::Blob),
        _ => None,
    }
}

/// The name that a local file was to get which ends in `#` and a number: it is written aside until it is whole.
pub(crate) fn leftover_of(name: &str) -> Option<&str> {
    let (name, number) = name.rsplit_once('#')?;
    (!number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())).then_some(name)
}

fn parse_hashed([side, one, two, hash]: [&str; 4]) -> Option<BlobKey> {
    let mut sha256 = [0; 32];
    let (digits, rest) = hash.as_bytes().as_chunks::<2>();
    if digits.len() != sha256.len() || !rest.is_empty() {
        return None;
    }
    for (byte, digits) in sha256.iter_mut().zip(digits) {
        let digit = |digit: u8| char::from(digit).to_digit(16);
        *byte = u8::try_from(digit(digits[0])? << 4 | digit(digits[1])?).ok()?;
    }
    let blob = BlobKey { public: side == "public", sha256 };
    // Written in just one way.
    (hashed("", blob) == [side, one, two, hash].join("/")).then_some(blob)
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

    #[test]
    fn every_name_is_read_back_and_no_other() {
        let mut sha256 = [0xc5; 32];
        sha256[1] = 0x0e;
        for public in [false, true] {
            let blob = BlobKey { public, sha256 };
            let path = blob_path(blob).to_string();
            assert_eq!(parse_name(&path), Some(Named::Blob(blob)));
            assert_eq!(parse_name(&format!("{path}#12")), Some(Named::Blob(blob)));
            let thumbnail = format!("{}/128-cover.webp", thumbnails_of(blob));
            assert_eq!(parse_name(&thumbnail), Some(Named::Thumbnail(blob)));
            for foreign in [&path[1..], &path.to_uppercase(), &path.replacen("c5", "c6", 1), &format!("{path}/x")] {
                assert_eq!(parse_name(foreign), None, "{foreign}");
            }
        }
        let upload = UploadId::from_u128(7);
        for path in [upload_whole(upload), upload_part(upload, 9)] {
            assert_eq!(parse_name(path.as_ref()), Some(Named::Upload(upload)));
        }
        for foreign in ["", "/", "uploads", "uploads/x/whole", "notes.txt", "private/ab/cd/ef"] {
            assert_eq!(parse_name(foreign), None, "{foreign}");
        }
        assert_eq!(["a#1", "a#", "a#x", "a", "a#1#22"].map(leftover_of), [Some("a"), None, None, None, Some("a#1")]);
    }
}
