//! `DELETE /v1/rooms/{room}/members/{user}?reason=`

use bartab_core::{RoomId, UserId};

use crate::service::openapi::{EventOrNothing, MemberPath, ReasonQuery, WriteProblems};
use crate::service::request::{Answer, Caller, Ids, Query, appended};

/// Put a member out, take an invitation back, or lift a ban.
#[utoipa::path(
    delete, path = "/v1/rooms/{room}/members/{user}", tag = "rooms", operation_id = "remove_member",
    params(MemberPath, ReasonQuery),
    responses(
        (status = 200, description = "The event; `{}` when nothing changed", body = EventOrNothing),
        WriteProblems,
    ),
    security(("bearer" = [])),
)]
pub(in crate::service) async fn handle(
    caller: Caller,
    Ids((room, user)): Ids<(RoomId, UserId)>,
    query: Query,
) -> Answer {
    query.only(&["reason"])?;
    let reason = query.text("reason").map(str::to_owned);
    appended(&caller.chat.remove_member(&caller.actor, room, user, reason).await?)
}
