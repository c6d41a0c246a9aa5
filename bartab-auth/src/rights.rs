//! Rights: what a role allows at most, which permissions there are, and what each of them takes.

use bartab_core::store::{Account, AccountKind, AccountState};
use bartab_core::{Actor, ActorKind, Scope, Scopes, TenantRole};
use serde::Serialize;

use crate::auth::Auth;
use crate::error::AuthError;
use crate::second_factor::confirmed;
use crate::sessions::OWN_CLIENT;

/// The scopes that credentials of somebody with this role carry at most.
pub(crate) const fn ceiling(role: TenantRole) -> Scopes {
    let guest = Scopes::NONE
        .with(Scope::ChatRead)
        .with(Scope::ChatWrite)
        .with(Scope::MediaRead)
        .with(Scope::MediaWrite)
        .with(Scope::ProfileWrite)
        .with(Scope::Openid)
        .with(Scope::Profile)
        .with(Scope::OfflineAccess);
    let member = guest.with(Scope::RoomsManage);
    match role {
        TenantRole::Administrator | TenantRole::Owner => member.with(Scope::Admin),
        TenantRole::Member | TenantRole::Moderator => member,
        TenantRole::Guest => guest,
    }
}

/// The scopes that a bot's credentials carry at most: it has no profile to sign in with, and asks for new tokens with
/// its secret.
pub(crate) const BOT: Scopes = Scopes::NONE
    .with(Scope::ChatRead)
    .with(Scope::ChatWrite)
    .with(Scope::RoomsManage)
    .with(Scope::MediaRead)
    .with(Scope::MediaWrite)
    .with(Scope::ProfileWrite)
    .with(Scope::Admin);

/// What an account may at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rights {
    /// The role that counts: a bot's is at most its owner's, and never `owner`.
    pub(crate) role: TenantRole,
    /// The most that its credentials carry.
    pub(crate) scopes: Scopes,
}

impl Rights {
    /// The rights of `account`, a bot's with those of its `owner`; `None` when it may not be used at all.
    pub(crate) fn of(account: &Account, owner: Option<&Account>) -> Option<Self> {
        if account.state != AccountState::Active {
            return None;
        }
        let AccountKind::Bot { owner: owner_id } = account.kind else {
            return Some(Self { role: account.role, scopes: ceiling(account.role) });
        };
        let answers = |owner: &&Account| {
            owner.user_id == owner_id && owner.state == AccountState::Active && owner.kind == AccountKind::Person
        };
        let owner = owner.filter(answers)?;
        let role = account.role.min(owner.role).min(TenantRole::Administrator);
        Some(Self { role, scopes: ceiling(role).intersection(BOT) })
    }
}

impl Auth {
    /// What `account` may at this moment; `None` when it may not be used at all.
    pub(crate) async fn rights(&self, account: &Account) -> Result<Option<Rights>, AuthError> {
        let owner = match account.kind {
            AccountKind::Bot { owner } => self.0.stores.accounts.get(owner).await?,
            _ => None,
        };
        let rights = Rights::of(account, owner.as_ref());
        let person = owner.as_ref().unwrap_or(account);
        Ok(rights.map(|rights| {
            // Who needs a second factor to administer, and has none, does not.
            if self.requires_totp(rights.role) && confirmed(person).is_none() {
                Rights { scopes: rights.scopes.without(Scope::Admin), ..rights }
            } else {
                rights
            }
        }))
    }

    /// What is left of `granted` for credentials of `account`: no more than its role allows, and no more than its owner's
    /// when it is a bot; nothing when either may not be used.
    pub(crate) async fn effective_scopes(&self, account: &Account, granted: Scopes) -> Result<Scopes, AuthError> {
        Ok(self.rights(account).await?.map_or(Scopes::NONE, |rights| rights.scopes.intersection(granted)))
    }
}

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

