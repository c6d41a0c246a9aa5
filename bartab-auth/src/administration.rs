//! Administration of accounts: listed, given roles, rates and names, suspended, restored, erased.

use bartab_core::store::{
    Account, AccountFilter, AccountState, AuditActor, AuditEntry, AuditFilter, ExternalIdentity, StoreError,
};
use bartab_core::{Actor, TenantRole, UserId};

use crate::acts::{Act, Authority, Deed, Subject, judge};
use crate::audit::with_details;
use crate::auth::Auth;
use crate::bots::bot_of;
use crate::error::AuthError;
use crate::rights::{Permission, require_permission};
use crate::rules::Broken;
use crate::turn::{half_done, is_bot};

/// How much an account may ask at least and at most, in percent of what everybody may.
const RATE_PERCENT: std::ops::RangeInclusive<u32> = 1..=10_000;

/// An account with what belongs to it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AccountDetail {
    /// The record.
    pub account: Account,
    /// How many sessions are live, up to 100.
    pub live_sessions: usize,
    /// Who it is to other issuers.
    pub external: Vec<ExternalIdentity>,
}

impl Auth {
    /// Up to `limit` accounts that `filter` admits, by rising id, from the first one above `after` on.
    ///
    /// # Errors
    /// [`AuthError::PermissionDenied`], [`AuthError::InsufficientScope`]; [`AuthError::Store`].
    pub async fn list_accounts(
        &self,
        by: &Authority,
        filter: &AccountFilter,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<Account>, AuthError> {
        by.require(Permission::UsersRead)?;
        Ok(self.0.stores.accounts.list(filter, after, limit).await?)
    }

    /// The account of `user` with what belongs to it.
    ///
    /// # Errors
    /// [`AuthError::PermissionDenied`], [`AuthError::InsufficientScope`]; [`AuthError::AccountNotFound`];
    /// [`AuthError::Store`].
    pub async fn account_detail(&self, by: &Authority, user: UserId) -> Result<AccountDetail, AuthError> {
        by.require(Permission::UsersRead)?;
        let account = self.account(user).await?;
        let stores = &self.0.stores;
        let live_sessions = stores.sessions.list(user, None, self.0.clock.now(), 100).await?.len();
        Ok(AccountDetail { account, live_sessions, external: stores.accounts.external_identities(user).await? })
    }

    /// Up to `limit` entries of the audit trail that `filter` admits, newest first, from the first one below `before` on.
    ///
    /// # Errors
    /// [`AuthError::PermissionDenied`], [`AuthError::InsufficientScope`]; [`AuthError::Store`].
    pub async fn audit_trail(
        &self,
        by: &Authority,
        filter: &AuditFilter,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<AuditEntry>, AuthError> {
        by.require(Permission::AuditRead)?;
        Ok(self.0.stores.audit.list(filter, before, limit).await?)
    }

    /// Gives `user` another role; access tokens that say the old one are refused from now on.
    ///
    /// # Errors
    /// Those of [`Auth::suspend`].
    pub async fn set_role(&self, act: &Act, user: UserId, role: TenantRole) -> Result<Account, AuthError> {
        self.administer(act, user, vec![Deed::SetRole(role)]).await
    }

    /// Says how much `user` may ask, in percent of what everybody may: 1 to 10,000.
    ///
    /// # Errors
    /// Those of [`Auth::suspend`].
    pub async fn set_rate_percent(&self, act: &Act, user: UserId, percent: u32) -> Result<Account, AuthError> {
        self.administer(act, user, vec![Deed::SetRate(percent)]).await
    }

    /// Suspends `user`: nobody signs in to the account, its sessions end, and its access tokens and those of its bots are
    /// refused, until it is restored. An account that is suspended stays so, and the trail says nothing new.
    ///
    /// # Errors
    /// [`AuthError::Invalid`] for the reason; [`AuthError::AccountNotFound`]; [`AuthError::AccountErased`];
    /// [`AuthError::InsufficientScope`], [`AuthError::PermissionDenied`] and [`AuthError::ActRefused`] for who does it.
    pub async fn suspend(&self, act: &Act, user: UserId) -> Result<Account, AuthError> {
        self.administer(act, user, vec![Deed::Suspend]).await
    }

    /// Restores `user`, who can sign in again; what had ended stays so.
    ///
    /// # Errors
    /// Those of [`Auth::suspend`]; [`AuthError::BotDeleted`].
    pub async fn restore(&self, act: &Act, user: UserId) -> Result<Account, AuthError> {
        self.administer(act, user, vec![Deed::Restore]).await
    }

    /// Takes every way to sign in from `user`, and gives a link to a new one, good once and for a day. Each one takes the
    /// place of the one before.
    ///
    /// It is for accounts that are lost or in wrong hands. So, at once and whether or not the link is ever used: the
    /// password, the second factor and the providers that were linked are gone, all sessions end, and access tokens, also those of their bots, are refused;
    /// apps have to ask again, the secrets of their bots are good no more until the owner makes new ones, and their invites
    /// are taken back. What the issuer that the account was made by says of the person still counts: they would be somebody else
    /// otherwise.
    ///
    /// # Errors
    /// Those of [`Auth::suspend`]; [`AuthError::NoSignIn`] for a bot.
    pub async fn reset_sign_in(&self, act: &Act, user: UserId) -> Result<String, AuthError> {
        act.check(Permission::UsersReset)?;
        let act = act.clone();
        self.in_turn(move |auth| async move {
            auth.allowed(&act, user, &[Deed::Reset]).await?;
            auth.reset_link(user, act.actor(), Some(&act.reason)).await
        })
        .await
    }

    /// Erases `user` for good: names, picture, password, second factor and sessions; with `messages` also what they
    /// wrote. Their bots are deleted.
    ///
    /// It can be asked for again: then what was left undone is done, and with `messages` what they wrote is erased also
    /// when it was not to be the first time. What is erased stays so.
    ///
    /// # Errors
    /// Those of [`Auth::suspend`] but [`AuthError::AccountErased`].
    pub async fn erase(&self, act: &Act, user: UserId, messages: bool) -> Result<Account, AuthError> {
        self.administer(act, user, vec![Deed::Erase { messages }]).await
    }

    /// Does all of `deeds`, if every one is allowed, in their order; each has an entry of its own in the trail, written
    /// with it, unless it changes nothing. The answer shows the account, so it takes the permission to read it, too.
    pub(crate) async fn administer(&self, act: &Act, user: UserId, deeds: Vec<Deed>) -> Result<Account, AuthError> {
        for deed in &deeds {
            act.by.require(deed.permission())?;
        }
        act.check(Permission::UsersRead)?;
        check(&deeds)?;
        let act = act.clone();
        self.in_turn(|auth| async move {
            let mut account = auth.allowed(&act, user, &deeds).await?;
            for deed in &deeds {
                account = auth.carry_out(&act, deed, account).await?;
            }
            Ok(account)
        })
        .await
    }

    /// The account, if all that is done to it is allowed. To be asked in turn.
    pub(crate) async fn allowed(&self, act: &Act, user: UserId, deeds: &[Deed]) -> Result<Account, AuthError> {
        let role = match &act.by {
            Authority::Operator => None,
            Authority::Caller(actor) => {
                let now = self.as_of_now(actor).await?;
                require_permission(&now, Permission::UsersRead)?;
                deeds.iter().try_for_each(|deed| require_permission(&now, deed.permission()))?;
                Some(now.tenant_role)
            }
        };
        let account = self.account(user).await?;
        // What follows from an erasure may not have been done the first time, or more is to be erased now.
        let erases = deeds.iter().all(|deed| matches!(deed, Deed::Erase { .. }));
        if account.state == AccountState::Erased && !erases {
            return Err(AuthError::AccountErased);
        }
        let oneself = act.actor() == AuditActor::User(user);
        let other_owner = account.role == TenantRole::Owner && self.other_owner(user).await?;
        let subject = Subject::of(&account, oneself, other_owner);
        deeds.iter().try_for_each(|deed| judge(role, deed, subject)).map_err(AuthError::ActRefused)?;
        if deeds.contains(&Deed::Restore)
            && is_bot(account.kind)
            && self.0.stores.clients.get(&bot_of(user).to_string()).await?.is_none()
        {
            return Err(AuthError::BotDeleted);
        }
        Ok(account)
    }

    /// The caller with no more rights than the credentials say, and no more than the account has now: they may have
    /// changed since the credentials were made.
    async fn as_of_now(&self, actor: &Actor) -> Result<Actor, AuthError> {
        // An embedder's people need no account here.
        let Some(account) = self.0.stores.accounts.get(actor.user_id).await? else { return Ok(actor.clone()) };
        let rights = self.rights(&account).await?.ok_or(AuthError::Suspended)?;
        let tenant_role = rights.role.min(actor.tenant_role);
        Ok(Actor { tenant_role, scopes: rights.scopes.intersection(actor.scopes), ..actor.clone() })
    }

    /// Whether there is an active owner besides `user`.
    async fn other_owner(&self, user: UserId) -> Result<bool, AuthError> {
        let owners = AccountFilter {
            role: Some(TenantRole::Owner),
            state: Some(AccountState::Active),
            bot: Some(false),
            ..AccountFilter::default()
        };
        let owners = self.0.stores.accounts.list(&owners, None, 2).await?;
        Ok(owners.iter().any(|owner| owner.user_id != user))
    }

    /// Does what is allowed, and all that follows from it.
    async fn carry_out(&self, act: &Act, deed: &Deed, before: Account) -> Result<Account, AuthError> {
        let account = match deed.change(&before) {
            None => before,
            Some(change) => {
                let record = self.audited_by(act.actor(), deed.action(), before.user_id, Some(&act.reason));
                let record = match deed.details(&before) {
                    Some(details) => with_details(record, &details),
                    None => record,
                };
                let accounts = &self.0.stores.accounts;
                let changed = accounts.change(before.user_id, change, record.at, Some(record)).await;
                if let Err(StoreError::OutcomeUnknown(_)) = &changed {
                    self.look_again(&before).await;
                }
                let account = changed.map_err(|error| match error {
                    StoreError::Conflict => AuthError::AccountErased,
                    StoreError::NotFound => AuthError::AccountNotFound,
                    error => error.into(),
                })?;
                if account.rights_rev != before.rights_rev {
                    self.rights_changed(account.user_id, account.rights_rev).await;
                }
                self.0.accounts_changed();
                account
            }
        };
        // Also when nothing changed: what follows may not have been done the first time.
        if let Deed::Suspend | Deed::Erase { .. } = deed {
            self.end_all(account.user_id).await.map_err(half_done)?;
        }
        if let Deed::Erase { .. } = deed {
            self.delete_bots_of(account.user_id).await?;
        }
        Ok(account)
    }

    /// Takes the access tokens of an account back if a change whose outcome is not known was written after all.
    pub(crate) async fn look_again(&self, before: &Account) {
        if let Ok(Some(account)) = self.0.stores.accounts.get(before.user_id).await
            && account.rights_rev != before.rights_rev
        {
            self.rights_changed(account.user_id, account.rights_rev).await;
        }
    }
}

/// Refuses what no account can have.
fn check(deeds: &[Deed]) -> Result<(), AuthError> {
    let mut broken = Broken::default();
    for deed in deeds {
        match deed {
            Deed::Rename(name) => broken.name("/display_name", name),
            Deed::SetRate(percent) if !RATE_PERCENT.contains(percent) => {
                broken.out_of_range("/rate_percent", "from 1 to 10000 percent");
            }
            _ => {}
        }
    }
    broken.into_result()
}
