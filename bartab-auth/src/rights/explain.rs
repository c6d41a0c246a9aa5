//! Why somebody has a permission or not, and what the configuration lends.

use bartab_core::{Actor, ActorKind, Scope, TenantRole};
use serde::Serialize;

use super::permission::{Lack, Permission, Rule, require_permission};
use crate::auth::Auth;
use crate::error::AuthError;

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
