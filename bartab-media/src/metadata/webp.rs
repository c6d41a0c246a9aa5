//! WebP: the picture's chunks, its frames' and its colour profile stay.

use image::metadata::Orientation;

use super::exif;
use crate::container::riff::{self, Chunk};
use crate::picture::PictureError;

/// Bits of the extended header's first byte.
const HAS_EXIF: u8 = 0x08;
const HAS_XMP: u8 = 0x04;

/// How long the part of a frame is that stands before its chunks.
const FRAME_HEADER: usize = 16;

pub(super) fn strip(bytes: &[u8]) -> Result<Vec<u8>, PictureError> {
    let block = exif::block(orientation(bytes)?);
    let mut out = Vec::with_capacity(bytes.len());
    out.extend_from_slice(b"RIFF\0\0\0\0WEBP");
    let (mut extended, mut pictures) = (false, 0_u32);
    for (at, chunk) in riff::webp(bytes)?.enumerate() {
        let chunk = chunk?;
        match &chunk.kind {
            b"VP8X" if at == 0 => {
                extended = true;
                let mut header = chunk.contents.to_vec();
                let flags = header.first_mut().ok_or(PictureError::Truncated)?;
                *flags = *flags & !(HAS_EXIF | HAS_XMP) | if block.is_some() { HAS_EXIF } else { 0 };
                riff::write(&mut out, chunk.kind, &header)?;
            }
            b"VP8X" => return Err(PictureError::Malformed("a WebP has one extended header, at its beginning")),
            b"ANMF" => {
                pictures += 1;
                riff::write(&mut out, chunk.kind, &frame(&chunk)?)?;
            }
            b"VP8 " | b"VP8L" => {
                pictures += 1;
                riff::write(&mut out, chunk.kind, chunk.contents)?;
                if !extended {
                    // A simple file is this one chunk.
                    break;
                }
            }
            b"ALPH" | b"ANIM" | b"ICCP" => riff::write(&mut out, chunk.kind, chunk.contents)?,
            _ => {}
        }
    }
    if pictures == 0 {
        return Err(PictureError::Malformed("a WebP has a picture"));
    }
    if let (true, Some(block)) = (extended, block) {
        riff::write(&mut out, *b"EXIF", &block)?;
    }
    let length = u32::try_from(out.len() - 8).map_err(|_| PictureError::Malformed("a WebP is too long"))?;
    if let Some(place) = out.get_mut(4..8) {
        place.copy_from_slice(&length.to_le_bytes());
    }
    Ok(out)
}

/// The orientation in the first EXIF chunk of an extended file.
pub(crate) fn orientation(bytes: &[u8]) -> Result<Orientation, PictureError> {
    for (at, chunk) in riff::webp(bytes)?.enumerate() {
        let chunk = chunk?;
        if at == 0 && &chunk.kind != b"VP8X" {
            break;
        }
        if &chunk.kind == b"EXIF" {
            return Ok(exif::orientation(chunk.contents));
        }
    }
    Ok(Orientation::NoTransforms)
}

/// A frame of an animation with its picture alone.
fn frame(chunk: &Chunk<'_>) -> Result<Vec<u8>, PictureError> {
    let (header, rest) = chunk.contents.split_at_checked(FRAME_HEADER).ok_or(PictureError::Truncated)?;
    let mut out = header.to_vec();
    let mut pictures = 0_u32;
    for inner in riff::chunks(rest) {
        let inner = inner?;
        if matches!(&inner.kind, b"VP8 " | b"VP8L" | b"ALPH") {
            pictures += u32::from(&inner.kind != b"ALPH");
            riff::write(&mut out, inner.kind, inner.contents)?;
        }
    }
    if pictures != 1 {
        return Err(PictureError::Malformed("a WebP's frame has one picture"));
    }
    Ok(out)
}
