//! Permissions by name, and what each of them takes.

use bartab_core::{Actor, ActorKind, Scope, TenantRole};

use crate::error::AuthError;
use crate::sessions::OWN_CLIENT;

/// Something that a caller may or may not do in the tenant as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Permission {
    /// Change one's own profile.
    ProfileChange,
    /// Name and end one's own sessions.
    SessionsManage,
    /// Read rooms, messages and sync.
    RoomsRead,
    /// Send, edit, react, join and leave.
    MessagesSend,
    /// Create rooms.
    RoomsCreate,
    /// Keep order in every public room.
    RoomsModerate,
    /// Change and delete every public room.
    RoomsAdminister,
    /// Fetch media.
    MediaRead,
    /// Upload media.
    MediaUpload,
    /// Make bots of one's own, change and delete them.
    BotsCreate,
    /// See the bots of everybody.
    BotsRead,
    /// Make invites and take them back.
    InvitesCreate,
    /// See all accounts.
    UsersRead,
    /// Change what others see of an account.
    UsersRename,
    /// Give accounts another role.
    UsersSetRole,
    /// Say how much an account may ask.
    UsersSetRate,
    /// Suspend accounts and restore them.
    UsersSuspend,
    /// Give somebody a new way to sign in.
    UsersReset,
    /// Erase accounts.
    UsersErase,
    /// Register OAuth clients and remove them.
    ClientsManage,
    /// Rotate and retire signing keys.
    KeysManage,
    /// Read the audit trail.
    AuditRead,
}

/// What a permission takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    pub(crate) permission: Permission,
    /// The stable name.
    pub(crate) name: &'static str,
    /// The scope that the credentials need.
    pub(crate) scope: Scope,
    /// The least role that has it.
    pub(crate) role: TenantRole,
    /// Whether a bot can have it.
    pub(crate) bots: bool,
    /// Whether an app that somebody lets act for them can have it: never when something is made or changed by which one
    /// comes in again, for that would outlast the grant.
    pub(crate) apps: bool,
}

const fn rule(permission: Permission, name: &'static str, scope: Scope, role: TenantRole, bots: bool) -> Rule {
    let apps = !matches!(
        permission,
        Permission::SessionsManage
            | Permission::BotsCreate
            | Permission::InvitesCreate
            | Permission::UsersReset
            | Permission::ClientsManage
            | Permission::KeysManage
    );
    Rule { permission, name, scope, role, bots, apps }
}

/// Every permission with what it takes: the one place that says so.
pub(crate) const RULES: [Rule; 22] = {
    use Permission as P;
    use TenantRole::{Administrator, Guest, Member, Moderator};
    [
        rule(P::ProfileChange, "profile.change", Scope::ProfileWrite, Guest, true),
        rule(P::SessionsManage, "sessions.manage", Scope::ProfileWrite, Guest, false),
        rule(P::RoomsRead, "rooms.read", Scope::ChatRead, Guest, true),
        rule(P::MessagesSend, "messages.send", Scope::ChatWrite, Guest, true),
        rule(P::RoomsCreate, "rooms.create", Scope::RoomsManage, Member, true),
        rule(P::RoomsModerate, "rooms.moderate", Scope::RoomsManage, Moderator, true),
        rule(P::RoomsAdminister, "rooms.administer", Scope::RoomsManage, Administrator, true),
        rule(P::MediaRead, "media.read", Scope::MediaRead, Guest, true),
        rule(P::MediaUpload, "media.upload", Scope::MediaWrite, Guest, true),
        rule(P::BotsCreate, "bots.create", Scope::ProfileWrite, Member, false),
        rule(P::BotsRead, "bots.read", Scope::Admin, Administrator, true),
        rule(P::InvitesCreate, "invites.create", Scope::RoomsManage, Moderator, true),
        rule(P::UsersRead, "users.read", Scope::Admin, Administrator, true),
        rule(P::UsersRename, "users.rename", Scope::Admin, Administrator, true),
        rule(P::UsersSetRole, "users.set_role", Scope::Admin, Administrator, true),
        rule(P::UsersSetRate, "users.set_rate", Scope::Admin, Administrator, true),
        rule(P::UsersSuspend, "users.suspend", Scope::Admin, Administrator, true),
        rule(P::UsersReset, "users.reset", Scope::Admin, Administrator, false),
        rule(P::UsersErase, "users.erase", Scope::Admin, Administrator, true),
        rule(P::ClientsManage, "clients.manage", Scope::Admin, Administrator, false),
        rule(P::KeysManage, "keys.manage", Scope::Admin, Administrator, false),
        rule(P::AuditRead, "audit.read", Scope::Admin, Administrator, true),
    ]
};

/// Why somebody has not got a permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lack {
    /// The credentials do not carry the scope.
    Scope(Scope),
    /// The role is too low.
    Role,
    /// No caller of this kind has it.
    Kind,
    /// No app has it.
    Client,
}

impl Rule {
    /// What `actor` lacks for it, by what the credentials say.
    pub(crate) fn lack(&self, actor: &Actor) -> Option<Lack> {
        let kind = match actor.kind {
            ActorKind::Person => true,
            ActorKind::Bot { .. } => self.bots,
            // A guest has no account here, and a service acts for nobody.
            _ => false,
        };
        if !kind {
            return Some(Lack::Kind);
        }
        // The role first: whose role is too low cannot get a token with the scope either.
        if actor.tenant_role < self.role {
            return Some(Lack::Role);
        }
        // Before the scope: no scope makes up for it.
        if !self.apps && is_app(actor) {
            return Some(Lack::Client);
        }
        (!actor.scopes.contains(self.scope)).then_some(Lack::Scope(self.scope))
    }
}

impl Permission {
    /// The stable name, `users.suspend`.
    pub fn name(self) -> &'static str {
        self.rule().map_or("", |rule| rule.name)
    }

    /// What it takes; every permission has its rule, as a test makes sure.
    pub(crate) fn rule(self) -> Option<&'static Rule> {
        const { &RULES }.iter().find(|rule| rule.permission == self)
    }
}

/// Refuses an actor whose credentials lack `scope`.
pub(crate) fn require(actor: &Actor, scope: Scope) -> Result<(), AuthError> {
    if actor.scopes.contains(scope) { Ok(()) } else { Err(AuthError::InsufficientScope(scope)) }
}

/// Whether somebody lets an app act for them. Our own client is no app, and neither is an embedder whose actors name it,
/// as those of [`Actor::person`] do.
fn is_app(actor: &Actor) -> bool {
    actor.kind == ActorKind::Person && *actor.client_id != *OWN_CLIENT
}

/// Refuses an app that somebody lets act for them, whatever its scopes.
pub(crate) fn refuse_apps(actor: &Actor) -> Result<(), AuthError> {
    if is_app(actor) { Err(AuthError::OwnClientOnly) } else { Ok(()) }
}

/// Refuses an actor who has not got the permission: when nothing but a scope is missing with
/// [`AuthError::InsufficientScope`], an app with [`AuthError::OwnClientOnly`] where no app has it, else with
/// [`AuthError::PermissionDenied`].
pub(crate) fn require_permission(actor: &Actor, permission: Permission) -> Result<(), AuthError> {
    let denied = || AuthError::PermissionDenied(permission);
    match permission.rule().ok_or_else(denied)?.lack(actor) {
        None => Ok(()),
        Some(Lack::Scope(scope)) => Err(AuthError::InsufficientScope(scope)),
        Some(Lack::Client) => Err(AuthError::OwnClientOnly),
        Some(Lack::Role | Lack::Kind) => Err(denied()),
    }
}
