//! `GET /v1/rooms/{room}/messages/{event}`

use bartab_core::{EventId, RoomId};
use http::StatusCode;

use crate::service::request::{Answer, Caller, Ids, json};

pub(in crate::service) async fn handle(caller: Caller, Ids((room, event)): Ids<(RoomId, EventId)>) -> Answer {
    Ok(json(StatusCode::OK, caller.chat.message(&caller.actor, room, event).await?))
}
