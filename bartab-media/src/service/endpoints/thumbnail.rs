//! `GET, HEAD /v1/media/{media}/thumbnail?w=&h=&fit=&signature=`

use axum::body::Body;
use bartab_core::{MediaId, Problem};
use http::header::ACCEPT;
use http::{HeaderMap, Method, StatusCode};

use crate::service::conditions::{Verdict, evaluate};
use crate::service::deliver::{Found, SIGNATURE, not_modified, precondition_failed, with_head, write_origin};
use crate::service::openapi::{FindProblems, ThumbnailProblems};
use crate::service::request::{Answer, Anyone, Failure, Id, Query};
use crate::thumbnail::{Fit, ThumbnailAccept, ThumbnailSize};

/// A side of a thumbnail when none is asked for.
const SIDE: u32 = 256;

/// Show a picture small: rounded up to the next size that there is, and never larger than the picture.
#[utoipa::path(
    get, path = "/v1/media/{media}/thumbnail", tag = "media", operation_id = "thumbnail_of_media",
    params(
        ("media" = String, Path, description = "The file", example = "media_01jd7v3k5n8q2r4t6w8y0a2c4e"),
        ("w" = Option<u32>, Query, description = "The width in pixels; as `h` when it is missing, 256 when both are"),
        ("h" = Option<u32>, Query, description = "The height in pixels; as `w` when it is missing"),
        ("fit" = inline(Option<Fit>), Query, description = "`contain` shows all of it, `cover` fills the size and cuts"),
        ("signature" = Option<String>, Query, description = "What `POST /v1/media/sign` gave, in place of a token"),
        ("Accept" = Option<String>, Header, description = "Who names `image/webp` gets what is transparent as that"),
        ("If-None-Match" = Option<String>, Header, description = "What the client has already"),
    ),
    responses(
        (status = 200, description = "The thumbnail: JPEG, or WebP or PNG of what is transparent", headers(
            ("ETag" = String, description = "SHA-256 of the thumbnail, in hexadecimal"),
            ("Cache-Status" = String, description = "Whether it came from memory (RFC 9211)"),
        ), content(("image/jpeg"), ("image/webp"), ("image/png"))),
        (status = 304, description = "The client has it"),
        FindProblems, ThumbnailProblems,
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
    query.only(&["w", "h", "fit", SIGNATURE])?;
    let (size, fit) = (size(&query)?, fit(&query)?);
    let Found { media, file, reading } = Found::get(anyone, id, &query).await?;
    let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
    let accept = accept.map_or(ThumbnailAccept::Any, ThumbnailAccept::from_header);
    let (thumbnail, origin) = media.thumbnail_of(&file, size, fit, accept).await?;
    let mut head = thumbnail.head.clone();
    reading.write(media.now(), Some("Accept"), &mut head);
    match evaluate(&headers, &thumbnail.etag) {
        Verdict::Failed => return Err(precondition_failed()),
        Verdict::NotModified => return Ok(not_modified(head)),
        Verdict::Proceed => {}
    }
    write_origin(origin, &mut head);
    let body = if method == Method::HEAD { Body::empty() } else { Body::from(thumbnail.bytes.clone()) };
    Ok(with_head(StatusCode::OK, head, body))
}

/// The same without the bytes; it is made for that, too.
#[utoipa::path(
    head, path = "/v1/media/{media}/thumbnail", tag = "media", operation_id = "look_at_thumbnail",
    params(
        ("media" = String, Path, description = "The file", example = "media_01jd7v3k5n8q2r4t6w8y0a2c4e"),
        ("w" = Option<u32>, Query, description = "The width in pixels"),
        ("h" = Option<u32>, Query, description = "The height in pixels"),
        ("fit" = inline(Option<Fit>), Query, description = "`contain` or `cover`"),
        ("signature" = Option<String>, Query, description = "What `POST /v1/media/sign` gave, in place of a token"),
    ),
    responses(
        (status = 200, description = "The headers of the thumbnail"),
        (status = 304, description = "The client has it"),
        FindProblems, ThumbnailProblems,
    ),
    security((), ("bearer" = [])),
)]
#[expect(dead_code, reason = "a description; `handle` answers it")]
pub(in crate::service) async fn head() {}

fn size(query: &Query) -> Result<ThumbnailSize, Failure> {
    let side = |name: &'static str| match query.get::<u32>(name)? {
        Some(0) => Err(Problem::invalid_field(format!("?{name}"), "invalid", "at least 1")),
        side => Ok(side),
    };
    let (width, height) = (side("w")?, side("h")?);
    let (width, height) = (width.or(height).unwrap_or(SIDE), height.or(width).unwrap_or(SIDE));
    Ok(ThumbnailSize::new(width, height))
}

fn fit(query: &Query) -> Result<Fit, Failure> {
    match query.text("fit") {
        None | Some("contain") => Ok(Fit::Contain),
        Some("cover") => Ok(Fit::Cover),
        Some(_) => Err(Problem::invalid_field("?fit", "invalid", "`cover` or `contain`").into()),
    }
}
