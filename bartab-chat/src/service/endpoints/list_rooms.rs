//! `GET /v1/rooms?joined=&limit=&cursor=`

use bartab_core::RoomId;
use http::StatusCode;
use serde::Serialize;

use crate::chat::ListQuery;
use crate::config::limits;
use crate::service::request::{Answer, Caller, Query, json_of};
use crate::wire::RoomJson;

#[derive(Serialize)]
struct Page {
    items: Vec<RoomJson>,
    next_cursor: Option<RoomId>,
}

pub(in crate::service) async fn handle(caller: Caller, query: Query) -> Answer {
    query.only(&["joined", "limit", "cursor"])?;
    let joined = query.get::<bool>("joined")?;
    let limit = query.limit(limits::LIST_DEFAULT, limits::LIST_MAX)?;
    let list = ListQuery { after: query.get("cursor")?, limit };
    let (items, more) = caller.chat.rooms(&caller.actor, joined, list).await?;
    let next_cursor = items.last().filter(|_| more).map(|room| room.room_id);
    json_of(StatusCode::OK, &Page { items, next_cursor })
}
