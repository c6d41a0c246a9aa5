//! The second factor: codes by the clock (RFC 6238), and recovery codes for the day the device is lost.

mod codes;
mod reseal;

use std::fmt;
use std::net::IpAddr;

use bartab_core::store::{
    Account, AccountChange, AccountKind, AuditActor, SecondFactor, SecondFactorChange, StoreError, TokenHash,
    TotpSecret,
};
use bartab_core::{Actor, Scope, Scopes, TenantRole, UserId};
use zeroize::Zeroizing;

use self::codes::{Code, RecoveryCode};
pub(crate) use self::reseal::Resealing;
use crate::auth::Auth;
use crate::config::TotpPolicy;
use crate::error::AuthError;
use crate::rules::Broken;
use crate::throttle::Attempt;
use crate::turn::half_done;

/// So many recovery codes there are at a time.
const RECOVERY_CODES: usize = 10;
/// 160 bits, as RFC 4226 section 4 recommends.
const SECRET: usize = 20;

/// How somebody signed in who showed a password and a second factor (RFC 8176).
pub(crate) const PASSWORD_AND_CODE: &str = "pwd otp mfa";
/// The same for another provider's word and a second factor of ours.
#[cfg(feature = "openid-providers")]
pub(crate) const PROVIDER_AND_CODE: &str = "fed otp mfa";

/// A new shared secret, for the person's device; `Debug` does not show it, and the memory is wiped when it is dropped.
pub struct NewTotp {
    secret: Zeroizing<String>,
    otpauth_url: Zeroizing<String>,
}

impl NewTotp {
    /// The secret in base 32, to be typed.
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// The same as a link or a QR code carries it, `otpauth://totp/…`: SHA-1, 6 digits, 30 seconds.
    pub fn otpauth_url(&self) -> &str {
        &self.otpauth_url
    }
}

impl fmt::Debug for NewTotp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewTotp").finish_non_exhaustive()
    }
}

impl Auth {
    /// Makes a new shared secret of the caller's, which counts once [`Auth::confirm_totp`] has seen a code of it. One that
    /// waits already is replaced.
    ///
    /// It takes the caller's password; who has none shows instead a sign-in of the last ten minutes by our own client.
    ///
    /// # Errors
    /// Those of [`Auth::change_password`], with [`AuthError::Invalid`] for the password at `/password`;
    /// [`AuthError::SecondFactorOn`].
    pub async fn begin_totp(
        &self,
        actor: &Actor,
        password: Option<&str>,
        address: Option<IpAddr>,
    ) -> Result<NewTotp, AuthError> {
        let account = self.prove_owner(actor, "/password", password, address).await?;
        let mut secret = Zeroizing::new([0; SECRET]);
        self.0.random.fill(&mut *secret);
        let sealed = self.0.sealer.seal(&context(account.user_id), &*secret)?;
        let change = SecondFactorChange::Begin(TotpSecret::new(sealed));
        match self.change_factor(&account, change, None).await {
            Err(AuthError::Store(StoreError::Conflict)) => return Err(AuthError::SecondFactorOn),
            changed => changed?,
        };
        let secret = codes::base32(&*secret);
        let otpauth_url = codes::otpauth_url(&self.0.config.issuer, &account.username, &secret);
        Ok(NewTotp { secret, otpauth_url })
    }

    /// Has the second factor asked for from now on, if `code` shows that the device has its secret; gives ten recovery
    /// codes, each good once in the place of a code. They are told this once: the store has hashes of them.
    ///
    /// # Errors
    /// [`AuthError::Invalid`] for a code that is wrong; [`AuthError::SecondFactorOff`] when nothing was begun;
    /// [`AuthError::SecondFactorOn`]; [`AuthError::SlowDown`]; for who asks, [`AuthError::OwnClientOnly`],
    /// [`AuthError::InsufficientScope`], [`AuthError::AccountNotFound`], [`AuthError::Suspended`],
    /// [`AuthError::NoSignIn`].
    pub async fn confirm_totp(
        &self,
        actor: &Actor,
        code: &str,
        address: Option<IpAddr>,
    ) -> Result<Vec<String>, AuthError> {
        let account = self.owner(actor).await?;
        let factor = account.second_factor.as_ref().ok_or(AuthError::SecondFactorOff)?;
        if factor.confirmed {
            return Err(AuthError::SecondFactorOn);
        }
        let attempt = self.0.attempts.throttle().begin(&account.username_key, address, self.0.clock.now())?;
        let step = match Code::parse(code) {
            Some(Code::Totp(code)) => self.step_of(&account, factor, &code)?,
            _ => None,
        };
        let Some(step) = step else { return Err(Broken::wrong("/code")) };
        let (codes, recovery) = self.new_recovery_codes(account.user_id);
        let change = SecondFactorChange::Confirm { secret: factor.secret.clone(), step, recovery };
        let changed = self.change_factor(&account, change, Some("mfa.enabled")).await;
        attempt.neither();
        match changed {
            // Somebody was faster, or began anew: then this was a code of another secret.
            Err(AuthError::Store(StoreError::Conflict)) => match self.owner(actor).await?.second_factor {
                Some(factor) if factor.confirmed => Err(AuthError::SecondFactorOn),
                Some(_) => Err(Broken::wrong("/code")),
                None => Err(AuthError::SecondFactorOff),
            },
            changed => changed.map(|_| codes),
        }
    }

