//! WebP: its canvas and its frames.

use super::{Coded, Inspection, area};
use crate::container::Reader;
use crate::container::riff::{self, Chunk};
use crate::metadata::orientation;
use crate::picture::PictureError;
use crate::sniff::Kind;

/// The bit of the extended header that tells of an animation.
const ANIMATED: u8 = 0x02;

pub(super) fn inspect(bytes: &[u8]) -> Result<Inspection, PictureError> {
    let mut chunks = riff::webp(bytes)?;
    let first = chunks.next().ok_or(PictureError::Truncated)??;
    let ((width, height), frames) = match &first.kind {
        b"VP8 " | b"VP8L" => {
            let (width, height, _) = riff::frame(&first)?;
            ((width, height), 1)
        }
        b"VP8X" => extended(&first, chunks)?,
        _ => return Err(PictureError::Malformed("a WebP begins with its picture, or its extended header")),
    };
    let pixels = area(width, height);
    // The canvas, its planes of brightness and colour or a copy to shrink, and a frame of an animation.
    let memory = pixels * if frames > 1 { 12 } else { 8 };
    let coded = Coded { width, height, pixels, memory, scans: 1 };
    Ok(Inspection::new(Kind::Webp, coded, orientation::webp(bytes)?, frames > 1))
}

/// The canvas, and how many frames are on it. Each picture must fit: a decoder takes its size from its own header.
fn extended(header: &Chunk<'_>, chunks: riff::Chunks<'_>) -> Result<((u32, u32), u32), PictureError> {
    let mut reader = Reader::new(header.contents);
    let [flags, _, _, _] = reader.array()?;
    let (width, height) = (reader.u24_le()? + 1, reader.u24_le()? + 1);
    let mut frames = 0_u32;
    for chunk in chunks {
        let chunk = chunk?;
        match &chunk.kind {
            b"VP8 " | b"VP8L" if flags & ANIMATED == 0 => {
                let (across, down, _) = riff::frame(&chunk)?;
                if (across, down) != (width, height) {
                    return Err(PictureError::Malformed("a WebP's picture is as large as its header says"));
                }
                frames = frames.max(1);
            }
            b"ANMF" if flags & ANIMATED != 0 => {
                animated_frame(&chunk, (width, height))?;
                frames = frames.saturating_add(1);
            }
            _ => {}
        }
    }
    if frames == 0 {
        return Err(PictureError::Malformed("a WebP has a picture"));
    }
    Ok(((width, height), frames))
}

fn animated_frame(chunk: &Chunk<'_>, canvas: (u32, u32)) -> Result<(), PictureError> {
    let mut reader = Reader::new(chunk.contents);
    let (left, top) = (reader.u24_le()? * 2, reader.u24_le()? * 2);
    let (width, height) = (reader.u24_le()? + 1, reader.u24_le()? + 1);
    let _duration_and_flags: [u8; 4] = reader.array()?;
    if left + width > canvas.0 || top + height > canvas.1 {
        return Err(PictureError::Malformed("a WebP's frame lies within its canvas"));
    }
    for inner in riff::chunks(reader.rest()) {
        let inner = inner?;
        if matches!(&inner.kind, b"VP8 " | b"VP8L") {
            let (across, down, _) = riff::frame(&inner)?;
            if (across, down) != (width, height) {
                return Err(PictureError::Malformed("a WebP's frame is as large as its header says"));
            }
        }
    }
    Ok(())
}
