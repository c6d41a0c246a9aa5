//! Identity in memory.

mod accounts;
mod audit;
mod clients;
mod invites;
mod keys;
mod sessions;
mod tickets;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use self::accounts::News;
use crate::actor::Scopes;
use crate::id::{InviteId, SessionId, UserId};
use crate::store::{
    Account, AuditEntry, AuditRecord, ExternalIdentity, Invite, OAuthClient, Session, SigningKey, Ticket, TicketPurpose,
};

/// The whole identity of one tenant, gone when it is dropped.
#[derive(Default)]
pub struct MemoryIdentity(Mutex<Records>);

#[derive(Default)]
struct Records {
    accounts: BTreeMap<UserId, Account>,
    usernames: BTreeMap<String, UserId>,
    external: BTreeMap<ExternalIdentity, Holder>,
    feed: Vec<News>,
    sessions: BTreeMap<SessionId, Session>,
    keys: Vec<SigningKey>,
    invites: BTreeMap<InviteId, Invite>,
    clients: BTreeMap<String, OAuthClient>,
    consents: BTreeMap<(UserId, String), Scopes>,
    tickets: BTreeMap<(TicketPurpose, [u8; 32]), Ticket>,
    audit: Vec<AuditEntry>,
}

/// Whose an external identity is.
#[derive(Clone, Copy)]
struct Holder {
    user: UserId,
    /// It was added to an account that was there already.
    linked: bool,
}

impl Records {
    fn audit(&mut self, record: Option<AuditRecord>) {
        let Some(record) = record else { return };
        let AuditRecord { at, actor, action, subject, reason, details } = record;
        let number = self.audit.len() as u64 + 1;
        self.audit.push(AuditEntry { number, at, actor, action: action.to_owned(), subject, reason, details });
    }
}

impl MemoryIdentity {
    /// A tenant nobody belongs to yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// No method leaves the records half changed, so a panic elsewhere while they were held does no harm.
    fn records(&self) -> MutexGuard<'_, Records> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MemoryIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let records = self.records();
        f.debug_struct("MemoryIdentity")
            .field("accounts", &records.accounts.len())
            .field("sessions", &records.sessions.len())
            .field("keys", &records.keys.len())
            .field("invites", &records.invites.len())
            .field("clients", &records.clients.len())
            .field("tickets", &records.tickets.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::MemoryIdentity;
    use crate::store::conformance::identity::IdentityStores;

    async fn open(_name: &str) -> ((), IdentityStores) {
        ((), IdentityStores::of(Arc::new(MemoryIdentity::new())))
    }

    crate::identity_conformance!(open);
}
