//! Pictures, made here: encoded from a pattern, and put together by hand where no encoder makes such a thing.

use std::io::Cursor;

use bartab_media::Kind;
use image::codecs::gif::GifEncoder;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::webp::WebPEncoder;
use image::{Delay, DynamicImage, Frame, ImageEncoder as _, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};

/// What must never be found in a stripped picture.
pub(crate) const SECRET: &[u8] = b"52.5200N 13.4050E";

pub(crate) fn has(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

/// A pattern without any symmetry, soft enough for JPEG to keep.
pub(crate) fn pattern(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let (x, y) = (x * 255 / width, y * 255 / height);
        Rgb([x as u8, y as u8, if x < 128 && y < 128 { 255 } else { 0 }])
    })
}

pub(crate) fn transparent(width: u32, height: u32) -> RgbaImage {
    RgbaImage::from_fn(width, height, |x, y| {
        let Rgb([r, g, b]) = *pattern(width, height).get_pixel(x, y);
        Rgba([r, g, b, if x < width / 2 { 255 } else { 0 }])
    })
}

pub(crate) fn encode(picture: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

pub(crate) fn jpeg(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut bytes, 95);
    let pixels = pattern(width, height);
    encoder.write_image(pixels.as_raw(), width, height, image::ExtendedColorType::Rgb8).unwrap();
    bytes
}

pub(crate) fn png(width: u32, height: u32) -> Vec<u8> {
    encode(pattern(width, height), ImageFormat::Png)
}

pub(crate) fn webp(width: u32, height: u32) -> Vec<u8> {
    encode(pattern(width, height), ImageFormat::WebP)
}

/// Three frames, each of another colour.
pub(crate) fn gif(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = GifEncoder::new(&mut bytes);
    encoder.set_repeat(image::codecs::gif::Repeat::Infinite).unwrap();
    for shade in [10, 120, 230] {
        let pixels = RgbaImage::from_pixel(width, height, Rgba([shade, 255 - shade, 40, 255]));
        encoder.encode_frame(Frame::from_parts(pixels, 0, 0, Delay::from_numer_denom_ms(50, 1))).unwrap();
    }
    drop(encoder);
    bytes
}

pub(crate) fn all() -> [(Kind, Vec<u8>); 4] {
    [(Kind::Jpeg, jpeg(48, 32)), (Kind::Png, png(48, 32)), (Kind::Webp, webp(48, 32)), (Kind::Gif, gif(48, 32))]
}

/// A profile that is none in earnest: a header with its colour space, and a name.
pub(crate) fn profile(space: &[u8; 4], name: &str, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; 128];
    bytes[16..20].copy_from_slice(space);
    bytes[36..40].copy_from_slice(b"acsp");
    bytes.extend_from_slice(name.as_bytes());
    bytes.resize(length, 0);
    bytes
}

/// An EXIF block as a camera writes it: its maker, the orientation, and where it was, which a pointer tells.
pub(crate) fn exif(orientation: u8) -> Vec<u8> {
    let mut block = b"II\x2a\0\x08\0\0\0\x03\0".to_vec();
    let mut entry = |tag: u16, format: u16, count: u32, value: u32| {
        block.extend_from_slice(&tag.to_le_bytes());
        block.extend_from_slice(&format.to_le_bytes());
        block.extend_from_slice(&count.to_le_bytes());
        block.extend_from_slice(&value.to_le_bytes());
    };
    entry(0x010f, 2, SECRET.len() as u32, 50);
    entry(0x0112, 3, 1, u32::from(orientation));
    entry(0x8825, 4, 1, 50);
    block.extend_from_slice(&[0; 4]);
    block.extend_from_slice(SECRET);
    block
}

