//! The answers of a batch, held back until it is durable.

use std::sync::Arc;

use bartab_core::store::StoreError;

use super::Job;
use crate::error::ChatError;
use crate::hub::LogEvent;

/// What a command came to.
#[derive(Clone, Debug)]
pub(crate) struct Done {
    /// What it appended, beginning with what was asked for; nothing when nothing changed.
    pub(crate) events: Vec<Arc<LogEvent>>,
    /// The HTTP status.
    pub(crate) status: u16,
}

pub(super) type Answer = Result<Done, ChatError>;

/// One answer for each job, in order.
pub(super) struct Answers(Vec<Answer>);

impl Answers {
    pub(super) fn with_capacity(capacity: usize) -> Self {
        Self(Vec::with_capacity(capacity))
    }

    pub(super) fn push(&mut self, answer: Answer) {
        self.0.push(answer);
    }

    /// Answers the callers; one who has gone is no loss, the log has it.
    pub(super) fn send(self, jobs: Vec<Job>) {
        for (job, answer) in jobs.into_iter().zip(self.0) {
            let _ = job.reply.send(answer);
        }
    }

    /// Tells every caller that the batch failed.
    pub(super) fn failed(jobs: Vec<Job>, error: &ChatError) {
        for job in jobs {
            let answer = match error {
                ChatError::Unknown => ChatError::Unknown,
                // Nothing was written, so asking again is right.
                _ => ChatError::Store(StoreError::Unavailable(None)),
            };
            let _ = job.reply.send(Err(answer));
        }
    }
}
