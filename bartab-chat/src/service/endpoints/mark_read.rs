//! `PUT /v1/rooms/{room}/receipt`

use bartab_core::{EventId, RoomId};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::service::openapi::{RoomPath, WriteProblems};
use crate::service::request::{Answer, Caller, Ids, Payload, no_content};
use crate::service::words;

/// How far one has read.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Receipt {
    /// An event of the room; one that is no message marks what was said before it.
    #[schema(value_type = words::EventId)]
    event_id: EventId,
}

/// Mark a room as read up to an event of it; a marker never moves back.
#[utoipa::path(
    put, path = "/v1/rooms/{room}/receipt", tag = "rooms", operation_id = "mark_read", request_body = Receipt,
    params(RoomPath),
    responses(
        (status = 204, description = "Marked"),
        WriteProblems,
    ),
    security(("bearer" = [])),
)]
pub(in crate::service) async fn handle(caller: Caller, Ids((room,)): Ids<(RoomId,)>, payload: Payload) -> Answer {
    let receipt: Receipt = payload.json()?;
    caller.chat.mark_read(&caller.actor, room, receipt.event_id).await?;
    Ok(no_content())
}
