use std::io::Cursor;

use bartab_media::{Inspection, Kind, PictureError, strip_metadata};
use image::codecs::gif::GifDecoder;
use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::metadata::Orientation;
use image::{AnimationDecoder, Frames, ImageDecoder as _, ImageReader, load_from_memory};

use super::fixtures::{self, SECRET, exif, exif_segment, has, png_chunk, riff_chunk, segment, with_chunks};

/// The picture without metadata, having looked at what must hold of every one.
fn stripped(kind: Kind, bytes: &[u8]) -> Vec<u8> {
    let clean = strip_metadata(kind, bytes).unwrap();
    assert!(!has(&clean, SECRET), "{kind:?} keeps what it should not");
    assert_eq!(strip_metadata(kind, &clean).unwrap(), clean, "{kind:?} changes when it is stripped again");
    assert_eq!(Kind::sniff(&clean), kind);
    if kind.has_thumbnail() {
        assert!(load_from_memory(bytes).unwrap() == load_from_memory(&clean).unwrap(), "{kind:?} has other pixels");
    }
    clean
}

fn orientation(bytes: &[u8]) -> Orientation {
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().unwrap();
    reader.into_decoder().unwrap().orientation().unwrap()
}

fn profile(bytes: &[u8]) -> Option<Vec<u8>> {
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().unwrap();
    reader.into_decoder().unwrap().icc_profile().unwrap()
}

#[test]
fn a_picture_without_metadata_stays_as_it_is() {
    for (kind, bytes) in fixtures::all() {
        assert!(stripped(kind, &bytes) == bytes, "{kind:?}");
    }
}

#[test]
fn a_jpeg_loses_what_tells_of_the_photographer_and_keeps_its_pixels() {
    let plain = fixtures::jpeg(48, 32);
    let icc = fixtures::profile(b"RGB ", "Display P3", 548);
    let icc_segment = segment(0xe2, &[b"ICC_PROFILE\0\x01\x01", &icc[..]].concat());
    let private = [
        exif_segment(1),
        segment(0xe1, &fixtures::xmp()),
        segment(0xed, &[b"Photoshop 3.0\08BIM", SECRET].concat()),
        segment(0xe2, &[b"MPF\0", SECRET].concat()),
        segment(0xe0, &[b"JFXX\0", SECRET].concat()),
        segment(0xe5, SECRET),
        segment(0xfe, SECRET),
    ];
    let bytes = fixtures::with_segments(&plain, &[private.concat(), icc_segment.clone()]);
    let clean = stripped(Kind::Jpeg, &bytes);
    assert!(clean == fixtures::with_segments(&plain, &[icc_segment]));
    assert_eq!(profile(&clean), Some(icc));
}

#[test]
fn a_preview_in_a_jfif_header_is_cut_off() {
    let plain = fixtures::jpeg(16, 16);
    let header = segment(0xe0, &[b"JFIF\0\x01\x02\0\0\x01\0\x01\x02\x03", &[SECRET, b"x"].concat()[..]].concat());
    let bytes = [&plain[..2], &header, &plain[20..]].concat();
    let clean = stripped(Kind::Jpeg, &bytes);
    assert_eq!(clean.len(), plain.len());
    assert_eq!(clean[18..20], [0, 0]);
}

#[test]
fn comments_between_the_scans_of_a_jpeg_are_cut_out_and_restarts_are_not() {
    let scan = [segment(0xda, b"\x01\x01\0\0\x3f\0"), b"\x12\xff\0\x34\xff\xd0\x56".to_vec()].concat();
    let frame = segment(0xc2, b"\x08\0\x10\0\x10\x01\x01\x11\0");
    let whole = |between: &[u8]| [b"\xff\xd8", &frame[..], &scan, between, &scan, b"\xff\xd9"].concat();
    // There is nothing to decode in it; only its structure counts.
    let clean = strip_metadata(Kind::Jpeg, &whole(&[segment(0xfe, SECRET), exif_segment(6)].concat())).unwrap();
    assert_eq!(clean, whole(b""));
}

