//! `GET /v1/invites`

use axum::response::Response;
use bartab_core::store::Invite;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::InviteView;
use crate::acts::Authority;
use crate::answer::{self, Failure};
use crate::extract::{Caller, Tenant};
use crate::query::{Query, page};

/// A page of invites.
#[derive(Serialize, ToSchema)]
pub(crate) struct InvitePage {
    /// Newest first.
    items: Vec<InviteView>,
    /// The `cursor` of the next page, if there is one.
    #[schema(required)]
    next_cursor: Option<String>,
}

impl InvitePage {
    /// A page of `limit`, when one more was asked for.
    pub(crate) fn of(invites: Vec<Invite>, limit: usize) -> Self {
        let (invites, next_cursor) = page(invites, limit, |invite| invite.invite_id.to_string());
        Self { items: invites.into_iter().map(|invite| InviteView::of(invite, None)).collect(), next_cursor }
    }
}

/// List one's own invites; administrators see everybody's.
#[utoipa::path(
    get, path = "/v1/invites", tag = "invites", operation_id = "list_invites",
    params(
        ("limit" = Option<usize>, Query, description = "1 to 200, 50 when left out"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses(
        (status = 200, description = "A page, newest first", body = InvitePage),
        (status = 400, description = "`request.invalid`"),
        (status = 401, description = "`auth.required`, `auth.invalid_token`"),
        (status = 403, description = "`auth.insufficient_scope`"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn handler(Tenant(auth): Tenant, Caller(actor): Caller, query: Query) -> Result<Response, Failure> {
    query.only(&["limit", "cursor"])?;
    let limit = query.limit()?;
    let invites = auth.invites(&Authority::Caller(actor), query.get("cursor")?, limit + 1).await?;
    answer::json(StatusCode::OK, &InvitePage::of(invites, limit))
}
