//! Signing in: who somebody is, by password.

use std::fmt;
use std::net::IpAddr;

use bartab_core::store::{Account, AccountChange, AccountState, PasswordHash};

use crate::auth::Auth;
use crate::error::AuthError;
use crate::password::Verified;
use crate::rules::{Broken, username_key};
use crate::second_factor::{PASSWORD_AND_CODE, confirmed};
use crate::sessions::{NewSession, Tokens};

/// Somebody who has proved who they are.
#[derive(Debug)]
pub(crate) struct SignedIn {
    /// Who it is.
    pub(crate) account: Account,
    /// How they proved it, by the names of RFC 8176 with a space between.
    pub(crate) methods: &'static str,
}

/// What somebody signs in with; `Debug` shows neither password nor code.
#[derive(Clone, Copy)]
pub struct Login<'a> {
    /// Whose account; capital letters are made small.
    pub username: &'a str,
    /// The password.
    pub password: &'a str,
    /// A code of the second factor, or a recovery code: asked for by [`AuthError::OtpRequired`].
    pub otp: Option<&'a str>,
    /// What the person calls the device, 1 to 64 characters; shown in the list of sessions.
    pub device_name: Option<&'a str>,
    /// Where the request came from. Without it, failures slow down the account alone, and nobody who tries many.
    pub address: Option<IpAddr>,
}

impl<'a> Login<'a> {
    /// A username and a password, and nothing else.
    pub const fn new(username: &'a str, password: &'a str) -> Self {
        Self { username, password, otp: None, device_name: None, address: None }
    }
}

impl fmt::Debug for Login<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("username", &self.username)
            .field("device_name", &self.device_name)
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Auth {
    /// Signs in with a password.
    ///
    /// An unknown username and a wrong password give the same answer after the same time. Many failures slow down what
    /// follows. A code is good once.
    ///
    /// # Errors
    /// [`AuthError::BadCredentials`], also for a wrong code; [`AuthError::OtpRequired`] when the password is right and a
    /// code is missing: the same again with one; [`AuthError::Suspended`]; [`AuthError::SlowDown`] before anything is
    /// looked at; [`AuthError::Invalid`] for the name of the device; [`AuthError::Busy`].
    pub async fn login(&self, login: Login<'_>) -> Result<Tokens, AuthError> {
        if let Some(name) = login.device_name {
            let mut broken = Broken::default();
            broken.name("/device_name", name);
            broken.into_result()?;
        }
        let signed_in = self.check_password(login.username, login.password, login.otp, login.address).await?;
        let session = NewSession::own(&signed_in.account, login.device_name, signed_in.methods);
        self.start_session(&signed_in.account, session).await
    }

    /// The whole check of a sign-in by password, without starting a session: the slow-down, the password, the state of
    /// the account, the second factor.
    ///
    /// # Errors
    /// [`AuthError::SlowDown`] before anything is looked at; [`AuthError::BadCredentials`], also for a wrong code;
    /// [`AuthError::OtpRequired`] when there is none and the password is right; [`AuthError::Suspended`],
    /// [`AuthError::Busy`].
    pub(crate) async fn check_password(
        &self,
        username: &str,
        password: &str,
        otp: Option<&str>,
        address: Option<IpAddr>,
    ) -> Result<SignedIn, AuthError> {
        let key = username_key(username);
        let attempt = self.0.attempts.throttle().begin(&key, address, self.0.clock.now())?;
        let checked = self.look_at(&key, password, otp).await;
        match &checked {
            Ok(_) => attempt.right(),
            Err(AuthError::BadCredentials) => drop(attempt),
            Err(_) => attempt.neither(),
        }
        checked
    }

    async fn look_at(&self, key: &str, password: &str, otp: Option<&str>) -> Result<SignedIn, AuthError> {
        let account = self.0.stores.accounts.find(key).await?;
        let hash = account.as_ref().and_then(|account| account.password.clone());
        let verified = self.0.passwords.verify(password, hash.clone(), &*self.0.random).await?;
        let (Some(account), Verified::Right { rehashed }) = (account, verified) else {
            return Err(AuthError::BadCredentials);
        };
        // Only who knows the password learns of it.
        if account.state != AccountState::Active {
            return Err(AuthError::Suspended);
        }
        let account = match (hash, rehashed) {
            (Some(from), Some(to)) => self.replace_hash(account, from, to).await,
            _ => account,
        };
        if confirmed(&account).is_none() {
            return Ok(SignedIn { account, methods: "pwd" });
        }
        match otp {
            None | Some("") => Err(AuthError::OtpRequired),
            Some(code) if self.takes_code(&account, code).await? => {
                Ok(SignedIn { account, methods: PASSWORD_AND_CODE })
            }
            Some(_) => Err(AuthError::BadCredentials),
        }
    }

    async fn replace_hash(&self, account: Account, from: PasswordHash, to: PasswordHash) -> Account {
        let change = AccountChange::Rehash { from, to };
        let changed = self.0.stores.accounts.change(account.user_id, change, self.0.clock.now(), None).await;
        changed.unwrap_or_else(|error| {
            // The password is right all the same; the next sign-in tries again.
            tracing::warn!(%error, user = %account.user_id, "an outdated hash cannot be replaced");
            account
        })
    }
}

#[cfg(test)]
mod tests {
    use bartab_core::TenantRole;

    use super::*;
    use crate::accounts::NewAccount;
    use crate::testing;

    #[tokio::test]
    async fn a_refused_sign_in_hashes_as_much_whoever_it_is_for() {
        let (auth, _) = testing::open().await;
        let password = "correct horse battery staple";
        for username in ["alice", "owner", "gone"] {
            let new = NewAccount { role: TenantRole::Administrator, ..NewAccount::member(username, password) };
            auth.create_account(new).await.unwrap();
        }
        auth.create_account(NewAccount { password: None, ..NewAccount::member("eva", "") }).await.unwrap();
        let owner = auth.login(Login::new("owner", password)).await.unwrap();
        let owner = auth.verifier().verify(&owner.access_token).unwrap();
        let bot = auth.create_bot(&owner, "Robot", None).await.unwrap();
        let bot = auth.account(bot.user_id).await.unwrap().username;
        let gone = auth.0.stores.accounts.find("gone").await.unwrap().unwrap();
        let now = auth.0.clock.now();
        auth.0.stores.accounts.change(gone.user_id, AccountChange::Suspend, now, None).await.unwrap();

        let refused = async |username: &str| {
            let before = auth.0.passwords.spent();
            let refused = auth.login(Login::new(username, "wrong")).await;
            assert!(matches!(refused, Err(AuthError::BadCredentials)), "{username}: {refused:?}");
            auth.0.passwords.spent() - before
        };
        let usual = refused("alice").await;
        assert_ne!(usual, 0);
        for username in ["nobody", "no name\u{202e}", "eva", "gone", &*bot] {
            assert_eq!(refused(username).await, usual, "{username}");
        }
    }
}
