//! `GET /v1/sync?since=&timeout=&limit=&rooms=&types=&max_behind=`

use std::time::Duration;

use axum::extract::FromRequestParts;
use bartab_core::event::EventType;
use bartab_core::{Problem, RoomId};
use http::StatusCode;
use http::header::ACCEPT;
use http::request::Parts;

use crate::chat::{SyncFilter, SyncQuery};
use crate::config::limits;
use crate::service::openapi::{ReadProblems, SyncAnswer};
use crate::service::request::{Answer, Caller, Failure, Query, json};
use crate::service::stream;
use crate::sync::SyncToken;

/// Follow everything that one may see.
///
/// Without `since`: a snapshot of everything. With it: every event after it that one may see, in the order of the
/// log; with none yet, the answer waits. With `Accept: text/event-stream` the same answers come as frames whose `id`
/// is the token.
#[utoipa::path(
    get, path = "/v1/sync", tag = "sync", operation_id = "sync",
    params(
        ("since" = Option<String>, Query, description = "`next` of the answer before"),
        ("timeout" = Option<u64>, Query, description = "Milliseconds to wait for the first event; 30000 unless said", maximum = 55000),
        ("limit" = Option<u64>, Query, description = "How many events at most; 500 unless said", minimum = 1, maximum = 1000),
        ("rooms" = Option<String>, Query, description = "Only events of these rooms: ids with commas between"),
        ("types" = Option<String>, Query, description = "Only events of these types, with commas between"),
        ("max_behind" = Option<u64>, Query, description = "Prefer a snapshot, with `reset`, when more events than this are missing"),
        ("Last-Event-ID" = Option<String>, Header, description = "Of an event stream: the token to resume from; it goes before `since`"),
    ),
    responses(
        (status = 200, description = "At once without `since`, else as soon as there is something, or after the timeout", content(
            (SyncAnswer = "application/json"),
            (String = "text/event-stream"),
        )),
        ReadProblems,
    ),
    security(("bearer" = [])),
)]
pub(in crate::service) async fn handle(caller: Caller, Asked { sync, streams }: Asked) -> Answer {
    if streams {
        return Ok(stream::answer(caller.chat.follow(&caller.actor, sync)?));
    }
    Ok(json(StatusCode::OK, caller.chat.sync(&caller.actor, &sync).await?))
}

/// What is asked for. Read before the handler begins: a poll waits for long, and headers that it no longer needs
/// would wait with it.
pub(in crate::service) struct Asked {
    sync: SyncQuery,
    streams: bool,
}

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let mut sync = read(&Query::from_request_parts(parts, state).await?)?;
        let accept = parts.headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
        let streams = accept.split(',').any(|part| part.trim_start().starts_with("text/event-stream"));
        if streams {
            if let Some(last) = parts.headers.get("last-event-id") {
                let last = last.to_str().ok().and_then(|text| text.parse().ok());
                sync.since = Some(last.ok_or_else(invalid_token)?);
            }
            sync.timeout = limits::STREAM_KEEP_ALIVE;
        }
        Ok(Self { sync, streams })
    }
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
