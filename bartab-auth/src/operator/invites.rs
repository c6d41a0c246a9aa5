//! `POST, GET /admin/v1/tenants/{tenant}/invites` and `DELETE …/invites/{invite_id}`

use axum::response::Response;
use bartab_core::InviteId;
use http::StatusCode;

use super::Named;
use crate::acts::{Act, Authority};
use crate::answer::{self, Failure};
use crate::endpoints::admin::ReasonOrQuery;
use crate::endpoints::invites::InviteView;
use crate::endpoints::invites::create::InviteRequest;
use crate::endpoints::invites::list::InvitePage;
use crate::extract::{Json, Tenant};
use crate::query::Query;

/// Makes an invite; its code is shown this once.
pub(super) async fn create(Tenant(auth): Tenant, Json(body): Json<InviteRequest>) -> Result<Response, Failure> {
    let (new, reason) = body.into_invite();
    let (invite, code) = auth.create_invite(&Act::operator(reason), new).await?;
    answer::secret(StatusCode::CREATED, &InviteView::of(invite, Some(code)))
}

/// Lists everybody's invites, newest first.
pub(super) async fn list(Tenant(auth): Tenant, query: Query) -> Result<Response, Failure> {
    query.only(&["limit", "cursor"])?;
    let limit = query.limit()?;
    let invites = auth.invites(&Authority::Operator, query.get("cursor")?, limit + 1).await?;
    answer::json(StatusCode::OK, &InvitePage::of(invites, limit))
}

/// Takes back anybody's invite.
pub(super) async fn revoke(
    Tenant(auth): Tenant,
    Named(invite): Named<InviteId>,
    query: Query,
    Json(body): Json<ReasonOrQuery>,
) -> Result<Response, Failure> {
    auth.revoke_invite(&Act::operator(body.or_in(&query)?), invite).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}
