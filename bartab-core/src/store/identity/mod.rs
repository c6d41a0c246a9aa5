//! The ports of identity: accounts, sessions, keys, invites, clients, tickets, the audit trail and the account feed.
//!
//! The records are plain data, and what a change does to one is a pure function beside it
//! ([`AccountChange::apply`], [`Session::rotate`], [`Ticket::spend`]): a store reads the row, calls the function and
//! writes the row back in one transaction, so that no two stores can disagree on the rule.

mod account;
mod audit;
mod change;
mod client;
mod factor;
mod feed;
mod invite;
mod key;
mod session;
mod ticket;

pub use account::{
    Account, AccountFilter, AccountKind, AccountState, AccountStore, Admission, ExternalIdentity, PasswordHash,
    ProfileChange,
};
pub use audit::{AuditActor, AuditEntry, AuditFilter, AuditRecord, AuditStore};
pub use change::AccountChange;
pub use client::{ClientKind, ClientSecret, ClientStore, Grant, Grants, OAuthClient, SecretRotation};
pub use factor::{SecondFactor, SecondFactorChange, TotpSecret};
pub use feed::{AccountEntry, AccountFeed, AccountNews};
pub use invite::{Invite, InviteStore};
pub use key::{KeyAlgorithm, KeyChange, KeyState, KeyStore, PrivateKey, SigningKey};
pub use session::{Rotation, RotationOutcome, Session, SessionStore, SpentToken, TokenHash};
pub use ticket::{Spending, Ticket, TicketPurpose, TicketStore};
