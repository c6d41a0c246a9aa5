//! What administrators and the operator do to accounts: who may do what to whom, as a pure function.

use std::fmt;
use std::sync::Arc;

use bartab_core::store::{Account, AccountChange, AccountKind, AccountState, AuditActor, ProfileChange};
use bartab_core::{Actor, Problem, TenantRole};
use serde_json::{Value, json};

use crate::error::AuthError;
use crate::rights::{Permission, require_permission};
use crate::rules::Broken;

/// Who does something, and why; both are kept in the audit trail.
#[derive(Clone)]
pub struct Act {
    pub(crate) by: Authority,
    pub(crate) reason: String,
}

/// In whose right something is done or read.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Authority {
    /// The operator, who is above every role.
    Operator,
    /// Somebody who asks, with the role and the scopes of their credentials.
    Caller(Arc<Actor>),
}

impl Act {
    /// An act of the operator, who may do to anybody what can be done at all. The reason has 1 to 500 characters.
    pub fn operator(reason: impl Into<String>) -> Self {
        Self { by: Authority::Operator, reason: reason.into() }
    }

    /// An act of `actor`, who may do what the role allows. The reason has 1 to 500 characters; it may be empty for what
    /// needs none.
    pub fn of(actor: Arc<Actor>, reason: impl Into<String>) -> Self {
        Self { by: Authority::Caller(actor), reason: reason.into() }
    }

    /// Who it was, for the audit trail.
    pub(crate) fn actor(&self) -> AuditActor {
        match &self.by {
            Authority::Operator => AuditActor::Operator,
            Authority::Caller(actor) => AuditActor::User(actor.user_id),
        }
    }

    /// Refuses an act of somebody who may not do such things, and then one without a reason.
    pub(crate) fn check(&self, permission: Permission) -> Result<(), AuthError> {
        self.by.require(permission)?;
        self.check_reason()
    }

    /// The reason, when there is one.
    pub(crate) fn reason(&self) -> Option<&str> {
        Some(&*self.reason).filter(|reason| !reason.is_empty())
    }

    /// Refuses a reason that breaks the rules, for what needs none.
    pub(crate) fn check_optional_reason(&self) -> Result<(), AuthError> {
        if self.reason.is_empty() { Ok(()) } else { self.check_reason() }
    }

    /// Refuses an act without a reason.
    pub(crate) fn check_reason(&self) -> Result<(), AuthError> {
        let mut broken = Broken::default();
        broken.said_reason(&self.reason);
        broken.into_result()
    }
}

impl Authority {
    /// Refuses whoever may not do such things.
    pub(crate) fn require(&self, permission: Permission) -> Result<(), AuthError> {
        match self {
            Self::Operator => Ok(()),
            Self::Caller(actor) => require_permission(actor, permission),
        }
    }
}

impl fmt::Debug for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Act").field("by", &self.actor()).finish_non_exhaustive()
    }
}

/// What is done to an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    SetRole(TenantRole),
    /// How much it may ask, in percent.
    SetRate(u32),
    /// The name that others see.
    Rename(String),
    Suspend,
    Restore,
    /// A link to sign in anew.
    Reset,
    Erase {
        /// Whether what they wrote goes too.
        messages: bool,
    },
}

impl Deed {
    /// The permission that it takes.
    pub(crate) const fn permission(&self) -> Permission {
        match self {
            Self::SetRole(_) => Permission::UsersSetRole,
            Self::SetRate(_) => Permission::UsersSetRate,
            Self::Rename(_) => Permission::UsersRename,
            Self::Suspend | Self::Restore => Permission::UsersSuspend,
            Self::Reset => Permission::UsersReset,
            Self::Erase { .. } => Permission::UsersErase,
        }
    }

