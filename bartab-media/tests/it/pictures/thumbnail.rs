use std::io::Cursor;

use bartab_media::{
    Fit, Inspection, Kind, Picture, PictureLimits, Thumbnail, ThumbnailAccept, ThumbnailFormat, ThumbnailSize,
    ThumbnailSizes,
};
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::metadata::Orientation;
use image::{
    DynamicImage, ExtendedColorType, GrayImage, ImageDecoder as _, ImageEncoder as _, ImageFormat, ImageReader,
};
use image::{Luma, Rgb, RgbImage, load_from_memory};

use super::fixtures;

fn picture(kind: Kind, bytes: &[u8]) -> Picture {
    let inspection = Inspection::read(kind, bytes).unwrap();
    Picture::decode(&inspection, bytes, &PictureLimits::default()).unwrap()
}

fn thumbnail(kind: Kind, bytes: &[u8], size: (u32, u32), fit: Fit) -> Thumbnail {
    let made = picture(kind, bytes).thumbnail(size.into(), fit, ThumbnailAccept::Any).unwrap();
    let decoded = load_from_memory(&made.bytes).unwrap();
    assert_eq!((decoded.width(), decoded.height()), (made.width, made.height));
    assert_eq!(Kind::sniff(&made.bytes).mime(), made.format.mime());
    made
}

/// The largest difference of a channel.
fn difference(one: &RgbImage, other: &RgbImage) -> u8 {
    assert_eq!(one.dimensions(), other.dimensions());
    one.as_raw().iter().zip(other.as_raw()).map(|(one, other)| one.abs_diff(*other)).max().unwrap()
}

#[test]
fn every_orientation_is_turned_into_place() {
    // Colours that differ at each corner, in areas that survive shrinking and JPEG.
    let corners = RgbImage::from_fn(96, 64, |x, y| match (x < 48, y < 32) {
        (true, true) => Rgb([200, 20, 20]),
        (false, true) => Rgb([20, 200, 20]),
        (true, false) => Rgb([20, 20, 200]),
        (false, false) => Rgb([200, 200, 20]),
    });
    for value in 1..=8 {
        let orientation = Orientation::from_exif(value).unwrap();
        let mut upright = DynamicImage::from(corners.clone());
        upright.apply_orientation(orientation);
        let upright = upright.to_rgb8();
        let png = fixtures::encode(corners.clone(), ImageFormat::Png);
        let png = fixtures::with_chunks(&png, &[fixtures::png_chunk(b"eXIf", &fixtures::exif(value))]);
        for fit in [Fit::Contain, Fit::Cover] {
            let (width, height) = (upright.width() / 2, upright.height() / 2);
            let made = thumbnail(Kind::Png, &png, (width, height), fit);
            let made = load_from_memory(&made.bytes).unwrap().to_rgb8();
            assert_eq!(made.dimensions(), (width, height));
            for (x, y) in [(8, 8), (width - 8, 8), (8, height - 8), (width - 8, height - 8)] {
                let (one, other) = (made.get_pixel(x, y).0, upright.get_pixel(x * 2, y * 2).0);
                let near = one.iter().zip(other).all(|(one, other)| one.abs_diff(other) < 12);
                assert!(near, "orientation {value} at {x},{y}: {one:?} {other:?}");
            }
        }
    }
}

#[test]
fn a_thumbnail_is_contained_or_covers_and_is_never_enlarged() {
    let wide = fixtures::jpeg(200, 100);
    let cases = [
        ((100, 100), Fit::Contain, (100, 50)),
        ((100, 100), Fit::Cover, (100, 100)),
        ((64, 32), Fit::Cover, (64, 32)),
        ((50, 100), Fit::Cover, (50, 100)),
        ((400, 400), Fit::Contain, (200, 100)),
        ((400, 400), Fit::Cover, (200, 100)),
        ((150, 150), Fit::Cover, (150, 100)),
        ((1, 1), Fit::Contain, (1, 1)),
    ];
    for (size, fit, expected) in cases {
        let made = thumbnail(Kind::Jpeg, &wide, size, fit);
        assert_eq!((made.width, made.height), expected, "{size:?} {fit}");
    }
    let thin = fixtures::png(500, 1);
    assert_eq!(thumbnail(Kind::Png, &thin, (32, 32), Fit::Contain).height, 1);
}

