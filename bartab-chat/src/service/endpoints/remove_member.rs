//! `DELETE /v1/rooms/{room}/members/{user}?reason=`

use bartab_core::{RoomId, UserId};

use crate::service::request::{Answer, Caller, Ids, Query, appended};

pub(in crate::service) async fn handle(
    caller: Caller,
    Ids((room, user)): Ids<(RoomId, UserId)>,
    query: Query,
) -> Answer {
    query.only(&["reason"])?;
    let reason = query.text("reason").map(str::to_owned);
    appended(&caller.chat.remove_member(&caller.actor, room, user, reason).await?)
}
