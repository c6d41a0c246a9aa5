//! `POST /v1/media/sign`

use bartab_core::{MediaId, Problem, Timestamp};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::delivery::SignedLink;
use crate::service::deliver::SIGNATURE;
use crate::service::openapi::SignProblems;
use crate::service::request::{Answer, Base, Caller, Json, json_of};

/// How many links are asked for at a time: a page of history has fewer.
const MOST: usize = 100;

/// Which files to give links to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::service) struct Sign {
    /// The files.
    #[schema(value_type = Vec<String>, min_items = 1, max_items = 100, example = json!(["media_01jd7v3k5n8q2r4t6w8y0a2c4e"]))]
    ids: Vec<MediaId>,
}

/// Links, in the order asked. What the caller may not read, and what is in quarantine, is left out: one file that is gone does
/// not spoil a page of history.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::service) struct Links {
    items: Vec<Link>,
}

/// A link that works without a token.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::service) struct Link {
    /// The file.
    #[schema(value_type = String, example = "media_01jd7v3k5n8q2r4t6w8y0a2c4e")]
    media_id: MediaId,
    /// Where its bytes are.
    url: String,
    /// Where its thumbnails are, of a picture that has some: `w`, `h` and `fit` can be added to the query.
    thumbnail_url: Option<String>,
    /// Until when the links work; none for a public file, which needs no signature.
    #[schema(value_type = Option<String>, format = "date-time")]
    expires_at: Option<Timestamp>,
}

impl Link {
    fn new(link: &SignedLink, base: &Base) -> Self {
        let path = format!("/v1/media/{}", link.media_id);
        let query = link.signature.as_ref().map(|signature| format!("?{SIGNATURE}={signature}")).unwrap_or_default();
        Self {
            media_id: link.media_id,
            url: base.url(&format!("{path}{query}")),
            thumbnail_url: link.has_thumbnail.then(|| base.url(&format!("{path}/thumbnail{query}"))),
            expires_at: link.expires_at,
        }
    }
}

/// Get URLs that work without a token for a while: for the `<img>` of a page, or a player.
///
/// They stop working at once when the file is deleted or put into quarantine, or when the caller may no longer read it. Asking
/// again soon gives the same URLs, so that caches know them.
#[utoipa::path(
    post, path = "/v1/media/sign", tag = "media", operation_id = "sign_media",
    request_body = Sign,
    responses((status = 200, description = "The links", body = Links), SignProblems),
    security(("bearer" = [])),
)]
pub(in crate::service) async fn handle(caller: Caller, base: Base, body: Json<Sign>) -> Answer {
    let ids = body.0.ids;
    if !(1..=MOST).contains(&ids.len()) {
        return Err(Problem::invalid_field("/ids", "invalid", format!("1 to {MOST} ids")).into());
    }
    let links = caller.media.sign(&caller.actor, &ids).await?;
    let items = links.iter().map(|link| Link::new(link, &base)).collect();
    json_of(StatusCode::OK, &Links { items })
}
