use bartab_media::Kind;
use image::ImageFormat;

use super::fixtures;

#[test]
fn a_kind_is_found_from_the_bytes() {
    for (kind, bytes) in fixtures::all() {
        assert_eq!(Kind::sniff(&bytes), kind);
        assert!(kind.may_be_inline() && kind.is_picture() && kind.has_thumbnail());
    }
    let table: &[(&[u8], Kind)] = &[
        (b"\0\0\0\x1cftypavif\0\0\0\0mif1avifmiaf", Kind::Avif),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif", Kind::Avif),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", Kind::Heic),
        (b"\0\0\0\x18ftypmif1\0\0\0\0heicmif1", Kind::Heic),
        (b"\0\0\0\x18ftypisom\0\0\0\0isomavc1", Kind::Mp4),
        (b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", Kind::Quicktime),
        (b"\0\0\0\x14ftypM4A \0\0\0\0isom", Kind::M4a),
        (b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm", Kind::Webm),
        (b"\x1a\x45\xdf\xa3\xa3\x42\x86\x81\x01\x42\x82\x88matroska", Kind::Matroska),
        (b"ID3\x03\0\0\0\0\0\0", Kind::Mp3),
        (b"\xff\xfb\x90\x64", Kind::Mp3),
        (b"OggS\0\x02", Kind::Ogg),
        (b"fLaC\0\0\0\x22", Kind::Flac),
        (b"RIFF\x24\0\0\0WAVEfmt ", Kind::Wav),
        (b"%PDF-1.7\n", Kind::Pdf),
        (b"PK\x03\x04\x14\0", Kind::Zip),
        (b"Hello, \xf0\x9f\x8d\xba\n", Kind::Text),
        (b"", Kind::Unknown),
        (b"\0", Kind::Unknown),
        (b"MZ\x90\0\x03", Kind::Unknown),
        (b"caf\xe9", Kind::Unknown),
        (b"RIFF\x24\0\0\0AVI LIST", Kind::Unknown),
        (b"XXXXYYYYWEBP", Kind::Text),
        (b"\0\0\0\x14ftypzzzz\0\0\0\0zzzz", Kind::Unknown),
        (b"\xff\xfb\xff\xff", Kind::Unknown),
    ];
    for (bytes, kind) in table {
        assert_eq!(Kind::sniff(bytes), *kind, "{}", bytes.escape_ascii());
        assert_eq!(Kind::from_mime(kind.mime()), *kind);
    }
}

#[test]
fn a_document_that_could_run_script_is_text_and_never_inline() {
    for text in [
        "<!DOCTYPE html><script>alert(1)</script>",
        "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        "<?xml version='1.0'?><x/>",
        "\u{feff}<html>",
        "alert(1)",
    ] {
        let kind = Kind::sniff(text.as_bytes());
        assert_eq!(kind, Kind::Text);
        assert_eq!(kind.mime(), "text/plain");
        assert!(!kind.may_be_inline());
    }
    let utf16: Vec<u8> = "\u{feff}<html>".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(Kind::sniff(&utf16), Kind::Unknown);
    for kind in [Kind::Pdf, Kind::Zip, Kind::Text, Kind::Unknown, Kind::Heic] {
        assert!(!kind.may_be_inline());
    }
}

#[test]
fn a_png_that_is_also_html_is_a_png() {
    let html = b"<!DOCTYPE html><script>alert(1)</script>";
    let png = fixtures::with_chunks(&fixtures::png(4, 4), &[fixtures::png_chunk(b"tEXt", html)]);
    assert_eq!(Kind::sniff(&png), Kind::Png);
    assert_eq!(Kind::sniff(&png).mime(), "image/png");
}

#[test]
fn text_may_end_within_a_character_only_where_the_head_ends() {
    let mut text = vec![b'a'; Kind::HEAD - 1];
    text.extend_from_slice("ä and on it goes".as_bytes());
    assert_eq!(Kind::sniff(&text), Kind::Text);
    assert_eq!(Kind::sniff(&text[..Kind::HEAD]), Kind::Text);
    assert_eq!(Kind::sniff(b"ends in \xc3"), Kind::Unknown);
}

#[test]
fn formats_without_a_place_in_the_table_are_downloaded() {
    let bmp = b"BM\x1e\0\0\0\0\0\0\0\x1a\0\0\0\x0c\0\0\0\x01\0\x01\0\x01\0\x18\0\0\0\xff\0";
    assert_eq!(Kind::sniff(bmp), Kind::Unknown);
    assert_eq!(Kind::sniff(bmp).mime(), "application/octet-stream");
    assert_eq!(Kind::from_mime("image/svg+xml"), Kind::Unknown);
    assert_eq!(image::guess_format(bmp).unwrap(), ImageFormat::Bmp);
}
