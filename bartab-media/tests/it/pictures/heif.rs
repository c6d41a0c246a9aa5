//! AVIF and HEIC keep their length and their picture; all else in them becomes zeros.

use bartab_media::{Inspection, Kind, Picture, PictureError, PictureLimits, strip_metadata};

use super::fixtures::{SECRET, exif, has};

const CODED: &[u8] = b"\x12\0\x0a\x0a these are AV1 units";

fn iso(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32 + 8).to_be_bytes()[..], kind, body].concat()
}

fn full(kind: &[u8; 4], version: u8, body: &[u8]) -> Vec<u8> {
    iso(kind, &[&[version, 0, 0, 0], body].concat())
}

fn item(id: u16, kind: &[u8; 4], rest: &[u8]) -> Vec<u8> {
    full(b"infe", 2, &[&id.to_be_bytes()[..], &[0, 0], kind, rest].concat())
}

struct File {
    bytes: Vec<u8>,
    coded: usize,
}

/// A picture of 48 by 32, turned by a quarter, with EXIF, XMP, a description, and something hidden between.
fn file(brand: &[u8; 4], coding: &[u8; 4]) -> File {
    let block = [b"\0\0\0\x06Exif\0\0", &exif(6)[..]].concat();
    let data: [&[u8]; 4] = [CODED, &block, SECRET, SECRET];
    let head = [&b"\0\0\0\x18ftyp"[..], brand, b"\0\0\0\0", b"mif1", brand].concat();
    let meta = |start: u32| {
        let place = |id: u16, before: usize, length: usize| {
            let offset = start + data[..before].iter().map(|part| part.len() as u32).sum::<u32>();
            [&id.to_be_bytes()[..], &[0, 0, 0, 1], &offset.to_be_bytes(), &(length as u32).to_be_bytes()].concat()
        };
        let places = [place(1, 0, CODED.len()), place(2, 1, block.len()), place(3, 2, SECRET.len())].concat();
        let size = full(b"ispe", 0, b"\0\0\0\x30\0\0\0\x20");
        let properties = [size, iso(b"irot", &[1]), full(b"udes", 0, SECRET)].concat();
        let of_first = full(b"ipma", 0, b"\0\0\0\x01\0\x01\x02\x01\x82");
        let items = [item(1, coding, b"\0"), item(2, b"Exif", b"\0"), item(3, b"mime", b"\0application/rdf+xml\0")];
        full(
            b"meta",
            0,
            &[
                full(b"hdlr", 0, b"\0\0\0\0pict\0\0\0\0\0\0\0\0\0\0\0\0\0"),
                full(b"pitm", 0, b"\0\x01"),
                full(b"iinf", 0, &[b"\0\x03", &items.concat()[..]].concat()),
                full(b"iloc", 0, &[b"\x44\0\0\x03", &places[..]].concat()),
                iso(b"iprp", &[iso(b"ipco", &properties), of_first].concat()),
                iso(b"uuid", SECRET),
            ]
            .concat(),
        )
    };
    let hidden = iso(b"uuid", SECRET);
    let coded = head.len() + meta(0).len() + hidden.len() + 8;
    let bytes = [head, meta(coded as u32), hidden, iso(b"mdat", &data.concat())].concat();
    assert!(bytes[coded..].starts_with(CODED));
    File { bytes, coded }
}

#[test]
fn metadata_becomes_zeros_and_the_picture_stays_where_it_is() {
    for (kind, brand, coding) in [(Kind::Avif, b"avif", b"av01"), (Kind::Heic, b"heic", b"hvc1")] {
        let File { bytes, coded } = file(brand, coding);
        assert_eq!(Kind::sniff(&bytes), kind);
        let clean = strip_metadata(kind, &bytes).unwrap();
        assert_eq!(clean.len(), bytes.len());
        assert!(!has(&clean, SECRET));
        assert!(clean[coded..].starts_with(CODED));
        assert_eq!(Inspection::read(kind, &clean).unwrap(), Inspection::read(kind, &bytes).unwrap());
        assert_eq!(strip_metadata(kind, &clean).unwrap(), clean);
        // An empty block stands in for EXIF, since some readers refuse a picture whose EXIF they cannot read.
        assert!(clean[coded + CODED.len()..].starts_with(b"\0\0\0\0MM\0\x2a\0\0\0\x08\0\0"));
    }
}

#[test]
fn dimensions_are_told_as_the_picture_is_shown() {
    let File { bytes, .. } = file(b"avif", b"av01");
    let inspection = Inspection::read(Kind::Avif, &bytes).unwrap();
    assert_eq!((inspection.width, inspection.height), (32, 48));
    assert!(!inspection.animated);
}

#[test]
fn what_stands_behind_the_end_is_cut_off() {
    let File { bytes, .. } = file(b"avif", b"av01");
    let clean = strip_metadata(Kind::Avif, &bytes).unwrap();
    for tail in [&b"<script>alert(1)</script>"[..], SECRET, &iso(b"mpvd", SECRET)] {
        assert_eq!(strip_metadata(Kind::Avif, &[&bytes, tail].concat()).unwrap(), clean);
    }
}

#[test]
fn what_cannot_be_cleaned_is_refused() {
    let File { bytes, .. } = file(b"avif", b"av01");
    let sequence = [&bytes[..], &iso(b"moov", SECRET)].concat();
    assert!(matches!(strip_metadata(Kind::Avif, &sequence), Err(PictureError::Unsupported(_))));
    let File { bytes: other, .. } = file(b"avif", b"zzzz");
    assert!(matches!(strip_metadata(Kind::Avif, &other), Err(PictureError::Unsupported(_))));
    for length in 0..bytes.len() {
        assert!(strip_metadata(Kind::Avif, &bytes[..length]).is_err(), "{length} bytes");
    }
}

#[test]
fn there_are_no_thumbnails_of_it() {
    let File { bytes, .. } = file(b"avif", b"av01");
    let inspection = Inspection::read(Kind::Avif, &bytes).unwrap();
    let decoded = Picture::decode(&inspection, &bytes, &PictureLimits::default());
    assert!(matches!(decoded, Err(PictureError::Unsupported(_))));
    assert!(!Kind::Avif.has_thumbnail());
}
