//! `GET /v1/rooms/{room}/messages?dir=&from=&limit=` and `?around=&limit=`

use bartab_core::store::Direction;
use bartab_core::{EventId, Problem, RoomId};
use http::StatusCode;

use crate::chat::{Around, HistoryQuery};
use crate::config::limits;
use crate::service::openapi::{FindProblems, MessagePage, RoomPath};
use crate::service::request::{Answer, Caller, Ids, Query, json};
use crate::service::words;

/// Read a page of a room's messages.
#[utoipa::path(
    get, path = "/v1/rooms/{room}/messages", tag = "messages", operation_id = "list_messages",
    params(
        RoomPath,
        ("dir" = Option<String>, Query, description = "`b` (default): newest first; `f`: oldest first"),
        ("from" = Option<words::EventId>, Query, description = "The event to start from, exclusive"),
        ("around" = Option<words::EventId>, Query, description = "Both sides of this event, oldest first; not with `dir` and `from`"),
        ("limit" = Option<u64>, Query, description = "How many at most; 50 unless said", minimum = 1, maximum = 200),
    ),
    responses(
        (status = 200, description = "The page", body = MessagePage),
        FindProblems,
    ),
    security(("bearer" = [])),
)]
pub(in crate::service) async fn handle(caller: Caller, Ids((room,)): Ids<(RoomId,)>, query: Query) -> Answer {
    let limit = query.limit(limits::PAGE_DEFAULT, limits::PAGE_MAX)?;
    if let Some(event) = query.get::<EventId>("around")? {
        query.only(&["around", "limit"])?;
        let around = Around { event, limit };
        return Ok(json(StatusCode::OK, caller.chat.history_around(&caller.actor, room, around).await?));
    }
    query.only(&["dir", "from", "limit"])?;
    let direction = match query.text("dir") {
        None | Some("b") => Direction::Backward,
        Some("f") => Direction::Forward,
        Some(_) => return Err(Problem::invalid_field("?dir", "invalid", "`b` or `f`").into()),
    };
    let history = HistoryQuery { direction, from: query.get("from")?, limit };
    Ok(json(StatusCode::OK, caller.chat.history(&caller.actor, room, history).await?))
}
