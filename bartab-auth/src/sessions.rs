//! Sessions: opened by a sign-in, and ended.

use std::fmt;
use std::sync::atomic::Ordering;

use bartab_core::store::{Account, AccountState, Session, StoreError};
use bartab_core::{Actor, Scope, Scopes, SessionId, Timestamp, UserId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::auth::Auth;
use crate::error::AuthError;
use crate::links::UNDER_WAY;
use crate::mint::AccessGrant;
use crate::rights::{Permission, ceiling, require, require_permission};
use crate::rules::Broken;
use crate::token::{RefreshToken, SERVICE_GONE};

/// The OAuth client that our own login belongs to; it is public and needs no authentication.
pub(crate) const OWN_CLIENT: &str = "bartab";

/// Old sessions are cleared away once in so many new ones, at most so many at once.
const PRUNE_EVERY: u64 = 64;
const PRUNE_LIMIT: usize = 512;

/// The answer to whoever signed in or refreshed (RFC 6749 section 5.1); `Debug` does not show the tokens.
#[derive(Clone, Serialize, ToSchema)]
pub struct Tokens {
    /// The access token: a JWT (RFC 9068).
    pub access_token: String,
    /// Always `Bearer`.
    #[schema(value_type = String)]
    pub token_type: &'static str,
    /// Seconds until the access token runs out.
    pub expires_in: u64,
    /// The refresh token, good once.
    pub refresh_token: String,
    /// What the access token allows: names with a space between.
    pub scope: String,
    /// Who signed in.
    #[schema(value_type = String)]
    pub user_id: UserId,
    /// The session.
    #[schema(value_type = String)]
    pub session_id: SessionId,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens")
            .field("user_id", &self.user_id)
            .field("session_id", &self.session_id)
            .field("scope", &self.scope)
            .field("expires_in", &self.expires_in)
            .finish_non_exhaustive()
    }
}

/// A session to be started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewSession<'a> {
    /// The client that it is granted to.
    pub(crate) client_id: &'a str,
    /// What the person calls the device.
    pub(crate) device_name: Option<&'a str>,
    /// What it allows.
    pub(crate) scopes: Scopes,
    /// How the person proved who they are (RFC 8176), with a space between.
    pub(crate) methods: &'a str,
    /// Whether a grant opens it, and no sign-in.
    pub(crate) granted: bool,
    /// Its id, when it was chosen before.
    pub(crate) session_id: Option<SessionId>,
}

impl<'a> NewSession<'a> {
    /// A session of our own login.
    pub(crate) fn own(account: &Account, device_name: Option<&'a str>, methods: &'a str) -> Self {
        let scopes = Scopes::PERSON.with(Scope::Admin).intersection(ceiling(account.role));
        Self { client_id: OWN_CLIENT, device_name, scopes, methods, granted: false, session_id: None }
    }
}

impl Auth {
    /// Signs `user` in without asking for anything: for the host's own use. Nobody has shown who they are, so this is no
    /// sign-in to set a first password by.
    ///
    /// # Errors
    /// [`AuthError::AccountNotFound`], [`AuthError::Suspended`].
    pub async fn sign_in(&self, user: UserId, device_name: Option<&str>) -> Result<Tokens, AuthError> {
        let account = self.account(user).await?;
        if account.state != AccountState::Active {
            return Err(AuthError::Suspended);
        }
        self.start_session(&account, NewSession::own(&account, device_name, "")).await
    }

    pub(crate) async fn start_session(&self, account: &Account, new: NewSession<'_>) -> Result<Tokens, AuthError> {
        let inner = &*self.0;
        let now = inner.clock.now();
        let session_id = new.session_id.unwrap_or_else(|| SessionId::new(now, &*inner.random));
        let refresh = RefreshToken::first(session_id, &*inner.random);
        // Without a refresh token it ends with its one access token.
        let lasts = new.scopes.contains(Scope::OfflineAccess);
        let life = if lasts { inner.config.refresh_token_life() } else { inner.config.access_token_life() };
        let session = Session {
            session_id,
            user_id: account.user_id,
            client_id: new.client_id.to_owned(),
            device_name: new.device_name.map(str::to_owned),
            scopes: new.scopes,
            methods: new.methods.to_owned(),
            granted: new.granted,
            family: refresh.family(),
            current: refresh.secret(),
            previous: None,
            created_at: now,
            last_used_at: now,
            expires_at: now.after(life),
            ended_at: None,
        };
        let tokens = self.tokens(account, &session, session.scopes, &refresh, now).await?;
        match self.store_session(account, session).await {
            // The id was chosen with a grant that has been used again since: the session ended before it began.
            Err(AuthError::Store(StoreError::Conflict) | AuthError::BadCredentials) if new.session_id.is_some() => {
                Err(AuthError::InvalidGrant)
            }
            stored => stored.map(|()| tokens),
        }
    }

