//! Which sizes thumbnails have.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How a picture is brought into a size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Fit {
    /// All of the picture is shown, and it is at most as wide and as high as the size.
    #[default]
    Contain,
    /// The picture fills the size; what stands out on two sides is cut off evenly. A picture that is smaller than the
    /// size in one direction stays as it is there, and is cut in the other alone.
    Cover,
}

impl fmt::Display for Fit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Contain => "contain",
            Self::Cover => "cover",
        })
    }
}

/// A size in pixels, both sides at least 1; as text `320x240`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "(u32, u32)", into = "(u32, u32)")]
pub struct ThumbnailSize {
    width: u32,
    height: u32,
}

impl ThumbnailSize {
    /// The size; a side of 0 becomes 1.
    pub const fn new(width: u32, height: u32) -> Self {
        Self { width: if width == 0 { 1 } else { width }, height: if height == 0 { 1 } else { height } }
    }

    /// The width in pixels.
    pub const fn width(self) -> u32 {
        self.width
    }

    /// The height in pixels.
    pub const fn height(self) -> u32 {
        self.height
    }
}

impl fmt::Display for ThumbnailSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

impl From<(u32, u32)> for ThumbnailSize {
    fn from((width, height): (u32, u32)) -> Self {
        Self::new(width, height)
    }
}

impl From<ThumbnailSize> for (u32, u32) {
    fn from(size: ThumbnailSize) -> Self {
        (size.width, size.height)
    }
}

/// The sizes that thumbnails are made in: few, so that nobody can have one file become thousands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<ThumbnailSize>", into = "Vec<ThumbnailSize>")]
pub struct ThumbnailSizes {
    /// By area.
    sizes: Vec<ThumbnailSize>,
}

impl ThumbnailSizes {
    /// These sizes, or the default ones if there are none.
    pub fn new(sizes: impl IntoIterator<Item = ThumbnailSize>) -> Self {
        let mut sizes: Vec<_> = sizes.into_iter().collect();
        if sizes.is_empty() {
            return Self::default();
        }
        sizes.sort_by_key(|size| (area(*size), size.width));
        sizes.dedup();
        Self { sizes }
    }

    /// The smallest size that is at least as wide and as high as `wanted`; the largest if none is. A thumbnail of it
    /// holds all that was wanted, unless more was than is given out.
    pub fn round_up(&self, wanted: ThumbnailSize) -> ThumbnailSize {
        let holds = |size: &&ThumbnailSize| size.width >= wanted.width && size.height >= wanted.height;
        self.sizes.iter().find(holds).or(self.sizes.last()).copied().unwrap_or(wanted)
    }

    /// Every size, by area.
    pub fn iter(&self) -> impl Iterator<Item = ThumbnailSize> {
        self.sizes.iter().copied()
    }

    /// Whether thumbnails of this size are made, as of one that is named in a stored key.
    pub fn contains(&self, size: ThumbnailSize) -> bool {
        self.sizes.contains(&size)
    }
}

impl Default for ThumbnailSizes {
    /// Squares from 32 to 2048, and what fills a bubble of chat in 4:3 and 16:9.
    fn default() -> Self {
        let squares = [32, 64, 96, 128, 256, 512, 800, 1280, 2048].map(|side| (side, side));
        let wide = [(320, 180), (320, 240), (640, 360), (640, 480), (1280, 720)];
        Self::new(squares.into_iter().chain(wide).map(ThumbnailSize::from))
    }
}

impl From<Vec<ThumbnailSize>> for ThumbnailSizes {
    fn from(sizes: Vec<ThumbnailSize>) -> Self {
        Self::new(sizes)
    }
}

impl From<ThumbnailSizes> for Vec<ThumbnailSize> {
    fn from(sizes: ThumbnailSizes) -> Self {
        sizes.sizes
    }
}

fn area(size: ThumbnailSize) -> u64 {
    u64::from(size.width) * u64::from(size.height)
}

/// The dimensions that a picture of `from` has once it is brought into `size`: never larger than it is.
pub(super) fn target(from: (u32, u32), size: ThumbnailSize, fit: Fit) -> (u32, u32) {
    let (across, down) = (f64::from(size.width) / f64::from(from.0), f64::from(size.height) / f64::from(from.1));
    let scale = match fit {
        Fit::Contain => across.min(down),
        Fit::Cover => across.max(down),
    };
    let scale = scale.min(1.0);
    // At least 1 and at most 2^32 - 1, since it never grows.
    let scaled = |side: u32| (f64::from(side) * scale).round().max(1.0) as u32;
    (scaled(from.0).min(size.width), scaled(from.1).min(size.height))
}
