//! `DELETE /v1/media/{media}`

use bartab_core::MediaId;

use crate::service::openapi::ActProblems;
use crate::service::request::{Answer, Caller, Id, Query, no_content};

/// Delete a file for good: nobody reads it any more when this is answered.
///
/// Its bytes, thumbnails included, are gone from the storage then, unless another file has the same; when the storage
/// takes long or fails, they go soon after. Messages keep what they say of it: name, kind, size, dimensions.
#[utoipa::path(
    delete, path = "/v1/media/{media}", tag = "media", operation_id = "delete_media",
    params(("media" = String, Path, description = "The file")),
    responses((status = 204, description = "It is gone"), ActProblems),
    security(("bearer" = [])),
)]
pub(in crate::service) async fn handle(caller: Caller, media: Id<MediaId>, query: Query) -> Answer {
    query.only(&[])?;
    caller.media.delete(&caller.actor, media.0).await?;
    Ok(no_content())
}
