//! Media that does not leak: uploads, blobs, thumbnails and their delivery.
//!
//! [`Media`] is the typed API of one tenant, in process; [`MediaService`] the same over HTTP. Bytes go through
//! [`Blobs`], an object store; records through the ports of `bartab-core`.
//!
//! Below that are bytes in, bytes out, without a file, a socket or a clock: a file's kind comes [`Kind::sniff`] from its
//! bytes; [`strip_metadata`] cuts out what tells of the photographer; [`Inspection`] says how large a picture is
//! before anything is decoded; [`Picture`] decodes it and makes its thumbnails.

mod blobs;
mod cache;
mod check;
mod claims;
mod config;
mod connect;
mod container;
mod delivery;
mod digest;
mod error;
mod filename;
mod follow;
mod inspect;
mod manage;
mod media;
mod metadata;
mod picture;
mod pool;
mod service;
mod sniff;
mod sweep;
mod thumbnail;
mod upload;

#[cfg(feature = "s3")]
pub use blobs::S3Config;
pub use blobs::{BlobError, BlobStorage, Blobs, StorageConfig, StorageError};
pub use cache::MediaCache;
pub use check::{CheckOptions, CheckReport, Found};
pub use config::{Config, TenantConfig};
pub use connect::Connections;
pub use delivery::SignedLink;
pub use digest::{Checksum, DigestAlgorithm};
pub use error::MediaError;
pub use inspect::Inspection;
pub use media::{Media, MediaStores};
pub use metadata::strip_metadata;
pub use picture::{PictureError, PictureLimits};
pub use pool::PicturePool;
pub use service::{Body, BoxError, MediaService, openapi};
pub use sniff::Kind;
pub use sweep::Swept;
pub use thumbnail::{Fit, Picture, Thumbnail, ThumbnailAccept, ThumbnailFormat, ThumbnailSize, ThumbnailSizes};
pub use upload::{NewUpload, Piece};
