//! Invites, and what their answers have in common.

pub(crate) mod create;
pub(crate) mod list;
pub(crate) mod revoke;

use bartab_core::store::Invite;
use bartab_core::{InviteId, RoomId, TenantRole, Timestamp, UserId};
use serde::Serialize;
use utoipa::ToSchema;

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
