//! `GET /v1/rooms?joined=&limit=&cursor=`

use bartab_core::RoomId;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::chat::ListQuery;
use crate::config::limits;
use crate::service::openapi::ReadProblems;
use crate::service::request::{Answer, Caller, Query, json_of};
use crate::service::words;
use crate::wire::RoomJson;

/// A page of rooms.
#[derive(Serialize, ToSchema)]
#[schema(as = RoomPage)]
struct Page {
    items: Vec<RoomJson>,
    /// Ask with it for the next page; null on the last.
    #[schema(value_type = Option<words::RoomId>, required)]
    next_cursor: Option<RoomId>,
}

/// List the rooms that one may see, in the order of their ids.
#[utoipa::path(
    get, path = "/v1/rooms", tag = "rooms", operation_id = "list_rooms",
    params(
        ("joined" = Option<bool>, Query, description = "Only those that one has joined, or only the others"),
        ("limit" = Option<u64>, Query, description = "How many at most", minimum = 1, maximum = 200),
        ("cursor" = Option<words::RoomId>, Query, description = "`next_cursor` of the page before"),
    ),
    responses(
        (status = 200, description = "A page of them", body = Page),
        ReadProblems,
    ),
    security(("bearer" = [])),
)]
pub(in crate::service) async fn handle(caller: Caller, query: Query) -> Answer {
    query.only(&["joined", "limit", "cursor"])?;
    let joined = query.get::<bool>("joined")?;
    let limit = query.limit(limits::LIST_DEFAULT, limits::LIST_MAX)?;
    let list = ListQuery { after: query.get("cursor")?, limit };
    let (items, more) = caller.chat.rooms(&caller.actor, joined, list).await?;
    let next_cursor = items.last().filter(|_| more).map(|room| room.room_id);
    json_of(StatusCode::OK, &Page { items, next_cursor })
}
