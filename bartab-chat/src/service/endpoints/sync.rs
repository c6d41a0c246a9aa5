//! `GET /v1/sync?since=&timeout=&limit=&rooms=&types=&max_behind=`

use std::time::Duration;

use bartab_core::event::EventType;
use bartab_core::{Problem, RoomId};
use http::header::ACCEPT;
use http::{HeaderMap, StatusCode};

use crate::chat::{SyncFilter, SyncQuery};
use crate::config::limits;
use crate::service::request::{Answer, Caller, Failure, Query, json};
use crate::service::stream;
use crate::sync::SyncToken;

pub(in crate::service) async fn handle(caller: Caller, query: Query, headers: HeaderMap) -> Answer {
    let mut sync = read(&query)?;
    let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let streams = accept.split(',').any(|part| part.trim_start().starts_with("text/event-stream"));
    if !streams {
        return Ok(json(StatusCode::OK, caller.chat.sync(&caller.actor, &sync).await?));
    }
    if let Some(last) = headers.get("last-event-id") {
        sync.since = Some(last.to_str().ok().and_then(|text| text.parse().ok()).ok_or_else(invalid_token)?);
    }
    sync.timeout = limits::STREAM_KEEP_ALIVE;
    Ok(stream::answer(caller.chat.follow(&caller.actor, sync)?))
}

fn invalid_token() -> Failure {
    Problem::invalid_field("Last-Event-ID", "invalid", "expected a token that `/v1/sync` gave").into()
}

fn read(query: &Query) -> Result<SyncQuery, Failure> {
    query.only(&["since", "timeout", "limit", "rooms", "types", "max_behind"])?;
    let timeout = query.get::<u64>("timeout")?.unwrap_or(limits::SYNC_TIMEOUT_DEFAULT);
    if timeout > limits::SYNC_TIMEOUT_MAX {
        let detail = format!("at most {} milliseconds", limits::SYNC_TIMEOUT_MAX);
        return Err(Problem::invalid_field("?timeout", "out_of_range", detail).into());
    }
    let rooms = query.list::<RoomId>("rooms", limits::FILTER)?;
    let types = query.list::<EventType>("types", limits::FILTER)?;
    let filter = SyncFilter {
        rooms: rooms.map(|rooms| rooms.into_iter().collect()),
        types: types.map(|types| types.into_iter().collect()),
    };
    Ok(SyncQuery {
        since: query.get::<SyncToken>("since")?,
        timeout: Duration::from_millis(timeout),
        limit: query.limit(limits::SYNC_LIMIT_DEFAULT, limits::SYNC_LIMIT_MAX)?,
        filter,
        max_behind: query.get("max_behind")?,
    })
}
