//! `PUT, DELETE /v1/rooms/{room}/messages/{event}/reactions/{emoji}`

use bartab_core::{EventId, RoomId};

use crate::service::request::{Answer, Caller, Ids, appended};

type Path = Ids<(RoomId, EventId, String)>;

pub(in crate::service) async fn handle_put(caller: Caller, Ids((room, event, emoji)): Path) -> Answer {
    appended(&caller.chat.react(&caller.actor, room, event, emoji, true).await?)
}

pub(in crate::service) async fn handle_delete(caller: Caller, Ids((room, event, emoji)): Path) -> Answer {
    appended(&caller.chat.react(&caller.actor, room, event, emoji, false).await?)
}
