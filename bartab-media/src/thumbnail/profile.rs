//! Which colour profiles go into a thumbnail.

use image::{ColorType, DynamicImage};

/// The most bytes of a profile that a thumbnail carries. Profiles of a matrix and curves, as cameras and screens have
/// them, are about half a kilobyte; those with tables are hundreds, more than the thumbnail itself.
pub(super) const MOST: usize = 4096;

/// Whether the profile is small, tells more than that the pixels are sRGB, and is about pixels of this kind. It is never
/// interpreted: a browser does that, as it does for the original.
pub(super) fn fits(profile: &[u8], pixels: &DynamicImage) -> bool {
    let space = match pixels.color() {
        ColorType::L8 => b"GRAY",
        _ => b"RGB ",
    };
    profile.len() <= MOST
        && profile.get(16..20) == Some(space)
        && profile.get(36..40) == Some(b"acsp")
        && !says(profile, b"sRGB")
        && !says(profile, b"s\0R\0G\0B")
}

fn says(profile: &[u8], name: &[u8]) -> bool {
    profile.windows(name.len()).any(|window| window == name)
}
