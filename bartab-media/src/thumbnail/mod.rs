//! A decoded picture, and what is made of it: thumbnails and a blurhash.
//!
//! - **AVIF and HEIC have no thumbnail.** Of the AV1 decoders in Rust, `rav1d` is called through `unsafe` C functions
//!   only, which this workspace forbids, `re_rav1d` is one product's fork of it, and `rav1d-safe` is AGPL; all are slow
//!   without their assembler.
//! - **Opaque thumbnails are JPEG, transparent ones lossless WebP**, or PNG where a client does not say that it takes
//!   WebP. The pure-Rust WebP encoder is lossless, several times JPEG's size for a photo; libwebp would make photos about
//!   a quarter smaller, at the price of a parser in C.
//! - **Colours stay right**: a small RGB profile, such as Display P3 or Adobe RGB, goes into the thumbnail, so that its
//!   pixels keep their meaning. Profiles that say sRGB are left out, since that is what no profile means. One larger
//!   than [`profile::MOST`], or for ink, is left out, too: its picture is shown as if it were sRGB.

mod encode;
mod profile;
mod resize;
mod size;

use std::io::Cursor;

use image::codecs::gif::GifDecoder;
use image::codecs::jpeg::JpegDecoder;
use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, Limits};

use crate::inspect::Inspection;
use crate::picture::{PictureError, PictureLimits};
use crate::sniff::Kind;

pub use encode::{Thumbnail, ThumbnailAccept, ThumbnailFormat};
pub use size::{Fit, ThumbnailSize, ThumbnailSizes};

/// The longer side of what a blurhash is made of: it says no more than a few waves of colour.
const BLURHASH_SIDE: u32 = 32;

/// A decoded picture; of an animation its first frame.
pub struct Picture {
    /// Grey, RGB or RGBA of eight bits, not yet turned into place: turning a thumbnail takes less.
    pixels: DynamicImage,
    orientation: Orientation,
    profile: Option<Vec<u8>>,
}

impl std::fmt::Debug for Picture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (width, height) = (self.pixels.width(), self.pixels.height());
        let mut debug = f.debug_struct("Picture");
        debug.field("width", &width).field("height", &height).field("orientation", &self.orientation);
        debug.finish_non_exhaustive()
    }
}

impl Picture {
    /// Decodes the picture that `bytes` are, and of which `inspection` tells, once it is known to be within `limits`.
    ///
    /// It takes long and blocks: call it on a thread for such work.
    ///
    /// # Errors
    ///
    /// What [`Inspection::check`] says, before anything is allocated; `Unsupported` for a kind without
    /// [`Kind::has_thumbnail`]; `Decode` if the coded pixels are broken.
    pub fn decode(inspection: &Inspection, bytes: &[u8], limits: &PictureLimits) -> Result<Self, PictureError> {
        inspection.check(limits)?;
        let mut within = Limits::default();
        within.max_image_width = Some(inspection.coded.width);
        within.max_image_height = Some(inspection.coded.height);
        within.max_alloc = Some(limits.max_memory);
        let file = Cursor::new(bytes);
        let (pixels, profile) = match inspection.kind {
            Kind::Jpeg => decode(inspection, JpegDecoder::new(file), within),
            Kind::Png => decode(inspection, PngDecoder::with_limits(file, within.clone()), within),
            Kind::Gif => decode(inspection, GifDecoder::new(file), within),
            Kind::Webp => decode(inspection, WebPDecoder::new(file), within),
            _ => return Err(PictureError::Unsupported("thumbnails of this format")),
        }?;
        let pixels = match pixels {
            DynamicImage::ImageLuma8(_) | DynamicImage::ImageRgb8(_) | DynamicImage::ImageRgba8(_) => pixels,
            other if other.color().has_alpha() => other.into_rgba8().into(),
            other => other.into_rgb8().into(),
        };
        let profile = profile.filter(|profile| profile::fits(profile, &pixels));
        Ok(Self { pixels, orientation: inspection.orientation, profile })
    }

    /// The picture's thumbnail, turned into place and never larger than the picture, in a format that `accept` takes.
    ///
    /// The same arguments give the same bytes.
    ///
    /// # Errors
    ///
    /// `Encode`, which no picture is known to cause.
    pub fn thumbnail(&self, size: ThumbnailSize, fit: Fit, accept: ThumbnailAccept) -> Result<Thumbnail, PictureError> {
        encode::encode(self.shrunk(size, fit)?, self.profile.as_deref(), accept)
    }

    /// The picture as a few waves of colour, in the text form of <https://blurha.sh>, to show while it loads.
    ///
    /// # Errors
    ///
    /// `Encode`, which no picture is known to cause.
    pub fn blurhash(&self) -> Result<String, PictureError> {
        let side = ThumbnailSize::new(BLURHASH_SIDE, BLURHASH_SIDE);
        let mut small = self.shrunk(side, Fit::Contain)?.into_rgba8();
        for pixel in small.pixels_mut() {
            // It knows no transparency; what shines through is taken to be white.
            let [colours @ .., opacity] = &mut pixel.0;
            for colour in colours {
                let (value, opacity) = (u32::from(*colour), u32::from(*opacity));
                *colour = ((value * opacity + 255 * (255 - opacity)) / 255) as u8;
            }
        }
        let (width, height) = small.dimensions();
        let waves = if width >= height { (4, 3) } else { (3, 4) };
        blurhash::encode(waves.0, waves.1, width, height, small.as_raw())
            .map_err(|error| PictureError::Encode(error.into()))
    }

    fn shrunk(&self, size: ThumbnailSize, fit: Fit) -> Result<DynamicImage, PictureError> {
        let mut small = resize::shrink(&self.pixels, self.orientation, size, fit)?;
        small.apply_orientation(self.orientation);
        Ok(small)
    }
}

/// The pixels, and the colour profile if it can be read.
fn decode<D: ImageDecoder>(
    inspection: &Inspection,
    decoder: image::ImageResult<D>,
    limits: Limits,
) -> Result<(DynamicImage, Option<Vec<u8>>), PictureError> {
    let mut decoder = decoder.map_err(PictureError::Decode)?;
    decoder.set_limits(limits).map_err(PictureError::Decode)?;
    if decoder.dimensions() != (inspection.coded.width, inspection.coded.height) {
        return Err(PictureError::Malformed("the picture has two sizes"));
    }
    let profile = decoder.icc_profile().ok().flatten();
    let pixels = DynamicImage::from_decoder(decoder).map_err(PictureError::Decode)?;
    Ok((pixels, profile))
}
