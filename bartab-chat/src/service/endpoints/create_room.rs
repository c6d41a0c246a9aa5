//! `POST /v1/rooms`

use http::StatusCode;

use crate::chat::RoomDraft;
use crate::service::request::{Answer, Caller, Payload, json_of};

pub(in crate::service) async fn handle(caller: Caller, payload: Payload) -> Answer {
    let draft: RoomDraft = payload.json()?;
    let (_, room) = caller.chat.create_room_once(&caller.actor, draft, payload.key()).await?;
    json_of(StatusCode::CREATED, &room)
}
