//! `DELETE /v1/rooms/{room}/messages/{event}?reason=`

use bartab_core::{EventId, RoomId};

use crate::service::openapi::{EventOrNothing, MessagePath, ReasonQuery, WriteProblems};
use crate::service::request::{Answer, Caller, Ids, Query, appended};

/// Take a message back: one's own, or as a moderator anyone's.
#[utoipa::path(
    delete, path = "/v1/rooms/{room}/messages/{event}", tag = "messages", operation_id = "delete_message",
    params(MessagePath, ReasonQuery),
    responses(
        (status = 200, description = "The event; `{}` when nothing changed. The text is gone from everywhere", body = EventOrNothing),
        WriteProblems,
    ),
    security(("bearer" = [])),
)]
pub(in crate::service) async fn handle(
    caller: Caller,
    Ids((room, event)): Ids<(RoomId, EventId)>,
    query: Query,
) -> Answer {
    query.only(&["reason"])?;
    let reason = query.text("reason").map(str::to_owned);
    appended(&caller.chat.delete_message(&caller.actor, room, event, reason).await?)
}
