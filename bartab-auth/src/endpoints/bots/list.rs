//! `GET /v1/bots`

use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::BotView;
use crate::answer::{self, Failure};
use crate::extract::{Caller, Tenant};
use crate::query::{Query, page};

/// A page of bots.
#[derive(Serialize, ToSchema)]
pub(crate) struct BotPage {
    /// By age, oldest first.
    items: Vec<BotView>,
    /// Ask with it for the next page; null on the last.
    #[schema(required)]
    next_cursor: Option<String>,
}

/// List one's own bots, or those of somebody else.
#[utoipa::path(
    get, path = "/v1/bots", tag = "bots", operation_id = "list_bots",
    params(
        ("owner" = Option<String>, Query, description = "Somebody else: takes `bots.read`"),
        ("limit" = Option<u64>, Query, description = "How many at most; 50 when nothing is said", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses(
        (status = 200, description = "A page of them", body = BotPage),
        (status = 400, description = "`request.invalid`"),
        (status = 401, description = "`auth.required`, `auth.invalid_token`"),
        (status = 403, description = "`auth.insufficient_scope`, `permission.denied`"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn handler(Tenant(auth): Tenant, Caller(actor): Caller, query: Query) -> Result<Response, Failure> {
    query.only(&["owner", "limit", "cursor"])?;
    let limit = query.limit()?;
    let owner = query.get("owner")?.unwrap_or(actor.user_id);
    let bots = auth.bots(&actor, owner, query.get("cursor")?, limit + 1).await?;
    let (bots, next_cursor) = page(bots, limit, |bot| bot.bot_id().to_string());
    answer::json(StatusCode::OK, &BotPage { items: bots.into_iter().map(BotView::from).collect(), next_cursor })
}
