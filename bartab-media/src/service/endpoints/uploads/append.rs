//! `PATCH /v1/uploads/{upload}`

use axum::extract::Request;
use bartab_core::UploadId;
use http::{StatusCode, header};

use crate::service::inbound::Inbound;
use crate::service::openapi::UploadProblems;
use crate::service::request::{Answer, Base, Caller, Id, Query};
use crate::service::tus;
use crate::upload::Piece;

/// Go on with an upload. What came of a body that ends early is kept, unless it has a checksum.
#[utoipa::path(
    patch, path = "/v1/uploads/{upload}", tag = "media", operation_id = "append_upload",
    params(
        ("upload" = String, Path, description = "The upload"),
        ("Tus-Resumable" = String, Header, description = "`1.0.0`"),
        ("Upload-Offset" = u64, Header, description = "Where these bytes begin: where the upload stands"),
        ("Upload-Checksum" = Option<String>, Header, description = "Of the body: `sha1`, `sha256` or `sha512`, and a Base64 digest"),
    ),
    request_body(content(("application/offset+octet-stream"))),
    responses(
        (status = 204, description = "The bytes are kept; the file is made when all came", headers(
            ("Upload-Offset" = u64, description = "How many bytes are kept"),
            ("Upload-Expires" = String, description = "Until when it goes on"),
            ("Content-Location" = String, description = "The file, when it is made"),
        )),
        UploadProblems,
    ),
    security(("bearer" = [])),
)]
pub(in crate::service) async fn handle(
    caller: Caller,
    Id(id): Id<UploadId>,
    base: Base,
    query: Query,
    request: Request,
) -> Answer {
    query.only(&[])?;
    let Caller { media, actor } = caller;
    let (parts, body) = request.into_parts();
    if !tus::is_piece(&parts.headers) {
        return Err(tus::not_a_piece().into());
    }
    let piece = Piece {
        offset: tus::required_number(&parts.headers, &tus::UPLOAD_OFFSET, "Upload-Offset")?,
        length: tus::number(&parts.headers, &header::CONTENT_LENGTH, "Content-Length")?,
        checksum: tus::checksum(&parts.headers)?,
    };
    let body = Inbound::new(body, media.config().idle_time());
    let upload = media.append_upload(&actor, id, piece, body).await?;
    let mut response = tus::empty(StatusCode::NO_CONTENT);
    tus::progress(response.headers_mut(), &upload, &base);
    Ok(response)
}
