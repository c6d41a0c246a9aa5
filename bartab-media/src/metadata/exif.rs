//! The one value of EXIF that decides how a picture is shown.

use image::metadata::Orientation;

use crate::container::jpeg::EXIF;

/// The orientation that an EXIF block tells. Some writers put JPEG's prefix before the block in other formats, too. A
/// block that cannot be read, or tells none, means none.
pub(crate) fn orientation(block: &[u8]) -> Orientation {
    let block = block.strip_prefix(EXIF).unwrap_or(block);
    Orientation::from_exif_chunk(block).unwrap_or(Orientation::NoTransforms)
}

/// An EXIF block that tells the orientation and nothing else; `None` where a picture stands upright without.
pub(super) fn block(orientation: Orientation) -> Option<[u8; 26]> {
    if orientation == Orientation::NoTransforms {
        return None;
    }
    // Big endian, its only directory at 8, with one entry: tag 0x0112, a short, once, its value; no further directory.
    let mut block = *b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\0\0\0\0\0\0\0";
    if let Some(value) = block.get_mut(19) {
        *value = orientation.to_exif();
    }
    Some(block)
}