    /// Stores a new session, and now and then clears old ones away.
    ///
    /// # Errors
    /// [`AuthError::BadCredentials`] when `account` may not be used any more, or has another password or other rights by
    /// now.
    pub(crate) async fn store_session(&self, account: &Account, session: Session) -> Result<(), AuthError> {
        let inner = &*self.0;
        let session_id = session.session_id;
        inner.stores.sessions.create(session).await?;
        // What it is founded on may have been taken away since it was looked at, by a reset that has ended all sessions
        // that there were.
        // Who has no password has none afterwards, too: there the rights that it has taken back tell of it.
        let known = inner.stores.accounts.get(account.user_id).await?;
        let stands = known.is_some_and(|known| {
            known.state == AccountState::Active
                && known.password == account.password
                && known.rights_rev == account.rights_rev
        });
        if !stands {
            self.end(account.user_id, session_id).await?;
            return Err(AuthError::BadCredentials);
        }
        if inner.sessions_opened.fetch_add(1, Ordering::Relaxed) % PRUNE_EVERY == PRUNE_EVERY - 1 {
            // The session is there and its owner must get it; what could not be cleared away now waits for the next time.
            if let Err(error) = self.prune_sessions().await {
                tracing::warn!(%error, "old sessions cannot be cleared away");
            }
        }
        Ok(())
    }

    /// Clears some of the sessions away that ended or ran out, and some of the tickets.
    ///
    /// That happens by itself, too, with every so many new ones; a program that holds the service calls this now and then
    /// for the tenants where nothing is new.
    ///
    /// # Errors
    /// [`AuthError::Store`].
    pub async fn clear_away(&self) -> Result<(), AuthError> {
        self.prune_sessions().await?;
        Ok(self.prune_tickets().await?)
    }

    async fn prune_sessions(&self) -> Result<(), StoreError> {
        let inner = &*self.0;
        // What ended later may still have to be refused when the tenant is opened again.
        let now = inner.clock.now().as_secs();
        let before = Timestamp::from_secs(now.saturating_sub(inner.config.access_token_seconds));
        inner.stores.sessions.prune(before, PRUNE_LIMIT).await.map(drop)
    }

    /// Up to `limit` of the caller's live sessions, newest first, from the first one before `before` on.
    ///
    /// # Errors
    /// [`AuthError::InsufficientScope`].
    pub async fn sessions(
        &self,
        actor: &Actor,
        before: Option<SessionId>,
        limit: usize,
    ) -> Result<Vec<Session>, AuthError> {
        require(actor, Scope::ProfileWrite)?;
        Ok(self.0.stores.sessions.list(actor.user_id, before, self.0.clock.now(), limit).await?)
    }

    /// Gives one of the caller's live sessions another name, 1 to 64 characters.
    ///
    /// # Errors
    /// [`AuthError::OwnClientOnly`], [`AuthError::PermissionDenied`], [`AuthError::InsufficientScope`],
    /// [`AuthError::Invalid`], [`AuthError::SessionNotFound`].
    pub async fn rename_session(
        &self,
        actor: &Actor,
        session: SessionId,
        device_name: &str,
    ) -> Result<Session, AuthError> {
        require_permission(actor, Permission::SessionsManage)?;
        let mut broken = Broken::default();
        broken.name("/device_name", device_name);
        broken.into_result()?;
        let (sessions, now) = (&self.0.stores.sessions, self.0.clock.now());
        if !sessions.rename(actor.user_id, session, Some(device_name.to_owned()), now).await? {
            return Err(AuthError::SessionNotFound);
        }
        sessions.get(session).await?.ok_or(AuthError::SessionNotFound)
    }

    /// Ends the caller's own session: its tokens are refused from now on.
    ///
    /// # Errors
    /// [`AuthError::NoSession`] when the credentials belong to none.
    pub async fn logout(&self, actor: &Actor) -> Result<(), AuthError> {
        let session = actor.session_id.ok_or(AuthError::NoSession)?;
        self.end(actor.user_id, session).await.map(drop)
    }

    /// Ends one of the caller's sessions. Is it an app's, then what they have allowed it is forgotten: it has to ask again.
    ///
    /// # Errors
    /// [`AuthError::OwnClientOnly`], [`AuthError::PermissionDenied`], [`AuthError::InsufficientScope`],
    /// [`AuthError::SessionNotFound`].
    pub async fn end_session(&self, actor: &Actor, session: SessionId) -> Result<(), AuthError> {
        require_permission(actor, Permission::SessionsManage)?;
        let known = self.0.stores.sessions.get(session).await?;
        let known = known.filter(|known| known.user_id == actor.user_id && known.client_id != OWN_CLIENT);
        if let Some(known) = known {
            // Before the session: should ending it fail, the same again does both.
            self.0.stores.clients.withdraw(actor.user_id, Some(&known.client_id)).await?;
        }
        if self.end(actor.user_id, session).await? { Ok(()) } else { Err(AuthError::SessionNotFound) }
    }

