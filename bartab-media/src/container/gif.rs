//! GIF: a screen, then blocks.

use super::Reader;
use crate::picture::PictureError;

/// The screen that frames are drawn on.
#[derive(Debug)]
pub(crate) struct Screen<'a> {
    pub(crate) width: u16,
    pub(crate) height: u16,
    /// All of it: signature, descriptor and colours.
    pub(crate) raw: &'a [u8],
}

/// One block.
#[derive(Debug)]
pub(crate) enum Block<'a> {
    /// How the next frame is shown: how long, and with what transparent.
    Control { raw: &'a [u8] },
    /// An extension of an application: who it is by, and its first data.
    Application { raw: &'a [u8], by: &'a [u8] },
    /// A comment, a text to be drawn, which no browser does, or what nobody knows.
    Other,
    /// A frame.
    Frame { raw: &'a [u8], width: u16, height: u16 },
}

/// The blocks up to the end mark. What stands behind it is never looked at. A file that ends between two blocks ends
/// there, since many writers leave the mark out and every decoder takes it.
#[derive(Debug)]
pub(crate) struct Blocks<'a> {
    reader: Reader<'a>,
    done: bool,
}

/// # Errors
///
/// `Malformed` or `Truncated` if the bytes do not begin as a GIF does.
pub(crate) fn open(bytes: &[u8]) -> Result<(Screen<'_>, Blocks<'_>), PictureError> {
    let mut reader = Reader::new(bytes);
    if !matches!(&reader.array()?, b"GIF87a" | b"GIF89a") {
        return Err(PictureError::Malformed("a GIF begins with its signature"));
    }
    let (width, height) = (reader.u16_le()?, reader.u16_le()?);
    let [flags, _background, _aspect] = reader.array()?;
    reader.take(colours(flags))?;
    let raw = between(bytes, &reader)?;
    Ok((Screen { width, height, raw }, Blocks { reader, done: false }))
}

/// How long the table of colours is that `flags` tell of, in bytes.
fn colours(flags: u8) -> usize {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

/// What was read since `start`.
fn between<'a>(start: &'a [u8], reader: &Reader<'_>) -> Result<&'a [u8], PictureError> {
    start.get(..start.len() - reader.rest().len()).ok_or(PictureError::Truncated)
}

impl<'a> Blocks<'a> {
    fn read(&mut self) -> Result<Option<Block<'a>>, PictureError> {
        let start = self.reader.rest();
        if start.is_empty() {
            return Ok(None);
        }
        let block = match self.reader.u8()? {
            0x3b => return Ok(None),
            0x21 => self.extension(start)?,
            0x2c => {
                let _place: [u8; 4] = self.reader.array()?;
                let (width, height) = (self.reader.u16_le()?, self.reader.u16_le()?);
                let flags = self.reader.u8()?;
                self.reader.take(colours(flags))?;
                let _code_size = self.reader.u8()?;
                self.pass_data()?;
                Block::Frame { raw: between(start, &self.reader)?, width, height }
            }
            _ => return Err(PictureError::Malformed("a GIF consists of frames and extensions")),
        };
        Ok(Some(block))
    }

    fn extension(&mut self, start: &'a [u8]) -> Result<Block<'a>, PictureError> {
        let label = self.reader.u8()?;
        let length = self.reader.clone().u8()?;
        let mut head = self.reader.clone();
        let head = head.take(usize::from(length) + 1)?;
        let head = head.get(1..).unwrap_or_default();
        self.pass_data()?;
        let raw = between(start, &self.reader)?;
        Ok(match label {
            0xf9 if head.len() == 4 => Block::Control { raw },
            0xf9 => return Err(PictureError::Malformed("a control extension has four bytes")),
            0xff => Block::Application { raw, by: head },
            _ => Block::Other,
        })
    }

    /// Passes over blocks of data up to and with the empty one that ends them.
    fn pass_data(&mut self) -> Result<(), PictureError> {
        loop {
            let length = self.reader.u8()?;
            if length == 0 {
                return Ok(());
            }
            self.reader.take(usize::from(length))?;
        }
    }
}

impl<'a> Iterator for Blocks<'a> {
    type Item = Result<Block<'a>, PictureError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let block = self.read().transpose();
        self.done = !matches!(block, Some(Ok(_)));
        block
    }
}