#[test]
fn an_orientation_stays_and_nothing_else_of_its_block() {
    for value in 1..=8 {
        let expected = Orientation::from_exif(value).unwrap();
        let jpeg = fixtures::with_segments(&fixtures::jpeg(48, 32), &[exif_segment(value)]);
        let png = with_chunks(&fixtures::png(48, 32), &[png_chunk(b"eXIf", &exif(value))]);
        let webp = fixtures::riff(&[
            fixtures::webp_header(0x08, 48, 32),
            fixtures::webp_picture(&fixtures::webp(48, 32)),
            riff_chunk(b"EXIF", &exif(value)),
        ]);
        for (kind, bytes) in [(Kind::Jpeg, jpeg), (Kind::Png, png), (Kind::Webp, webp)] {
            assert_eq!(orientation(&bytes), expected);
            let clean = stripped(kind, &bytes);
            assert_eq!(orientation(&clean), expected, "{kind:?}");
            let (before, after) = (Inspection::read(kind, &bytes).unwrap(), Inspection::read(kind, &clean).unwrap());
            let sides = if value >= 5 { (32, 48) } else { (48, 32) };
            assert_eq!((before.width, before.height), sides);
            assert_eq!((after.width, after.height), sides);
        }
    }
}

#[test]
fn a_broken_exif_block_means_no_orientation() {
    for block in [&b""[..], b"II\x2a\0\xff\xff\xff\xff", b"II\x2a\0\x08\0\0\0\xff\xff", &exif(9)] {
        let bytes = with_chunks(&fixtures::png(8, 4), &[png_chunk(b"eXIf", block)]);
        assert!(stripped(Kind::Png, &bytes) == fixtures::png(8, 4));
    }
}

#[test]
fn a_png_keeps_what_decides_how_it_is_shown() {
    let plain = fixtures::png(48, 32);
    let shown = [
        png_chunk(b"gAMA", &45455_u32.to_be_bytes()),
        png_chunk(b"sRGB", &[0]),
        png_chunk(b"pHYs", &[0, 0, 11, 19, 0, 0, 11, 19, 1]),
    ];
    let private = [
        png_chunk(b"tEXt", &[b"Comment\0", SECRET].concat()),
        png_chunk(b"zTXt", &[b"Comment\0\0", SECRET].concat()),
        png_chunk(b"iTXt", &[b"XML:com.adobe.xmp\0\0\0\0\0", SECRET].concat()),
        png_chunk(b"tIME", &[7, 234, 11, 21, 13, 0, 0]),
        png_chunk(b"eXIf", &exif(1)),
        png_chunk(b"prVt", SECRET),
    ];
    let bytes = with_chunks(&plain, &[shown.concat(), private.concat()]);
    assert!(stripped(Kind::Png, &bytes) == with_chunks(&plain, &shown));
    let critical = with_chunks(&plain, &[png_chunk(b"CgBI", b"\0\0\0\0")]);
    assert!(matches!(strip_metadata(Kind::Png, &critical), Err(PictureError::Unsupported(_))));
}

#[test]
fn a_webp_loses_exif_and_xmp_and_keeps_its_profile() {
    let picture = fixtures::webp_picture(&fixtures::webp(48, 32));
    let icc = fixtures::profile(b"RGB ", "Display P3", 549);
    let bytes = fixtures::riff(&[
        fixtures::webp_header(0x20 | 0x08 | 0x04, 48, 32),
        riff_chunk(b"ICCP", &icc),
        picture.clone(),
        riff_chunk(b"EXIF", &exif(1)),
        riff_chunk(b"XMP ", SECRET),
        riff_chunk(b"note", SECRET),
    ]);
    let clean = stripped(Kind::Webp, &bytes);
    let expected = [fixtures::webp_header(0x20, 48, 32), riff_chunk(b"ICCP", &icc), picture];
    assert!(clean == fixtures::riff(&expected));
    assert_eq!(profile(&clean), Some(icc));
}

#[test]
fn a_gif_loses_comments_and_xmp() {
    let plain = fixtures::gif(12, 10);
    let comment = [b"\x21\xfe", &[SECRET.len() as u8][..], SECRET, b"\0"].concat();
    // XMP stands in a GIF as it is; behind it, lengths that fall through to its end.
    let fall: Vec<u8> = [1].into_iter().chain((0..=255).rev()).chain([0]).collect();
    let xmp = [b"\x21\xff\x0bXMP DataXMP", SECRET, &fall].concat();
    // A text is drawn by nobody; the frame behind it has a control of its own.
    let control = b"\x21\xf9\x04\x05\xff\xff\0\0";
    let text = [&control[..], b"\x21\x01\x0c", &[0; 12], b"\x05hello\0"].concat();
    let head = 13 + if plain[10] & 0x80 == 0 { 0 } else { 3 << ((plain[10] & 7) + 1) };
    let bytes = [&plain[..head], &comment, &xmp, &text, &plain[head..]].concat();
    let clean = stripped(Kind::Gif, &bytes);
    assert!(clean == plain);
}

