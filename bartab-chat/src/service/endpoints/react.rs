//! `PUT, DELETE /v1/rooms/{room}/messages/{event}/reactions/{emoji}`

use bartab_core::{EventId, RoomId};

use crate::service::openapi::{EventOrNothing, MessagePath, WriteProblems};
use crate::service::request::{Answer, Caller, Ids, appended};

type Path = Ids<(RoomId, EventId, String)>;

/// React to a message.
#[utoipa::path(
    put, path = "/v1/rooms/{room}/messages/{event}/reactions/{emoji}", tag = "messages", operation_id = "add_reaction",
    params(MessagePath, ("emoji" = String, Path, description = "One emoji, percent-encoded")),
    responses(
        (status = 200, description = "The event; `{}` when one reacts so already", body = EventOrNothing),
        WriteProblems,
    ),
    security(("bearer" = [])),
)]
pub(in crate::service) async fn handle_put(caller: Caller, Ids((room, event, emoji)): Path) -> Answer {
    appended(&caller.chat.react(&caller.actor, room, event, emoji, true).await?)
}

/// Take a reaction back.
#[utoipa::path(
    delete, path = "/v1/rooms/{room}/messages/{event}/reactions/{emoji}", tag = "messages", operation_id = "remove_reaction",
    params(MessagePath, ("emoji" = String, Path, description = "One emoji, percent-encoded")),
    responses(
        (status = 200, description = "The event; `{}` when there was none", body = EventOrNothing),
        WriteProblems,
    ),
    security(("bearer" = [])),
)]
pub(in crate::service) async fn handle_delete(caller: Caller, Ids((room, event, emoji)): Path) -> Answer {
    appended(&caller.chat.react(&caller.actor, room, event, emoji, false).await?)
}
