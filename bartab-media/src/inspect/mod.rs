//! How large a picture is, before anything of it is decoded.

mod gif;
mod heif;
mod jpeg;
mod png;
mod webp;

use image::metadata::Orientation;

use crate::picture::{PictureError, PictureLimits};
use crate::sniff::Kind;

/// What a picture's headers say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// The format whose headers these are.
    pub kind: Kind,
    /// The width in pixels as the picture is shown, its orientation applied.
    pub width: u32,
    /// The height in pixels as the picture is shown, its orientation applied.
    pub height: u32,
    /// Whether it has more than one frame.
    pub animated: bool,
    pub(crate) orientation: Orientation,
    pub(crate) coded: Coded,
}

/// What decoding a picture will meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Coded {
    /// The dimensions as they are stored, before the orientation.
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// The pixels of the larger of the picture and its first frame.
    pub(crate) pixels: u64,
    /// About the bytes that decoding takes at most, beside the file itself. Shrinking is not counted in full: see
    /// [`PictureLimits::max_memory`].
    pub(crate) memory: u64,
    pub(crate) scans: u32,
}

impl Inspection {
    /// What the headers of the picture say; nothing is decoded, and nothing of its size allocated.
    ///
    /// # Errors
    ///
    /// `Truncated` and `Malformed` if the structure does not hold together, contradicts itself, or a side is zero;
    /// `Unsupported` for a kind that is no picture.
    pub fn read(kind: Kind, bytes: &[u8]) -> Result<Self, PictureError> {
        let found = match kind {
            Kind::Jpeg => jpeg::inspect(bytes),
            Kind::Png => png::inspect(bytes),
            Kind::Gif => gif::inspect(bytes),
            Kind::Webp => webp::inspect(bytes),
            Kind::Avif | Kind::Heic => heif::inspect(kind, bytes),
            _ => Err(PictureError::Unsupported("a file that is no picture")),
        }?;
        if found.width == 0 || found.height == 0 {
            return Err(PictureError::Malformed("a picture has at least one pixel"));
        }
        Ok(found)
    }

    /// Whether the picture may be decoded within the limits.
    ///
    /// # Errors
    ///
    /// `TooManyPixels`, `TooMuchMemory` or `TooManyScans`, with the number that is too large.
    pub fn check(&self, limits: &PictureLimits) -> Result<(), PictureError> {
        let Coded { width, height, pixels, memory, scans } = self.coded;
        if pixels > limits.max_pixels {
            return Err(PictureError::TooManyPixels { width, height, limit: limits.max_pixels });
        }
        if memory > limits.max_memory {
            return Err(PictureError::TooMuchMemory { needed: memory, limit: limits.max_memory });
        }
        if scans > limits.max_scans {
            return Err(PictureError::TooManyScans { scans, limit: limits.max_scans });
        }
        Ok(())
    }

    /// As stored, and turned into place.
    fn new(kind: Kind, coded: Coded, orientation: Orientation, animated: bool) -> Self {
        let (mut width, mut height) = (coded.width, coded.height);
        if turns(orientation) {
            (width, height) = (height, width);
        }
        Self { kind, width, height, animated, orientation, coded }
    }
}

/// Whether an orientation exchanges width and height.
pub(crate) fn turns(orientation: Orientation) -> bool {
    match orientation {
        Orientation::NoTransforms
        | Orientation::Rotate180
        | Orientation::FlipHorizontal
        | Orientation::FlipVertical => false,
        Orientation::Rotate90 | Orientation::Rotate270 | Orientation::Rotate90FlipH | Orientation::Rotate270FlipH => {
            true
        }
    }
}

/// The area of a picture.
fn area(width: u32, height: u32) -> u64 {
    u64::from(width) * u64::from(height)
}
