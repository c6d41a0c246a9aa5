//! `POST /v1/media/{media}/restore`

use bartab_core::MediaId;
use http::StatusCode;

use super::file::File;
use crate::service::openapi::{ActProblems, BodyProblems};
use crate::service::request::{Answer, Base, Caller, Id, Json, Nothing, json_of};

/// Let a file out of quarantine. One that is not there stays as it is.
#[utoipa::path(
    post, path = "/v1/media/{media}/restore", tag = "media", operation_id = "restore_media",
    params(("media" = String, Path, description = "The file")),
    responses((status = 200, description = "The file as it is now", body = File), ActProblems, BodyProblems),
    security(("bearer" = [])),
)]
pub(in crate::service) async fn handle(caller: Caller, base: Base, media: Id<MediaId>, _: Json<Nothing>) -> Answer {
    let record = caller.media.restore(&caller.actor, media.0).await?;
    json_of(StatusCode::OK, &File::new(record, &base))
}
