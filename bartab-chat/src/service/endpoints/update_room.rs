//! `PATCH /v1/rooms/{room}`

use bartab_core::RoomId;

use crate::chat::RoomUpdate;
use crate::service::openapi::{EventOrNothing, RoomPath, WriteProblems};
use crate::service::request::{Answer, Caller, Ids, Payload, appended};

/// Change a room; what is missing stays.
#[utoipa::path(
    patch, path = "/v1/rooms/{room}", tag = "rooms", operation_id = "update_room", request_body = RoomUpdate,
    params(RoomPath),
    responses(
        (status = 200, description = "The event; `{}` when nothing changed", body = EventOrNothing),
        WriteProblems,
    ),
    security(("bearer" = [])),
)]
pub(in crate::service) async fn handle(caller: Caller, Ids((room,)): Ids<(RoomId,)>, payload: Payload) -> Answer {
    appended(&caller.chat.update_room(&caller.actor, room, payload.json::<RoomUpdate>()?).await?)
}
