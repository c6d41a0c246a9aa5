//! `GET /v1/rooms/{room}/messages?dir=&from=&limit=` and `?around=&limit=`

use bartab_core::store::Direction;
use bartab_core::{EventId, Problem, RoomId};
use http::StatusCode;

use crate::chat::{Around, HistoryQuery};
use crate::config::limits;
use crate::service::request::{Answer, Caller, Ids, Query, json};

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
