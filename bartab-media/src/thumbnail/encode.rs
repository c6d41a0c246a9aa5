//! The bytes of a thumbnail.

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::codecs::webp::WebPEncoder;
use image::{DynamicImage, ImageEncoder};

use crate::picture::PictureError;

/// Of 100; what shops and networks use for small pictures.
const QUALITY: u8 = 80;

/// A thumbnail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thumbnail {
    /// The file.
    pub bytes: Vec<u8>,
    /// The format that it is in.
    pub format: ThumbnailFormat,
    /// Its width in pixels.
    pub width: u32,
    /// Its height in pixels.
    pub height: u32,
}

/// The format of a thumbnail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ThumbnailFormat {
    /// For what is opaque.
    Jpeg,
    /// For what is transparent, where a client takes it.
    Webp,
    /// For what is transparent, elsewhere.
    Png,
}

impl ThumbnailFormat {
    /// The media type to serve it under.
    pub fn mime(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Webp => "image/webp",
            Self::Png => "image/png",
        }
    }

    /// The usual end of a file's name, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Webp => "webp",
            Self::Png => "png",
        }
    }
}

/// What a client takes; answers that depend on it carry `Vary: Accept`. An opaque thumbnail is the same for all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ThumbnailAccept {
    /// WebP, since the client names it.
    Webp,
    /// What every client takes.
    #[default]
    Any,
}

impl ThumbnailAccept {
    /// What an `Accept` header says; a client that does not name WebP, not by `image/*` either, may not know it.
    pub fn from_header(accept: &str) -> Self {
        let takes_webp = accept.split(',').any(|range| {
            let mut parts = range.split(';').map(str::trim);
            let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("image/webp"));
            let refused = parts.any(|parameter| {
                let weight = parameter.strip_prefix("q=").or(parameter.strip_prefix("Q="));
                weight.is_some_and(|weight| weight.parse().is_ok_and(|weight: f32| weight <= 0.0))
            });
            named && !refused
        });
        if takes_webp { Self::Webp } else { Self::Any }
    }
}

pub(super) fn encode(
    pixels: DynamicImage,
    profile: Option<&[u8]>,
    accept: ThumbnailAccept,
) -> Result<Thumbnail, PictureError> {
    let pixels = match pixels {
        DynamicImage::ImageRgba8(rgba) if rgba.pixels().all(|pixel| pixel.0[3] == u8::MAX) => {
            DynamicImage::ImageRgba8(rgba).into_rgb8().into()
        }
        other => other,
    };
    let format = match (pixels.color().has_alpha(), accept) {
        (false, _) => ThumbnailFormat::Jpeg,
        (true, ThumbnailAccept::Webp) => ThumbnailFormat::Webp,
        (true, ThumbnailAccept::Any) => ThumbnailFormat::Png,
    };
    let mut bytes = Vec::new();
    let written = match format {
        ThumbnailFormat::Jpeg => write(JpegEncoder::new_with_quality(&mut bytes, QUALITY), &pixels, profile),
        ThumbnailFormat::Webp => write(WebPEncoder::new_lossless(&mut bytes), &pixels, profile),
        ThumbnailFormat::Png => {
            let encoder = PngEncoder::new_with_quality(&mut bytes, CompressionType::Default, FilterType::Adaptive);
            write(encoder, &pixels, profile)
        }
    };
    written.map_err(|error| PictureError::Encode(error.into()))?;
    Ok(Thumbnail { bytes, format, width: pixels.width(), height: pixels.height() })
}

fn write<E: ImageEncoder>(mut encoder: E, pixels: &DynamicImage, profile: Option<&[u8]>) -> image::ImageResult<()> {
    if let Some(profile) = profile {
        // All three formats can carry one.
        encoder.set_icc_profile(profile.to_vec()).map_err(image::ImageError::Unsupported)?;
    }
    encoder.write_image(pixels.as_bytes(), pixels.width(), pixels.height(), pixels.color().into())
}