/// What gives a permission, or withholds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Why {
    /// The caller's own role.
    Role,
    /// The role of the bot's owner.
    Owner,
    /// A scope that the credentials lack.
    Scope,
    /// Callers of this kind never have it.
    Kind,
    /// Only who signed in with our own client has it, and no app.
    Client,
    /// What the operator has chosen.
    Configuration,
    /// The second factor that administrators have to have, and to have signed in with.
    SecondFactor,
}

/// What more than the credentials there is to know of a caller, to say why.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Background {
    /// The role that a bot's account has for itself, whatever its owner's.
    bot_role: Option<TenantRole>,
    /// The caller is kept from administering by the second factor that is missing.
    no_second_factor: bool,
}

impl Auth {
    /// What more there is to know of the caller.
    pub(crate) async fn background(&self, actor: &Actor) -> Result<Background, AuthError> {
        let bot_role = match actor.kind {
            ActorKind::Bot { .. } => self.0.stores.accounts.get(actor.user_id).await?.map(|account| account.role),
            _ => None,
        };
        Ok(Background { bot_role, no_second_factor: self.lacks_second_factor(actor).await })
    }

    /// Whether `actor` has the permission of `rule`, and why.
    pub(crate) fn explain(&self, rule: &Rule, actor: &Actor, background: Background) -> (bool, Why) {
        if rule.permission == Permission::InvitesCreate && self.lends_invites(actor) {
            match rule.lack(&as_moderator(actor)) {
                None => return (true, Why::Configuration),
                Some(Lack::Scope(_)) => return (false, Why::Scope),
                Some(Lack::Client) => return (false, Why::Client),
                Some(Lack::Role | Lack::Kind) => {}
            }
        }
        let granted = if actor.is_bot() { Why::Owner } else { Why::Role };
        match rule.lack(actor) {
            None if rule.permission == Permission::BotsCreate && !self.may_make_bots(actor) => {
                (false, Why::Configuration)
            }
            None => (true, granted),
            Some(Lack::Scope(Scope::Admin)) if background.no_second_factor => (false, Why::SecondFactor),
            Some(Lack::Scope(_)) => (false, Why::Scope),
            Some(Lack::Kind) => (false, Why::Kind),
            Some(Lack::Client) => (false, Why::Client),
            Some(Lack::Role) if background.bot_role.is_some_and(|role| role >= rule.role) => (false, Why::Owner),
            Some(Lack::Role) => (false, Why::Role),
        }
    }

    /// Whether the configuration lets the caller make bots.
    pub(crate) fn may_make_bots(&self, actor: &Actor) -> bool {
        self.0.config.member_bots || actor.tenant_role >= TenantRole::Administrator
    }

    /// Refuses an actor who does not invite, by role or by the configuration.
    pub(crate) fn require_invites(&self, actor: &Actor) -> Result<(), AuthError> {
        if self.lends_invites(actor) {
            require_permission(&as_moderator(actor), Permission::InvitesCreate)
        } else {
            require_permission(actor, Permission::InvitesCreate)
        }
    }

    /// Whether the configuration lets the caller invite, whose role alone would not.
    fn lends_invites(&self, actor: &Actor) -> bool {
        self.0.config.member_invites && actor.tenant_role == TenantRole::Member
    }
}

