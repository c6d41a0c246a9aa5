//! Making sure that the owner of an account asks, and not only somebody who holds a token of theirs.

use std::net::IpAddr;
use std::time::Duration;

use bartab_core::store::{
    Account, AccountChange, AccountKind, AccountState, AuditActor, PasswordHash, Session, StoreError,
};
use bartab_core::{Actor, Scope, SessionId, Timestamp, UserId};

use crate::auth::Auth;
use crate::error::AuthError;
use crate::password::Verified;
use crate::rights::{refuse_apps, require};
use crate::rules::Broken;
use crate::second_factor::confirmed;
use crate::sessions::OWN_CLIENT;
use crate::throttle::Attempt;
use crate::turn::half_done;

/// A sign-in is recent for so long.
const RECENT: Duration = Duration::from_secs(10 * 60);

impl Auth {
    /// Changes the caller's password, and ends their other sessions.
    ///
    /// Who has none yet, because they sign in by another provider, sets the first one in our own client and within ten
    /// minutes of a sign-in of theirs; a token that somebody else has got for them does not do.
    ///
    /// `address` is where the request came from: failures count for it, too.
    ///
    /// # Errors
    /// [`AuthError::Invalid`] for the new password at `/new`, and at `/current` for the old one when it is missing or
    /// wrong, also when it was taken away meanwhile; [`AuthError::SignInAgain`] when there is none and the sign-in is not
    /// recent; [`AuthError::SlowDown`], [`AuthError::Busy`]; for who asks, [`AuthError::OwnClientOnly`],
    /// [`AuthError::InsufficientScope`], [`AuthError::AccountNotFound`], [`AuthError::Suspended`] and, for a bot,
    /// [`AuthError::NoSignIn`].
    pub async fn change_password(
        &self,
        actor: &Actor,
        current: Option<&str>,
        new: &str,
        address: Option<IpAddr>,
    ) -> Result<(), AuthError> {
        let inner = &*self.0;
        let account = self.owner(actor).await?;
        let mut broken = Broken::default();
        broken.password("/new", new, &[&account.username, &account.display_name]);
        broken.into_result()?;
        let account = self.prove_owner(actor, "/current", current, address).await?;
        let hash = inner.passwords.hash(new, &*inner.random).await?;
        let (caller, proved) = (actor.clone(), account.password);
        // In turn, so that a reset meanwhile is not undone by who knows the password that it took away.
        self.in_turn(move |auth| async move {
            if !auth.still_stands(&caller, proved.as_ref()).await? {
                return Err(if proved.is_some() { Broken::wrong("/current") } else { AuthError::SignInAgain });
            }
            auth.set_password(&caller, hash).await
        })
        .await
    }

    /// Whether what the caller has proved is so still: the password is the same, and their session has not ended.
    async fn still_stands(&self, actor: &Actor, proved: Option<&PasswordHash>) -> Result<bool, AuthError> {
        let account = self.account(actor.user_id).await?;
        if account.state != AccountState::Active || account.password.as_ref() != proved {
            return Ok(false);
        }
        let Some(session) = actor.session_id else { return Ok(true) };
        let session = self.0.stores.sessions.get(session).await?;
        let now = self.0.clock.now();
        Ok(session.is_some_and(|session| session.user_id == actor.user_id && session.is_live(now)))
    }

    async fn set_password(&self, actor: &Actor, hash: PasswordHash) -> Result<(), AuthError> {
        let user = actor.user_id;
        let audit = self.audited_by(AuditActor::User(user), "account.password_changed", user, None);
        let change = AccountChange::Password(Some(hash));
        self.0.stores.accounts.change(user, change, audit.at, Some(audit)).await.map_err(erased)?;
        // With them goes a link to a new way to sign in: it is for who has none.
        self.end_all_but(user, actor.session_id).await.map_err(half_done)
    }

