//! PNG: a signature, then chunks.

use super::Reader;
use crate::picture::PictureError;

pub(crate) const SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";

/// One chunk.
#[derive(Debug)]
pub(crate) struct Chunk<'a> {
    pub(crate) kind: [u8; 4],
    pub(crate) contents: &'a [u8],
    /// All of it, from its length to its checksum.
    pub(crate) raw: &'a [u8],
}

impl Chunk<'_> {
    /// Whether a decoder that does not know the chunk must not go on.
    pub(crate) fn is_critical(&self) -> bool {
        self.kind.first().is_some_and(u8::is_ascii_uppercase)
    }
}

/// The chunks from the first to `IEND`, which is the last. What stands behind it is never looked at.
#[derive(Debug)]
pub(crate) struct Chunks<'a> {
    reader: Reader<'a>,
    done: bool,
}

/// # Errors
///
/// `Malformed` if the bytes do not begin as a PNG does.
pub(crate) fn chunks(bytes: &[u8]) -> Result<Chunks<'_>, PictureError> {
    let mut reader = Reader::new(bytes);
    if reader.array()? != SIGNATURE {
        return Err(PictureError::Malformed("a PNG begins with its signature"));
    }
    Ok(Chunks { reader, done: false })
}

impl<'a> Chunks<'a> {
    fn read(&mut self) -> Result<Chunk<'a>, PictureError> {
        let start = self.reader.rest();
        let length = self.reader.u32_be()? as usize;
        let kind: [u8; 4] = self.reader.array()?;
        if !kind.iter().all(u8::is_ascii_alphabetic) {
            return Err(PictureError::Malformed("a chunk's type is four letters"));
        }
        let contents = self.reader.take(length)?;
        let _checksum: [u8; 4] = self.reader.array()?;
        let raw = start.get(..length + 12).ok_or(PictureError::Truncated)?;
        Ok(Chunk { kind, contents, raw })
    }
}

impl<'a> Iterator for Chunks<'a> {
    type Item = Result<Chunk<'a>, PictureError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let chunk = self.read();
        self.done = !matches!(&chunk, Ok(chunk) if &chunk.kind != b"IEND");
        Some(chunk)
    }
}

/// What the header says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) bit_depth: u8,
    pub(crate) colour_type: u8,
}

/// # Errors
///
/// `Malformed` or `Truncated` if the chunk is no header.
pub(crate) fn header(chunk: &Chunk<'_>) -> Result<Header, PictureError> {
    if &chunk.kind != b"IHDR" {
        return Err(PictureError::Malformed("a PNG begins with its header"));
    }
    let mut reader = Reader::new(chunk.contents);
    Ok(Header { width: reader.u32_be()?, height: reader.u32_be()?, bit_depth: reader.u8()?, colour_type: reader.u8()? })
}
