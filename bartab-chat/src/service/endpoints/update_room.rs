//! `PATCH /v1/rooms/{room}`

use bartab_core::RoomId;

use crate::service::request::{Answer, Caller, Ids, Payload, appended};

pub(in crate::service) async fn handle(caller: Caller, Ids((room,)): Ids<(RoomId,)>, payload: Payload) -> Answer {
    appended(&caller.chat.update_room(&caller.actor, room, payload.json()?).await?)
}
