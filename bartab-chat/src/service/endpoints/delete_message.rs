//! `DELETE /v1/rooms/{room}/messages/{event}?reason=`

use bartab_core::{EventId, RoomId};

use crate::service::request::{Answer, Caller, Ids, Query, appended};

pub(in crate::service) async fn handle(
    caller: Caller,
    Ids((room, event)): Ids<(RoomId, EventId)>,
    query: Query,
) -> Answer {
    query.only(&["reason"])?;
    let reason = query.text("reason").map(str::to_owned);
    appended(&caller.chat.delete_message(&caller.actor, room, event, reason).await?)
}
