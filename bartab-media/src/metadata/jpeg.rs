//! JPEG: tables, frames and scans stay, and of the application segments those that tell of the colours.

use image::metadata::Orientation;

use super::exif;
use crate::container::jpeg::{self, APP0, APP1, APP2, APP14, EOI, EXIF, ICC, SOI, Segment};
use crate::picture::PictureError;

/// How much of a JFIF header is not its preview, and of Adobe's, which tells of the colours.
const JFIF: usize = 14;
const ADOBE: usize = 12;

pub(super) fn strip(bytes: &[u8]) -> Result<Vec<u8>, PictureError> {
    let mut out = Vec::with_capacity(bytes.len());
    out.extend_from_slice(&[0xff, SOI]);
    let orientation = orientation(bytes)?;
    let mut oriented = false;
    let (mut frames, mut scans) = (0, 0);
    for (at, segment) in jpeg::segments(bytes)?.enumerate() {
        let segment = segment?;
        // JFIF must come first; EXIF's block is behind it.
        let before = at == 0 && is_jfif(&segment);
        if !oriented && !before {
            oriented = true;
            if let Some(block) = exif::block(orientation) {
                write(&mut out, APP1, &[EXIF, &block])?;
            }
        }
        frames += u32::from(segment.is_frame());
        scans += u32::from(segment.marker == jpeg::SOS);
        if let Some(contents) = kept(&segment) {
            write(&mut out, segment.marker, &contents)?;
            out.extend_from_slice(segment.coded);
        }
    }
    if frames != 1 || scans == 0 {
        return Err(PictureError::Malformed("a JPEG has one frame, and a scan"));
    }
    out.extend_from_slice(&[0xff, EOI]);
    Ok(out)
}

/// The orientation in the first EXIF block, which is the one that counts.
pub(crate) fn orientation(bytes: &[u8]) -> Result<Orientation, PictureError> {
    for segment in jpeg::segments(bytes)? {
        let segment = segment?;
        if segment.marker == jpeg::SOS {
            break;
        }
        if segment.marker == APP1 && segment.contents.starts_with(EXIF) {
            return Ok(exif::orientation(segment.contents));
        }
    }
    Ok(Orientation::NoTransforms)
}

fn is_jfif(segment: &Segment<'_>) -> bool {
    segment.marker == APP0 && segment.contents.starts_with(b"JFIF\0")
}

/// The parts that stay of a segment, if it does.
fn kept<'a>(segment: &Segment<'a>) -> Option<[&'a [u8]; 2]> {
    let whole = Some([segment.contents, &[] as &[u8]]);
    match segment.marker {
        // Frames, tables, the restart interval, the number of lines, hierarchy, and scans.
        0xc0..=0xcf | 0xda..=0xdf => whole,
        // A preview may follow, whose dimensions are the two bytes that become zero.
        APP0 if is_jfif(segment) && segment.contents.len() >= JFIF => {
            Some([segment.contents.get(..JFIF - 2)?, &[0, 0]])
        }
        APP2 if segment.contents.starts_with(ICC) => whole,
        APP14 if segment.contents.starts_with(b"Adobe") => Some([segment.contents.get(..ADOBE)?, &[]]),
        _ => None,
    }
}

fn write(out: &mut Vec<u8>, marker: u8, parts: &[&[u8]]) -> Result<(), PictureError> {
    let length = 2 + parts.iter().map(|part| part.len()).sum::<usize>();
    let length = u16::try_from(length).map_err(|_| PictureError::Malformed("a segment is too long"))?;
    out.extend_from_slice(&[0xff, marker]);
    out.extend_from_slice(&length.to_be_bytes());
    parts.iter().for_each(|part| out.extend_from_slice(part));
    Ok(())
}
