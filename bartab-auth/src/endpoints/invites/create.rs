//! `POST /v1/invites`

use axum::response::Response;
use bartab_core::{RoomId, TenantRole, Timestamp};
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::InviteView;
use crate::acts::Act;
use crate::answer::{self, Failure};
use crate::extract::{Caller, Json, Tenant};
use crate::invites::NewInvite;

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
    /// Why, for the audit trail: 1 to 500 characters; may be left out.
    #[serde(default)]
    reason: String,
}

impl InviteRequest {
    /// What is to be made, and why.
    pub(crate) fn into_invite(self) -> (NewInvite, String) {
        let Self { max_uses, expires_at, rooms, role, reason } = self;
        (NewInvite { max_uses, expires_at, rooms, role }, reason)
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
pub(crate) async fn handler(
    Tenant(auth): Tenant,
    Caller(actor): Caller,
    Json(body): Json<InviteRequest>,
) -> Result<Response, Failure> {
    let (new, reason) = body.into_invite();
    let (invite, code) = auth.create_invite(&Act::of(actor, reason), new).await?;
    answer::secret(StatusCode::CREATED, &InviteView::of(invite, Some(code)))
}