    /// The caller's own account, when it is a person's who may change how they sign in.
    ///
    /// # Errors
    /// [`AuthError::OwnClientOnly`], [`AuthError::InsufficientScope`], [`AuthError::AccountNotFound`],
    /// [`AuthError::NoSignIn`].
    pub(crate) async fn owner(&self, actor: &Actor) -> Result<Account, AuthError> {
        refuse_apps(actor)?;
        require(actor, Scope::ProfileWrite)?;
        let account = self.account(actor.user_id).await?;
        match (account.kind, account.state) {
            (_, AccountState::Erased) => Err(AuthError::AccountNotFound),
            (_, AccountState::Suspended) => Err(AuthError::Suspended),
            (AccountKind::Person, _) => Ok(account),
            _ => Err(AuthError::NoSignIn),
        }
    }

    /// The caller's own account, when they know its password; when it has none, when they signed in themselves a moment ago
    /// by our own client. Wrong passwords slow down what follows, as they do at the sign-in.
    ///
    /// # Errors
    /// Those of [`Auth::owner`]; [`AuthError::Invalid`] for a password that is missing or wrong, at `pointer`;
    /// [`AuthError::SignInAgain`], [`AuthError::SlowDown`], [`AuthError::Busy`].
    pub(crate) async fn prove_owner(
        &self,
        actor: &Actor,
        pointer: &str,
        password: Option<&str>,
        address: Option<IpAddr>,
    ) -> Result<Account, AuthError> {
        let (account, attempt) = self.prove_password(actor, pointer, password, address).await?;
        match attempt {
            // The half of a proof forgives nothing: who knows the password alone would guess codes as often as they like.
            Some(attempt) if confirmed(&account).is_some() => attempt.neither(),
            Some(attempt) => attempt.right(),
            None => {}
        }
        Ok(account)
    }

    /// As [`Auth::prove_owner`], with the attempt that the password was right in: its verdict is the caller's to give, once
    /// the code has been looked at. There is none when there is no password.
    pub(crate) async fn prove_password(
        &self,
        actor: &Actor,
        pointer: &str,
        password: Option<&str>,
        address: Option<IpAddr>,
    ) -> Result<(Account, Option<Attempt<'_>>), AuthError> {
        let inner = &*self.0;
        let account = self.owner(actor).await?;
        let Some(hash) = account.password.clone() else {
            self.recent_sign_in(actor).await?;
            return Ok((account, None));
        };
        let password = password.ok_or_else(|| Broken::missing(pointer))?;
        let attempt = inner.attempts.throttle().begin(&account.username_key, address, inner.clock.now())?;
        match inner.passwords.verify(password, Some(hash), &*inner.random).await {
            Ok(Verified::Right { .. }) => Ok((account, Some(attempt))),
            Ok(Verified::Wrong) => Err(Broken::wrong(pointer)),
            Err(error) => {
                attempt.neither();
                Err(error)
            }
        }
    }

    /// The session of a caller who signed in a moment ago, in our own client: themselves, and not a host or an issuer that
    /// vouches for them, whose sessions say nothing of how; nor a device that they were talked into connecting.
    ///
    /// # Errors
    /// [`AuthError::SignInAgain`].
    pub(crate) async fn recent_sign_in(&self, actor: &Actor) -> Result<SessionId, AuthError> {
        let session = actor.session_id.ok_or(AuthError::SignInAgain)?;
        let session = self.0.stores.sessions.get(session).await?;
        let session = session.filter(|session| session.client_id == OWN_CLIENT && session.user_id == actor.user_id);
        let session = session.ok_or(AuthError::SignInAgain)?;
        if is_recent(&session, self.0.clock.now()) { Ok(session.session_id) } else { Err(AuthError::SignInAgain) }
    }

    /// Takes back the access tokens of `user`, and of their bots, that are about.
    pub(crate) async fn revoke_access(&self, user: UserId) -> Result<(), AuthError> {
        let now = self.0.clock.now();
        let account = self.0.stores.accounts.change(user, AccountChange::Revoke, now, None).await?;
        self.rights_changed(user, account.rights_rev).await;
        Ok(())
    }
}

/// Whether it is the session of somebody who has shown a moment ago who they are.
pub(crate) fn is_recent(session: &Session, now: Timestamp) -> bool {
    !session.granted && !session.methods.is_empty() && session.is_live(now) && now < session.created_at.after(RECENT)
}

/// The account was erased meanwhile.
fn erased(error: StoreError) -> AuthError {
    match error {
        StoreError::Conflict | StoreError::NotFound => AuthError::AccountNotFound,
        error => error.into(),
    }
}
