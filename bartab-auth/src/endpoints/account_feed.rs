//! `GET /v1/accounts/feed`

use std::time::Duration;

use axum::response::Response;
use bartab_core::Problem;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::answer::{self, Failure};
use crate::error::AuthError;
use crate::extract::{Caller, Tenant};
use crate::feed::{EntryView, LONGEST_WAIT, NUMBERS};
use crate::query::Query;

/// How long is waited when nobody says, in milliseconds.
const USUAL_WAIT: u64 = 30_000;

/// A part of the account feed.
#[derive(Serialize, ToSchema)]
pub(crate) struct AccountFeedPage {
    /// By rising number, the first one just above `after`; empty when nothing came in time.
    items: Vec<EntryView>,
    /// The number of the last entry, or `after` itself: ask with it for what follows.
    next: u64,
}

/// Follow the accounts of the tenant. The entries above `after`, or when there are none the first that come within
/// `timeout`. An entry says what happened, and shows the account as it is now. For services of the tenant alone: clients
/// of the kind `service` with the scope `admin`, by `client_credentials`.
#[utoipa::path(
    get, path = "/v1/accounts/feed", tag = "admin", operation_id = "follow_accounts",
    params(
        ("after" = Option<u64>, Query, description = "The number of the last entry that was acted on; 0 when nothing is said", maximum = 9007199254740991_u64),
        ("limit" = Option<u64>, Query, description = "How many at most; 50 when nothing is said", minimum = 1, maximum = 200),
        ("timeout" = Option<u64>, Query, description = "How long to wait for the first one, in milliseconds; 30000 when nothing is said", maximum = 55000),
    ),
    responses(
        (status = 200, description = "What followed", body = AccountFeedPage),
        (status = 400, description = "`request.invalid`"),
        (status = 401, description = "`auth.required`, `auth.invalid_token`: also when the client is removed meanwhile"),
        (status = 403, description = "`account_feed.services_only`, `auth.insufficient_scope`"),
        (status = 503, description = "`account_feed.too_many_waiting`, `store.unavailable`, `tenant.unavailable`, `server.stopping`"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn handler(Tenant(auth): Tenant, Caller(actor): Caller, query: Query) -> Result<Response, Failure> {
    // Nobody else is told even what may be asked.
    crate::feed::require_service(&actor)?;
    query.only(&["after", "limit", "timeout"])?;
    let after = query.get::<u64>("after")?.unwrap_or(0);
    if after >= NUMBERS {
        return Err(Problem::invalid_field("?after", "out_of_range", "below 2^53").into());
    }
    let timeout = Duration::from_millis(query.get::<u64>("timeout")?.unwrap_or(USUAL_WAIT));
    if timeout > LONGEST_WAIT {
        return Err(Problem::invalid_field("?timeout", "out_of_range", "at most 55000 milliseconds").into());
    }
    let entries = auth.account_news(&actor, after, query.limit()?, timeout).await?;
    let next = entries.last().map_or(after, |entry| entry.number);
    let items = entries.into_iter().map(EntryView::try_from).collect::<Result<_, _>>().map_err(AuthError::internal)?;
    answer::json(StatusCode::OK, &AccountFeedPage { items, next })
}
