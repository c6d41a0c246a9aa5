//! The cursor that every transport reads: tokens, filters and the bytes of an answer.

mod answer;
mod token;

pub(crate) use answer::{Answer, join_events};
pub use token::{SyncToken, SyncTokenError};
