//! Accounts: made, read and changed.

use bartab_core::store::{Account, AccountKind, AccountState, ProfileChange, StoreError};
use bartab_core::{Actor, Scope, TenantRole, UserId};

use crate::auth::Auth;
use crate::config::RegistrationPolicy;
use crate::error::AuthError;
use crate::rules::{Broken, username_key};
use crate::sessions::Tokens;

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
}

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
        Self { username, password: Some(password), display_name: None, role: TenantRole::Member }
    }
}

impl Auth {
    /// Makes an account as the tenant's policy allows, and signs it in.
    ///
    /// # Errors
    /// [`AuthError::RegistrationClosed`], [`AuthError::Invalid`], [`AuthError::UsernameTaken`], [`AuthError::Busy`];
    /// [`StoreError::OutcomeUnknown`] also when the account is made but cannot be signed in: its owner can then do so
    /// with [`Auth::login`].
    pub async fn register(
        &self,
        username: &str,
        password: &str,
        display_name: Option<&str>,
    ) -> Result<Tokens, AuthError> {
        match self.0.config.registration {
            RegistrationPolicy::Open => {}
            RegistrationPolicy::Closed => return Err(AuthError::RegistrationClosed),
        }
        let account = NewAccount { display_name, ..NewAccount::member(username, password) };
        let account = self.create_account(account).await?;
        self.start_session(&account, None).await.map_err(|error| match error {
            AuthError::Store(StoreError::OutcomeUnknown(_)) => error,
            // Any other failure would say that nothing was written, and the account was.
            error => AuthError::Store(StoreError::OutcomeUnknown(error.into())),
        })
    }

    /// Makes an account whatever the policy: for the operator and for seeding.
    ///
    /// # Errors
    /// [`AuthError::Invalid`], [`AuthError::UsernameTaken`], [`AuthError::Busy`].
    pub async fn create_account(&self, new: NewAccount<'_>) -> Result<Account, AuthError> {
        let inner = &*self.0;
        let key = username_key(new.username);
        let display_name = new.display_name.unwrap_or(new.username);
        let mut broken = Broken::default();
        broken.username(&key);
        if let Some(password) = new.password {
            broken.password(password);
        }
        if new.display_name.is_some() {
            broken.name("/display_name", display_name);
        }
        broken.into_result()?;
        // Asked before hashing, so that trying names costs little; the store decides.
        if inner.stores.accounts.find(&key).await?.is_some() {
            return Err(AuthError::UsernameTaken);
        }
        let password = match new.password {
            Some(password) => Some(inner.passwords.hash(password, &*inner.random).await?),
            None => None,
        };
        let now = inner.clock.now();
        let account = Account {
            user_id: UserId::new(now, &*inner.random),
            username: key.clone(),
            username_key: key,
            kind: AccountKind::Person,
            display_name: display_name.to_owned(),
            avatar: None,
            profile_rev: 1,
            password,
            role: new.role,
            state: AccountState::Active,
            created_at: now,
        };
        match inner.stores.accounts.create(account.clone()).await {
            Ok(()) => Ok(account),
            Err(StoreError::Conflict) => Err(AuthError::UsernameTaken),
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
        match self.0.stores.accounts.change_profile(actor.user_id, change).await {
            Err(StoreError::NotFound) => Err(AuthError::AccountNotFound),
            changed => Ok(changed?),
        }
    }
}

/// Refuses an actor whose credentials lack `scope`.
pub(crate) fn require(actor: &Actor, scope: Scope) -> Result<(), AuthError> {
    if actor.scopes.contains(scope) { Ok(()) } else { Err(AuthError::InsufficientScope(scope)) }
}