    /// Ends all of the caller's sessions but the one that asks; grants that are not redeemed yet come to nothing, and every
    /// app has to ask again.
    ///
    /// # Errors
    /// [`AuthError::OwnClientOnly`], [`AuthError::PermissionDenied`], [`AuthError::InsufficientScope`].
    pub async fn end_other_sessions(&self, actor: &Actor) -> Result<(), AuthError> {
        require_permission(actor, Permission::SessionsManage)?;
        self.0.stores.clients.withdraw(actor.user_id, None).await?;
        self.end_all_but(actor.user_id, actor.session_id).await
    }

    /// Ends the session that a refresh or access token belongs to; a token that is none, or was granted to another
    /// client than `client_id`, changes nothing (RFC 7009).
    ///
    /// Answers false for a good access token that belongs to no session: a client's for itself, which cannot be taken
    /// back by itself and runs out soon.
    ///
    /// # Errors
    /// [`AuthError::Store`].
    pub async fn revoke(&self, token: &str, client_id: Option<&str>) -> Result<bool, AuthError> {
        let own = |granted: &str| client_id.is_none_or(|client| client == granted);
        if let Some(refresh) = RefreshToken::parse(token) {
            let session = self.0.stores.sessions.get(refresh.session()).await?;
            if let Some(session) = session.filter(|session| session.family == refresh.family())
                && own(&session.client_id)
            {
                self.end(session.user_id, session.session_id).await?;
            }
        } else if let Ok(actor) = self.0.verifier.verify(token)
            && own(&actor.client_id)
        {
            let Some(session) = actor.session_id else { return Ok(false) };
            self.end(actor.user_id, session).await?;
        }
        Ok(true)
    }

    /// Ends every session of `user`.
    pub(crate) async fn end_all(&self, user: UserId) -> Result<(), AuthError> {
        self.end_all_but(user, None).await
    }

    /// Ends every session of `user` but `keep`, and stops what is under way to new ones.
    pub(crate) async fn end_all_but(&self, user: UserId, keep: Option<SessionId>) -> Result<(), AuthError> {
        self.to_its_end(move |auth| async move {
            // Before the sessions: what a grant opens meanwhile ends with the others.
            let stopped = auth.stop_under_way(user).await;
            for session in auth.0.stores.sessions.end_others(user, keep, auth.0.clock.now()).await? {
                auth.ended(session);
            }
            stopped
        })
        .await
    }

    /// Removes what somebody is in the middle of in the name of `user`.
    async fn stop_under_way(&self, user: UserId) -> Result<(), AuthError> {
        for purpose in UNDER_WAY {
            self.0.stores.tickets.remove_all(purpose, Some(user)).await?;
        }
        Ok(())
    }

    pub(crate) async fn end(&self, user: UserId, session: SessionId) -> Result<bool, AuthError> {
        self.to_its_end(move |auth| async move {
            let ended = auth.0.stores.sessions.end(user, session, auth.0.clock.now()).await?;
            if ended {
                auth.ended(session);
            }
            Ok(ended)
        })
        .await
    }

    /// Ends every session that was granted to the client, which is gone, and takes back what it got for itself; says
    /// whether there was any session. To be called in a task of its own.
    pub(crate) async fn end_of_client(&self, client_id: &str) -> Result<bool, AuthError> {
        let inner = &*self.0;
        let now = inner.clock.now();
        // No account has this id.
        inner.revocations.add_user(self.service_id(client_id), SERVICE_GONE, now, inner.config.access_token_life());
        let ended = inner.stores.sessions.end_of_client(client_id, now).await?;
        for session in &ended {
            self.ended(*session);
        }
        Ok(!ended.is_empty())
    }

    /// The session has ended in the store; from here on its access tokens are refused.
    pub(crate) fn ended(&self, session: SessionId) {
        self.0.revocations.add(session, self.0.clock.now(), self.0.config.access_token_life());
    }

    pub(crate) async fn tokens(
        &self,
        account: &Account,
        session: &Session,
        scopes: Scopes,
        refresh: &RefreshToken,
        now: Timestamp,
    ) -> Result<Tokens, AuthError> {
        let scopes = self.scopes_of_methods(account, scopes, &session.methods);
        let granted = AccessGrant { account, client_id: &session.client_id, scopes, session: Some(session.session_id) };
        let access = self.access_token(&granted, now).await?;
        Ok(Tokens {
            access_token: access.text,
            token_type: "Bearer",
            expires_in: access.expires_in,
            refresh_token: refresh.text(),
            scope: access.scope,
            user_id: account.user_id,
            session_id: session.session_id,
        })
    }
}
