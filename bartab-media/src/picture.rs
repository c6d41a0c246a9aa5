//! What may be wrong with a picture, and how large one may be.

use serde::{Deserialize, Serialize};

/// Why a picture is not understood, or not decoded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PictureError {
    /// The bytes end before the picture does.
    #[error("the picture ends before its end")]
    Truncated,
    /// The picture contradicts its format, or itself.
    #[error("the picture is malformed: {0}")]
    Malformed(&'static str),
    /// The picture may be well formed, but is of a kind that is not understood.
    #[error("the picture is not supported: {0}")]
    Unsupported(&'static str),
    /// The picture says that it is larger than the limits allow; nothing was decoded.
    #[error("the picture is {width}×{height} pixels large, and the limit is {limit} pixels")]
    TooManyPixels {
        /// Its width in pixels, as it stands in the file.
        width: u32,
        /// Its height in pixels, as it stands in the file.
        height: u32,
        /// [`PictureLimits::max_pixels`].
        limit: u64,
    },
    /// Decoding it could take more memory than the limits allow; nothing was decoded.
    #[error("decoding the picture takes up to {needed} bytes, and the limit is {limit}")]
    TooMuchMemory {
        /// What decoding is estimated to take, in bytes.
        needed: u64,
        /// [`PictureLimits::max_memory`].
        limit: u64,
    },
    /// A progressive JPEG goes over the whole picture too often; nothing was decoded.
    #[error("the picture has {scans} scans, and the limit is {limit}")]
    TooManyScans {
        /// How many scans it has.
        scans: u32,
        /// [`PictureLimits::max_scans`].
        limit: u32,
    },
    /// Its coded bytes are broken, found out while decoding them.
    #[error("the picture cannot be decoded")]
    Decode(#[source] image::ImageError),
    /// A thumbnail could not be made of it.
    #[error("the thumbnail cannot be made")]
    Encode(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// How large a picture may be that is decoded. What is larger is kept as a file, without a thumbnail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PictureLimits {
    /// How many pixels a picture may have, of which only the first frame of an animation counts; 64 million unless
    /// configured.
    pub max_pixels: u64,
    /// How many bytes decoding one may take, as estimated from its headers; 320 MiB unless configured.
    ///
    /// Shrinking may take more than that: thumbnails as large as the picture were measured to bring the whole to about twice
    /// the estimate. Whoever bounds the memory of several pictures at a time counts each twice.
    pub max_memory: u64,
    /// How many times a progressive JPEG may go over the picture; 100 unless configured. Encoders make about ten.
    pub max_scans: u32,
}

impl Default for PictureLimits {
    fn default() -> Self {
        Self { max_pixels: 64_000_000, max_memory: 320 << 20, max_scans: 100 }
    }
}
