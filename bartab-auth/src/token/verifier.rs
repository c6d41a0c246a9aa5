//! Verifying access tokens, and remembering those that were verified.

use std::fmt;
use std::sync::Arc;

use bartab_core::{Actor, Clock, Timestamp};
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, UnitWeighter};

use super::Claims;
use super::jwk::VerifyingKey;
use super::jws::Jws;
#[cfg(feature = "remote-jwks")]
use super::remote::Remote;
use super::revoked::Revocations;
use super::ring::Ring;
use super::signer::ACCESS_TOKEN_TYPE;

/// Another process's tokens may be good for at most a day, as ours: its revocations do not reach us.
#[cfg(feature = "remote-jwks")]
const MAX_REMOTE_LIFE_SECONDS: u64 = 24 * 60 * 60;

/// Verifies the access tokens of one issuer for one audience.
///
/// A token that was verified is remembered, so that the next request with it costs a look-up; it is still refused once
/// it runs out, its session ends, the rights of its account shrink, or its key is found to be no longer published. Clones share the memory.
#[derive(Clone)]
pub struct Verifier(Arc<Inner>);

struct Inner {
    issuer: String,
    audience: String,
    clock: Arc<dyn Clock>,
    keys: Keys,
    known: Cache<Box<str>, Known>,
    revocations: Revocations,
    /// No token is good for longer. Revocations are remembered for so long, and a token that outlived them would be good
    /// again.
    max_life_seconds: u64,
}

/// Where the public keys come from.
enum Keys {
    Local(Ring),
    #[cfg(feature = "remote-jwks")]
    Remote(Remote),
}

#[derive(Clone)]
struct Known {
    actor: Arc<Actor>,
    rights_rev: u64,
    issued_at: Timestamp,
    expires_at: Timestamp,
    /// The generation of the keys that the signature was checked with.
    generation: u64,
}

/// Why an access token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The request carries more than one.
    #[error("the request carries more than one set of credentials")]
    Repeated,
    /// It is no JWT, or not one that says what ours do.
    #[error("the token is malformed")]
    Malformed,
    /// It is another kind of JWT (RFC 9068 section 4 demands `typ: at+jwt`).
    #[error("the token is no access token")]
    WrongType,
    /// No key of the issuer has its `kid`.
    #[error("the token is signed with an unknown key")]
    UnknownKey,
    /// Its `alg` is not the one that the key is for, or is none at all.
    #[error("the token is signed with the wrong algorithm")]
    WrongAlgorithm,
    /// It was not signed with that key, or was changed since.
    #[error("the token's signature is wrong")]
    WrongSignature,
    /// Another issuer made it: another tenant, say.
    #[error("the token is from another issuer")]
    WrongIssuer,
    /// It is for somebody else.
    #[error("the token is for another audience")]
    WrongAudience,
    /// Its time is up.
    #[error("the token has expired")]
    Expired,
    /// It is good for longer than tokens are made here, or, another process's, for more than a day.
    #[error("the token is good for too long")]
    LivesTooLong,
    /// It claims to be made in the future.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// Its session has ended, or the account's rights are not what it says.
    #[error("the token was revoked")]
    Revoked,
    /// The issuer's keys could not be fetched: nothing is said about the token.
    #[error("the issuer's keys cannot be fetched now")]
    KeysUnavailable,
}

impl Verifier {
    pub(crate) fn local(
        issuer: &str,
        audience: &str,
        keys: Ring,
        (cache, max_life_seconds): (usize, u64),
        revocations: Revocations,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self::new(issuer, audience, Keys::Local(keys), (cache, max_life_seconds), revocations, clock)
    }

    #[cfg(feature = "remote-jwks")]
    pub(super) fn with_remote(
        issuer: &str,
        audience: &str,
        remote: Remote,
        cache: usize,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let bounds = (cache, MAX_REMOTE_LIFE_SECONDS);
        Self::new(issuer, audience, Keys::Remote(remote), bounds, Revocations::default(), clock)
    }

    fn new(
        issuer: &str,
        audience: &str,
        keys: Keys,
        (cache, max_life_seconds): (usize, u64),
        revocations: Revocations,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self(Arc::new(Inner {
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
            clock,
            keys,
            known: token_cache(cache),
            max_life_seconds,
            revocations,
        }))
    }

    /// The actor that `token` stands for, if it is good now; makes no request to anyone.
    ///
    /// # Errors
    /// What is wrong with it. With remote keys, [`TokenError::UnknownKey`] may mean that they have to be fetched;
    /// [`Verifier::authenticate`] does.
    pub fn verify(&self, token: &str) -> Result<Arc<Actor>, TokenError> {
        self.known(token).unwrap_or_else(|| self.examine(token))
    }

    /// The actor that `token` stands for, if it is good now; fetches the issuer's keys when they are old or the token
    /// names one that is not among them.
    ///
    /// # Errors
    /// What is wrong with it, or [`TokenError::KeysUnavailable`].
    pub async fn authenticate(&self, token: &str) -> Result<Arc<Actor>, TokenError> {
        if let Some(verdict) = self.recall(token) {
            return verdict;
        }
        #[cfg(feature = "remote-jwks")]
        if let Keys::Remote(remote) = &self.0.keys {
            self.refresh_keys().await?;
            if let Err(TokenError::UnknownKey) = self.examine(token) {
                remote.fetch(self.0.clock.now()).await?;
            }
        }
        self.examine(token)
    }

