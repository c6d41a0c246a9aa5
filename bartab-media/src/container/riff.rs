//! RIFF, as WebP uses it: a header, then chunks, some of which hold chunks.

use super::Reader;
use crate::picture::PictureError;

/// One chunk.
#[derive(Debug)]
pub(crate) struct Chunk<'a> {
    pub(crate) kind: [u8; 4],
    pub(crate) contents: &'a [u8],
}

/// Chunks, one behind the other, until the bytes end.
#[derive(Debug)]
pub(crate) struct Chunks<'a> {
    reader: Reader<'a>,
}

/// The chunks of a WebP. What stands behind the length that its header tells is never looked at.
///
/// # Errors
///
/// `Malformed` if the bytes do not begin as a WebP does, `Truncated` if they end before it does.
pub(crate) fn webp(bytes: &[u8]) -> Result<Chunks<'_>, PictureError> {
    let mut reader = Reader::new(bytes);
    if reader.array()? != *b"RIFF" {
        return Err(PictureError::Malformed("a WebP is a RIFF file"));
    }
    let length = reader.u32_le()? as usize;
    let mut reader = Reader::new(reader.take(length)?);
    if reader.array()? != *b"WEBP" {
        return Err(PictureError::Malformed("a WebP says that it is one"));
    }
    Ok(Chunks { reader })
}

/// The chunks within a chunk.
pub(crate) fn chunks(bytes: &[u8]) -> Chunks<'_> {
    Chunks { reader: Reader::new(bytes) }
}

impl<'a> Chunks<'a> {
    fn read(&mut self) -> Result<Chunk<'a>, PictureError> {
        let kind = self.reader.array()?;
        let length = self.reader.u32_le()? as usize;
        let contents = self.reader.take(length)?;
        // Chunks begin at even places; some writers leave out the filling byte of the last one.
        if length % 2 == 1 && !self.reader.is_empty() {
            self.reader.take(1)?;
        }
        Ok(Chunk { kind, contents })
    }
}

impl<'a> Iterator for Chunks<'a> {
    type Item = Result<Chunk<'a>, PictureError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.reader.is_empty() {
            return None;
        }
        let chunk = self.read();
        if chunk.is_err() {
            self.reader = Reader::new(&[]);
        }
        Some(chunk)
    }
}

/// Appends a chunk to `out`.
///
/// # Errors
///
/// `Malformed` if its length does not fit 32 bits.
pub(crate) fn write(out: &mut Vec<u8>, kind: [u8; 4], contents: &[u8]) -> Result<(), PictureError> {
    let length = u32::try_from(contents.len()).map_err(|_| PictureError::Malformed("a chunk is too long"))?;
    out.extend_from_slice(&kind);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(contents);
    if length % 2 == 1 {
        out.push(0);
    }
    Ok(())
}

/// The dimensions in the header of a `VP8 ` or `VP8L` chunk, and whether it may be transparent.
///
/// # Errors
///
/// `Malformed` or `Truncated` if it is none.
pub(crate) fn frame(chunk: &Chunk<'_>) -> Result<(u32, u32, bool), PictureError> {
    let mut reader = Reader::new(chunk.contents);
    if &chunk.kind == b"VP8L" {
        if reader.u8()? != 0x2f {
            return Err(PictureError::Malformed("a lossless frame begins with its signature"));
        }
        let bits = reader.u32_le()?;
        return Ok(((bits & 0x3fff) + 1, ((bits >> 14) & 0x3fff) + 1, bits & (1 << 28) != 0));
    }
    let tag = reader.u24_le()?;
    if tag & 1 != 0 || reader.array()? != [0x9d, 0x01, 0x2a] {
        return Err(PictureError::Malformed("a lossy frame begins with a key frame"));
    }
    let (width, height) = (reader.u16_le()?, reader.u16_le()?);
    Ok((u32::from(width & 0x3fff), u32::from(height & 0x3fff), false))
}
