//! PNG: its header, and whether it is animated.

use super::{Coded, Inspection, area};
use crate::container::png;
use crate::metadata::orientation;
use crate::picture::PictureError;
use crate::sniff::Kind;

pub(super) fn inspect(bytes: &[u8]) -> Result<Inspection, PictureError> {
    let mut chunks = png::chunks(bytes)?;
    let first = chunks.next().ok_or(PictureError::Truncated)??;
    let header = png::header(&first)?;
    let (mut animated, mut pixels) = (false, false);
    for chunk in chunks {
        match &chunk?.kind {
            b"IHDR" => return Err(PictureError::Malformed("a PNG has one header")),
            b"acTL" => animated = true,
            b"IDAT" => pixels = true,
            _ => {}
        }
    }
    if !pixels {
        return Err(PictureError::Malformed("a PNG has pixels"));
    }
    let pixels = area(header.width, header.height);
    let coded = Coded {
        width: header.width,
        height: header.height,
        pixels,
        memory: pixels.saturating_mul(bytes_per_pixel(header.colour_type, header.bit_depth)?),
        scans: 1,
    };
    Ok(Inspection::new(Kind::Png, coded, orientation::png(bytes)?, animated))
}

/// As decoded, and beside it eight bits a channel where it is something else, or a copy to shrink in which colours are
/// weighed by opacity.
fn bytes_per_pixel(colour_type: u8, bit_depth: u8) -> Result<u64, PictureError> {
    let wide = if bit_depth == 16 { 2 } else { 1 };
    match colour_type {
        // A single transparent colour makes two channels of one, and four of three.
        0 => Ok(2 * wide + 4 + 4),
        2 => Ok(4 * wide + 4),
        // A palette.
        3 => Ok(4 + 4),
        4 => Ok(2 * wide + 4 + 4),
        6 => Ok(4 * wide + 4),
        _ => Err(PictureError::Malformed("a PNG has grey, colours or a palette")),
    }
}
