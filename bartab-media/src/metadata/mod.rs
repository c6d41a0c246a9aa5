//! Cutting out what tells of the photographer: EXIF with its GPS position, XMP, IPTC, comments, maker's notes, embedded
//! previews, and whatever stands behind the end of the picture.
//!
//! Each format has a list of what may *stay*, so that what nobody has heard of goes. What stays is copied byte by byte:
//! the coded picture is never decoded, let alone encoded again.

mod exif;
mod gif;
mod heif;
mod jpeg;
mod png;
mod webp;

use crate::picture::PictureError;
use crate::sniff::Kind;

/// The picture without its metadata.
///
/// Its pixels are bit for bit those of `bytes`. What decides how they are shown stays: colour profile, transparency,
/// resolution, every frame of an animation with its timing, and the orientation, in an EXIF block of its own that holds
/// nothing else. Of a picture without metadata the result equals `bytes`, apart from filling bytes; so does the result
/// of stripping twice.
///
/// What cannot be kept without what is cut: the gain map and the film of a "motion photo", which stand behind the end
/// of a JPEG. A HEIF keeps its length, since places in it are absolute: what goes is overwritten with zeros.
///
/// Needs memory for `bytes` once more.
///
/// # Errors
///
/// `Truncated` and `Malformed` if the picture's structure does not hold together, `Unsupported` for a kind that is no
/// picture and for HEIF sequences: then nothing can be promised, and the file should be refused rather than stored.
/// Coded pixels are not looked at, so that a picture may pass here and fail in [`Picture`](crate::Picture).
pub fn strip_metadata(kind: Kind, bytes: &[u8]) -> Result<Vec<u8>, PictureError> {
    match kind {
        Kind::Jpeg => jpeg::strip(bytes),
        Kind::Png => png::strip(bytes),
        Kind::Gif => gif::strip(bytes),
        Kind::Webp => webp::strip(bytes),
        Kind::Avif | Kind::Heic => heif::strip(bytes),
        _ => Err(PictureError::Unsupported("a file that is no picture")),
    }
}

/// The orientation of each format that tells it in EXIF.
pub(crate) mod orientation {
    pub(crate) use super::jpeg::orientation as jpeg;
    pub(crate) use super::png::orientation as png;
    pub(crate) use super::webp::orientation as webp;
}
