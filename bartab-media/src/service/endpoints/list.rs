//! `GET /v1/media?cursor=&limit=`

use bartab_core::{MediaId, Problem};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::file::File;
use crate::service::openapi::ListProblems;
use crate::service::request::{Answer, Base, Caller, Query, json_of};

/// Files of a page, when nothing is said and at most.
const LIMIT: usize = 50;
const MOST: usize = 200;

/// A page of files.
#[derive(Serialize, ToSchema)]
pub(in crate::service) struct FilePage {
    /// The newest first.
    items: Vec<File>,
    /// Ask with it for the next page; null on the last.
    #[schema(required, value_type = Option<String>)]
    next_cursor: Option<MediaId>,
}

/// List the files that one uploaded.
#[utoipa::path(
    get, path = "/v1/media", tag = "media", operation_id = "list_media",
    params(
        ("limit" = Option<u64>, Query, description = "How many at most; 50 when nothing is said", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page of them", body = FilePage), ListProblems),
    security(("bearer" = [])),
)]
pub(in crate::service) async fn handle(caller: Caller, base: Base, query: Query) -> Answer {
    query.only(&["limit", "cursor"])?;
    let limit = query.get("limit")?.unwrap_or(LIMIT);
    if !(1..=MOST).contains(&limit) {
        return Err(Problem::invalid_field("?limit", "out_of_range", format!("from 1 to {MOST}")).into());
    }
    let mut records = caller.media.files(&caller.actor, query.get("cursor")?, limit + 1).await?;
    let more = records.len() > limit;
    records.truncate(limit);
    let next_cursor = records.last().filter(|_| more).map(|record| record.media_id);
    let items = records.into_iter().map(|record| File::new(record, &base)).collect();
    json_of(StatusCode::OK, &FilePage { items, next_cursor })
}
