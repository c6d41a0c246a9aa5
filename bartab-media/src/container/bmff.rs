//! ISO base media, as HEIF (AVIF and HEIC) uses it: boxes, and the tables that say where a picture's bytes are.

use std::ops::Range;

use super::Reader;
use crate::picture::PictureError;

/// One box, by its places in the file.
#[derive(Clone, Debug)]
pub(crate) struct Box4 {
    pub(crate) kind: [u8; 4],
    /// Where its length stands.
    pub(crate) start: usize,
    /// What stands behind its header.
    pub(crate) body: Range<usize>,
}

impl Box4 {
    pub(crate) fn contents<'a>(&self, file: &'a [u8]) -> &'a [u8] {
        file.get(self.body.clone()).unwrap_or_default()
    }
}

/// The boxes within a part of a file, one behind the other.
#[derive(Debug)]
pub(crate) struct Boxes<'a> {
    file: &'a [u8],
    rest: Range<usize>,
}

pub(crate) fn boxes(file: &[u8], within: Range<usize>) -> Boxes<'_> {
    Boxes { file, rest: within }
}

impl Boxes<'_> {
    fn read(&mut self) -> Result<Box4, PictureError> {
        let start = self.rest.start;
        let mut reader = Reader::new(self.file.get(self.rest.clone()).ok_or(PictureError::Truncated)?);
        let available = self.rest.len() as u64;
        let (short, kind) = (reader.u32_be()?, reader.array()?);
        let (header, length) = match short {
            0 => (8, available),
            1 => (16, reader.u64_be()?),
            _ => (8, u64::from(short)),
        };
        if length < header {
            return Err(PictureError::Malformed("a box is shorter than its header"));
        }
        if length > available {
            return Err(PictureError::Truncated);
        }
        // Both are at most `available`, which is a usize.
        let end = start + length as usize;
        self.rest.start = end;
        Ok(Box4 { kind, start, body: start + header as usize..end })
    }
}

impl Iterator for Boxes<'_> {
    type Item = Result<Box4, PictureError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let found = self.read();
        if found.is_err() {
            self.rest.start = self.rest.end;
        }
        Some(found)
    }
}

/// The brands of a file that begins with `head`, the main one first; `None` if it is no such file.
pub(crate) fn brands(head: &[u8]) -> Option<impl Iterator<Item = &[u8; 4]>> {
    let mut reader = Reader::new(head);
    let length = reader.u32_be().ok()? as usize;
    if reader.array().ok()? != *b"ftyp" {
        return None;
    }
    let body = reader.rest();
    let body = body.get(..length.checked_sub(8)?).unwrap_or(body);
    let (brands, _) = body.as_chunks::<4>();
    // Between the main brand and those that are compatible stands a version.
    Some(brands.iter().take(1).chain(brands.iter().skip(2)))
}

/// How many items, and pieces of them, a file may have: an iPhone's picture has about sixty. Looking through them takes
/// the square of their number.
const MOST: usize = 4096;
const TOO_MANY: PictureError = PictureError::Unsupported("a HEIF picture of so many parts");

/// Where an item's bytes are.
#[derive(Clone, Debug)]
pub(crate) struct Location {
    pub(crate) item: u32,
    /// In the `idat` of the `meta` box, not in the file.
    pub(crate) in_idat: bool,
    pub(crate) extents: Vec<Range<u64>>,
}

/// What a `meta` box tells of the items of a file.
#[derive(Debug)]
pub(crate) struct Meta {
    pub(crate) children: Vec<Box4>,
    pub(crate) primary: u32,
    pub(crate) items: Vec<(u32, [u8; 4])>,
    pub(crate) locations: Vec<Location>,
}

impl Meta {
    /// # Errors
    ///
    /// If the box is none that a picture in a HEIF file has.
    pub(crate) fn read(file: &[u8], meta: &Box4) -> Result<Self, PictureError> {
        let mut read = Self { children: Vec::new(), primary: 0, items: Vec::new(), locations: Vec::new() };
        let within = meta.body.start.saturating_add(4).min(meta.body.end)..meta.body.end;
        for child in boxes(file, within) {
            let child = child?;
            match &child.kind {
                b"pitm" => read.primary = primary(child.contents(file))?,
                b"iinf" => read.items = items(file, &child)?,
                b"iloc" => read.locations = locations(child.contents(file))?,
                _ => {}
            }
            read.children.push(child);
        }
        Ok(read)
    }

    pub(crate) fn child(&self, kind: &[u8; 4]) -> Option<&Box4> {
        self.children.iter().find(|child| &child.kind == kind)
    }

    pub(crate) fn kind_of(&self, item: u32) -> Option<[u8; 4]> {
        self.items.iter().find(|(id, _)| *id == item).map(|(_, kind)| *kind)
    }

