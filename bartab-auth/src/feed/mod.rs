//! The account feed for other processes: who may read it, waiting for what is new, how it is written, how it is read.

#[cfg(feature = "remote-feed")]
mod remote;
#[cfg(feature = "remote-feed")]
mod watch;
mod wire;

use std::time::Duration;

use bartab_core::store::AccountEntry;
use bartab_core::{Actor, ActorKind, Scope};
use tokio::time::Instant;

#[cfg(feature = "remote-feed")]
pub use remote::{RemoteAccountFeed, RemoteFeedConfig, RemoteFeedError};
#[cfg(feature = "remote-feed")]
pub use watch::FeedWatch;
pub(crate) use wire::EntryView;

use crate::auth::Auth;
use crate::error::AuthError;
use crate::token::TokenError;

/// A tenant has a chat, media, and a few programs of the operator's beside them.
const MOST_WAITING: usize = 64;
/// The number of an entry is a JSON number, which stays below this.
pub(crate) const NUMBERS: u64 = 1 << 53;
/// How long a caller can wait.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(55);

/// Refuses who is no service of the tenant, or one that was not given the scope.
pub(crate) fn require_service(actor: &Actor) -> Result<(), AuthError> {
    if actor.kind != ActorKind::Service {
        return Err(AuthError::ServicesOnly);
    }
    if !actor.scopes.contains(Scope::Admin) {
        return Err(AuthError::InsufficientScope(Scope::Admin));
    }
    Ok(())
}

impl Auth {
    /// Up to `limit` entries of the account feed above `after`, for a service of the tenant; when there are none, the
    /// first that come within `timeout`, which ends with the caller's credentials and with [`Auth::end_waits`].
    ///
    /// # Errors
    /// [`AuthError::ServicesOnly`]; [`AuthError::InsufficientScope`]; [`AuthError::Token`] when the client was removed;
    /// [`AuthError::TooManyWaiting`]; [`AuthError::Store`].
    pub(crate) async fn account_news(
        &self,
        actor: &Actor,
        after: u64,
        limit: usize,
        timeout: Duration,
    ) -> Result<Vec<AccountEntry>, AuthError> {
        require_service(actor)?;
        let inner = &*self.0;
        let entries = inner.stores.feed.after(after, limit).await?;
        if !entries.is_empty() || timeout.is_zero() {
            return Ok(entries);
        }
        let left = actor.expires_at.map_or(Duration::MAX, |end| end.since(inner.clock.now()));
        let deadline = Instant::now() + timeout.min(left).min(LONGEST_WAIT);
        if inner.nudges.waiting() >= MOST_WAITING {
            return Err(AuthError::TooManyWaiting);
        }
        // The nudges are heard from before the feed is looked at again, so none falls between.
        let mut nudges = inner.nudges.watch();
        loop {
            let ended = *nudges.borrow_and_update();
            self.still_registered(actor).await?;
            let entries = inner.stores.feed.after(after, limit).await?;
            if ended || !entries.is_empty() || Instant::now() >= deadline {
                return Ok(entries);
            }
            // What another program wrote into the same store is found when the time is over.
            let _ = tokio::time::timeout_at(deadline, nudges.changed()).await;
        }
    }

    /// Refuses a client that was removed while it waited. A service of an embedder's own is none of our clients.
    async fn still_registered(&self, actor: &Actor) -> Result<(), AuthError> {
        if actor.user_id == self.service_id(&actor.client_id) && self.client(&actor.client_id).await?.is_none() {
            return Err(AuthError::Token(TokenError::Revoked));
        }
        Ok(())
    }
}