/// The same caller as if they kept order here.
fn as_moderator(actor: &Actor) -> Actor {
    Actor { tenant_role: TenantRole::Moderator, ..actor.clone() }
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

#[cfg(test)]
mod tests {
    use super::*;
    use bartab_core::{RoomId, Timestamp, UserId};

    const ROLES: [TenantRole; 5] =
        [TenantRole::Guest, TenantRole::Member, TenantRole::Moderator, TenantRole::Administrator, TenantRole::Owner];

    fn actor(role: TenantRole) -> Actor {
        Actor { tenant_role: role, scopes: ceiling(role), ..Actor::person(UserId::from_u128(1), "a") }
    }

    #[test]
    fn every_permission_has_one_rule_and_one_name() {
        for (place, rule) in RULES.iter().enumerate() {
            // The table is in the order of the enum, so none is missing unless the last one is.
            assert_eq!(rule.permission as usize, place);
            assert_eq!(RULES.iter().filter(|other| other.name == rule.name).count(), 1, "{}", rule.name);
            assert_eq!(rule.permission.name(), rule.name);
        }
        assert_eq!(Permission::AuditRead as usize + 1, RULES.len());
    }

    #[test]
    fn a_higher_role_lacks_nothing_that_a_lower_one_has() {
        for pair in ROLES.windows(2) {
            assert!(ceiling(pair[0]).is_subset(ceiling(pair[1])));
        }
        for rule in RULES {
            for role in ROLES {
                // Who has the role can also have the scope, so no rule is empty.
                assert_eq!(rule.lack(&actor(role)).is_none(), role >= rule.role, "{} {role:?}", rule.name);
            }
            assert!(!rule.bots || BOT.contains(rule.scope), "{}", rule.name);
        }
    }

    #[test]
    fn a_scope_a_role_and_a_kind_are_told_apart() {
        let administrator = actor(TenantRole::Administrator);
        let narrow = Actor { scopes: Scopes::PERSON, ..administrator.clone() };
        let missing = require_permission(&narrow, Permission::UsersSuspend);
        assert!(matches!(missing, Err(AuthError::InsufficientScope(Scope::Admin))), "{missing:?}");
        let low = Actor { tenant_role: TenantRole::Moderator, ..administrator.clone() };
        let denied = require_permission(&low, Permission::UsersSuspend);
        assert!(matches!(denied, Err(AuthError::PermissionDenied(Permission::UsersSuspend))), "{denied:?}");
        let owner = UserId::from_u128(2);
        let bot = Actor { kind: ActorKind::Bot { owner }, ..administrator.clone() };
        assert!(require_permission(&bot, Permission::UsersSuspend).is_ok());
        for kind in [ActorKind::Bot { owner }, ActorKind::Guest { room: RoomId::from_u128(1) }, ActorKind::Service] {
            let denied = require_permission(&Actor { kind, ..administrator.clone() }, Permission::BotsCreate);
            assert!(matches!(denied, Err(AuthError::PermissionDenied(Permission::BotsCreate))), "{denied:?}");
        }
    }

    #[test]
    fn a_bot_may_what_both_it_and_its_owner_may() {
        let account = |number: u128, role, kind, state| Account {
            user_id: UserId::from_u128(number),
            username: String::new(),
            username_key: String::new(),
            kind,
            display_name: String::new(),
            avatar: None,
            profile_rev: 1,
            password: None,
            role,
            state,
            messages_erased: false,
            second_factor: None,
            rate_percent: 100,
            rights_rev: 0,
            rights_at: Timestamp::from_secs(0),
            created_at: Timestamp::from_secs(0),
        };
        let bot_of_one = AccountKind::Bot { owner: UserId::from_u128(1) };
        for owner_role in ROLES {
            for bot_role in ROLES {
                let owner = account(1, owner_role, AccountKind::Person, AccountState::Active);
                let bot = account(2, bot_role, bot_of_one, AccountState::Active);
                let rights = Rights::of(&bot, Some(&owner)).unwrap();
                assert_eq!(rights.role, owner_role.min(bot_role).min(TenantRole::Administrator));
                assert!(rights.scopes.is_subset(ceiling(owner_role)) && rights.scopes.is_subset(ceiling(bot_role)));
                for gone in [AccountState::Suspended, AccountState::Erased] {
                    let owner_gone = Account { state: gone, ..owner.clone() };
                    let bot_gone = Account { state: gone, ..bot.clone() };
                    assert_eq!(Rights::of(&bot, Some(&owner_gone)), None);
                    assert_eq!(Rights::of(&bot_gone, Some(&owner)), None);
                    assert_eq!(Rights::of(&owner_gone, None), None);
                }
                let stranger = Account { user_id: UserId::from_u128(3), ..owner.clone() };
                let other_bot = Account { kind: bot_of_one, ..owner };
                for none in [None, Some(&stranger), Some(&other_bot)] {
                    assert_eq!(Rights::of(&bot, none), None);
                }
            }
        }
    }
}
