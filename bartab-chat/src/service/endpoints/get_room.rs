//! `GET /v1/rooms/{room}`

use bartab_core::RoomId;
use http::StatusCode;

use crate::service::openapi::{FindProblems, RoomPath};
use crate::service::request::{Answer, Caller, Ids, json_of};
use crate::wire::RoomJson;

/// Read a room.
#[utoipa::path(
    get, path = "/v1/rooms/{room}", tag = "rooms", operation_id = "get_room",
    params(RoomPath),
    responses(
        (status = 200, description = "The room as the caller sees it", body = RoomJson),
        FindProblems,
    ),
    security(("bearer" = [])),
)]
pub(in crate::service) async fn handle(caller: Caller, Ids((room,)): Ids<(RoomId,)>) -> Answer {
    json_of(StatusCode::OK, &caller.chat.room(&caller.actor, room).await?)
}
