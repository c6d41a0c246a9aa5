//! Accounts: made, read and changed.

use bartab_core::store::{
    Account, AccountChange, AccountKind, AccountState, Admission, AuditActor, ProfileChange, StoreError,
};
use bartab_core::{Actor, Scope, TenantRole, UserId};

use serde_json::json;

use crate::audit::with_details;
use crate::auth::Auth;
use crate::error::AuthError;
use crate::rights::require;
use crate::rules::{Broken, username_key};

/// An account to be made.
#[derive(Clone, Copy)]
pub struct NewAccount<'a> {
    /// The name to sign in with: 1 to 32 of `a-z 0-9 . _ -` after capital letters are made small, a letter or digit
    /// first.
    pub username: &'a str,
    /// The password, 8 to 128 characters; without one nobody signs in by password.
    pub password: Option<&'a str>,
    /// The name that others see, 1 to 64 characters; the username when there is none.
    pub display_name: Option<&'a str>,
    /// The role in the tenant.
    pub role: TenantRole,
    /// Why the operator makes it, for the audit trail: 1 to 500 characters; without one the trail says that the operator
    /// wanted it.
    pub reason: Option<&'a str>,
}

/// Why an account is made, when nobody says it.
const WANTED: &str = "the operator wanted an account";

impl std::fmt::Debug for NewAccount<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewAccount")
            .field("username", &self.username)
            .field("display_name", &self.display_name)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

impl<'a> NewAccount<'a> {
    /// A member with a password.
    pub const fn member(username: &'a str, password: &'a str) -> Self {
        Self { username, password: Some(password), display_name: None, role: TenantRole::Member, reason: None }
    }

    /// The rules that it breaks.
    pub(crate) fn check(&self) -> Broken {
        let key = username_key(self.username);
        let mut broken = Broken::default();
        broken.username(&key);
        if let Some(password) = self.password {
            broken.password("/password", password, &[&key, self.display_name.unwrap_or_default()]);
        }
        if let Some(display_name) = self.display_name {
            broken.name("/display_name", display_name);
        }
        if let Some(reason) = self.reason {
            broken.said_reason(reason);
        }
        broken
    }
}

impl Auth {
    /// Makes an account whatever the policy, also with a reserved name: for the operator and for seeding. The audit trail
    /// says that the operator did.
    ///
    /// # Errors
    /// [`AuthError::Invalid`], [`AuthError::UsernameTaken`], [`AuthError::Busy`].
    pub async fn create_account(&self, new: NewAccount<'_>) -> Result<Account, AuthError> {
        new.check().into_result()?;
        let account = self.draft(new).await?;
        let reason = Some(new.reason.unwrap_or(WANTED));
        let audit = self.audited_by(AuditActor::Operator, "account.created", account.user_id, reason);
        let audit = with_details(audit, &json!({"role": account.role}));
        self.admit(account, Admission { audit: Some(audit), ..Admission::default() }).await
    }

    /// The record of an account that is to be made, when its name is free; it keeps the rules, as [`NewAccount::check`]
    /// says.
    ///
    /// # Errors
    /// [`AuthError::UsernameTaken`], [`AuthError::Busy`].
    pub(crate) async fn draft(&self, new: NewAccount<'_>) -> Result<Account, AuthError> {
        let inner = &*self.0;
        let key = username_key(new.username);
        // Asked before hashing, so that trying names costs little; the store decides.
        if inner.stores.accounts.find(&key).await?.is_some() {
            return Err(AuthError::UsernameTaken);
        }
        let password = match new.password {
            Some(password) => Some(inner.passwords.hash(password, &*inner.random).await?),
            None => None,
        };
        let now = inner.clock.now();
        Ok(Account {
            user_id: UserId::new(now, &*inner.random),
            username: key.clone(),
            username_key: key,
            kind: AccountKind::Person,
            display_name: new.display_name.unwrap_or(new.username).to_owned(),
            avatar: None,
            profile_rev: 1,
            password,
            role: new.role,
            state: AccountState::Active,
            messages_erased: false,
            second_factor: None,
            rate_percent: 100,
            rights_rev: 0,
            rights_at: now,
            created_at: now,
        })
    }

    /// Stores a new account and what comes with it.
    ///
    /// # Errors
    /// [`AuthError::UsernameTaken`]; [`AuthError::InviteInvalid`] when its invite can be used no more.
    pub(crate) async fn admit(&self, account: Account, admission: Admission) -> Result<Account, AuthError> {
        match self.0.stores.accounts.create(account.clone(), admission).await {
            Ok(()) => {
                self.0.accounts_changed();
                Ok(account)
            }
            Err(StoreError::Conflict) => Err(AuthError::UsernameTaken),
            Err(StoreError::NotFound) => Err(AuthError::InviteInvalid),
            Err(error) => Err(error.into()),
        }
    }

    /// The account of `user`.
    ///
    /// # Errors
    /// [`AuthError::AccountNotFound`].
    pub async fn account(&self, user: UserId) -> Result<Account, AuthError> {
        self.0.stores.accounts.get(user).await?.ok_or(AuthError::AccountNotFound)
    }

    /// Changes the caller's own profile; the next access token carries it.
    ///
    /// # Errors
    /// [`AuthError::InsufficientScope`], [`AuthError::Invalid`], [`AuthError::AccountNotFound`].
    pub async fn change_profile(&self, actor: &Actor, change: ProfileChange) -> Result<Account, AuthError> {
        require(actor, Scope::ProfileWrite)?;
        if let Some(name) = &change.display_name {
            let mut broken = Broken::default();
            broken.name("/display_name", name);
            broken.into_result()?;
        }
        let change = AccountChange::Profile(change);
        match self.0.stores.accounts.change(actor.user_id, change, self.0.clock.now(), None).await {
            Err(StoreError::NotFound) => Err(AuthError::AccountNotFound),
            changed => {
                let account = changed?;
                self.0.accounts_changed();
                Ok(account)
            }
        }
    }
}
