//! What can go wrong, and what the client is told of it.

use std::borrow::Cow;
use std::io;

use bartab_core::store::{MediaQuota, QuotaExceeded, StoreError};
use bartab_core::{Problem, Scope};

use crate::blobs::BlobError;
use crate::picture::PictureError;

/// Why a call to [`Media`](crate::Media) failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MediaError {
    /// A value of the request is not allowed.
    #[error("{pointer}: {detail}")]
    Invalid {
        /// Where it is: a JSON Pointer, `?name` for a query parameter, or a header's name.
        pointer: &'static str,
        /// The stable name of what is wrong.
        code: &'static str,
        /// The same for people.
        detail: Cow<'static, str>,
    },
    /// Nobody is signed in, and this is not public.
    #[error("nobody is signed in")]
    Unauthenticated,
    /// The credentials do not cover this.
    #[error("the scope `{}` is missing", .0.name())]
    MissingScope(Scope),
    /// Guests and services upload nothing.
    #[error("this kind of caller uploads nothing")]
    KindNotAllowed,
    /// There is no such file, or not for the caller.
    #[error("no such file for the caller")]
    NotFound,
    /// A link that was not signed here, or for another file.
    #[error("the link is not valid")]
    LinkInvalid,
    /// A link whose time is over.
    #[error("the link is no longer valid")]
    LinkExpired,
    /// Somebody else's file.
    #[error("the file is somebody else's")]
    NotYours,
    /// The file is in quarantine.
    #[error("the file is in quarantine")]
    Quarantined,
    /// An administrator keeps the file in quarantine.
    #[error("an administrator keeps the file in quarantine")]
    Held,
    /// The file is larger than one may be.
    #[error("a file has at most {limit} bytes")]
    TooLarge {
        /// How many bytes it may have.
        limit: u64,
    },
    /// A quota stands in the way.
    #[error("the quota {:?} of {} is exceeded", .0.quota, .0.limit)]
    Quota(QuotaExceeded),
    /// The body is not what `Content-Digest` says.
    #[error("the body has another digest")]
    DigestMismatch,
    /// There is no such upload, or it is somebody else's.
    #[error("no such upload for the caller")]
    UploadNotFound,
    /// The time of the upload is over, or what was received of it is lost.
    #[error("the upload takes nothing more")]
    UploadExpired,
    /// The upload is elsewhere than the client goes on from.
    #[error("the upload goes on at {offset}")]
    OffsetMismatch {
        /// Where it goes on.
        offset: u64,
    },
    /// Another request for the same upload goes on, and does not stop.
    #[error("another request holds the upload")]
    UploadLocked,
    /// A newer request for the same upload came; what had come by then is kept.
    #[error("a newer request goes on with the upload")]
    UploadInterrupted,
    /// A piece of an upload is not what its checksum says; nothing of it is kept.
    #[error("the piece has another checksum")]
    ChecksumMismatch,
    /// The body ended before its end, or the client is gone.
    #[error("the body is incomplete")]
    Incomplete,
    /// Nothing came of the body for too long.
    #[error("the body stopped coming")]
    Stalled,
    /// The picture is broken, or too large to be looked at.
    #[error("the picture is refused")]
    Picture(#[from] PictureError),
    /// The file has no thumbnail.
    #[error("the file has no thumbnail")]
    NoThumbnail,
    /// Too much is being done at once; nothing was written.
    #[error("too busy")]
    Overloaded,
    /// The tenant is being closed.
    #[error("closing")]
    Closed,
    /// There is no room for the bytes where they are stored.
    #[error("the blob storage is full")]
    StorageFull(#[source] BlobError),
    /// The bytes cannot be stored or read now.
    #[error("the blob storage failed")]
    Storage(#[source] BlobError),
    /// The record store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// A task of the program ended badly.
    #[error("a task panicked")]
    Panicked(#[from] tokio::task::JoinError),
}

impl MediaError {
    pub(crate) fn invalid(pointer: &'static str, code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::Invalid { pointer, code, detail: detail.into() }
    }

    /// What the client is told.
    pub fn to_problem(&self) -> Problem {
        match self {
            Self::Invalid { pointer, code, detail } => Problem::invalid_field(*pointer, *code, detail.as_ref()),
            Self::Unauthenticated => Problem::unauthenticated(),
            Self::MissingScope(scope) => {
                Problem::forbidden("auth.insufficient_scope").detail(format!("the scope `{}` is missing", scope.name()))
            }
            Self::KindNotAllowed => Problem::forbidden("actor.kind_not_allowed"),
            Self::NotFound => Problem::not_found("media.not_found"),
            Self::LinkInvalid => Problem::new(401, "media.link_invalid", "This link is not valid"),
            Self::LinkExpired => Problem::new(401, "media.link_expired", "This link is no longer valid"),
            Self::NotYours => Problem::forbidden("media.not_yours"),
            Self::Quarantined => Problem::new(410, "media.quarantined", "Nobody may read this file now"),
            Self::Held => Problem::forbidden("media.held").detail("an administrator keeps this file in quarantine"),
            Self::TooLarge { limit } => {
                Problem::new(413, "media.too_large", "The file is too large").detail(format!("at most {limit} bytes"))
            }
            Self::Quota(exceeded) => quota_problem(exceeded),
            Self::DigestMismatch => Problem::bad_request("media.digest_mismatch")
                .detail("what was received does not have the digest of the Content-Digest header"),
            Self::UploadNotFound => Problem::not_found("upload.not_found"),
            Self::UploadExpired => Problem::new(410, "upload.expired", "This upload takes nothing more"),
            Self::OffsetMismatch { offset } => {
                Problem::new(409, "upload.offset_mismatch", "The upload goes on elsewhere")
                    .detail(format!("it goes on at {offset}"))
            }
            Self::UploadLocked => {
                Problem::new(423, "upload.locked", "Another request goes on with this upload").retry_after(1)
            }
            Self::UploadInterrupted => {
                Problem::new(409, "upload.interrupted", "A newer request goes on with this upload")
            }
            Self::ChecksumMismatch => Problem::new(460, "upload.checksum_mismatch", "The checksum does not match"),
            Self::Incomplete => Problem::bad_request("request.incomplete"),
            Self::Stalled => Problem::new(408, "request.timeout", "The body stopped coming"),
            Self::Picture(error) => {
                Problem::new(422, "media.picture_refused", "The picture cannot be accepted").detail(error.to_string())
            }
            Self::NoThumbnail => Problem::not_found("media.no_thumbnail"),
            Self::Overloaded => Problem::unavailable("overloaded"),
            Self::Closed => Problem::unavailable("closing"),
            Self::StorageFull(_) => Problem::new(507, "storage.full", "There is no room to store this"),
            Self::Storage(_) => Problem::unavailable("storage.unavailable"),
            Self::Store(StoreError::OutcomeUnknown(_)) => {
                Problem::new(504, "write.unknown", "It is not known whether this was written; look, and ask again")
            }
            Self::Store(_) => Problem::unavailable("store.unavailable"),
            Self::Panicked(_) => Problem::internal(),
        }
    }

    /// Whether the same may succeed when it is tried again.
    pub(crate) const fn is_passing(&self) -> bool {
        self.is_ours() || matches!(self, Self::Overloaded | Self::Closed)
    }

    /// Whether the operator should hear of it.
    pub(crate) const fn is_ours(&self) -> bool {
        matches!(self, Self::StorageFull(_) | Self::Storage(_) | Self::Store(_) | Self::Panicked(_))
    }
}

fn quota_problem(exceeded: &QuotaExceeded) -> Problem {
    let detail = match exceeded.quota {
        MediaQuota::PersonBytes => "your files would take more bytes than a person may have",
        MediaQuota::PersonUploads => "you have too many uploads under way",
        _ => "the files would take more bytes than there may be here",
    };
    let quota = Some(bartab_core::Quota { limit: exceeded.limit, used: exceeded.used });
    Problem { quota, ..Problem::forbidden("quota.exceeded").detail(detail) }
}

impl From<BlobError> for MediaError {
    fn from(error: BlobError) -> Self {
        if is_full(&error) { Self::StorageFull(error) } else { Self::Storage(error) }
    }
}

/// Whether the file system had no room, somewhere below.
fn is_full(error: &BlobError) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
        }
        cause = error.source();
    }
    false
}
