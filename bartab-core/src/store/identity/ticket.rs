//! Tickets: secrets that are good once and not for long. Codes of OAuth 2, devices that wait, one-time links.

use std::fmt;

use async_trait::async_trait;

use crate::id::UserId;
use crate::store::{StoreError, TokenHash};
use crate::time::Timestamp;

/// The record of a ticket.
#[derive(Clone, PartialEq, Eq)]
pub struct Ticket {
    /// The secret that is handed out.
    pub secret: TokenHash,
    /// What it is good for; a ticket for one thing is none for another.
    pub purpose: TicketPurpose,
    /// Whose it is, when that is known: tickets go with the account.
    pub user: Option<UserId>,
    /// What whoever made it wants to know again; the store does not look into it.
    pub payload: Vec<u8>,
    /// Rises by one with every change of the payload; 1 at first.
    pub version: u32,
    /// From when on it is good no more.
    pub expires_at: Timestamp,
    /// When it was used.
    pub spent_at: Option<Timestamp>,
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket")
            .field("purpose", &self.purpose)
            .field("user", &self.user)
            .field("version", &self.version)
            .field("expires_at", &self.expires_at)
            .field("spent_at", &self.spent_at)
            .finish_non_exhaustive()
    }
}

/// What a ticket is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TicketPurpose {
    /// An authorization code (RFC 6749 section 4.1.2).
    AuthorizationCode,
    /// A device that waits for somebody to allow it (RFC 8628), by its device code.
    DeviceCode,
    /// The same by the code that the person types.
    UserCode,
    /// A sign-in that goes on at another OpenID provider.
    ProviderState,
    /// A link that makes the first administrator.
    Setup,
    /// A link that sets a new way to sign in.
    Reset,
    /// A browser that is in the middle of signing in.
    SignIn,
}

impl TicketPurpose {
    const ALL: [(Self, &'static str); 7] = [
        (Self::AuthorizationCode, "authorization_code"),
        (Self::DeviceCode, "device_code"),
        (Self::UserCode, "user_code"),
        (Self::ProviderState, "provider_state"),
        (Self::Setup, "setup"),
        (Self::Reset, "reset"),
        (Self::SignIn, "sign_in"),
    ];

    /// The stable name, for a store's column.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(purpose, _)| *purpose == self).map_or("", |(_, name)| name)
    }

    /// The purpose with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, known)| *known == name).map(|(purpose, _)| purpose)
    }
}

/// What using a ticket did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spending {
    /// It was good, and is spent by this; the ticket as it is now.
    First(Ticket),
    /// It was spent before.
    Again(Ticket),
    /// There is none, or its time is over; nothing changed.
    Refused,
}

impl Ticket {
    /// Whether it can be used at `now`.
    pub fn is_good(&self, now: Timestamp) -> bool {
        self.spent_at.is_none() && now < self.expires_at
    }

    /// Applies the use of the ticket.
    pub fn spend(&mut self, now: Timestamp) -> Spending {
        if self.spent_at.is_some() {
            return Spending::Again(self.clone());
        }
        if !self.is_good(now) {
            return Spending::Refused;
        }
        self.spent_at = Some(now);
        Spending::First(self.clone())
    }
}

/// The tickets of a tenant.
#[async_trait]
pub trait TicketStore: Send + Sync + 'static {
    /// Stores all tickets durably, or none of them.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when a secret is taken for the same purpose.
    async fn create(&self, tickets: Vec<Ticket>) -> Result<(), StoreError>;

    /// Gives the ticket, good or not.
    async fn get(&self, purpose: TicketPurpose, secret: &TokenHash) -> Result<Option<Ticket>, StoreError>;

    /// Applies [`Ticket::spend`] in one atomic step, durably: of concurrent uses exactly one is [`Spending::First`].
    async fn spend(&self, purpose: TicketPurpose, secret: &TokenHash, now: Timestamp) -> Result<Spending, StoreError>;

    /// Replaces the payload, and with it whose ticket it is, durably, if the ticket's version is `version` and it is
    /// good at `now`; answers whether it did. The version rises by one.
    async fn replace(
        &self,
        purpose: TicketPurpose,
        secret: &TokenHash,
        version: u32,
        user: Option<UserId>,
        payload: Vec<u8>,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Removes every ticket of `user` for this purpose durably; without a `user`, every one that is nobody's.
    async fn remove_all(&self, purpose: TicketPurpose, user: Option<UserId>) -> Result<(), StoreError>;

    /// Removes up to `limit` tickets whose time was over before `before`, durably; answers how many.
    async fn prune(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError>;
}
