//! What every request of tus 1.0.0 and its answer have: <https://tus.io/protocols/resumable-upload>.

mod answer;
mod headers;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bartab_core::Problem;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};

pub(in crate::service) use answer::{CHECKSUM_ALGORITHMS, EXTENSIONS, progress, set};
pub(in crate::service) use headers::{checksum, is_piece, metadata, number, required_number};

use super::request::Failure;

/// The version that is spoken.
pub(in crate::service) const VERSION: &str = "1.0.0";
/// What a piece of an upload is.
pub(in crate::service) const PIECE: &str = "application/offset+octet-stream";

pub(in crate::service) const TUS_RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
pub(in crate::service) const TUS_VERSION: HeaderName = HeaderName::from_static("tus-version");
pub(in crate::service) const TUS_EXTENSION: HeaderName = HeaderName::from_static("tus-extension");
pub(in crate::service) const TUS_MAX_SIZE: HeaderName = HeaderName::from_static("tus-max-size");
pub(in crate::service) const TUS_CHECKSUM_ALGORITHM: HeaderName = HeaderName::from_static("tus-checksum-algorithm");
pub(in crate::service) const UPLOAD_CHECKSUM: HeaderName = HeaderName::from_static("upload-checksum");
pub(in crate::service) const UPLOAD_DEFER_LENGTH: HeaderName = HeaderName::from_static("upload-defer-length");
pub(in crate::service) const UPLOAD_EXPIRES: HeaderName = HeaderName::from_static("upload-expires");
pub(in crate::service) const UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");
pub(in crate::service) const UPLOAD_METADATA: HeaderName = HeaderName::from_static("upload-metadata");
pub(in crate::service) const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
const METHOD_OVERRIDE: HeaderName = HeaderName::from_static("x-http-method-override");

/// Answers with the version; refuses a request of another one, but not who asks for the versions.
pub(in crate::service) async fn versioned(request: Request, next: Next) -> Response {
    let spoken = request.headers().get(TUS_RESUMABLE).is_some_and(|version| version == VERSION);
    let mut response = if spoken || request.method() == Method::OPTIONS {
        next.run(request).await
    } else {
        let problem = Problem::new(412, "upload.unsupported_version", "This version of tus is not spoken here");
        let mut response = Failure::from(problem).into_response();
        response.headers_mut().insert(TUS_VERSION, HeaderValue::from_static(VERSION));
        response
    };
    response.headers_mut().insert(TUS_RESUMABLE, HeaderValue::from_static(VERSION));
    response
}

/// The method that is meant: not every environment lets a client send each. A `POST` alone may stand for another, so that no
/// link or picture does.
pub(in crate::service) fn method(path: &str, method: &Method, headers: &HeaderMap) -> Option<Method> {
    let is_ours = path == "/v1/uploads" || path.starts_with("/v1/uploads/");
    let meant = headers.get(METHOD_OVERRIDE).filter(|_| is_ours && method == Method::POST)?;
    [Method::PATCH, Method::HEAD, Method::DELETE, Method::OPTIONS].into_iter().find(|known| meant == known.as_str())
}

/// An answer without a body that is not to be kept.
pub(in crate::service) fn empty(status: http::StatusCode) -> Response {
    let mut response = status.into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The problem of a body that is something else.
pub(in crate::service) fn not_a_piece() -> Problem {
    Problem::new(415, "upload.unsupported_type", "This is not how a piece of an upload comes").detail(PIECE)
}
