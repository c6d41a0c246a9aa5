//! `PATCH /v1/rooms/{room}/messages/{event}`

use bartab_core::{EventId, RoomId};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::service::openapi::{EventOrNothing, MessagePath, WriteProblems};
use crate::service::request::{Answer, Caller, Ids, Payload, appended};

/// The new text of a message.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MessageEdit)]
struct Edit {
    text: String,
}

/// Change the text of one's own message.
#[utoipa::path(
    patch, path = "/v1/rooms/{room}/messages/{event}", tag = "messages", operation_id = "edit_message", request_body = Edit,
    params(MessagePath),
    responses(
        (status = 200, description = "The event; `{}` when nothing changed", body = EventOrNothing),
        WriteProblems,
    ),
    security(("bearer" = [])),
)]
pub(in crate::service) async fn handle(
    caller: Caller,
    Ids((room, event)): Ids<(RoomId, EventId)>,
    payload: Payload,
) -> Answer {
    let edit: Edit = payload.json()?;
    appended(&caller.chat.edit_message(&caller.actor, room, event, edit.text).await?)
}
