//! Making a picture smaller, and cutting it where it is to cover.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, RgbImage, RgbaImage};

use super::size::{Fit, ThumbnailSize, target};
use crate::inspect::turns;
use crate::picture::PictureError;

/// The picture made as small as `size` and `fit` say once it is turned into place, which is still to be done.
pub(super) fn shrink(
    pixels: &DynamicImage,
    orientation: Orientation,
    size: ThumbnailSize,
    fit: Fit,
) -> Result<DynamicImage, PictureError> {
    let size = if turns(orientation) { ThumbnailSize::new(size.height(), size.width()) } else { size };
    let (width, height) = target((pixels.width(), pixels.height()), size, fit);
    let kind = match pixels {
        DynamicImage::ImageLuma8(_) => PixelType::U8,
        DynamicImage::ImageRgb8(_) => PixelType::U8x3,
        _ => PixelType::U8x4,
    };
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| PictureError::Encode(error);
    let from = ImageRef::new(pixels.width(), pixels.height(), pixels.as_bytes(), kind)
        .map_err(|error| failed(error.into()))?;
    let mut into = Image::new(width, height, kind);
    // Cut in the middle; colours are weighed by their opacity.
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3))
        .fit_into_destination(Some((0.5, 0.5)));
    Resizer::new().resize(&from, &mut into, &options).map_err(|error| failed(error.into()))?;
    let bytes = into.into_vec();
    let made = match kind {
        PixelType::U8 => GrayImage::from_raw(width, height, bytes).map(DynamicImage::from),
        PixelType::U8x3 => RgbImage::from_raw(width, height, bytes).map(DynamicImage::from),
        _ => RgbaImage::from_raw(width, height, bytes).map(DynamicImage::from),
    };
    made.ok_or_else(|| failed("the resized picture has another length".into()))
}
