//! The ports of media: uploads, files, who refers to them, and what chat and media ask one another.
//!
//! As in identity, the records are plain data and the rules are pure functions beside them ([`Upload::advance`],
//! [`MediaLimits::admit`], [`MediaRecord::claim`]), which every store calls inside its transaction.
//!
//! The bytes are not here: a [`BlobKey`] names them in an object store. So that no file is without bytes and no bytes
//! without a file, whatever crashes when, a blob is in use from [`UploadStore::stage`] on, before its bytes are put, and
//! [`MediaStore::doomed`] names those whose last use is over until [`MediaStore::blob_gone`] says that they are deleted.
//! RFD 32 tells why.

mod blob;
mod claims;
mod quota;
mod record;
mod reference;
mod upload;

pub use blob::BlobKey;
pub use claims::{Attachment, ClaimRefusal, Claimed, MediaAccess, MediaClaims};
pub use quota::{MediaLimits, MediaQuota, MediaUsage, QuotaExceeded};
pub use record::{Claiming, MediaRecord, MediaStore, NewMedia, Quarantine, RemovedMedia};
pub use reference::{Holder, MediaFeed, ReferenceChange, ReferenceFeed, ReferencePage};
pub use upload::{Advance, Advancing, Beginning, Finishing, RemovedUpload, Staging, Upload, UploadStore};
