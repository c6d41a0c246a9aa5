//! The ports of identity: accounts, sessions and signing keys.
//!
//! The records are plain data, and what a change does to one is a pure function beside it
//! ([`ProfileChange::apply`], [`Session::rotate`]): a store reads the row, calls the function and writes the row
//! back in one transaction, so that no two stores can disagree on the rule.

mod account;
mod key;
mod session;

pub use account::{Account, AccountKind, AccountState, AccountStore, PasswordHash, ProfileChange};
pub use key::{KeyAlgorithm, KeyState, KeyStore, PrivateKey, SigningKey};
pub use session::{Rotation, RotationOutcome, Session, SessionStore, SpentToken, TokenHash};
