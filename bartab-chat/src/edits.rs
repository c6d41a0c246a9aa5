//! The edits of a message, found among all that refers to it.

use bartab_core::EventId;
use bartab_core::event::{EventType, Record};
use bartab_core::store::{EventLog, StoreError};

/// Rows that are read at a time.
const STEP: usize = 500;

/// The first `limit` edits of `message`, in order.
///
/// `last` is the last edit, as the message's view names it: a message that was never edited costs nothing, however
/// many replies and reactions refer to it, and what came after the last edit is not read.
pub(crate) async fn edits_of(
    log: &dyn EventLog,
    message: EventId,
    last: Option<EventId>,
    limit: usize,
) -> Result<Vec<Record>, StoreError> {
    let mut edits = Vec::new();
    let Some(last) = last else { return Ok(edits) };
    let mut after = message.seq();
    while after < last.seq() && edits.len() < limit {
        let related = log.related(message, after, STEP).await?;
        let Some(newest) = related.last() else { break };
        after = newest.seq();
        edits.extend(related.into_iter().filter(|record| record.envelope.event_type == EventType::MessageEdited));
    }
    edits.truncate(limit);
    Ok(edits)
}
