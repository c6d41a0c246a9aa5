//! `POST /v1/media/{media}/quarantine`

use bartab_core::MediaId;
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::file::File;
use crate::service::openapi::{ActProblems, BodyProblems};
use crate::service::request::{Answer, Base, Caller, Id, Json, json_of};

/// Why nobody is to read the file.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::service) struct Reason {
    /// In words, for its owner and for administrators.
    #[schema(min_length = 1, max_length = 500)]
    reason: Option<String>,
}

/// Put a file into quarantine: nobody reads it, and it is kept, until it is restored or deleted.
///
/// What an administrator put there, only an administrator lets out or deletes.
#[utoipa::path(
    post, path = "/v1/media/{media}/quarantine", tag = "media", operation_id = "quarantine_media",
    params(("media" = String, Path, description = "The file")),
    request_body(content = Reason),
    responses((status = 200, description = "The file as it is now", body = File), ActProblems, BodyProblems),
    security(("bearer" = [])),
)]
pub(in crate::service) async fn handle(caller: Caller, base: Base, media: Id<MediaId>, body: Json<Reason>) -> Answer {
    let record = caller.media.quarantine(&caller.actor, media.0, body.0.reason).await?;
    json_of(StatusCode::OK, &File::new(record, &base))
}