pub(crate) fn xmp() -> Vec<u8> {
    [b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta>", SECRET, b"</x:xmpmeta>"].concat()
}

pub(crate) fn segment(marker: u8, contents: &[u8]) -> Vec<u8> {
    [&[0xff, marker], &(contents.len() as u16 + 2).to_be_bytes()[..], contents].concat()
}

pub(crate) fn exif_segment(orientation: u8) -> Vec<u8> {
    segment(0xe1, &[b"Exif\0\0", &exif(orientation)[..]].concat())
}

/// The segments put between the JPEG's first, JFIF, and the rest.
pub(crate) fn with_segments(jpeg: &[u8], segments: &[Vec<u8>]) -> Vec<u8> {
    let at = 4 + usize::from(u16::from_be_bytes([jpeg[4], jpeg[5]]));
    [&jpeg[..at], &segments.concat(), &jpeg[at..]].concat()
}

pub(crate) fn png_chunk(kind: &[u8; 4], contents: &[u8]) -> Vec<u8> {
    let mut chunk = (contents.len() as u32).to_be_bytes().to_vec();
    chunk.extend_from_slice(kind);
    chunk.extend_from_slice(contents);
    let checksum = crc32fast::hash(&chunk[4..]);
    chunk.extend_from_slice(&checksum.to_be_bytes());
    chunk
}

/// How long a PNG's signature and header are.
pub(crate) const PNG_HEAD: usize = 33;

pub(crate) fn with_chunks(png: &[u8], chunks: &[Vec<u8>]) -> Vec<u8> {
    [&png[..PNG_HEAD], &chunks.concat(), &png[PNG_HEAD..]].concat()
}

/// The pixels of a PNG as they are coded.
fn png_data(png: &[u8]) -> Vec<u8> {
    let (mut at, mut data) = (8, Vec::new());
    while at < png.len() {
        let length = u32::from_be_bytes(png[at..at + 4].try_into().unwrap()) as usize;
        if &png[at + 4..at + 8] == b"IDAT" {
            data.extend_from_slice(&png[at + 8..at + 8 + length]);
        }
        at += length + 12;
    }
    data
}

/// Two frames; no encoder at hand makes one.
pub(crate) fn animated_png(width: u32, height: u32) -> Vec<u8> {
    let first = encode(pattern(width, height), ImageFormat::Png);
    let second = encode(RgbImage::from_pixel(width, height, Rgb([9, 99, 199])), ImageFormat::Png);
    let control = |number: u32| {
        let (width, height) = (width.to_be_bytes(), height.to_be_bytes());
        let parts: [&[u8]; 5] = [&number.to_be_bytes(), &width, &height, &[0; 8], b"\0\x01\0\x0a\0\0"];
        png_chunk(b"fcTL", &parts.concat())
    };
    [
        first[..PNG_HEAD].to_vec(),
        png_chunk(b"acTL", b"\0\0\0\x02\0\0\0\0"),
        control(0),
        png_chunk(b"IDAT", &png_data(&first)),
        control(1),
        png_chunk(b"fdAT", &[b"\0\0\0\x02", &png_data(&second)[..]].concat()),
        png_chunk(b"IEND", b""),
    ]
    .concat()
}

pub(crate) fn riff_chunk(kind: &[u8; 4], contents: &[u8]) -> Vec<u8> {
    let mut chunk = [kind, &(contents.len() as u32).to_le_bytes()[..], contents].concat();
    chunk.resize(chunk.len().next_multiple_of(2), 0);
    chunk
}

pub(crate) fn riff(chunks: &[Vec<u8>]) -> Vec<u8> {
    let chunks = chunks.concat();
    [b"RIFF", &(chunks.len() as u32 + 4).to_le_bytes()[..], b"WEBP", &chunks].concat()
}

pub(crate) fn webp_header(flags: u8, width: u32, height: u32) -> Vec<u8> {
    let (width, height) = ((width - 1).to_le_bytes(), (height - 1).to_le_bytes());
    riff_chunk(b"VP8X", &[&[flags, 0, 0, 0], &width[..3], &height[..3]].concat())
}

/// The picture's chunk of a WebP that has no other.
pub(crate) fn webp_picture(webp: &[u8]) -> Vec<u8> {
    webp[12..].to_vec()
}

/// Two frames, with a note in each, and behind them EXIF and XMP if `extra` is these.
pub(crate) fn animated_webp(width: u32, height: u32, extra: &[Vec<u8>]) -> Vec<u8> {
    let (across, down) = ((width - 1).to_le_bytes(), (height - 1).to_le_bytes());
    let frame = |shade: u8| {
        let mut bytes = Vec::new();
        let pixels = RgbImage::from_pixel(width, height, Rgb([shade, 7, 77]));
        let encoder = WebPEncoder::new_lossless(&mut bytes);
        encoder.encode(pixels.as_raw(), width, height, image::ExtendedColorType::Rgb8).unwrap();
        let head = [&[0; 6], &across[..3], &down[..3], b"\x32\0\0\0"].concat();
        let note = riff_chunk(b"note", SECRET);
        riff_chunk(b"ANMF", &[head, webp_picture(&bytes), note].concat())
    };
    let private = if extra.is_empty() { 0 } else { 0x08 | 0x04 };
    let mut chunks = vec![webp_header(0x02 | private, width, height), riff_chunk(b"ANIM", &[0; 6])];
    chunks.extend([frame(10), frame(200)]);
    chunks.extend_from_slice(extra);
    riff(&chunks)
}
