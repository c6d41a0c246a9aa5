//! `GET /v1/rooms/{room}/members?limit=&cursor=`

use bartab_core::{RoomId, UserId};
use http::StatusCode;
use serde::Serialize;

use crate::chat::ListQuery;
use crate::config::limits;
use crate::service::request::{Answer, Caller, Ids, Query, json_of};
use crate::wire::{MemberJson, UsersJson};

#[derive(Serialize)]
struct Page {
    items: Vec<MemberJson>,
    next_cursor: Option<UserId>,
    users: UsersJson,
}

pub(in crate::service) async fn handle(caller: Caller, Ids((room,)): Ids<(RoomId,)>, query: Query) -> Answer {
    query.only(&["limit", "cursor"])?;
    let limit = query.limit(limits::LIST_DEFAULT, limits::LIST_MAX)?;
    let list = ListQuery { after: query.get("cursor")?, limit };
    let (items, users, more) = caller.chat.members(&caller.actor, room, list)?;
    let next_cursor = items.last().filter(|_| more).map(|member| member.user_id);
    json_of(StatusCode::OK, &Page { items, next_cursor, users })
}
