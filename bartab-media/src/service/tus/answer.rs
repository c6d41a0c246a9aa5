//! Answering in the headers of tus.

use std::time::{Duration, UNIX_EPOCH};

use bartab_core::store::Upload;
use http::header::{CONTENT_LOCATION, HeaderMap, HeaderName, HeaderValue};

use super::{UPLOAD_EXPIRES, UPLOAD_OFFSET};
use crate::service::request::Base;

/// The extensions of the protocol that are spoken.
pub(in crate::service) const EXTENSIONS: &str = "creation,creation-with-upload,checksum,expiration,termination";
/// What checksums are made with; SHA-1 because the protocol demands it.
pub(in crate::service) const CHECKSUM_ALGORITHMS: &str = "sha1,sha256,sha512";

/// Sets a header whose value has no characters that a header may not have.
pub(in crate::service) fn set(headers: &mut HeaderMap, name: HeaderName, value: impl Into<String>) {
    if let Ok(value) = HeaderValue::from_str(&value.into()) {
        headers.insert(name, value);
    }
}

/// Says how far the upload came, until when it goes on, and which file it made.
pub(in crate::service) fn progress(headers: &mut HeaderMap, upload: &Upload, base: &Base) {
    headers.insert(UPLOAD_OFFSET, HeaderValue::from(upload.received));
    let expires = UNIX_EPOCH + Duration::from_secs(upload.expires_at.as_secs());
    set(headers, UPLOAD_EXPIRES, httpdate::fmt_http_date(expires));
    if let Some(media) = upload.media_id {
        set(headers, CONTENT_LOCATION, base.url(&format!("/v1/media/{media}")));
    }
}
