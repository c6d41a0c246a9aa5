//! Writing the audit trail: who did what to whom, and why.

use bartab_core::Actor;
use bartab_core::store::{AuditActor, AuditRecord};

use crate::auth::Auth;

impl Auth {
    /// The entry for an act of `actor`, to be written in the step that does it.
    ///
    /// `action` is a stable dotted name; `subject` the id of what it is done to.
    pub(crate) fn audited(
        &self,
        actor: &Actor,
        action: &'static str,
        subject: impl ToString,
        reason: Option<&str>,
    ) -> AuditRecord {
        self.audited_by(AuditActor::User(actor.user_id), action, subject, reason)
    }

    /// The same for an act that also the operator or the program itself can do.
    pub(crate) fn audited_by(
        &self,
        actor: AuditActor,
        action: &'static str,
        subject: impl ToString,
        reason: Option<&str>,
    ) -> AuditRecord {
        AuditRecord {
            at: self.0.clock.now(),
            actor,
            action,
            subject: Some(subject.to_string()),
            reason: reason.map(str::to_owned),
            details: None,
        }
    }
}

/// The record with more to know: a JSON object.
pub(crate) fn with_details(record: AuditRecord, details: &serde_json::Value) -> AuditRecord {
    AuditRecord { details: Some(details.to_string()), ..record }
}
