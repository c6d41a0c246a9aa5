//! What one may do in a room, as the API tells it.

use bartab_core::RoomId;
use bartab_core::event::RoomRole;
use serde::Serialize;
use utoipa::ToSchema;

use crate::service::words;

/// What the caller is to a room and may do there.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = RoomPermissions)]
pub(crate) struct RoomPermissionsJson {
    #[schema(value_type = words::RoomId)]
    pub(crate) room_id: RoomId,
    /// `joined` or `invited`; null for who sees the room because everybody does.
    #[schema(required)]
    pub(crate) membership: Option<&'static str>,
    /// The role that counts: the one in the room, or the higher one that the tenant's role gives where everybody sees
    /// the room; null without either.
    #[schema(value_type = Option<words::RoomRole>, required)]
    pub(crate) role: Option<RoomRole>,
    pub(crate) permissions: Vec<RoomPermissionJson>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = RoomPermission)]
pub(crate) struct RoomPermissionJson {
    /// `messages.send`
    pub(crate) permission: &'static str,
    pub(crate) allowed: bool,
    /// What gives it or withholds it: `membership`, having joined or not; `role`, the one in the room; `tenant_role`,
    /// the one in the tenant; `visibility`, everybody sees the room or there is an invitation; `room_kind`, a
    /// conversation of two has its people from the start; `scope`, which the credentials lack; `kind`, such callers
    /// never have it; `account`, it may not be used for now.
    pub(crate) why: &'static str,
    pub(crate) needs: RoomNeedsJson,
}

/// What it takes.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = RoomPermissionNeeds)]
pub(crate) struct RoomNeedsJson {
    /// A scope of the credentials.
    pub(crate) scope: &'static str,
    /// The least role in the room; null when any will do.
    #[schema(value_type = Option<words::RoomRole>, required)]
    pub(crate) role: Option<RoomRole>,
}
