//! Token exchange (RFC 8693): a token of an issuer that the tenant trusts becomes an account here, and tokens of ours.

mod config;
mod subject;

use std::fmt;

use bartab_core::Timestamp;
use bartab_core::store::{Account, AccountState, ExternalIdentity, OAuthClient};

pub use self::config::TrustedIssuer;
pub(crate) use self::subject::{ACCESS_TOKEN, SubjectKind};
use self::subject::{Subject, check_type, issuer_of, read};
use crate::auth::Auth;
use crate::config::Config;
use crate::error::AuthError;
use crate::external::Newcomer;
#[cfg(feature = "remote-jwks")]
use crate::token::Remote;
use crate::token::{Jws, TokenError, VerifyingKey};

/// The issuers that a tenant trusts, with their keys.
#[derive(Debug)]
pub(crate) struct Trusted(Vec<Issuer>);

struct Issuer {
    config: TrustedIssuer,
    keys: Keys,
}

/// Where the public keys of an issuer come from.
enum Keys {
    Known(Vec<VerifyingKey>),
    #[cfg(feature = "remote-jwks")]
    Remote(Box<Remote>),
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Issuer").field(&self.config.issuer).finish()
    }
}

/// Why a token is not exchanged.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExchangeError {
    /// The token is refused.
    #[error("the subject token is refused: {0}")]
    Subject(TokenError),
    /// This client may not exchange tokens of that issuer.
    #[error("the client may not exchange tokens of this issuer")]
    Client,
    /// The account may not be used.
    #[error("the account may not be used")]
    Account,
    /// Identity failed.
    #[error(transparent)]
    Auth(#[from] AuthError),
}

impl From<TokenError> for ExchangeError {
    fn from(error: TokenError) -> Self {
        match error {
            // Nothing is said about the token.
            TokenError::KeysUnavailable => Self::Auth(error.into()),
            error => Self::Subject(error),
        }
    }
}

impl Trusted {
    /// The issuers of a configuration that was found to be usable.
    pub(crate) fn new(config: &Config) -> Result<Self, AuthError> {
        let issuer = |config: &TrustedIssuer| {
            let keys = match (&config.jwks, &config.jwks_url) {
                (Some(jwks), _) => Keys::Known(VerifyingKey::from_set(jwks)),
                #[cfg(feature = "remote-jwks")]
                (None, Some(url)) => Keys::Remote(Box::new(Remote::new(url).map_err(AuthError::Internal)?)),
                _ => return Err(AuthError::internal("an issuer has no keys")),
            };
            Ok(Issuer { config: config.clone(), keys })
        };
        config.token_exchange.iter().map(issuer).collect::<Result<_, _>>().map(Self)
    }

    fn find(&self, issuer: &str) -> Option<&Issuer> {
        self.0.iter().find(|known| known.config.issuer == issuer)
    }
}

impl Issuer {
    /// What a token of this issuer says, once everything about it is right.
    async fn subject(&self, jws: &Jws<'_>, now: Timestamp) -> Result<Subject, TokenError> {
        let key = match &self.keys {
            Keys::Known(keys) => VerifyingKey::choose(keys, jws.kid()).cloned(),
            #[cfg(feature = "remote-jwks")]
            Keys::Remote(remote) => remote.find(jws.kid(), now).await?,
        };
        let claims = jws.verify(&key.ok_or(TokenError::UnknownKey)?)?;
        read(&claims, &self.config, now)
    }
}

impl Auth {
    /// The account of whom a token of a trusted issuer stands for, made if they come for the first time.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub(crate) async fn vouched(
        &self,
        token: &str,
        kind: SubjectKind,
        client: &OAuthClient,
    ) -> Result<Account, ExchangeError> {
        let jws = Jws::parse(token)?;
        check_type(&jws, kind)?;
        let issuer = self.0.trusted.find(&issuer_of(&jws)?).ok_or(TokenError::WrongIssuer)?;
        let Subject { subject, username, display_name } = issuer.subject(&jws, self.0.clock.now()).await?;
        let TrustedIssuer { issuer, clients, role, .. } = &issuer.config;
        if !clients.is_empty() && !clients.contains(&client.client_id) {
            return Err(ExchangeError::Client);
        }
        let newcomer = Newcomer {
            identity: ExternalIdentity { issuer: issuer.clone(), subject },
            username: username.as_deref(),
            display_name: display_name.as_deref(),
            role: *role,
        };
        let account = self.external_account(&newcomer).await?;
        if account.state == AccountState::Active { Ok(account) } else { Err(ExchangeError::Account) }
    }
}
