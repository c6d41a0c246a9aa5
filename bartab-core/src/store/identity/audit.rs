//! The audit trail: who did what to whom, and why.

use async_trait::async_trait;

use crate::id::UserId;
use crate::store::StoreError;
use crate::time::Timestamp;

/// An act, before the trail has numbered it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRecord {
    /// When it was done.
    pub at: Timestamp,
    /// Who did it.
    pub actor: AuditActor,
    /// What was done: a stable dotted name, `account.suspended`.
    pub action: &'static str,
    /// To what: the id of an account, invite, client or key.
    pub subject: Option<String>,
    /// Why, in the words of who did it.
    pub reason: Option<String>,
    /// What else there is to know, as a JSON object.
    pub details: Option<String>,
}

/// Who did an act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditActor {
    /// Somebody with an account.
    User(UserId),
    /// The operator, by the command line or the operator's listener.
    Operator,
    /// The program by itself, as configured.
    System,
}

/// An act in the trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// The place in the trail: from 1, rising.
    pub number: u64,
    /// When it was done.
    pub at: Timestamp,
    /// Who did it.
    pub actor: AuditActor,
    /// What was done; also names that this version does not know.
    pub action: String,
    /// To what.
    pub subject: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// What else there is to know, as a JSON object.
    pub details: Option<String>,
}

/// Which entries to list; every condition that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// The act was this person's.
    pub actor: Option<UserId>,
    /// It was done to this.
    pub subject: Option<String>,
    /// It has this name.
    pub action: Option<String>,
}

impl AuditFilter {
    /// Whether `entry` is among those that are meant.
    pub fn admits(&self, entry: &AuditEntry) -> bool {
        self.actor.is_none_or(|actor| entry.actor == AuditActor::User(actor))
            && self.subject.as_ref().is_none_or(|subject| entry.subject.as_ref() == Some(subject))
            && self.action.as_ref().is_none_or(|action| entry.action == *action)
    }
}

/// The audit trail of a tenant. Most entries are written by the method that does what they tell of.
#[async_trait]
pub trait AuditStore: Send + Sync + 'static {
    /// Writes an entry durably, for acts that change no store.
    async fn append(&self, record: AuditRecord) -> Result<(), StoreError>;

    /// Gives up to `limit` entries that `filter` admits, newest first, from the first one below `before` on.
    async fn list(
        &self,
        filter: &AuditFilter,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<AuditEntry>, StoreError>;
}
