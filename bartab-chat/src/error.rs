//! What can go wrong, and what the client is told of it.

use std::borrow::Cow;

use bartab_core::Problem;
use bartab_core::event::CorruptRecord;
use bartab_core::store::StoreError;

use crate::model::{Rejection, SnapshotError};

/// Why a call to [`Chat`](crate::Chat) failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChatError {
    /// A value of the request is not allowed.
    #[error("{pointer}: {detail}")]
    Invalid {
        /// Where it is: a JSON Pointer, or `?name` for a query parameter.
        pointer: &'static str,
        /// The stable name of what is wrong.
        code: &'static str,
        /// The same for people.
        detail: Cow<'static, str>,
    },
    /// The credentials do not cover this.
    #[error("the scope `{0}` is missing")]
    MissingScope(&'static str),
    /// The model refuses it.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The idempotency key was used for another request.
    #[error("the idempotency key was used for another request")]
    KeyMismatch,
    /// Too many commands wait, or this one waited too long; nothing was written.
    #[error("too busy; nothing was written")]
    Overloaded,
    /// The tenant is being closed; nothing was written.
    #[error("closing; nothing was written")]
    Closed,
    /// It cannot be told whether the write happened.
    #[error("the outcome of the write is unknown")]
    Unknown,
    /// The store failed; nothing was written.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// The log holds something that the program cannot read or write.
    #[error(transparent)]
    Corrupt(#[from] CorruptLog),
}

/// The log holds something that the program cannot read or write.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CorruptLog {
    /// A row cannot be read.
    #[error(transparent)]
    Record(#[from] CorruptRecord),
    /// Something cannot be written as JSON.
    #[error("cannot write JSON")]
    Encode(#[source] serde_json::Error),
    /// A message cannot be read.
    #[error("a stored message cannot be read")]
    Message(#[source] serde_json::Error),
    /// The state's snapshot cannot be read or written.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The log lacks an event that something points to.
    #[error("the log has no event at {0}")]
    Missing(u64),
}

impl ChatError {
    pub(crate) fn invalid(pointer: &'static str, code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::Invalid { pointer, code, detail: detail.into() }
    }

    /// What the client is told.
    pub fn to_problem(&self) -> Problem {
        match self {
            Self::Invalid { pointer, code, detail } => Problem::invalid_field(*pointer, *code, detail.as_ref()),
            Self::MissingScope(scope) => {
                Problem::forbidden("auth.insufficient_scope").detail(format!("the scope `{scope}` is missing"))
            }
            Self::Rejected(rejection) => rejection_problem(*rejection),
            Self::KeyMismatch => {
                Problem::new(422, "idempotency.mismatch", "This Idempotency-Key was used for another request")
            }
            Self::Overloaded => Problem::unavailable("overloaded"),
            Self::Closed => Problem::unavailable("closing"),
            Self::Unknown | Self::Store(StoreError::OutcomeUnknown(_)) => Problem::new(
                504,
                "write.unknown",
                "It is not known whether this was written; ask again with the same Idempotency-Key",
            ),
            Self::Store(_) => Problem::unavailable("store.unavailable"),
            Self::Corrupt(_) => Problem::internal(),
        }
    }
}

fn rejection_problem(rejection: Rejection) -> Problem {
    let problem = match rejection {
        Rejection::NothingSaid => return Problem::invalid_field("/text", "too_short", rejection.to_string()),
        Rejection::RoomNotFound => Problem::not_found("room.not_found"),
        Rejection::RoomExists => Problem::conflict("room.exists"),
        Rejection::MessageNotFound => Problem::not_found("message.not_found"),
        Rejection::MessageDeleted => Problem::conflict("message.deleted"),
        Rejection::AccountNotActive => Problem::forbidden("account.suspended"),
        Rejection::UserNotActive => Problem::conflict("user.suspended"),
        Rejection::UserNotFound => Problem::not_found("user.not_found"),
        Rejection::MemberNotFound => Problem::not_found("member.not_found"),
        Rejection::NotMember => Problem::forbidden("room.not_member"),
        Rejection::RoleTooLow => Problem::forbidden("room.role_too_low"),
        Rejection::NotAuthor => Problem::forbidden("message.not_author"),
        Rejection::Banned => Problem::conflict("member.banned"),
        Rejection::DirectIsForTwo => Problem::bad_request("room.direct_is_for_two"),
        Rejection::KindNotAllowed => Problem::forbidden("actor.kind_not_allowed"),
        Rejection::NestedThread => Problem::bad_request("message.nested_thread"),
        Rejection::TooManyReactions => Problem::conflict("message.too_many_reactions"),
        Rejection::TooManyInvitations => Problem::conflict("member.too_many_invitations"),
        Rejection::TooManyRooms => Problem::conflict("room.too_many"),
        Rejection::MediaNotYours => Problem::forbidden("media.not_yours"),
        Rejection::MediaQuarantined => Problem::new(410, "media.quarantined", "Nobody may read this file"),
        Rejection::MediaUnsupported => Problem::new(501, "media.unsupported", "This server cannot do this"),
        Rejection::MediaUnavailable => Problem::unavailable("media.unavailable"),
    };
    problem.detail(rejection.to_string())
}

/// Why a chat could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// The log holds something that the program cannot read.
    #[error(transparent)]
    Corrupt(#[from] CorruptLog),
}
