//! `PUT /v1/rooms/{room}/receipt`

use bartab_core::{EventId, RoomId};
use serde::Deserialize;

use crate::service::request::{Answer, Caller, Ids, Payload, no_content};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Receipt {
    event_id: EventId,
}

pub(in crate::service) async fn handle(caller: Caller, Ids((room,)): Ids<(RoomId,)>, payload: Payload) -> Answer {
    let receipt: Receipt = payload.json()?;
    caller.chat.mark_read(&caller.actor, room, receipt.event_id).await?;
    Ok(no_content())
}
