//! One-time links: to the first account that runs the tenant, and to a new way to sign in.

use std::time::Duration;

use bartab_core::store::{
    Account, AccountChange, AccountFilter, AccountKind, AccountState, Admission, AuditActor, PasswordHash,
    SecondFactorChange, Spending, StoreError, Ticket, TicketPurpose, TokenHash,
};
use bartab_core::{TenantRole, UserId};
use serde_json::json;

use crate::accounts::NewAccount;
use crate::audit::with_details;
use crate::auth::Auth;
use crate::error::AuthError;
use crate::rules::Broken;
use crate::sessions::{NewSession, Tokens};
use crate::turn::half_done;

/// Where the link to the first account leads, below the issuer; the secret is the parameter `token`.
pub(crate) const SETUP_PATH: &str = "/v1/auth/setup";
/// Where the link to a new way to sign in leads, below the issuer; the secret is the parameter `token`.
pub(crate) const RESET_PATH: &str = "/v1/auth/reset";

/// Links are good for a day.
pub(crate) const LIFE: Duration = Duration::from_secs(24 * 60 * 60);

/// Everything that somebody can be in the middle of, and that the end of all their sessions stops.
pub(crate) const UNDER_WAY: [TicketPurpose; 6] = [
    TicketPurpose::Reset,
    TicketPurpose::SignIn,
    TicketPurpose::ProviderState,
    TicketPurpose::AuthorizationCode,
    TicketPurpose::DeviceCode,
    TicketPurpose::UserCode,
];

impl Auth {
    /// A link that makes the tenant's first owner, good once and for a day; `None` when there is an administrator or an
    /// owner already. Each one takes the place of the one before.
    ///
    /// # Errors
    /// [`AuthError::Store`].
    pub async fn setup_link(&self) -> Result<Option<String>, AuthError> {
        self.in_turn(|auth| async move {
            if auth.is_set_up().await? {
                return Ok(None);
            }
            auth.0.stores.tickets.remove_all(TicketPurpose::Setup, None).await?;
            let token = auth.issue_ticket(TicketPurpose::Setup, None, &(), LIFE).await?;
            Ok(Some(auth.link(SETUP_PATH, &token)))
        })
        .await
    }

    /// Makes the tenant's first owner, whatever the policy, and signs them in. Of many uses of a link one does.
    ///
    /// # Errors
    /// [`AuthError::LinkInvalid`], also when somebody runs the tenant by now; [`AuthError::Invalid`],
    /// [`AuthError::UsernameTaken`] and [`AuthError::Busy`], after which the link is still good.
    pub async fn use_setup(
        &self,
        token: &str,
        username: &str,
        password: &str,
        display_name: Option<&str>,
    ) -> Result<Tokens, AuthError> {
        let owner = self.make_owner(token, username, password, display_name).await?;
        self.start_session(&owner, NewSession::own(&owner, None, "pwd")).await
    }

    /// [`Auth::use_setup`] without signing in.
    pub(crate) async fn make_owner(
        &self,
        token: &str,
        username: &str,
        password: &str,
        display_name: Option<&str>,
    ) -> Result<Account, AuthError> {
        self.check_setup(token).await?;
        let new = NewAccount { display_name, role: TenantRole::Owner, ..NewAccount::member(username, password) };
        new.check().into_result()?;
        let owner = self.draft(new).await?;
        let token = token.to_owned();
        self.in_turn(|auth| async move {
            // Spent before the account is made: at worst there is none, and another link; never are there two.
            auth.spend_link(TicketPurpose::Setup, &token).await?;
            if auth.is_set_up().await? {
                return Err(AuthError::LinkInvalid);
            }
            let audit = auth.audited_by(AuditActor::System, "account.created", owner.user_id, None);
            let audit = with_details(audit, &json!({"role": owner.role, "by": "setup link"}));
            auth.admit(owner, Admission { audit: Some(audit), ..Admission::default() }).await
        })
        .await
    }

    /// Whether the link to the first account is good.
    ///
    /// # Errors
    /// [`AuthError::LinkInvalid`].
    pub(crate) async fn check_setup(&self, token: &str) -> Result<(), AuthError> {
        self.good_link(TicketPurpose::Setup, token).await?;
        if self.is_set_up().await? { Err(AuthError::LinkInvalid) } else { Ok(()) }
    }

    /// Takes every way to sign in from `user`, and gives a link to a new one, good once and for a day. Each one takes the
    /// place of the one before.
    ///
    /// It is for accounts that are lost or in wrong hands. So, at once and whether or not the link is ever used: the
    /// password, the second factor and the providers that were linked are gone, all sessions end, access tokens, also those of their bots, are refused, and
    /// sign-ins that are under way come to nothing; apps have to ask again, the secrets of their bots are good no more, and
    /// their invites are taken back. What the issuer that the account was made by says of the person still counts: they would be somebody else otherwise. Whether `by` may do this is for the
    /// caller to judge, and that it is done in turn. After a failure some of it may have been done; the same again does
    /// the rest.
    ///
    /// # Errors
    /// [`AuthError::AccountNotFound`], [`AuthError::NoSignIn`].
    pub(crate) async fn reset_link(
        &self,
        user: UserId,
        by: AuditActor,
        reason: Option<&str>,
    ) -> Result<String, AuthError> {
        let account = self.account(user).await?;
        if account.state == AccountState::Erased {
            return Err(AuthError::AccountNotFound);
        }
        if account.kind != AccountKind::Person {
            return Err(AuthError::NoSignIn);
        }
        let audit = self.audited_by(by, "account.reset", user, reason);
        let reset = self.0.stores.accounts.change(user, AccountChange::Reset, audit.at, Some(audit)).await;
        if let Err(StoreError::OutcomeUnknown(_)) = &reset {
            self.look_again(&account).await;
        }
        self.rights_changed(user, reset?.rights_rev).await;
        self.reset_rest(user).await.map_err(half_done)
    }

