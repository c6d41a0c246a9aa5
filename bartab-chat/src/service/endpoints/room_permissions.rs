//! `GET /v1/rooms/{room}/permissions`

use bartab_core::RoomId;
use http::StatusCode;

use crate::service::openapi::{FindProblems, RoomPath};
use crate::service::request::{Answer, Caller, Ids, json_of};
use crate::wire::RoomPermissionsJson;

/// Say what the caller may do in a room with these credentials, and why; for the tenant as a whole,
/// `GET /v1/me/permissions` does.
#[utoipa::path(
    get, path = "/v1/rooms/{room}/permissions", tag = "rooms", operation_id = "get_room_permissions",
    params(RoomPath),
    responses(
        (status = 200, description = "Every permission there is in a room", body = RoomPermissionsJson),
        FindProblems,
    ),
    security(("bearer" = [])),
)]
pub(in crate::service) async fn handle(caller: Caller, Ids((room,)): Ids<(RoomId,)>) -> Answer {
    json_of(StatusCode::OK, &caller.chat.room_permissions(&caller.actor, room)?)
}
