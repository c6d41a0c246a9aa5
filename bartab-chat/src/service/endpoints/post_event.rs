//! `POST /v1/rooms/{room}/events`

use bartab_core::RoomId;

use crate::service::request::{Answer, Caller, Ids, Payload, appended};

pub(in crate::service) async fn handle(caller: Caller, Ids((room,)): Ids<(RoomId,)>, payload: Payload) -> Answer {
    appended(&caller.chat.post_custom(&caller.actor, room, payload.json()?, payload.key()).await?)
}
