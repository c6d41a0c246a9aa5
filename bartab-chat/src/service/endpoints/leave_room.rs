//! `POST /v1/rooms/{room}/leave`

use bartab_core::RoomId;

use crate::service::openapi::{Event, KeyHeader, KeyedProblems, RoomPath};
use crate::service::request::{Answer, Caller, Ids, Nothing, Payload, appended};

/// Leave a room, or decline an invitation to it.
#[utoipa::path(
    post, path = "/v1/rooms/{room}/leave", tag = "rooms", operation_id = "leave_room",
    params(RoomPath, KeyHeader),
    responses(
        (status = 201, description = "The event", body = Event),
        (status = 200, description = "Nothing changed", body = Nothing),
        KeyedProblems,
    ),
    security(("bearer" = [])),
)]
pub(in crate::service) async fn handle(caller: Caller, Ids((room,)): Ids<(RoomId,)>, payload: Payload) -> Answer {
    let Nothing {} = payload.json()?;
    appended(&caller.chat.leave_once(&caller.actor, room, payload.key()).await?)
}
