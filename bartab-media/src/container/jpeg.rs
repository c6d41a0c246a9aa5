//! JPEG: segments between markers, and the coded bytes of each scan.

use super::Reader;
use crate::picture::PictureError;

/// The start of the picture.
pub(crate) const SOI: u8 = 0xd8;
/// The end of the picture.
pub(crate) const EOI: u8 = 0xd9;
/// The start of a scan, behind which coded bytes stand.
pub(crate) const SOS: u8 = 0xda;
pub(crate) const APP0: u8 = 0xe0;
pub(crate) const APP1: u8 = 0xe1;
pub(crate) const APP2: u8 = 0xe2;
pub(crate) const APP14: u8 = 0xee;

pub(crate) const EXIF: &[u8] = b"Exif\0\0";
pub(crate) const ICC: &[u8] = b"ICC_PROFILE\0";

/// One segment, and for a scan what it codes.
#[derive(Debug)]
pub(crate) struct Segment<'a> {
    pub(crate) marker: u8,
    /// What stands behind the length.
    pub(crate) contents: &'a [u8],
    /// The coded bytes of a scan up to the next marker that is no restart; empty for any other segment.
    pub(crate) coded: &'a [u8],
}

impl Segment<'_> {
    /// Whether it is the header of a frame, which tells the dimensions.
    pub(crate) fn is_frame(&self) -> bool {
        matches!(self.marker, 0xc0..=0xcf) && !matches!(self.marker, 0xc4 | 0xc8 | 0xcc)
    }
}

/// The segments from the start of the picture to its end, without the markers of both. What stands behind the end is
/// never looked at.
///
/// Between two segments nothing may stand but fill bytes, and no marker may be one that has no meaning there: decoders
/// differ in what they make of such files, so that nobody could say which pixels they have.
#[derive(Debug)]
pub(crate) struct Segments<'a> {
    reader: Reader<'a>,
    done: bool,
}

/// # Errors
///
/// `Malformed` if the bytes do not begin as a JPEG does.
pub(crate) fn segments(bytes: &[u8]) -> Result<Segments<'_>, PictureError> {
    let mut reader = Reader::new(bytes);
    if reader.array()? != [0xff, SOI] {
        return Err(PictureError::Malformed("a JPEG begins with its start marker"));
    }
    Ok(Segments { reader, done: false })
}

impl<'a> Segments<'a> {
    fn read(&mut self) -> Result<Option<Segment<'a>>, PictureError> {
        if self.reader.u8()? != 0xff {
            return Err(PictureError::Malformed("a JPEG consists of segments"));
        }
        let mut marker = self.reader.u8()?;
        while marker == 0xff {
            marker = self.reader.u8()?;
        }
        match marker {
            EOI => Ok(None),
            0x00..=0xbf | 0xd0..=0xd8 | 0xf0..=0xfd => Err(PictureError::Malformed("a marker out of place")),
            _ => {
                let length = self.reader.u16_be()?.checked_sub(2);
                let length = length.ok_or(PictureError::Malformed("a segment is shorter than its length"))?;
                let contents = self.reader.take(usize::from(length))?;
                let coded = if marker == SOS { self.coded()? } else { &[] };
                Ok(Some(Segment { marker, contents, coded }))
            }
        }
    }

    fn coded(&mut self) -> Result<&'a [u8], PictureError> {
        let rest = self.reader.rest();
        let mut from = 0;
        loop {
            let tail = rest.get(from..).ok_or(PictureError::Truncated)?;
            let at = from + tail.iter().position(|byte| *byte == 0xff).ok_or(PictureError::Truncated)?;
            match rest.get(at + 1).ok_or(PictureError::Truncated)? {
                // A stuffed byte, and a restart, belong to the coded bytes.
                0x00 | 0xd0..=0xd7 => from = at + 2,
                // A fill byte: the next one may be the marker.
                0xff => from = at + 1,
                _ => return self.reader.take(at),
            }
        }
    }
}

impl<'a> Iterator for Segments<'a> {
    type Item = Result<Segment<'a>, PictureError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let segment = self.read().transpose();
        self.done = !matches!(segment, Some(Ok(_)));
        segment
    }
}
