//! `GET /v1/rooms/{room}/messages/{event}/edits`

use bartab_core::{EventId, RoomId};
use http::StatusCode;

use crate::service::openapi::{FindProblems, MessagePath, Versions};
use crate::service::request::{Answer, Caller, Ids, json};

/// Read every version of a message that is not erased.
#[utoipa::path(
    get, path = "/v1/rooms/{room}/messages/{event}/edits", tag = "messages", operation_id = "list_edits",
    params(MessagePath),
    responses(
        (status = 200, description = "The versions", body = Versions),
        FindProblems,
    ),
    security(("bearer" = [])),
)]
pub(in crate::service) async fn handle(caller: Caller, Ids((room, event)): Ids<(RoomId, EventId)>) -> Answer {
    Ok(json(StatusCode::OK, caller.chat.edits(&caller.actor, room, event).await?))
}
