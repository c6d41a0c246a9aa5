//! `HEAD /v1/uploads/{upload}`

use bartab_core::UploadId;
use http::{HeaderValue, StatusCode};

use crate::service::openapi::UploadProblems;
use crate::service::request::{Answer, Base, Caller, Id, Query};
use crate::service::tus;

/// How far an upload came, and which file it made. Whoever sends bytes of it now stops, and what came is kept.
#[utoipa::path(
    head, path = "/v1/uploads/{upload}", tag = "media", operation_id = "upload_progress",
    params(
        ("upload" = String, Path, description = "The upload"),
        ("Tus-Resumable" = String, Header, description = "`1.0.0`"),
    ),
    responses(
        (status = 200, description = "Where it stands", headers(
            ("Upload-Offset" = u64, description = "How many bytes are kept"),
            ("Upload-Length" = u64, description = "How many the file has"),
            ("Upload-Metadata" = String, description = "What was said of it"),
            ("Upload-Expires" = String, description = "Until when it goes on"),
            ("Content-Location" = String, description = "The file, when it is made"),
        )),
        UploadProblems,
    ),
    security(("bearer" = [])),
)]
pub(in crate::service) async fn handle(caller: Caller, Id(id): Id<UploadId>, base: Base, query: Query) -> Answer {
    query.only(&[])?;
    let upload = caller.media.upload_progress(&caller.actor, id).await?;
    let mut response = tus::empty(StatusCode::OK);
    let headers = response.headers_mut();
    if let Some(length) = upload.length {
        headers.insert(tus::UPLOAD_LENGTH, HeaderValue::from(length));
    }
    if !upload.metadata.is_empty() {
        tus::set(headers, tus::UPLOAD_METADATA, &*upload.metadata);
    }
    tus::progress(headers, &upload, &base);
    Ok(response)
}
