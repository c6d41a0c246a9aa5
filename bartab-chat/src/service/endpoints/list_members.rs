//! `GET /v1/rooms/{room}/members?limit=&cursor=`

use bartab_core::{RoomId, UserId};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::chat::ListQuery;
use crate::config::limits;
use crate::service::openapi::{FindProblems, RoomPath, Users};
use crate::service::request::{Answer, Caller, Ids, Query, json_of};
use crate::service::words;
use crate::wire::{MemberJson, UsersJson};

/// A page of members.
#[derive(Serialize, ToSchema)]
#[schema(as = MemberPage)]
struct Page {
    items: Vec<MemberJson>,
    /// Ask with it for the next page; null on the last.
    #[schema(value_type = Option<words::UserId>, required)]
    next_cursor: Option<UserId>,
    #[schema(value_type = Users)]
    users: UsersJson,
}

/// List the members of a room, in the order of their ids; those who moderate see the banned ones too.
#[utoipa::path(
    get, path = "/v1/rooms/{room}/members", tag = "rooms", operation_id = "list_members",
    params(
        RoomPath,
        ("limit" = Option<u64>, Query, description = "How many at most", minimum = 1, maximum = 200),
        ("cursor" = Option<words::UserId>, Query, description = "`next_cursor` of the page before"),
    ),
    responses(
        (status = 200, description = "A page of them", body = Page),
        FindProblems,
    ),
    security(("bearer" = [])),
)]
pub(in crate::service) async fn handle(caller: Caller, Ids((room,)): Ids<(RoomId,)>, query: Query) -> Answer {
    query.only(&["limit", "cursor"])?;
    let limit = query.limit(limits::LIST_DEFAULT, limits::LIST_MAX)?;
    let list = ListQuery { after: query.get("cursor")?, limit };
    let (items, users, more) = caller.chat.members(&caller.actor, room, list)?;
    let next_cursor = items.last().filter(|_| more).map(|member| member.user_id);
    json_of(StatusCode::OK, &Page { items, next_cursor, users })
}
