//! `DELETE /v1/uploads/{upload}`

use bartab_core::UploadId;
use http::StatusCode;

use crate::service::openapi::UploadProblems;
use crate::service::request::{Answer, Caller, Id, Query};
use crate::service::tus;

/// Give an upload up. The file of a finished one stays.
#[utoipa::path(
    delete, path = "/v1/uploads/{upload}", tag = "media", operation_id = "cancel_upload",
    params(
        ("upload" = String, Path, description = "The upload"),
        ("Tus-Resumable" = String, Header, description = "`1.0.0`"),
    ),
    responses((status = 204, description = "It is gone, with what was kept of it"), UploadProblems),
    security(("bearer" = [])),
)]
pub(in crate::service) async fn handle(caller: Caller, Id(id): Id<UploadId>, query: Query) -> Answer {
    query.only(&[])?;
    caller.media.cancel_upload(&caller.actor, id).await?;
    Ok(tus::empty(StatusCode::NO_CONTENT))
}
