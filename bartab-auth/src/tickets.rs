//! Handing out secrets that are good once, each with what it stands for.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bartab_core::store::{Account, StoreError, Ticket, TicketPurpose, TokenHash};
use bartab_core::{Timestamp, UserId};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::auth::Auth;
use crate::error::AuthError;

/// Old tickets are cleared away once in so many new ones, at most so many at once.
const PRUNE_EVERY: u64 = 64;
const PRUNE_LIMIT: usize = 512;
/// A ticket is kept for so long after its time, so that its second use is still known for what it is.
const KEPT_FOR: Duration = Duration::from_secs(60 * 60);

impl Auth {
    /// A new secret of 256 bits that stands for `payload` for as long as `life`.
    pub(crate) async fn issue_ticket(
        &self,
        purpose: TicketPurpose,
        user: Option<UserId>,
        payload: &(impl Serialize + Sync),
        life: Duration,
    ) -> Result<String, AuthError> {
        let secret = self.random_text::<32>();
        let ticket = self.ticket(TokenHash::of(secret.as_bytes()), purpose, user, payload, life)?;
        self.store_tickets(vec![ticket]).await?;
        Ok(secret)
    }

    /// The record of a ticket, not stored yet.
    pub(crate) fn ticket(
        &self,
        secret: TokenHash,
        purpose: TicketPurpose,
        user: Option<UserId>,
        payload: &impl Serialize,
        life: Duration,
    ) -> Result<Ticket, AuthError> {
        let payload = serde_json::to_vec(payload).map_err(AuthError::internal)?;
        let expires_at = self.0.clock.now().after(life);
        Ok(Ticket { secret, purpose, user, payload, version: 1, expires_at, spent_at: None })
    }

    /// Stores all tickets or none, and now and then clears old ones away.
    pub(crate) async fn store_tickets(&self, tickets: Vec<Ticket>) -> Result<(), AuthError> {
        let inner = &*self.0;
        inner.stores.tickets.create(tickets).await?;
        if inner.tickets_issued.fetch_add(1, Ordering::Relaxed) % PRUNE_EVERY == PRUNE_EVERY - 1 {
            // The tickets are there; what could not be cleared away now waits for the next time.
            if let Err(error) = self.prune_tickets().await {
                tracing::warn!(%error, "old tickets cannot be cleared away");
            }
        }
        Ok(())
    }

    /// Clears some of the tickets away that nobody can use or misuse any more.
    pub(crate) async fn prune_tickets(&self) -> Result<(), StoreError> {
        let now = self.0.clock.now().as_millis();
        let kept = u64::try_from(KEPT_FOR.as_millis()).unwrap_or(u64::MAX);
        let before = Timestamp::from_millis(now.saturating_sub(kept));
        self.0.stores.tickets.prune(before, PRUNE_LIMIT).await.map(drop)
    }
}

/// What a ticket stands for.
pub(crate) fn payload<T: DeserializeOwned>(ticket: &Ticket) -> Result<T, AuthError> {
    serde_json::from_slice(&ticket.payload).map_err(AuthError::internal)
}

/// What stands for the password of `account` in a payload, so that another password makes the ticket good for nothing.
/// Where there is none, the rights stand for it: a reset, too, takes them back.
pub(crate) fn password_of(account: &Account) -> [u8; 32] {
    match &account.password {
        Some(hash) => *TokenHash::of(hash.as_str().as_bytes()).as_bytes(),
        None => *TokenHash::of(format!("no password, {}", account.rights_rev).as_bytes()).as_bytes(),
    }
}

/// Scopes in a payload, as OAuth writes them.
pub(crate) mod scope_text {
    use bartab_core::Scopes;
    use serde::{Deserialize as _, Deserializer, Serializer, de};

    pub(crate) fn serialize<S: Serializer>(scopes: &Scopes, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(scopes)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Scopes, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}