#[test]
fn what_covers_is_cut_evenly() {
    // Red, green, blue beside one another: the middle is green.
    let stripes = RgbImage::from_fn(300, 100, |x, _| {
        let mut colour = [0; 3];
        colour[(x / 100) as usize] = 250;
        Rgb(colour)
    });
    let made = thumbnail(Kind::Png, &fixtures::encode(stripes, ImageFormat::Png), (50, 50), Fit::Cover);
    let made = load_from_memory(&made.bytes).unwrap().to_rgb8();
    for x in [4, 25, 45] {
        let Rgb([r, g, b]) = *made.get_pixel(x, 25);
        assert!(g > 220 && r < 30 && b < 30, "{r} {g} {b} at {x}");
    }
}

#[test]
fn opaque_is_jpeg_and_transparent_is_webp_or_png() {
    let opaque = fixtures::png(64, 48);
    let transparent = fixtures::encode(fixtures::transparent(64, 48), ImageFormat::Png);
    for (accept, format) in [("image/avif,image/webp,*/*;q=0.8", ThumbnailFormat::Webp), ("*/*", ThumbnailFormat::Png)]
    {
        let accept = ThumbnailAccept::from_header(accept);
        let size = ThumbnailSize::new(32, 32);
        let made = picture(Kind::Png, &opaque).thumbnail(size, Fit::Contain, accept).unwrap();
        assert_eq!(made.format, ThumbnailFormat::Jpeg);
        let made = picture(Kind::Png, &transparent).thumbnail(size, Fit::Contain, accept).unwrap();
        assert_eq!(made.format, format);
        let pixels = load_from_memory(&made.bytes).unwrap().to_rgba8();
        assert_eq!(pixels.get_pixel(4, 12).0[3], 255);
        assert_eq!(pixels.get_pixel(28, 12).0[3], 0);
    }
    for refusing in ["", "image/webp;q=0", "image/*", "image/webpx", "text/html"] {
        assert_eq!(ThumbnailAccept::from_header(refusing), ThumbnailAccept::Any, "{refusing}");
    }
    assert_eq!(ThumbnailAccept::from_header(" IMAGE/WEBP ; q=0.1"), ThumbnailAccept::Webp);
}

#[test]
fn the_first_frame_of_an_animation_is_its_thumbnail() {
    for (kind, bytes, expected) in [
        (Kind::Gif, fixtures::gif(24, 20), Rgb([10, 245, 40])),
        (Kind::Webp, fixtures::animated_webp(24, 20, &[]), Rgb([10, 7, 77])),
        (Kind::Png, fixtures::animated_png(24, 20), *fixtures::pattern(24, 20).get_pixel(6, 5)),
    ] {
        let made = thumbnail(kind, &bytes, (12, 10), Fit::Contain);
        assert_eq!(made.format, ThumbnailFormat::Jpeg);
        let pixels = load_from_memory(&made.bytes).unwrap().to_rgb8();
        let near = pixels.get_pixel(3, 2).0.iter().zip(expected.0).all(|(one, other)| one.abs_diff(other) < 60);
        assert!(near, "{kind:?}: {:?} {expected:?}", pixels.get_pixel(3, 2));
    }
}

#[test]
fn shrinking_keeps_what_is_seen() {
    let made = thumbnail(Kind::Jpeg, &fixtures::jpeg(256, 256), (64, 64), Fit::Contain);
    let pixels = load_from_memory(&made.bytes).unwrap().to_rgb8();
    let small = fixtures::pattern(64, 64);
    let corner = |picture: &RgbImage| image::imageops::crop_imm(picture, 40, 40, 20, 20).to_image();
    assert!(difference(&corner(&pixels), &corner(&small)) < 16);
}

#[test]
fn every_channel_and_depth_becomes_a_thumbnail() {
    let (width, height) = (40, 30);
    let pictures = [
        (DynamicImage::new_luma8(width, height), ThumbnailFormat::Jpeg),
        (DynamicImage::new_luma_a8(width, height), ThumbnailFormat::Png),
        (DynamicImage::new_luma16(width, height), ThumbnailFormat::Jpeg),
        (DynamicImage::new_rgb16(width, height), ThumbnailFormat::Jpeg),
        (DynamicImage::new_rgba16(width, height), ThumbnailFormat::Png),
    ];
    for (pixels, format) in pictures {
        let made = thumbnail(Kind::Png, &fixtures::encode(pixels, ImageFormat::Png), (20, 20), Fit::Contain);
        assert_eq!((made.format, made.width, made.height), (format, 20, 15));
    }
}

fn profile(thumbnail: &Thumbnail) -> Option<Vec<u8>> {
    let reader = ImageReader::new(Cursor::new(&thumbnail.bytes)).with_guessed_format().unwrap();
    reader.into_decoder().unwrap().icc_profile().unwrap()
}