    /// Replaces the caller's recovery codes, if `code` is one of the second factor or an old recovery code, and gives the
    /// new ones; those that were there are good no more.
    ///
    /// # Errors
    /// Those of [`Auth::confirm_totp`], with [`AuthError::SecondFactorOff`] when there is none that is confirmed.
    pub async fn replace_recovery_codes(
        &self,
        actor: &Actor,
        code: &str,
        address: Option<IpAddr>,
    ) -> Result<Vec<String>, AuthError> {
        let account = self.owner(actor).await?;
        confirmed(&account).ok_or(AuthError::SecondFactorOff)?;
        self.spend_code(&account, "/code", code, address).await?;
        let (codes, recovery) = self.new_recovery_codes(account.user_id);
        let change = SecondFactorChange::ReplaceRecovery(recovery);
        match self.change_factor(&account, change, Some("mfa.recovery_codes_replaced")).await {
            Err(AuthError::Store(StoreError::Conflict)) => Err(AuthError::SecondFactorOff),
            changed => changed.map(|_| codes),
        }
    }

    /// Takes the caller's second factor away, by password and code, or a recovery code; one that was never confirmed needs
    /// no code. Where administrators need a second factor, the access tokens of one are refused from now on, and new ones
    /// administer nothing.
    ///
    /// # Errors
    /// Those of [`Auth::change_password`], with [`AuthError::Invalid`] for the password at `/password`, and at `/code` for
    /// a code that is missing or wrong; [`AuthError::SecondFactorOff`].
    pub async fn remove_totp(
        &self,
        actor: &Actor,
        password: Option<&str>,
        code: Option<&str>,
        address: Option<IpAddr>,
    ) -> Result<(), AuthError> {
        let (account, attempt) = self.prove_password(actor, "/password", password, address).await?;
        let is_on = confirmed(&account).is_some();
        match (code, attempt) {
            (_, Some(attempt)) if !is_on => attempt.right(),
            (_, None) if !is_on => {}
            // Password and code are one attempt: a second one would have to wait for the first.
            (Some(code), Some(attempt)) => self.try_code(&account, code, attempt).await.map_err(wrong_at("/code"))?,
            (Some(code), None) => self.spend_code(&account, "/code", code, address).await?,
            (None, attempt) => {
                if let Some(attempt) = attempt {
                    attempt.neither();
                }
                return Err(Broken::missing("/code"));
            }
        }
        if account.second_factor.is_none() {
            return Err(AuthError::SecondFactorOff);
        }
        self.to_its_end(move |auth| async move {
            if is_on {
                auth.change_factor(&account, SecondFactorChange::Remove, Some("mfa.disabled")).await?;
            } else {
                // It may have been confirmed while the password was checked, and then a code is needed.
                auth.change_factor(&account, SecondFactorChange::Discard, None).await.map_err(|error| match error {
                    AuthError::Store(StoreError::Conflict) => Broken::missing("/code"),
                    error => error,
                })?;
            }
            if auth.requires_totp(account.role) {
                auth.revoke_access(account.user_id).await.map_err(half_done)?;
            }
            Ok(())
        })
        .await
    }

