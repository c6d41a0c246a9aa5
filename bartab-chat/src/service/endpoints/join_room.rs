//! `POST /v1/rooms/{room}/join`

use bartab_core::RoomId;

use crate::service::openapi::{Event, KeyHeader, KeyedProblems, RoomPath};
use crate::service::request::{Answer, Caller, Ids, Nothing, Payload, appended};

/// Join a room that is public or that one is invited to.
#[utoipa::path(
    post, path = "/v1/rooms/{room}/join", tag = "rooms", operation_id = "join_room",
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
    appended(&caller.chat.join_once(&caller.actor, room, payload.key()).await?)
}