fn jpeg_with(profile: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new(&mut bytes);
    encoder.set_icc_profile(profile.to_vec()).unwrap();
    encoder.write_image(fixtures::pattern(40, 30).as_raw(), 40, 30, ExtendedColorType::Rgb8).unwrap();
    bytes
}

#[test]
fn a_wide_gamut_travels_in_a_small_profile_and_others_are_left_out() {
    let wide = fixtures::profile(b"RGB ", "Display P3", 548);
    assert_eq!(profile(&thumbnail(Kind::Jpeg, &jpeg_with(&wide), (20, 20), Fit::Contain)), Some(wide.clone()));
    for other in [
        fixtures::profile(b"RGB ", "sRGB IEC61966-2.1", 3144),
        fixtures::profile(b"RGB ", "\0s\0R\0G\0B", 548),
        fixtures::profile(b"CMYK", "FOGRA39", 548),
        fixtures::profile(b"RGB ", "with tables", 200_000),
        b"no profile".to_vec(),
    ] {
        assert_eq!(profile(&thumbnail(Kind::Jpeg, &jpeg_with(&other), (20, 20), Fit::Contain)), None);
    }
    // In what carries transparency, too.
    let mut png = Vec::new();
    let mut encoder = PngEncoder::new(&mut png);
    encoder.set_icc_profile(wide.clone()).unwrap();
    encoder.write_image(fixtures::transparent(40, 30).as_raw(), 40, 30, ExtendedColorType::Rgba8).unwrap();
    for accept in [ThumbnailAccept::Any, ThumbnailAccept::Webp] {
        let made = picture(Kind::Png, &png).thumbnail(ThumbnailSize::new(20, 20), Fit::Contain, accept).unwrap();
        assert_eq!(profile(&made), Some(wide.clone()));
    }
}

#[test]
fn a_profile_about_colours_is_left_out_of_a_grey_thumbnail() {
    let grey = GrayImage::from_pixel(40, 30, Luma([90]));
    let with = |space: &[u8; 4]| {
        let mut png = Vec::new();
        let mut encoder = PngEncoder::new(&mut png);
        encoder.set_icc_profile(fixtures::profile(space, "Gamma", 400)).unwrap();
        encoder.write_image(grey.as_raw(), 40, 30, ExtendedColorType::L8).unwrap();
        profile(&thumbnail(Kind::Png, &png, (20, 20), Fit::Contain))
    };
    assert_eq!(with(b"GRAY"), Some(fixtures::profile(b"GRAY", "Gamma", 400)));
    assert_eq!(with(b"RGB "), None);
}

#[test]
fn sizes_are_rounded_up_to_those_that_are_made() {
    let sizes = ThumbnailSizes::default();
    let cases = [
        ((1, 1), (32, 32)),
        ((32, 32), (32, 32)),
        ((33, 20), (64, 64)),
        ((300, 170), (320, 180)),
        ((320, 200), (320, 240)),
        ((500, 500), (512, 512)),
        ((1000, 700), (1280, 720)),
        ((9_999, 9_999), (2048, 2048)),
        ((0, 0), (32, 32)),
    ];
    for (wanted, given) in cases {
        let given = ThumbnailSize::from(given);
        assert_eq!(sizes.round_up(wanted.into()), given, "{wanted:?}");
        assert!(sizes.contains(given));
    }
    assert_eq!(ThumbnailSizes::new([]), sizes);
    assert_eq!(ThumbnailSize::new(320, 240).to_string(), "320x240");
}

#[test]
fn a_blurhash_tells_the_colours_where_they_are_shown() {
    let halves = RgbImage::from_fn(64, 32, |x, _| if x < 32 { Rgb([250, 10, 10]) } else { Rgb([10, 10, 250]) });
    let png = fixtures::encode(halves, ImageFormat::Png);
    let hash = picture(Kind::Png, &png).blurhash().unwrap();
    assert_eq!(hash.len(), 28);
    let decoded = blurhash::decode(&hash, 4, 4, 1.0).unwrap();
    assert!(decoded[0] > decoded[2] && decoded[12] < decoded[14], "{decoded:?}");
    // Turned by half, blue is on the left.
    let turned = fixtures::with_chunks(&png, &[fixtures::png_chunk(b"eXIf", &fixtures::exif(3))]);
    let decoded = blurhash::decode(&picture(Kind::Png, &turned).blurhash().unwrap(), 4, 4, 1.0).unwrap();
    assert!(decoded[0] < decoded[2] && decoded[12] > decoded[14], "{decoded:?}");
    for bytes in [fixtures::png(1, 1), fixtures::png(300, 1)] {
        assert!(!picture(Kind::Png, &bytes).blurhash().unwrap().is_empty());
    }
}
