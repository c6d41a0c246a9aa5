//! HEIF (AVIF, HEIC): the properties of its primary item.

use image::metadata::Orientation;

use super::{Coded, Inspection, area};
use crate::container::Reader;
use crate::container::bmff::{self, Meta};
use crate::picture::PictureError;
use crate::sniff::Kind;

pub(super) fn inspect(kind: Kind, bytes: &[u8]) -> Result<Inspection, PictureError> {
    let (mut meta, mut animated) = (None, false);
    for found in bmff::boxes(bytes, 0..bytes.len()) {
        // What does not look like a box behind the tables was appended to the file.
        let found = match found {
            Ok(found) => found,
            Err(_) if meta.is_some() => break,
            Err(error) => return Err(error),
        };
        match &found.kind {
            b"meta" if meta.is_none() => meta = Some(Meta::read(bytes, &found)?),
            b"moov" => animated = true,
            _ => {}
        }
    }
    let meta = meta.ok_or(PictureError::Unsupported("a HEIF file without a still picture"))?;
    let (mut size, mut turned) = (None, false);
    for property in meta.primary_properties(bytes)? {
        let mut reader = Reader::new(property.contents(bytes));
        match &property.kind {
            b"ispe" => {
                let _version_and_flags = reader.u32_be()?;
                size = Some((reader.u32_be()?, reader.u32_be()?));
            }
            // Quarters of a turn.
            b"irot" => turned ^= reader.u8()? & 1 == 1,
            _ => {}
        }
    }
    let (width, height) = size.ok_or(PictureError::Malformed("a HEIF picture has dimensions"))?;
    let pixels = area(width, height);
    let coded = Coded { width, height, pixels, memory: pixels.saturating_mul(4), scans: 1 };
    let orientation = if turned { Orientation::Rotate90 } else { Orientation::NoTransforms };
    Ok(Inspection::new(kind, coded, orientation, animated))
}
