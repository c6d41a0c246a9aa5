//! HEIF (AVIF, HEIC): places in the file are absolute, so it keeps its length, and what goes becomes zeros.
//!
//! Of the bytes in `mdat` and `idat` those stay that an item needs which codes or composes a picture.

use std::ops::Range;

use crate::container::bmff::{self, Box4, Meta};
use crate::picture::PictureError;

/// An EXIF block of no entries behind its offset, for readers that refuse a picture whose EXIF they cannot read.
const EMPTY_EXIF: &[u8; 18] = b"\0\0\0\0MM\0\x2a\0\0\0\x08\0\0\0\0\0\0";

/// How many boxes of data a file may have; it needs one.
const MOST_DATA: usize = 16;

pub(super) fn strip(bytes: &[u8]) -> Result<Vec<u8>, PictureError> {
    let mut out = bytes.to_vec();
    let (mut end, mut data, mut meta) = (0, Vec::new(), None);
    for (at, found) in bmff::boxes(bytes, 0..bytes.len()).enumerate() {
        let found = match found {
            Ok(found) => found,
            // What does not look like a box behind all that is needed was appended to the file.
            Err(_) if meta.is_some() && !data.is_empty() => break,
            Err(error) => return Err(error),
        };
        match &found.kind {
            b"ftyp" if at == 0 => end = found.body.end,
            b"meta" if meta.is_none() => {
                end = found.body.end;
                meta = Some(Meta::read(bytes, &found)?);
            }
            b"mdat" => {
                end = found.body.end;
                data.push(found.body);
                if data.len() > MOST_DATA {
                    return Err(PictureError::Unsupported("a HEIF picture of so many parts"));
                }
            }
            b"moov" => return Err(PictureError::Unsupported("a HEIF sequence")),
            b"ftyp" | b"meta" => return Err(PictureError::Malformed("a HEIF file has one head, at its beginning")),
            _ => blank(&mut out, &found),
        }
    }
    let meta = meta.ok_or(PictureError::Malformed("a HEIF picture says what it consists of"))?;
    if !meta.kind_of(meta.primary).is_some_and(is_picture) {
        return Err(PictureError::Unsupported("a HEIF picture of another coding"));
    }
    out.truncate(end);
    clear_tables(bytes, &mut out, &meta)?;
    clear_data(&mut out, &meta, &data)?;
    Ok(out)
}

fn is_picture(kind: [u8; 4]) -> bool {
    // Coded, composed of tiles, overlaid, transformed, and with a gain map.
    matches!(&kind, b"av01" | b"hvc1" | b"grid" | b"iovl" | b"iden" | b"tmap")
}

/// What does not tell where the picture is, and properties that do not tell how it is shown, become empty.
fn clear_tables(bytes: &[u8], out: &mut [u8], meta: &Meta) -> Result<(), PictureError> {
    for child in &meta.children {
        match &child.kind {
            b"hdlr" | b"pitm" | b"iinf" | b"iloc" | b"iref" | b"idat" | b"dinf" | b"grpl" => {}
            b"iprp" => clear_properties(bytes, out, child)?,
            _ => blank(out, child),
        }
    }
    Ok(())
}

fn clear_properties(bytes: &[u8], out: &mut [u8], iprp: &Box4) -> Result<(), PictureError> {
    for child in bmff::boxes(bytes, iprp.body.clone()) {
        let child = child?;
        if &child.kind != b"ipco" {
            continue;
        }
        for property in bmff::boxes(bytes, child.body) {
            let property = property?;
            match &property.kind {
                // Dimensions, cuts, turns, and what a pixel is.
                b"ispe" | b"clap" | b"irot" | b"imir" | b"pasp" | b"pixi" | b"colr" | b"rloc" => {}
                // The codecs' own, the kind of an auxiliary picture, and brightness.
                b"av1C" | b"a1op" | b"a1lx" | b"lsel" | b"hvcC" | b"auxC" | b"clli" | b"mdcv" | b"cclv" | b"amve" => {}
                _ => blank(out, &property),
            }
        }
    }
    Ok(())
}

/// Bytes of no picture become zeros.
fn clear_data(out: &mut [u8], meta: &Meta, data: &[Range<usize>]) -> Result<(), PictureError> {
    let idat = meta.child(b"idat").map(|idat| idat.body.clone());
    let mut kept = Vec::new();
    let mut exif = Vec::new();
    for location in &meta.locations {
        let kind = meta.kind_of(location.item);
        for extent in &location.extents {
            let area = if location.in_idat { idat.as_slice() } else { data };
            let Some(place) = place(extent, location.in_idat, area) else {
                if kind.is_some_and(is_picture) {
                    return Err(PictureError::Truncated);
                }
                continue;
            };
            match kind {
                Some(kind) if is_picture(kind) => kept.push(place),
                Some(kind) if &kind == b"Exif" => exif.push(place),
                _ => {}
            }
        }
    }
    kept.sort_unstable_by_key(|range| range.start);
    for area in data.iter().chain(&idat) {
        let mut from = area.start;
        for range in kept.iter().filter(|range| area.contains(&range.start)) {
            fill(out, from..range.start);
            from = from.max(range.end);
        }
        fill(out, from..area.end);
    }
    for place in exif {
        // All zeros: it is no picture's, and it is no part of another that was written already.
        let free = out.get_mut(place).filter(|place| place.iter().all(|byte| *byte == 0));
        if let Some(start) = free.and_then(|place| place.first_chunk_mut()) {
            *start = *EMPTY_EXIF;
        }
    }
    Ok(())
}

/// An extent's place in the file, if it lies within one of the areas that hold data.
fn place(extent: &Range<u64>, in_idat: bool, areas: &[Range<usize>]) -> Option<Range<usize>> {
    let (start, end) = (usize::try_from(extent.start).ok()?, usize::try_from(extent.end).ok()?);
    if in_idat {
        let area = areas.first()?;
        let end = area.start.checked_add(end)?;
        return (end <= area.end).then_some(area.start + start..end);
    }
    areas.iter().any(|area| area.start <= start && end <= area.end).then_some(start..end)
}

fn blank(out: &mut [u8], found: &Box4) {
    if let Some(kind) = out.get_mut(found.start + 4..found.start + 8) {
        kind.copy_from_slice(b"free");
    }
    fill(out, found.body.clone());
}

fn fill(out: &mut [u8], range: Range<usize>) {
    // An empty range may also be the other way round, where two kept ones overlap.
    if let Some(bytes) = out.get_mut(range) {
        bytes.fill(0);
    }
}
