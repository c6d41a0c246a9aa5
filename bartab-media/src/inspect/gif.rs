//! GIF: its screen and its frames.

use image::metadata::Orientation;

use super::{Coded, Inspection, area};
use crate::container::gif::{self, Block};
use crate::picture::PictureError;
use crate::sniff::Kind;

pub(super) fn inspect(bytes: &[u8]) -> Result<Inspection, PictureError> {
    let (screen, blocks) = gif::open(bytes)?;
    let (mut first, mut frames) = (None, 0_u64);
    for block in blocks {
        if let Block::Frame { width, height, .. } = block? {
            frames += 1;
            first.get_or_insert(area(width.into(), height.into()));
        }
    }
    let first = first.ok_or(PictureError::Malformed("a GIF has a frame"))?;
    let (width, height) = (u32::from(screen.width), u32::from(screen.height));
    let pixels = area(width, height).max(first);
    // The screen, the frame by index and by colour, and a copy to shrink.
    let memory = area(width, height) * 8 + first * 5;
    let coded = Coded { width, height, pixels, memory, scans: 1 };
    Ok(Inspection::new(Kind::Gif, coded, Orientation::NoTransforms, frames > 1))
}
