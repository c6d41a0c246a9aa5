//! `GET /v1/rooms/{room}/messages/{event}`

use bartab_core::{EventId, RoomId};
use http::StatusCode;

use crate::service::openapi::{FindProblems, Message, MessagePath};
use crate::service::request::{Answer, Caller, Ids, json};

/// Read a message.
#[utoipa::path(
    get, path = "/v1/rooms/{room}/messages/{event}", tag = "messages", operation_id = "get_message",
    params(MessagePath),
    responses(
        (status = 200, description = "The message", body = Message),
        FindProblems,
    ),
    security(("bearer" = [])),
)]
pub(in crate::service) async fn handle(caller: Caller, Ids((room, event)): Ids<(RoomId, EventId)>) -> Answer {
    Ok(json(StatusCode::OK, caller.chat.message(&caller.actor, room, event).await?))
}
