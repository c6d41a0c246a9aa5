//! JPEG: the header of the frame, and how many scans there are.

use super::{Coded, Inspection, area};
use crate::container::Reader;
use crate::container::jpeg::{self, SOS};
use crate::metadata::orientation;
use crate::picture::PictureError;
use crate::sniff::Kind;

/// The header of a frame whose scans each refine the picture.
const PROGRESSIVE: u8 = 0xc2;

pub(super) fn inspect(bytes: &[u8]) -> Result<Inspection, PictureError> {
    let (mut frame, mut scans) = (None, 0);
    for segment in jpeg::segments(bytes)? {
        let segment = segment?;
        if segment.marker == SOS {
            scans += 1;
        } else if segment.is_frame() {
            let header = Frame::read(segment.marker, segment.contents)?;
            // With two, the limits would be checked for one and the picture decoded by the other.
            if frame.replace(header).is_some() {
                return Err(PictureError::Malformed("a JPEG has one frame"));
            }
        }
    }
    let frame = frame.ok_or(PictureError::Malformed("a JPEG has one frame"))?;
    if scans == 0 {
        return Err(PictureError::Malformed("a JPEG has a scan"));
    }
    Ok(Inspection::new(Kind::Jpeg, frame.coded(scans, bytes.len()), orientation::jpeg(bytes)?, false))
}

struct Frame {
    progressive: bool,
    width: u32,
    height: u32,
    /// How many samples the components have, for each of the largest blocks and how many pixels these have.
    samples: u64,
    block: u64,
}

impl Frame {
    fn read(marker: u8, contents: &[u8]) -> Result<Self, PictureError> {
        let mut reader = Reader::new(contents);
        let _precision = reader.u8()?;
        let (height, width) = (u32::from(reader.u16_be()?), u32::from(reader.u16_be()?));
        if height == 0 {
            return Err(PictureError::Unsupported("a JPEG that tells its height only behind its first scan"));
        }
        let (mut samples, mut across, mut down) = (0, 1, 1);
        for _ in 0..reader.u8()? {
            let [_id, sampling, _table] = reader.array()?;
            let (horizontal, vertical) = (u64::from(sampling >> 4), u64::from(sampling & 0xf));
            samples += horizontal * vertical;
            (across, down) = (across.max(horizontal), down.max(vertical));
        }
        Ok(Self { progressive: marker == PROGRESSIVE, width, height, samples, block: across * down })
    }

    fn coded(&self, scans: u32, length: usize) -> Coded {
        let pixels = area(self.width, self.height);
        // Three bytes a pixel, and the decoder's copy of the file.
        let mut memory = pixels * 3 + length as u64;
        if self.progressive {
            // All coefficients are held until the last scan, two bytes each, in blocks that stand out over the edges.
            memory += area(self.width + 64, self.height + 64) * 2 * self.samples / self.block;
        }
        Coded { width: self.width, height: self.height, pixels, memory, scans }
    }
}
