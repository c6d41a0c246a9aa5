//! `POST /v1/rooms/{room}/leave`

use bartab_core::RoomId;

use super::join_room::Nothing;
use crate::service::request::{Answer, Caller, Ids, Payload, appended};

pub(in crate::service) async fn handle(caller: Caller, Ids((room,)): Ids<(RoomId,)>, payload: Payload) -> Answer {
    let Nothing {} = payload.json()?;
    appended(&caller.chat.leave_once(&caller.actor, room, payload.key()).await?)
}
