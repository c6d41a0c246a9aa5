//! `POST /v1/rooms/{room}/join`

use bartab_core::RoomId;
use serde::Deserialize;

use crate::service::request::{Answer, Caller, Ids, Payload, appended};

/// A body that carries nothing.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

pub(in crate::service) async fn handle(caller: Caller, Ids((room,)): Ids<(RoomId,)>, payload: Payload) -> Answer {
    let Nothing {} = payload.json()?;
    appended(&caller.chat.join_once(&caller.actor, room, payload.key()).await?)
}