    /// Whether there is a key to verify with.
    pub fn has_keys(&self) -> bool {
        self.0.with_keys(|keys| !keys.is_empty())
    }

    /// Whether [`Verifier::authenticate`] may have to wait for somebody, and [`Verifier::verify`] knows less than it.
    pub(crate) fn is_remote(&self) -> bool {
        !matches!(self.0.keys, Keys::Local(_))
    }

    /// What was found before, if the token is a known one: the way that nearly every request takes.
    ///
    /// `None` also when the issuer's keys have to be fetched again: one request does that, the others go on.
    pub(crate) fn recall(&self, token: &str) -> Option<Result<Arc<Actor>, TokenError>> {
        #[cfg(feature = "remote-jwks")]
        if let Keys::Remote(remote) = &self.0.keys
            && remote.is_due(self.0.clock.now())
        {
            return None;
        }
        self.known(token)
    }

    fn known(&self, token: &str) -> Option<Result<Arc<Actor>, TokenError>> {
        let known = self.0.known.get(token)?;
        // Its key may be gone.
        if known.generation != self.0.generation() {
            self.0.known.remove(token);
            return None;
        }
        let Some(refusal) = known.refusal(&self.0.revocations, self.0.clock.now()) else {
            return Some(Ok(known.actor));
        };
        self.0.known.remove(token);
        Some(Err(refusal))
    }

    /// What a token says that is good now, as far as this process knows; nothing is remembered.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn claims(&self, token: &str) -> Result<Claims, TokenError> {
        let inner = &*self.0;
        let claims = inner.read(token)?;
        claims.check(&inner.issuer, &inner.audience, inner.clock.now())?;
        if claims.exp.saturating_sub(claims.iat) > inner.max_life_seconds {
            return Err(TokenError::LivesTooLong);
        }
        let revoked = inner.revocations.refuses(claims.sid, Timestamp::from_secs(claims.iat))
            || inner.revocations.refuses_user(claims.sub, claims.rights_rev);
        if revoked { Err(TokenError::Revoked) } else { Ok(claims) }
    }

    fn examine(&self, token: &str) -> Result<Arc<Actor>, TokenError> {
        let inner = &*self.0;
        // Read before the keys are: should they change meanwhile, the token is examined again.
        let generation = inner.generation();
        let claims = self.claims(token)?;
        let known = Known {
            rights_rev: claims.rights_rev,
            issued_at: Timestamp::from_secs(claims.iat),
            expires_at: Timestamp::from_secs(claims.exp),
            actor: Arc::new(claims.into_actor()),
            generation,
        };
        let actor = Arc::clone(&known.actor);
        inner.known.insert(token.into(), known);
        Ok(actor)
    }

    #[cfg(feature = "remote-jwks")]
    pub(super) fn remote_keys(&self) -> Option<(&Remote, Timestamp)> {
        match &self.0.keys {
            Keys::Local(_) => None,
            Keys::Remote(remote) => Some((remote, self.0.clock.now())),
        }
    }
}

impl Inner {
    fn with_keys<T>(&self, look: impl FnOnce(&[VerifyingKey]) -> T) -> T {
        match &self.keys {
            Keys::Local(ring) => look(ring.load().verifying()),
            #[cfg(feature = "remote-jwks")]
            Keys::Remote(remote) => look(&remote.keys()),
        }
    }

    /// Changes whenever the keys do.
    fn generation(&self) -> u64 {
        match &self.keys {
            Keys::Local(ring) => ring.load().generation(),
            #[cfg(feature = "remote-jwks")]
            Keys::Remote(remote) => remote.generation(),
        }
    }

    /// The claims of a token whose signature is right.
    fn read(&self, token: &str) -> Result<Claims, TokenError> {
        let jws = Jws::parse(token)?;
        // RFC 9068 section 4.
        if jws.typ().as_deref() != Some(ACCESS_TOKEN_TYPE) {
            return Err(TokenError::WrongType);
        }
        let kid = jws.kid().ok_or(TokenError::UnknownKey)?;
        let key = self.with_keys(|keys| keys.iter().find(|key| key.kid == kid).cloned());
        let claims = jws.verify(&key.ok_or(TokenError::UnknownKey)?)?;
        serde_json::from_slice(&claims).map_err(|_| TokenError::Malformed)
    }
}

impl Known {
    fn refusal(&self, revocations: &Revocations, now: Timestamp) -> Option<TokenError> {
        if now >= self.expires_at {
            return Some(TokenError::Expired);
        }
        let revoked = revocations.refuses(self.actor.session_id, self.issued_at)
            || revocations.refuses_user(self.actor.user_id, self.rights_rev);
        revoked.then_some(TokenError::Revoked)
    }
}

/// A cache that takes memory only as tokens come: an idle tenant pays for none.
fn token_cache(capacity: usize) -> Cache<Box<str>, Known> {
    let mut options = OptionsBuilder::new();
    options.estimated_items_capacity(capacity.max(1)).weight_capacity(capacity.max(1) as u64).shards(4);
    match options.build() {
        Ok(options) => {
            Cache::with_options(options, UnitWeighter, DefaultHashBuilder::default(), DefaultLifecycle::default())
        }
        // Both sizes are set, so this is never taken.
        Err(_) => Cache::new(1),
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("issuer", &self.0.issuer)
            .field("audience", &self.0.audience)
            .finish_non_exhaustive()
    }
}