    /// What follows once nobody can sign in any more.
    async fn reset_rest(&self, user: UserId) -> Result<String, AuthError> {
        self.end_all(user).await?;
        // What would let somebody in again who was in: by an app, by a bot, or as somebody else.
        self.0.stores.clients.withdraw(user, None).await?;
        self.disable_secrets_of(user).await?;
        self.revoke_invites_of(user).await?;
        let token = self.issue_ticket(TicketPurpose::Reset, Some(user), &(), LIFE).await?;
        Ok(self.link(RESET_PATH, &token))
    }

    /// Sets the password of whoever the link is for; a second factor there is no more, and sessions end. It signs nobody
    /// in. Of many uses of a link one does.
    ///
    /// # Errors
    /// [`AuthError::LinkInvalid`]; [`AuthError::Invalid`] and [`AuthError::Busy`], after which the link is still good.
    pub async fn use_reset(&self, token: &str, password: &str) -> Result<Account, AuthError> {
        let inner = &*self.0;
        let account = self.check_reset(token).await?;
        let mut broken = Broken::default();
        broken.password("/password", password, &[&account.username, &account.display_name]);
        broken.into_result()?;
        let hash = inner.passwords.hash(password, &*inner.random).await?;
        let (user, token) = (account.user_id, token.to_owned());
        // In turn, so that a reset meanwhile either takes the link away or takes what was set by it.
        self.in_turn(move |auth| async move {
            auth.spend_link(TicketPurpose::Reset, &token).await?;
            auth.set_by_link(user, hash).await.map_err(half_done)
        })
        .await
    }

    async fn set_by_link(&self, user: UserId, hash: PasswordHash) -> Result<Account, AuthError> {
        self.drop_second_factor(user).await?;
        let audit = self.audited_by(AuditActor::User(user), "account.password_reset", user, None);
        let change = AccountChange::Password(Some(hash));
        let account = self.0.stores.accounts.change(user, change, audit.at, Some(audit)).await.map_err(gone)?;
        self.end_all(user).await?;
        Ok(account)
    }

    /// Whose the link to a new way to sign in is, when it is good.
    ///
    /// # Errors
    /// [`AuthError::LinkInvalid`].
    pub(crate) async fn check_reset(&self, token: &str) -> Result<Account, AuthError> {
        let ticket = self.good_link(TicketPurpose::Reset, token).await?;
        let user = ticket.user.ok_or(AuthError::LinkInvalid)?;
        let account = self.0.stores.accounts.get(user).await?;
        account.filter(|account| account.state != AccountState::Erased).ok_or(AuthError::LinkInvalid)
    }

    /// Whether somebody runs the tenant, or will again when they are restored.
    async fn is_set_up(&self) -> Result<bool, AuthError> {
        for role in [TenantRole::Owner, TenantRole::Administrator] {
            let filter = AccountFilter { role: Some(role), bot: Some(false), ..AccountFilter::default() };
            if !self.0.stores.accounts.list(&filter, None, 1).await?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn good_link(&self, purpose: TicketPurpose, token: &str) -> Result<Ticket, AuthError> {
        let ticket = self.0.stores.tickets.get(purpose, &TokenHash::of(token.as_bytes())).await?;
        ticket.filter(|ticket| ticket.is_good(self.0.clock.now())).ok_or(AuthError::LinkInvalid)
    }

    async fn spend_link(&self, purpose: TicketPurpose, token: &str) -> Result<(), AuthError> {
        let secret = TokenHash::of(token.as_bytes());
        match self.0.stores.tickets.spend(purpose, &secret, self.0.clock.now()).await? {
            Spending::First(_) => Ok(()),
            Spending::Again(_) | Spending::Refused => Err(AuthError::LinkInvalid),
        }
    }

    async fn drop_second_factor(&self, user: UserId) -> Result<(), AuthError> {
        let change = AccountChange::SecondFactor(SecondFactorChange::Remove);
        self.0.stores.accounts.change(user, change, self.0.clock.now(), None).await.map_err(gone)?;
        Ok(())
    }

    fn link(&self, path: &str, token: &str) -> String {
        format!("{}{path}?token={token}", self.0.config.issuer)
    }
}

/// The account was erased meanwhile.
fn gone(error: StoreError) -> AuthError {
    match error {
        StoreError::Conflict | StoreError::NotFound => AuthError::LinkInvalid,
        error => error.into(),
    }
}