    /// The properties of the primary item, in the order in which they apply.
    pub(crate) fn primary_properties(&self, file: &[u8]) -> Result<Vec<Box4>, PictureError> {
        let iprp = self.child(b"iprp").ok_or(PictureError::Malformed("a HEIF picture has properties"))?;
        let (mut all, mut indices) = (Vec::new(), Vec::new());
        for child in boxes(file, iprp.body.clone()) {
            let child = child?;
            match &child.kind {
                b"ipco" => all = boxes(file, child.body.clone()).collect::<Result<_, _>>()?,
                b"ipma" => indices.extend(associations(child.contents(file), self.primary)?),
                _ => {}
            }
        }
        // Index 0 stands for none.
        Ok(indices.into_iter().filter_map(|index: usize| all.get(index.checked_sub(1)?).cloned()).collect())
    }
}

fn version_and_flags(reader: &mut Reader<'_>) -> Result<(u8, u32), PictureError> {
    let [version, a, b, c] = reader.array()?;
    Ok((version, u32::from_be_bytes([0, a, b, c])))
}

fn id(reader: &mut Reader<'_>, wide: bool) -> Result<u32, PictureError> {
    if wide { reader.u32_be() } else { reader.u16_be().map(u32::from) }
}

fn primary(body: &[u8]) -> Result<u32, PictureError> {
    let mut reader = Reader::new(body);
    let (version, _) = version_and_flags(&mut reader)?;
    id(&mut reader, version > 0)
}

fn items(file: &[u8], iinf: &Box4) -> Result<Vec<(u32, [u8; 4])>, PictureError> {
    let mut reader = Reader::new(iinf.contents(file));
    let (version, _) = version_and_flags(&mut reader)?;
    let _count = id(&mut reader, version > 0)?;
    let within = iinf.body.end - reader.rest().len()..iinf.body.end;
    let mut items = Vec::new();
    for entry in boxes(file, within) {
        let entry = entry?;
        let mut reader = Reader::new(entry.contents(file));
        let (version, _) = version_and_flags(&mut reader)?;
        if &entry.kind != b"infe" || version < 2 {
            return Err(PictureError::Unsupported("an item of an old kind"));
        }
        let id = id(&mut reader, version > 2)?;
        let _protection = reader.u16_be()?;
        items.push((id, reader.array()?));
        if items.len() > MOST {
            return Err(TOO_MANY);
        }
    }
    Ok(items)
}

fn locations(body: &[u8]) -> Result<Vec<Location>, PictureError> {
    let mut reader = Reader::new(body);
    let (version, _) = version_and_flags(&mut reader)?;
    let sizes = reader.u16_be()?;
    let size = |shift: u16| usize::from((sizes >> shift) & 0xf);
    let (offset_size, length_size, base_size) = (size(12), size(8), size(4));
    let index_size = if version == 0 { 0 } else { size(0) };
    let count = id(&mut reader, version > 1)?;
    let (mut locations, mut pieces) = (Vec::new(), 0);
    for _ in 0..count {
        let item = id(&mut reader, version > 1)?;
        let method = if version == 0 { 0 } else { reader.u16_be()? & 0xf };
        let elsewhere = reader.u16_be()? != 0;
        if method > 1 || elsewhere {
            return Err(PictureError::Unsupported("an item whose bytes are in another item or file"));
        }
        let base = number(&mut reader, base_size)?;
        let mut extents = Vec::new();
        let extent_count = reader.u16_be()?;
        pieces += 1 + usize::from(extent_count);
        if pieces > MOST {
            return Err(TOO_MANY);
        }
        for _ in 0..extent_count {
            let _index = number(&mut reader, index_size)?;
            let (offset, length) = (number(&mut reader, offset_size)?, number(&mut reader, length_size)?);
            if length == 0 {
                return Err(PictureError::Unsupported("an item without a length"));
            }
            let start = base.checked_add(offset);
            let extent = start.and_then(|start| Some(start..start.checked_add(length)?));
            extents.push(extent.ok_or(PictureError::Malformed("an item is behind the end"))?);
        }
        locations.push(Location { item, in_idat: method == 1, extents });
    }
    Ok(locations)
}

fn number(reader: &mut Reader<'_>, size: usize) -> Result<u64, PictureError> {
    match size {
        0 => Ok(0),
        4 => reader.u32_be().map(u64::from),
        8 => reader.u64_be(),
        _ => Err(PictureError::Malformed("a place has 0, 4 or 8 bytes")),
    }
}

fn associations(body: &[u8], of: u32) -> Result<Vec<usize>, PictureError> {
    let mut reader = Reader::new(body);
    let (version, flags) = version_and_flags(&mut reader)?;
    let mut found = Vec::new();
    for _ in 0..reader.u32_be()? {
        let item = id(&mut reader, version > 0)?;
        for _ in 0..reader.u8()? {
            // The highest bit says whether the property is essential.
            let index =
                if flags & 1 != 0 { usize::from(reader.u16_be()? & 0x7fff) } else { usize::from(reader.u8()? & 0x7f) };
            if item == of {
                found.push(index);
            }
        }
    }
    Ok(found)
}