    /// Its name in the audit trail.
    pub(crate) const fn action(&self) -> &'static str {
        match self {
            Self::SetRole(_) => "account.role_changed",
            Self::SetRate(_) => "account.rate_changed",
            Self::Rename(_) => "account.renamed",
            Self::Suspend => "account.suspended",
            Self::Restore => "account.restored",
            Self::Reset => "account.reset",
            Self::Erase { .. } => "account.erased",
        }
    }

    /// The change that it is to `account`; `None` when all is so already.
    pub(crate) fn change(&self, account: &Account) -> Option<AccountChange> {
        match self {
            Self::SetRole(role) => (account.role != *role).then_some(AccountChange::Role(*role)),
            Self::SetRate(percent) => {
                (account.rate_percent != *percent).then_some(AccountChange::RatePercent(*percent))
            }
            Self::Rename(name) => (account.display_name != *name)
                .then(|| AccountChange::Profile(ProfileChange { display_name: Some(name.clone()), avatar: None })),
            Self::Suspend => (account.state == AccountState::Active).then_some(AccountChange::Suspend),
            Self::Restore => (account.state == AccountState::Suspended).then_some(AccountChange::Restore),
            Self::Reset => None,
            Self::Erase { messages } => {
                let more = account.state != AccountState::Erased || (*messages && !account.messages_erased);
                more.then_some(AccountChange::Erase { messages: *messages })
            }
        }
    }

    /// What the audit trail says of it beyond its name. Names of people are not kept there: they could not be erased.
    pub(crate) fn details(&self, before: &Account) -> Option<Value> {
        match self {
            Self::SetRole(role) => Some(json!({"from": before.role, "to": role})),
            Self::SetRate(percent) => Some(json!({"from": before.rate_percent, "to": percent})),
            Self::Erase { messages } => Some(json!({"messages": messages})),
            Self::Rename(_) | Self::Suspend | Self::Restore | Self::Reset => None,
        }
    }
}

/// Whom something is done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Subject {
    pub(crate) role: TenantRole,
    pub(crate) bot: bool,
    /// It is who does it.
    pub(crate) oneself: bool,
    /// There is another active owner.
    pub(crate) other_owner: bool,
}

impl Subject {
    pub(crate) fn of(account: &Account, oneself: bool, other_owner: bool) -> Self {
        Self { role: account.role, bot: account.kind != AccountKind::Person, oneself, other_owner }
    }
}

/// Why somebody may not do something to somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ActRefusal {
    /// Nobody acts on who is not below them.
    #[error("their role is not below yours")]
    Rank,
    /// Nobody but an owner gives a role that is not below their own.
    #[error("the role is not below yours")]
    RoleTooHigh,
    /// Not on oneself.
    #[error("nobody does this to their own account")]
    Oneself,
    /// The tenant would have no owner who can sign in.
    #[error("the last owner cannot step down")]
    LastOwner,
    /// No program owns a tenant.
    #[error("a bot cannot be an owner")]
    BotOwner,
}

impl ActRefusal {
    pub(crate) fn to_problem(self) -> Problem {
        let problem = match self {
            Self::Rank => Problem::forbidden("permission.rank"),
            Self::RoleTooHigh => Problem::forbidden("permission.role_too_high"),
            Self::Oneself => Problem::forbidden("permission.oneself"),
            Self::LastOwner => Problem::conflict("account.last_owner"),
            Self::BotOwner => Problem::conflict("bot.cannot_own"),
        };
        problem.detail(self.to_string())
    }
}

