//! What the endpoints that give bytes out have in common.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use bartab_core::{MediaId, Problem};
use http::header::{
    ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderName, HeaderValue,
};
use http::{HeaderMap, StatusCode};

use super::request::{Anyone, Failure, Query};
use crate::delivery::{File, Origin, Reading};
use crate::media::Media;

/// The query parameter that makes a link.
pub(super) const SIGNATURE: &str = "signature";

const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");
const REPR_DIGEST: HeaderName = HeaderName::from_static("repr-digest");

/// A file that the caller may read.
pub(super) struct Found {
    pub(super) media: Media,
    pub(super) file: Arc<File>,
    pub(super) reading: Reading,
}

impl Found {
    /// Looks the file up. A signature counts in place of a token, so that a link is the same for all who follow it.
    pub(super) async fn get(anyone: Anyone, id: MediaId, query: &Query) -> Result<Self, Failure> {
        let Anyone { media, actor } = anyone;
        let (file, private) = match query.text(SIGNATURE) {
            Some(signature) => {
                let (file, expires_at) = media.file_by_link(id, signature).await?;
                (file, Reading::Link(expires_at))
            }
            None => (media.file(actor.as_deref(), id).await?, Reading::Caller),
        };
        let reading = if file.record.blob.public { Reading::Public } else { private };
        Ok(Self { media, file, reading })
    }
}

/// Adds where an answer comes from (RFC 9211).
pub(super) fn write_origin(origin: Origin, head: &mut HeaderMap) {
    let origin = match origin {
        Origin::Hit => "bartab; hit",
        Origin::Miss => "bartab; fwd=miss",
        Origin::Bypass => "bartab; fwd=bypass",
    };
    head.insert(CACHE_STATUS, HeaderValue::from_static(origin));
}

/// 304: the validator and who may keep it, without what describes bytes that do not come.
pub(super) fn not_modified(mut head: HeaderMap) -> Response {
    for name in [CONTENT_TYPE, CONTENT_LENGTH, CONTENT_DISPOSITION, ACCEPT_RANGES, REPR_DIGEST] {
        head.remove(name);
    }
    with_head(StatusCode::NOT_MODIFIED, head, axum::body::Body::empty())
}

/// 412.
pub(super) fn precondition_failed() -> Failure {
    Problem::new(412, "request.precondition_failed", "This is not what the request wants to go on with").into()
}

/// 416, with how many bytes there are.
pub(super) fn unsatisfiable(length: u64) -> Response {
    let problem = Problem::new(416, "request.range_not_satisfiable", "The file has none of these bytes");
    let mut response = Failure::from(problem.detail(format!("it has {length} bytes"))).into_response();
    if let Ok(range) = HeaderValue::try_from(format!("bytes */{length}")) {
        response.headers_mut().insert(CONTENT_RANGE, range);
    }
    response.headers_mut().insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    response
}

pub(super) fn with_head(status: StatusCode, head: HeaderMap, body: axum::body::Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = head;
    response
}
