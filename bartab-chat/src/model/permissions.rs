//! What somebody may do in a room, and why: what [`decide`](super::decide) would say, before anybody asks for anything.

use bartab_core::event::{RoomKind, RoomRole};
use bartab_core::{Actor, ActorKind, Scope};

use super::state::{Access, TenantState};

/// Something that one may do in a room or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RoomPermission {
    /// Join, or stay.
    Join,
    /// Read what is said.
    ReadMessages,
    /// Say something; also change and take back what one said oneself.
    SendMessages,
    /// React to what is said.
    React,
    /// Take back what others said.
    DeleteMessages,
    /// Ask somebody in.
    InviteMembers,
    /// Put somebody out whose role is lower.
    RemoveMembers,
    /// Keep somebody out whose role is lower.
    BanMembers,
    /// Give somebody another role.
    ChangeRoles,
    /// Change what the room is called, and who sees it.
    UpdateRoom,
}

/// What gives a permission, or withholds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RoomReason {
    /// Having joined, or not.
    Membership,
    /// The role in the room.
    Role,
    /// The role in the tenant, which counts in rooms that everybody sees.
    TenantRole,
    /// That everybody sees the room, or that there is an invitation.
    Visibility,
    /// What sort of room it is: a conversation of two has its people from the start.
    RoomKind,
    /// A scope that the credentials lack.
    Scope,
    /// What sort of caller it is.
    Kind,
    /// The account, which may not be used for now.
    Account,
}

/// What it takes in the room.
#[derive(Clone, Copy, Debug)]
enum Need {
    /// That the room exists for the caller.
    Seen,
    /// That its history may be read.
    Readable,
    /// To have joined.
    Joined,
    /// This role at least.
    Role(RoomRole),
    /// This role at least, where people come and go.
    RoleAmongMany(RoomRole),
}

impl RoomPermission {
    /// Every permission, in the order in which they are listed.
    pub const ALL: [Self; 10] = [
        Self::Join,
        Self::ReadMessages,
        Self::SendMessages,
        Self::React,
        Self::DeleteMessages,
        Self::InviteMembers,
        Self::RemoveMembers,
        Self::BanMembers,
        Self::ChangeRoles,
        Self::UpdateRoom,
    ];

    /// The stable name.
    pub const fn name(self) -> &'static str {
        self.row().0
    }

    /// The scope that credentials need for it.
    pub const fn scope(self) -> Scope {
        self.row().1
    }

    /// The least role in the room; `None` when every role will do, or none is needed.
    pub const fn role(self) -> Option<RoomRole> {
        match self.row().2 {
            Need::Role(role) | Need::RoleAmongMany(role) => Some(role),
            Need::Seen | Need::Readable | Need::Joined => None,
        }
    }

    const fn row(self) -> (&'static str, Scope, Need) {
        use Need::{Joined, Readable, Role, RoleAmongMany, Seen};
        use RoomRole::{Member, Moderator, Owner};
        match self {
            Self::Join => ("room.join", Scope::ChatWrite, Seen),
            Self::ReadMessages => ("messages.read", Scope::ChatRead, Readable),
            Self::SendMessages => ("messages.send", Scope::ChatWrite, Joined),
            Self::React => ("messages.react", Scope::ChatWrite, Joined),
            Self::DeleteMessages => ("messages.delete", Scope::ChatWrite, Role(Moderator)),
            Self::InviteMembers => ("members.invite", Scope::RoomsManage, RoleAmongMany(Member)),
            Self::RemoveMembers => ("members.remove", Scope::RoomsManage, Role(Moderator)),
            Self::BanMembers => ("members.ban", Scope::RoomsManage, RoleAmongMany(Moderator)),
            Self::ChangeRoles => ("members.change_role", Scope::RoomsManage, RoleAmongMany(Owner)),
            Self::UpdateRoom => ("room.update", Scope::RoomsManage, Role(Owner)),
        }
    }

    /// Whether `actor` has it in the room that `access` is about, and what gives it or withholds it.
    pub fn explain(self, state: &TenantState, actor: &Actor, access: &Access<'_>) -> (bool, RoomReason) {
        let (_, scope, need) = self.row();
        if !actor.scopes.contains(scope) {
            return (false, RoomReason::Scope);
        }
        // Whoever writes has to be somebody: a service reads at most.
        if actor.kind == ActorKind::Service && !matches!(need, Need::Readable) {
            return (false, RoomReason::Kind);
        }
        if !state.may_act(actor) {
            return (false, RoomReason::Account);
        }
        match need {
            Need::Seen => (true, if access.joined.is_some() { RoomReason::Membership } else { RoomReason::Visibility }),
            Need::Readable if access.joined.is_some() => (true, RoomReason::Membership),
            Need::Readable => match access.readable_since() {
                Some(_) => (true, RoomReason::Visibility),
                None => (false, RoomReason::Membership),
            },
            Need::Joined => (access.joined.is_some(), RoomReason::Membership),
            Need::RoleAmongMany(_) if access.room.kind == RoomKind::Direct => (false, RoomReason::RoomKind),
            Need::Role(least) | Need::RoleAmongMany(least) => match (access.joined, access.role) {
                (_, None) => (false, RoomReason::Membership),
                (Some(member), _) if member.role >= least => (true, RoomReason::Role),
                (_, Some(role)) if role >= least => (true, RoomReason::TenantRole),
                _ => (false, RoomReason::Role),
            },
        }
    }
}

impl RoomReason {
    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Membership => "membership",
            Self::Role => "role",
            Self::TenantRole => "tenant_role",
            Self::Visibility => "visibility",
            Self::RoomKind => "room_kind",
            Self::Scope => "scope",
            Self::Kind => "kind",
            Self::Account => "account",
        }
    }
}
