//! `POST, GET /v1/invites` and `DELETE /v1/invites/{invite_id}`

use axum::response::Response;
use bartab_core::store::Invite;
use bartab_core::{InviteId, RoomId, TenantRole, Timestamp, UserId};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::answer::{self, Failure};
use crate::extract::{Caller, Json, PathId, Tenant};
use crate::invites::NewInvite;
use crate::query::{Query, page};

/// An invite to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InviteRequest {
    /// How many may come by it, 1 to 100,000; any number when left out.
    max_uses: Option<u32>,
    /// From when on nobody comes by it any more.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// The rooms that they join, at most 50.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    rooms: Vec<RoomId>,
    /// `guest`, `member`, `moderator`, `administrator` or `owner`; `member` when left out.
    #[schema(value_type = Option<String>)]
    role: Option<TenantRole>,
}

impl InviteRequest {
    pub(crate) fn into_invite(self) -> NewInvite {
        let Self { max_uses, expires_at, rooms, role } = self;
        NewInvite { max_uses, expires_at, rooms, role }
    }
}

/// An invite.
#[derive(Serialize, ToSchema)]
pub(crate) struct InviteView {
    #[schema(value_type = String)]
    invite_id: InviteId,
    /// What to hand out; it is shown in the answer to `POST` alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    /// Who made it; null: the operator.
    #[schema(value_type = Option<String>)]
    created_by: Option<UserId>,
    /// The role of those who come by it.
    #[schema(value_type = String)]
    role: TenantRole,
    #[schema(value_type = Vec<String>)]
    rooms: Vec<RoomId>,
    max_uses: Option<u32>,
    /// How many have come by it.
    uses: u32,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// When it was taken back.
    #[schema(value_type = Option<String>, format = DateTime)]
    revoked_at: Option<Timestamp>,
}

impl InviteView {
    pub(crate) fn of(invite: Invite, code: Option<String>) -> Self {
        Self {
            invite_id: invite.invite_id,
            code,
            created_by: invite.created_by,
            role: invite.role,
            rooms: invite.rooms,
            max_uses: invite.max_uses,
            uses: invite.uses,
            created_at: invite.created_at,
            expires_at: invite.expires_at,
            revoked_at: invite.revoked_at,
        }
    }
}

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

/// Make an invite. Moderators and above do, and members where the tenant lets them; only administrators give a role above
/// member, and nobody one above their own.
#[utoipa::path(
    post, path = "/v1/invites", tag = "invites", operation_id = "create_invite", request_body = InviteRequest,
    responses(
        (status = 201, description = "The invite, with its code this once", body = InviteView),
        (status = 400, description = "`request.invalid`, `request.invalid_json`"),
        (status = 401, description = "`auth.required`, `auth.invalid_token`"),
        (status = 403, description = "`auth.insufficient_scope`; `permission.denied`, also for an app; `quota.exceeded`"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn create(
    Tenant(auth): Tenant,
    Caller(actor): Caller,
    Json(body): Json<InviteRequest>,
) -> Result<Response, Failure> {
    let (invite, code) = auth.create_invite(&actor, body.into_invite()).await?;
    answer::secret(StatusCode::CREATED, &InviteView::of(invite, Some(code)))
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
pub(crate) async fn list(Tenant(auth): Tenant, Caller(actor): Caller, query: Query) -> Result<Response, Failure> {
    query.only(&["limit", "cursor"])?;
    let limit = query.limit()?;
    let invites = auth.invites(&actor, query.get("cursor")?, limit + 1).await?;
    answer::json(StatusCode::OK, &InvitePage::of(invites, limit))
}

/// Take back an invite of one's own; administrators anybody's. Who came by it stays.
#[utoipa::path(
    delete, path = "/v1/invites/{invite_id}", tag = "invites", operation_id = "revoke_invite",
    params(("invite_id" = String, Path, description = "`invite_…`")),
    responses(
        (status = 204, description = "Nobody comes by it any more"),
        (status = 400, description = "`request.invalid_id`"),
        (status = 401, description = "`auth.required`, `auth.invalid_token`"),
        (status = 403, description = "`auth.insufficient_scope`; `permission.denied`: no app does this"),
        (status = 404, description = "`invite.not_found`, also when it has been taken back before"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn revoke(
    Tenant(auth): Tenant,
    Caller(actor): Caller,
    PathId(invite): PathId<InviteId>,
) -> Result<Response, Failure> {
    auth.revoke_invite(&actor, invite).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}