#[test]
fn an_animation_keeps_its_frames_and_their_timing() {
    let frames = |frames: Frames<'_>| -> Vec<_> {
        let frames = frames.collect_frames().unwrap();
        frames.into_iter().map(|frame| (frame.delay(), frame.into_buffer())).collect()
    };
    let gif = fixtures::gif(12, 10);
    let clean = stripped(Kind::Gif, &gif);
    let of_gif = |bytes: &[u8]| frames(GifDecoder::new(Cursor::new(bytes)).unwrap().into_frames());
    assert_eq!(of_gif(&clean).len(), 3);
    assert!(of_gif(&clean) == of_gif(&gif));

    let webp = fixtures::animated_webp(12, 10, &[riff_chunk(b"EXIF", &exif(1)), riff_chunk(b"XMP ", SECRET)]);
    let clean = stripped(Kind::Webp, &webp);
    let of_webp = |bytes: &[u8]| frames(WebPDecoder::new(Cursor::new(bytes)).unwrap().into_frames());
    assert_eq!(of_webp(&clean).len(), 2);
    assert!(of_webp(&clean) == of_webp(&webp));

    let png = with_chunks(&fixtures::animated_png(12, 10), &[png_chunk(b"tEXt", SECRET)]);
    let clean = stripped(Kind::Png, &png);
    let of_png = |bytes: &[u8]| frames(PngDecoder::new(Cursor::new(bytes)).unwrap().apng().unwrap().into_frames());
    assert_eq!(of_png(&clean).len(), 2);
    assert!(of_png(&clean) == of_png(&png));
}

#[test]
fn what_stands_behind_the_end_is_cut_off() {
    for (kind, plain) in fixtures::all() {
        for tail in [&b"<script>alert(1)</script>"[..], b"\0\0\0\x18ftypmp42", b"PK\x03\x04", SECRET] {
            let clean = stripped(kind, &[&plain, tail].concat());
            assert!(clean == plain, "{kind:?}");
        }
    }
}

#[test]
fn a_picture_that_ends_too_early_is_refused() {
    for (kind, bytes) in fixtures::all() {
        for length in 0..bytes.len() - 1 {
            // Where a GIF ends between two frames, or lacks its mark, it is whole.
            let result = strip_metadata(kind, &bytes[..length]);
            assert!(kind == Kind::Gif && length > 13 || result.is_err(), "{kind:?} of {length} bytes");
        }
    }
    let (png, jpeg) = (fixtures::png(8, 8), fixtures::jpeg(8, 8));
    for (kind, bytes) in [(Kind::Png, png), (Kind::Jpeg, jpeg)] {
        let result = strip_metadata(kind, &bytes[..bytes.len() - 3]);
        assert!(matches!(result, Err(PictureError::Truncated)), "{result:?}");
    }
}

#[test]
fn a_jpeg_that_decoders_read_in_different_ways_is_refused() {
    let plain = fixtures::jpeg(48, 32);
    let scan = plain.len() - 20;
    for (at, odd) in
        [(20, &b"garbage"[..]), (20, b"\xff\x00"), (20, b"\xff\xd0"), (scan, b"\xff\x69"), (scan, b"\xff\x01")]
    {
        let bytes = [&plain[..at], odd, &plain[at..]].concat();
        let result = strip_metadata(Kind::Jpeg, &bytes);
        assert!(matches!(result, Err(PictureError::Malformed(_))), "{} at {at}", odd.escape_ascii());
        assert!(matches!(Inspection::read(Kind::Jpeg, &bytes), Err(PictureError::Malformed(_))));
    }
    // Fill bytes before a marker mean nothing.
    assert!(stripped(Kind::Jpeg, &[&plain[..20], b"\xff\xff", &plain[20..]].concat()) == plain);
}

#[test]
fn a_webp_frame_without_a_picture_is_refused() {
    let mut bytes = fixtures::animated_webp(12, 10, &[]);
    let at = bytes.windows(4).rposition(|window| window == b"VP8L").unwrap();
    bytes[at] = b'x';
    assert!(matches!(strip_metadata(Kind::Webp, &bytes), Err(PictureError::Malformed(_))));
}

#[test]
fn a_file_that_is_no_picture_is_not_stripped() {
    for kind in [Kind::Text, Kind::Pdf, Kind::Mp4, Kind::Unknown] {
        assert!(matches!(strip_metadata(kind, SECRET), Err(PictureError::Unsupported(_))));
    }
    for (kind, _) in fixtures::all() {
        assert!(matches!(strip_metadata(kind, &[0; 64]), Err(PictureError::Malformed(_))), "{kind:?}");
    }
}
