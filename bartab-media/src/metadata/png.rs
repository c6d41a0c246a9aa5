//! PNG: the picture's chunks stay, and of the others those that decide how it is shown.

use image::metadata::Orientation;

use super::exif;
use crate::container::png::{self, Chunk, SIGNATURE};
use crate::picture::PictureError;

pub(super) fn strip(bytes: &[u8]) -> Result<Vec<u8>, PictureError> {
    let mut out = Vec::with_capacity(bytes.len());
    out.extend_from_slice(&SIGNATURE);
    let mut block = exif::block(orientation(bytes)?);
    let mut pixels = false;
    for (at, chunk) in png::chunks(bytes)?.enumerate() {
        let chunk = chunk?;
        if at == 0 {
            png::header(&chunk)?;
        } else if &chunk.kind == b"IHDR" {
            return Err(PictureError::Malformed("a PNG has one header"));
        }
        if &chunk.kind == b"IDAT" {
            pixels = true;
            if let Some(block) = block.take() {
                write(&mut out, *b"eXIf", &block);
            }
        }
        if stays(&chunk)? {
            out.extend_from_slice(chunk.raw);
        }
    }
    if !pixels {
        return Err(PictureError::Malformed("a PNG has pixels"));
    }
    Ok(out)
}

/// The orientation in the first EXIF chunk before the pixels, which is the one that counts.
pub(crate) fn orientation(bytes: &[u8]) -> Result<Orientation, PictureError> {
    for chunk in png::chunks(bytes)? {
        let chunk = chunk?;
        match &chunk.kind {
            b"eXIf" => return Ok(exif::orientation(chunk.contents)),
            b"IDAT" => break,
            _ => {}
        }
    }
    Ok(Orientation::NoTransforms)
}

fn stays(chunk: &Chunk<'_>) -> Result<bool, PictureError> {
    Ok(match &chunk.kind {
        b"IHDR" | b"PLTE" | b"IDAT" | b"IEND" => true,
        // Transparency, background, and colours: by profile, by gamma and primaries, by name, by code points.
        b"tRNS" | b"bKGD" | b"iCCP" | b"gAMA" | b"cHRM" | b"sRGB" | b"cICP" | b"mDCV" | b"cLLI" | b"sBIT" => true,
        // Resolution, and animation.
        b"pHYs" | b"acTL" | b"fcTL" | b"fdAT" => true,
        _ if chunk.is_critical() => return Err(PictureError::Unsupported("a PNG with a critical chunk of its own")),
        _ => false,
    })
}

fn write(out: &mut Vec<u8>, kind: [u8; 4], contents: &[u8; 26]) {
    out.extend_from_slice(&(contents.len() as u32).to_be_bytes());
    let start = out.len();
    out.extend_from_slice(&kind);
    out.extend_from_slice(contents);
    let checksum = crc32fast::hash(out.get(start..).unwrap_or_default());
    out.extend_from_slice(&checksum.to_be_bytes());
}