/// Whether somebody with the role `actor`, or the operator when there is none, may do `deed` to `subject`; that they have
/// the permission for such deeds is another matter.
///
/// Nobody acts on who is not below them, so nobody but an owner changes that owner; nobody gives a role that is not below
/// their own, but owners make owners. Nobody suspends, resets or erases themselves here, and of those who have the
/// permission only an owner can step down, unless it is the last one.
pub(crate) fn judge(actor: Option<TenantRole>, deed: &Deed, subject: Subject) -> Result<(), ActRefusal> {
    if subject.bot && *deed == Deed::SetRole(TenantRole::Owner) {
        return Err(ActRefusal::BotOwner);
    }
    // The operator can always make another owner.
    let Some(actor) = actor else { return Ok(()) };
    if subject.oneself {
        return match deed {
            Deed::SetRole(TenantRole::Owner) | Deed::SetRate(_) | Deed::Rename(_) if actor == TenantRole::Owner => {
                Ok(())
            }
            Deed::SetRole(_) if actor == TenantRole::Owner && subject.other_owner => Ok(()),
            Deed::SetRole(_) if actor == TenantRole::Owner => Err(ActRefusal::LastOwner),
            _ => Err(ActRefusal::Oneself),
        };
    }
    if subject.role >= actor {
        return Err(ActRefusal::Rank);
    }
    match deed {
        Deed::SetRole(role) if *role >= actor && actor != TenantRole::Owner => Err(ActRefusal::RoleTooHigh),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use TenantRole::{Administrator, Guest, Member, Moderator, Owner};

    const ROLES: [TenantRole; 5] = [Guest, Member, Moderator, Administrator, Owner];

    /// Whom an actor of each role may act on, by the role of the other: guest to owner.
    const ON_OTHERS: [&str; 5] = ["-----", "+----", "++---", "+++--", "++++-"];
    /// Which role an actor of each role may give to somebody below: guest to owner.
    const ROLES_GIVEN: [&str; 5] = ["-----", "+----", "++---", "+++--", "+++++"];

    fn deeds() -> Vec<Deed> {
        let plain = [Deed::SetRate(50), Deed::Rename("x".to_owned()), Deed::Suspend, Deed::Restore, Deed::Reset];
        let erasures = [true, false].map(|messages| Deed::Erase { messages });
        plain.into_iter().chain(erasures).chain(ROLES.map(Deed::SetRole)).collect()
    }

    fn subjects(role: TenantRole, oneself: bool) -> impl Iterator<Item = Subject> {
        let pairs = [(false, false), (false, true), (true, false), (true, true)];
        pairs.into_iter().map(move |(bot, other_owner)| Subject { role, bot, oneself, other_owner })
    }

    fn allowed(table: [&str; 5], row: usize, column: usize) -> bool {
        table[row].as_bytes()[column] == b'+'
    }

    #[test]
    fn who_may_do_what_to_somebody_else() {
        for (row, actor) in ROLES.into_iter().enumerate() {
            for (column, role) in ROLES.into_iter().enumerate() {
                for (deed, subject) in deeds().iter().flat_map(|deed| subjects(role, false).map(move |s| (deed, s))) {
                    let expected = match deed {
                        Deed::SetRole(Owner) if subject.bot => Err(ActRefusal::BotOwner),
                        _ if !allowed(ON_OTHERS, row, column) => Err(ActRefusal::Rank),
                        Deed::SetRole(new) if !allowed(ROLES_GIVEN, row, *new as usize) => Err(ActRefusal::RoleTooHigh),
                        _ => Ok(()),
                    };
                    assert_eq!(judge(Some(actor), deed, subject), expected, "{actor:?} {deed:?} {subject:?}");
                }
            }
        }
    }

    #[test]
    fn who_may_do_what_to_oneself() {
        for actor in ROLES {
            for (deed, subject) in deeds().iter().flat_map(|deed| subjects(actor, true).map(move |s| (deed, s))) {
                let expected = match (actor, deed) {
                    (_, Deed::SetRole(Owner)) if subject.bot => Err(ActRefusal::BotOwner),
                    (Owner, Deed::SetRate(_) | Deed::Rename(_) | Deed::SetRole(Owner)) => Ok(()),
                    (Owner, Deed::SetRole(_)) if subject.other_owner => Ok(()),
                    (Owner, Deed::SetRole(_)) => Err(ActRefusal::LastOwner),
                    _ => Err(ActRefusal::Oneself),
                };
                assert_eq!(judge(Some(actor), deed, subject), expected, "{actor:?} {deed:?} {subject:?}");
            }
        }
    }

    #[test]
    fn the_operator_may_do_whatever_can_be_done() {
        for role in ROLES {
            for (deed, subject) in deeds().iter().flat_map(|deed| subjects(role, false).map(move |s| (deed, s))) {
                let possible = !(subject.bot && *deed == Deed::SetRole(Owner));
                assert_eq!(judge(None, deed, subject).is_ok(), possible, "{deed:?} {subject:?}");
            }
        }
    }
}