    /// Whether `code` is one of the confirmed second factor of `account`, or a recovery code; it is spent by this.
    ///
    /// # Errors
    /// [`AuthError::Store`].
    pub(crate) async fn takes_code(&self, account: &Account, code: &str) -> Result<bool, AuthError> {
        let Some(factor) = confirmed(account) else { return Ok(false) };
        let change = match Code::parse(code) {
            Some(Code::Totp(code)) => {
                let step = self.step_of(account, factor, &code)?;
                step.map(|step| SecondFactorChange::UseStep { secret: factor.secret.clone(), step })
            }
            Some(Code::Recovery(code)) => Some(SecondFactorChange::UseRecovery(code.hash(account.user_id))),
            None => None,
        };
        let Some(change) = change else { return Ok(false) };
        match self.change_factor(account, change, None).await {
            Ok(_) => Ok(true),
            // It was used before, or it is no recovery code.
            Err(AuthError::Store(StoreError::Conflict)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether `code` is one of the second factor, or a recovery code; it is spent by this. Wrong ones slow down what follows,
    /// as wrong passwords do.
    ///
    /// # Errors
    /// [`AuthError::BadCredentials`], [`AuthError::SlowDown`].
    pub(crate) async fn check_second_factor(
        &self,
        account: &Account,
        code: &str,
        address: Option<IpAddr>,
    ) -> Result<(), AuthError> {
        let attempt = self.0.attempts.throttle().begin(&account.username_key, address, self.0.clock.now())?;
        self.try_code(account, code, attempt).await
    }

    /// Takes the code, and gives the attempt its verdict.
    ///
    /// # Errors
    /// [`AuthError::BadCredentials`], [`AuthError::Store`].
    async fn try_code(&self, account: &Account, code: &str, attempt: Attempt<'_>) -> Result<(), AuthError> {
        match self.takes_code(account, code).await {
            Ok(true) => {
                attempt.right();
                Ok(())
            }
            Ok(false) => Err(AuthError::BadCredentials),
            Err(error) => {
                attempt.neither();
                Err(error)
            }
        }
    }

    /// What is left of `scopes` for a session whose owner proved themselves by `methods`.
    pub(crate) fn scopes_of_methods(&self, account: &Account, scopes: Scopes, methods: &str) -> Scopes {
        if self.requires_totp(account.role) && !methods.split(' ').any(|method| method == "mfa") {
            scopes.without(Scope::Admin)
        } else {
            scopes
        }
    }

    /// Whether somebody with this role administers only with a second factor.
    pub(crate) fn requires_totp(&self, role: TenantRole) -> bool {
        self.0.config.require_totp == TotpPolicy::Administrators && role >= TenantRole::Administrator
    }

    /// Whether the caller is kept from administering by having no second factor, or not having signed in with it.
    pub(crate) async fn lacks_second_factor(&self, actor: &Actor) -> bool {
        let stores = &self.0.stores;
        // It only says why, so what cannot be read is left out.
        let Ok(Some(account)) = stores.accounts.get(actor.user_id).await else { return false };
        if account.kind != AccountKind::Person || !self.requires_totp(account.role) {
            return false;
        }
        if confirmed(&account).is_none() {
            return true;
        }
        let Some(session) = actor.session_id else { return false };
        let session = stores.sessions.get(session).await.ok().flatten();
        session.is_some_and(|session| {
            let methods = &session.methods;
            session.scopes.contains(Scope::Admin)
                && !self.scopes_of_methods(&account, session.scopes, methods).contains(Scope::Admin)
        })
    }

    async fn spend_code(
        &self,
        account: &Account,
        pointer: &str,
        code: &str,
        address: Option<IpAddr>,
    ) -> Result<(), AuthError> {
        self.check_second_factor(account, code, address).await.map_err(wrong_at(pointer))
    }

    /// The time step whose code it is, within one step of now.
    fn step_of(&self, account: &Account, factor: &SecondFactor, code: &str) -> Result<Option<u64>, AuthError> {
        let secret = self.0.sealer.open(&context(account.user_id), factor.secret.as_bytes())?;
        codes::step_of(&secret, code, self.0.clock.now())
    }

    fn new_recovery_codes(&self, user: UserId) -> (Vec<String>, Vec<TokenHash>) {
        let codes = (0..RECOVERY_CODES).map(|_| RecoveryCode::new(&*self.0.random));
        codes.map(|code| (code.text(), code.hash(user))).unzip()
    }

    async fn change_factor(
        &self,
        account: &Account,
        change: SecondFactorChange,
        action: Option<&'static str>,
    ) -> Result<Account, AuthError> {
        let user = account.user_id;
        let by = AuditActor::User(user);
        let audit = action.map(|action| self.audited_by(by, action, user, None));
        let change = AccountChange::SecondFactor(change);
        Ok(self.0.stores.accounts.change(user, change, self.0.clock.now(), audit).await?)
    }
}

/// The second factor that is asked for.
pub(crate) fn confirmed(account: &Account) -> Option<&SecondFactor> {
    account.second_factor.as_ref().filter(|factor| factor.confirmed)
}

/// Says of a wrong code where in the request it stands.
fn wrong_at(pointer: &str) -> impl FnOnce(AuthError) -> AuthError {
    move |error| match error {
        AuthError::BadCredentials => Broken::wrong(pointer),
        error => error,
    }
}

/// Where a secret belongs, so that it opens nowhere else.
fn context(user: UserId) -> String {
    format!("totp/{user}")
}
