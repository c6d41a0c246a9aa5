//! `PATCH /v1/rooms/{room}/messages/{event}`

use bartab_core::{EventId, RoomId};
use serde::Deserialize;

use crate::service::request::{Answer, Caller, Ids, Payload, appended};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Edit {
    text: String,
}

pub(in crate::service) async fn handle(
    caller: Caller,
    Ids((room, event)): Ids<(RoomId, EventId)>,
    payload: Payload,
) -> Answer {
    let edit: Edit = payload.json()?;
    appended(&caller.chat.edit_message(&caller.actor, room, event, edit.text).await?)
}
