//! `OPTIONS /v1/uploads`

use axum::response::Response;
use http::{HeaderValue, StatusCode};

use crate::service::request::Anyone;
use crate::service::tus;

/// What of tus is spoken here; for anybody.
#[utoipa::path(
    options, path = "/v1/uploads", tag = "media", operation_id = "upload_options",
    responses((status = 204, description = "The versions, extensions and limits", headers(
        ("Tus-Resumable" = String, description = "`1.0.0`"),
        ("Tus-Version" = String, description = "Every version that is spoken"),
        ("Tus-Extension" = String, description = "Every extension that is spoken"),
        ("Tus-Max-Size" = u64, description = "Bytes that a file may have"),
        ("Tus-Checksum-Algorithm" = String, description = "What checksums are made with"),
    ))),
    security(()),
)]
pub(in crate::service) async fn handle(Anyone { media, .. }: Anyone) -> Response {
    let mut response = tus::empty(StatusCode::NO_CONTENT);
    let headers = response.headers_mut();
    headers.insert(tus::TUS_VERSION, HeaderValue::from_static(tus::VERSION));
    headers.insert(tus::TUS_EXTENSION, HeaderValue::from_static(tus::EXTENSIONS));
    headers.insert(tus::TUS_MAX_SIZE, HeaderValue::from(media.most_bytes()));
    headers.insert(tus::TUS_CHECKSUM_ALGORITHM, HeaderValue::from_static(tus::CHECKSUM_ALGORITHMS));
    response
}
