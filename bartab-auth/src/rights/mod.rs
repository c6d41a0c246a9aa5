//! Rights: what a role allows at most, which permissions there are, and what each of them takes.

mod explain;
mod permission;
#[cfg(test)]
mod tests;

use bartab_core::store::{Account, AccountKind, AccountState};
use bartab_core::{Scope, Scopes, TenantRole};

pub(crate) use self::explain::Why;
pub use self::permission::Permission;
pub(crate) use self::permission::{RULES, refuse_apps, require, require_permission};
use crate::auth::Auth;
use crate::error::AuthError;
use crate::second_factor::confirmed;

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
