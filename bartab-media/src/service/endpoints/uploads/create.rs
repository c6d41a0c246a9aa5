//! `POST /v1/uploads`

use axum::extract::Request;
use bartab_core::Problem;
use http::{StatusCode, header};

use crate::error::MediaError;
use crate::service::inbound::Inbound;
use crate::service::openapi::UploadProblems;
use crate::service::request::{Answer, Base, Caller, Query};
use crate::service::tus;
use crate::upload::Piece;

/// Begin a resumable upload; with a body that is a piece, its first bytes come at once.
#[utoipa::path(
    post, path = "/v1/uploads", tag = "media", operation_id = "create_upload",
    params(
        ("Tus-Resumable" = String, Header, description = "`1.0.0`"),
        ("Upload-Length" = u64, Header, description = "How many bytes the file has"),
        ("Upload-Metadata" = Option<String>, Header,
            description = "Pairs of a key and a Base64 value, by commas: `filename` (or `name`), `public` (`true`)"),
        ("Upload-Checksum" = Option<String>, Header, description = "Of the body: `sha1`, `sha256` or `sha512`, and a Base64 digest"),
    ),
    request_body(content(("application/offset+octet-stream")), description = "The first bytes; or nothing"),
    responses(
        (status = 201, description = "It is begun; the file is made when all came already", headers(
            ("Location" = String, description = "The upload"),
            ("Upload-Offset" = u64, description = "How many bytes are kept"),
            ("Upload-Expires" = String, description = "Until when it goes on"),
            ("Content-Location" = String, description = "The file, when it is made"),
        )),
        UploadProblems,
    ),
    security(("bearer" = [])),
)]
pub(in crate::service) async fn handle(caller: Caller, base: Base, query: Query, request: Request) -> Answer {
    query.only(&[])?;
    let Caller { media, actor } = caller;
    let (parts, body) = request.into_parts();
    let headers = &parts.headers;
    if headers.contains_key(tus::UPLOAD_DEFER_LENGTH) {
        return Err(Problem::invalid_field("Upload-Defer-Length", "unsupported", "the length is said at once").into());
    }
    let length = tus::required_number(headers, &tus::UPLOAD_LENGTH, "Upload-Length")?;
    let metadata = tus::metadata(headers)?;
    let mut body = Inbound::new(body, media.config().idle_time());
    let comes = tus::is_piece(headers);
    if !comes && !body.is_empty().await? {
        return Err(tus::not_a_piece().into());
    }
    let checksum = tus::checksum(headers)?;
    let announced = tus::number(headers, &header::CONTENT_LENGTH, "Content-Length")?;
    if announced.is_some_and(|announced| announced > length) {
        return Err(MediaError::TooLarge { limit: length }.into());
    }
    let upload = if comes {
        let piece = Piece { offset: 0, length: announced, checksum };
        media.create_upload_with(&actor, length, metadata, piece, body).await?
    } else {
        media.create_upload(&actor, length, metadata).await?
    };
    let mut response = tus::empty(StatusCode::CREATED);
    let location = base.url(&format!("/v1/uploads/{}", upload.upload_id));
    tus::set(response.headers_mut(), header::LOCATION, location);
    tus::progress(response.headers_mut(), &upload, &base);
    Ok(response)
}
