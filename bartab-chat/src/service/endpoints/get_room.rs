//! `GET /v1/rooms/{room}`

use bartab_core::RoomId;
use http::StatusCode;

use crate::service::request::{Answer, Caller, Ids, json_of};

pub(in crate::service) async fn handle(caller: Caller, Ids((room,)): Ids<(RoomId,)>) -> Answer {
    json_of(StatusCode::OK, &caller.chat.room(&caller.actor, room).await?)
}
