//! Media: what a file is, and what its picture looks like.
//!
//! Bytes in, bytes out: nothing here reads a file, a socket or a clock. A file's kind comes [`Kind::sniff`] from its
//! bytes; [`strip_metadata`] cuts out what tells of the photographer; [`Inspection`] says how large a picture is
//! before anything is decoded; [`Picture`] decodes it and makes its thumbnails.

mod container;
mod inspect;
mod metadata;
mod picture;
mod sniff;
mod thumbnail;

pub use inspect::Inspection;
pub use metadata::strip_metadata;
pub use picture::{PictureError, PictureLimits};
pub use sniff::Kind;
pub use thumbnail::{Fit, Picture, Thumbnail, ThumbnailAccept, ThumbnailFormat, ThumbnailSize, ThumbnailSizes};
