//! `GET, HEAD /v1/media/{media}?signature=`

use axum::body::Body;
use bartab_core::MediaId;
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, HeaderValue};
use http::{HeaderMap, Method, StatusCode};

use crate::delivery::Delivered;
use crate::service::conditions::{Verdict, Wanted, evaluate, range};
use crate::service::deliver::{
    Found, SIGNATURE, not_modified, precondition_failed, unsatisfiable, with_head, write_origin,
};
use crate::service::openapi::{FindProblems, RangeProblems};
use crate::service::request::{Answer, Anyone, Id, Query};

/// Read a file: its bytes, or one range of them.
#[utoipa::path(
    get, path = "/v1/media/{media}", tag = "media", operation_id = "download_media",
    params(
        ("media" = String, Path, description = "The file", example = "media_01jd7v3k5n8q2r4t6w8y0a2c4e"),
        ("signature" = Option<String>, Query, description = "What `POST /v1/media/sign` gave, in place of a token"),
        ("Range" = Option<String>, Header, description = "One range of bytes; several are answered with the whole"),
        ("If-Range" = Option<String>, Header, description = "A strong `ETag`: otherwise the whole is answered"),
        ("If-None-Match" = Option<String>, Header, description = "What the client has already"),
        ("If-Match" = Option<String>, Header, description = "What the client wants to go on with"),
    ),
    responses(
        (status = 200, description = "The file, under the type that its bytes say", content_type = "*/*", headers(
            ("ETag" = String, description = "SHA-256 of the bytes, in hexadecimal"),
            ("Repr-Digest" = String, description = "The same as RFC 9530 writes it"),
            ("Content-Disposition" = String, description = "`inline` for pictures, sound and film, else `attachment`"),
            ("Cache-Control" = String, description = "The bytes of an id never change; a link is kept until its end"),
            ("Cache-Status" = String, description = "Whether it came from memory (RFC 9211)"),
        )),
        (status = 206, description = "The range", content_type = "*/*", headers(
            ("Content-Range" = String, description = "Which bytes of how many"),
        )),
        (status = 304, description = "The client has it"),
        FindProblems, RangeProblems,
    ),
    security((), ("bearer" = [])),
)]
pub(in crate::service) async fn handle(
    method: Method,
    anyone: Anyone,
    Id(id): Id<MediaId>,
    query: Query,
    headers: HeaderMap,
) -> Answer {
    query.only(&[SIGNATURE])?;
    let found = Found::get(anyone, id, &query).await?;
    respond(&method, &found, &headers).await
}

/// The same without the bytes.
#[utoipa::path(
    head, path = "/v1/media/{media}", tag = "media", operation_id = "look_at_media",
    params(
        ("media" = String, Path, description = "The file", example = "media_01jd7v3k5n8q2r4t6w8y0a2c4e"),
        ("signature" = Option<String>, Query, description = "What `POST /v1/media/sign` gave, in place of a token"),
        ("If-None-Match" = Option<String>, Header, description = "What the client has already"),
        ("If-Match" = Option<String>, Header, description = "What the client wants to go on with"),
    ),
    responses(
        (status = 200, description = "The headers of the file"),
        (status = 304, description = "The client has it"),
        (status = 412, description = "`request.precondition_failed`"),
        FindProblems,
    ),
    security((), ("bearer" = [])),
)]
#[expect(dead_code, reason = "a description; `handle` answers it")]
pub(in crate::service) async fn head() {}

async fn respond(method: &Method, found: &Found, headers: &HeaderMap) -> Answer {
    let Found { media, file, reading } = found;
    let mut head = file.head.clone();
    reading.write(media.now(), None, &mut head);
    match evaluate(headers, &file.etag) {
        Verdict::Failed => return Err(precondition_failed()),
        Verdict::NotModified => return Ok(not_modified(head)),
        Verdict::Proceed => {}
    }
    let size = file.record.size;
    let (status, wanted) = match range(method, headers, &file.etag, size) {
        Wanted::Whole => (StatusCode::OK, 0..size),
        Wanted::Part(part) => (StatusCode::PARTIAL_CONTENT, part),
        Wanted::None => return Ok(unsatisfiable(size)),
    };
    if method == Method::HEAD {
        write_origin(media.origin_of(file), &mut head);
        return Ok(with_head(status, head, Body::empty()));
    }
    if status == StatusCode::PARTIAL_CONTENT {
        head.insert(CONTENT_LENGTH, HeaderValue::from(wanted.end - wanted.start));
        let range = HeaderValue::try_from(format!("bytes {}-{}/{size}", wanted.start, wanted.end - 1));
        head.extend(range.ok().map(|range| (CONTENT_RANGE, range)));
    }
    let (delivered, origin) = media.open_file(file, wanted).await?;
    write_origin(origin, &mut head);
    let body = match delivered {
        Delivered::Held(bytes) => Body::from(bytes),
        Delivered::Streamed(pieces) => Body::from_stream(pieces),
    };
    Ok(with_head(status, head, body))
}
