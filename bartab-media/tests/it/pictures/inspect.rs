use bartab_media::{Inspection, Kind, Picture, PictureError, PictureLimits};

use super::fixtures::{self, png_chunk, segment};

#[test]
fn dimensions_and_animation_are_read_from_the_headers() {
    for (kind, bytes) in fixtures::all() {
        let inspection = Inspection::read(kind, &bytes).unwrap();
        assert_eq!((inspection.width, inspection.height), (48, 32), "{kind:?}");
        assert_eq!(inspection.animated, kind == Kind::Gif);
        inspection.check(&PictureLimits::default()).unwrap();
    }
    assert!(Inspection::read(Kind::Png, &fixtures::animated_png(4, 4)).unwrap().animated);
    assert!(Inspection::read(Kind::Webp, &fixtures::animated_webp(4, 4, &[])).unwrap().animated);
}

fn refused(kind: Kind, bytes: &[u8], limits: &PictureLimits) -> PictureError {
    let inspection = Inspection::read(kind, bytes).unwrap();
    let told = inspection.check(limits).unwrap_err();
    let decoded = Picture::decode(&inspection, bytes, limits).unwrap_err();
    assert_eq!(told.to_string(), decoded.to_string());
    told
}

/// A PNG's header with a width and a height, as small as such a bomb can be.
fn png_bomb(width: u32, height: u32) -> Vec<u8> {
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), b"\x08\x06\0\0\0"].concat();
    let signature = b"\x89PNG\r\n\x1a\n".to_vec();
    [signature, png_chunk(b"IHDR", &header), png_chunk(b"IDAT", b""), png_chunk(b"IEND", b"")].concat()
}

fn jpeg_of(frame: u8, width: u16, height: u16, scans: usize) -> Vec<u8> {
    let header = [b"\x08", &height.to_be_bytes()[..], &width.to_be_bytes(), b"\x03\x01\x22\0\x02\x11\0\x03\x11\0"];
    let scan = [segment(0xda, b"\x03\x01\0\x02\0\x03\0\0\x3f\0"), vec![0x12]].concat();
    [b"\xff\xd8".to_vec(), segment(frame, &header.concat()), scan.repeat(scans), b"\xff\xd9".to_vec()].concat()
}

#[test]
fn a_bomb_is_refused_before_anything_is_allocated_for_it() {
    let limits = PictureLimits::default();
    let gif = [b"GIF89a\xff\xff\xff\xff\0\0\0", &b"\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0\x3b"[..]].concat();
    // A frame of another size than the screen is what the decoder would allocate.
    let frame = [b"GIF89a\x01\0\x01\0\0\0\0", &b"\x2c\0\0\0\0\xff\xff\xff\xff\0\x02\x02\x44\x01\0\x3b"[..]].concat();
    let animated = fixtures::riff(&[
        fixtures::webp_header(0x02, 1 << 24, 1 << 24),
        fixtures::animated_webp(4, 4, &[])[30..].to_vec(),
    ]);
    for (kind, bytes) in [
        (Kind::Png, png_bomb(u32::MAX, u32::MAX)),
        (Kind::Png, png_bomb(30_000, 30_000)),
        (Kind::Jpeg, jpeg_of(0xc0, u16::MAX, u16::MAX, 1)),
        (Kind::Gif, gif),
        (Kind::Gif, frame),
        (Kind::Webp, animated),
    ] {
        let error = refused(kind, &bytes, &limits);
        assert!(matches!(error, PictureError::TooManyPixels { limit: 64_000_000, .. }), "{kind:?} {error}");
    }
}

#[test]
fn memory_is_counted_by_what_decoding_takes() {
    let limits = PictureLimits { max_pixels: u64::MAX, ..PictureLimits::default() };
    // 60 million pixels of three bytes fit; not with all their coefficients beside them.
    Inspection::read(Kind::Jpeg, &jpeg_of(0xc0, 10_000, 6_000, 1)).unwrap().check(&limits).unwrap();
    let error = refused(Kind::Jpeg, &jpeg_of(0xc2, 10_000, 6_000, 1), &limits);
    let PictureError::TooMuchMemory { needed, limit } = error else { panic!("{error}") };
    assert_eq!(limit, 320 << 20);
    assert!((360_000_000..370_000_000).contains(&needed), "{needed}");
    assert!(matches!(refused(Kind::Png, &png_bomb(8_000, 6_000), &limits), PictureError::TooMuchMemory { .. }));
}

#[test]
fn a_jpeg_of_countless_scans_is_refused() {
    let error = refused(Kind::Jpeg, &jpeg_of(0xc2, 100, 100, 101), &PictureLimits::default());
    assert!(matches!(error, PictureError::TooManyScans { scans: 101, limit: 100 }), "{error}");
}

#[test]
fn headers_that_contradict_themselves_are_refused() {
    let small = fixtures::webp_picture(&fixtures::webp(8, 8));
    let two_frames = [&jpeg_of(0xc0, 8, 8, 1)[..21], &jpeg_of(0xc0, 9_000, 9_000, 1)[2..]].concat();
    let mut zero = fixtures::png(8, 8);
    zero[16..20].fill(0);
    let one_header = fixtures::png(8, 8);
    let two_headers = fixtures::with_chunks(&one_header, &[one_header[8..fixtures::PNG_HEAD].to_vec()]);
    for (kind, bytes) in [
        (Kind::Webp, fixtures::riff(&[fixtures::webp_header(0, 8, 9), small.clone()])),
        (Kind::Webp, fixtures::riff(&[fixtures::webp_header(0, 8, 8)])),
        (Kind::Jpeg, two_frames),
        (Kind::Jpeg, jpeg_of(0xc0, 0, 8, 1)),
        (Kind::Jpeg, jpeg_of(0xc0, 8, 8, 0)),
        (Kind::Png, zero),
        (Kind::Png, two_headers),
        (Kind::Gif, b"GIF89a\x01\0\x01\0\0\0\0\x3b".to_vec()),
    ] {
        let error = Inspection::read(kind, &bytes).unwrap_err();
        assert!(matches!(error, PictureError::Malformed(_)), "{kind:?} {error}");
    }
    let unknown_height = Inspection::read(Kind::Jpeg, &jpeg_of(0xc0, 8, 0, 1));
    assert!(matches!(unknown_height, Err(PictureError::Unsupported(_))));
}

#[test]
fn a_picture_that_lies_about_its_pixels_fails_in_decoding() {
    let limits = PictureLimits::default();
    for (kind, bytes) in [
        (Kind::Png, png_bomb(64, 64)),
        (Kind::Webp, fixtures::riff(&[fixtures::riff_chunk(b"VP8L", b"\x2f\x3f\xc0\x0f\0")])),
        (Kind::Gif, b"GIF89a\x10\0\x10\0\0\0\0\x2c\0\0\0\0\x10\0\x10\0\0\x02\x01\xff\0\x3b".to_vec()),
    ] {
        let inspection = Inspection::read(kind, &bytes).unwrap();
        let error = Picture::decode(&inspection, &bytes, &limits).unwrap_err();
        assert!(matches!(error, PictureError::Decode(_)), "{kind:?} {error}");
    }
}

#[test]
fn a_truncated_picture_is_refused() {
    for (kind, bytes) in fixtures::all() {
        for length in 0..bytes.len() - 1 {
            let result = Inspection::read(kind, &bytes[..length]);
            assert!(kind == Kind::Gif && length > 13 || result.is_err(), "{kind:?} of {length} bytes");
        }
    }
}
