//! What a batch needs to know before it is decided: the messages that it names, and the keys that it carries.

use std::collections::HashMap;

use bartab_core::event::{EventType, KeyHash};
use bartab_core::store::{EventLog, MessageRow};
use bartab_core::{EventId, MessageView};

use super::Job;
use crate::error::{ChatError, CorruptLog};
use crate::hub::LogEvent;
use crate::model::{Targets, Wanted};

/// Edits of one message that are read at a time.
const EDITS: usize = 1_000;

/// What was loaded for a batch.
pub(super) struct Loaded {
    pub(super) targets: Targets,
    pub(super) known: HashMap<KeyHash, Known>,
}

/// A key that was used before: what it was used for, and what its request appended.
#[derive(Clone)]
pub(super) struct Known {
    /// `None` when the content was erased, and the fingerprint with it.
    pub(super) fingerprint: Option<[u8; 16]>,
    pub(super) status: u16,
    pub(super) events: Vec<std::sync::Arc<LogEvent>>,
}

pub(super) async fn load(log: &dyn EventLog, jobs: &[Job]) -> Result<Loaded, ChatError> {
    Ok(Loaded { targets: targets(log, jobs).await?, known: known(log, jobs).await? })
}

async fn targets(log: &dyn EventLog, jobs: &[Job]) -> Result<Targets, ChatError> {
    let mut wanted = Wanted::default();
    for job in jobs {
        wanted.add(job.actor.user_id, &job.command);
    }
    let mut targets = Targets::new(&wanted);
    if wanted.messages.is_empty() {
        return Ok(targets);
    }
    let seqs: Vec<u64> = wanted.messages.iter().copied().collect();
    for row in log.messages(&seqs).await?.iter().flatten() {
        if let Some(view) = view(row)? {
            targets.insert(view);
        }
    }
    for message in wanted.edits {
        for edit in edits(log, message).await? {
            targets.insert_edit(message.seq(), edit);
        }
    }
    for (user, messages) in wanted.reactions {
        let messages: Vec<u64> = messages.into_iter().collect();
        for (message, emoji) in log.reacted(user, &messages).await? {
            targets.insert_reaction(message, user, emoji);
        }
    }
    Ok(targets)
}

fn view(row: &MessageRow) -> Result<Option<MessageView>, ChatError> {
    match &row.view {
        Some(json) => Ok(Some(MessageView::from_json(json).map_err(CorruptLog::Message)?)),
        None => Ok(MessageView::of(&row.record.to_event().map_err(CorruptLog::Record)?)),
    }
}

async fn edits(log: &dyn EventLog, message: EventId) -> Result<Vec<u64>, ChatError> {
    let mut edits = Vec::new();
    let mut after = message.seq();
    loop {
        let related = log.related(message, after, EDITS).await?;
        let Some(last) = related.last() else { return Ok(edits) };
        after = last.seq();
        let found = related.iter().filter(|record| record.envelope.event_type == EventType::MessageEdited);
        edits.extend(found.map(bartab_core::event::Record::seq));
        if related.len() < EDITS {
            return Ok(edits);
        }
    }
}

async fn known(log: &dyn EventLog, jobs: &[Job]) -> Result<HashMap<KeyHash, Known>, ChatError> {
    let keys: Vec<KeyHash> = jobs.iter().filter_map(|job| job.key.map(|key| key.hash)).collect();
    let mut known = HashMap::new();
    if keys.is_empty() || log.surely_unknown(&keys) {
        return Ok(known);
    }
    for (key, seq) in keys.iter().zip(log.find_keys(&keys).await?) {
        if let Some(seq) = seq {
            known.insert(*key, remember(log, seq).await?);
        }
    }
    Ok(known)
}

/// Reads what the request with the key at `seq` appended.
async fn remember(log: &dyn EventLog, seq: u64) -> Result<Known, ChatError> {
    let missing = || CorruptLog::Missing(seq);
    let first = log.get(&[seq]).await?.pop().flatten().ok_or_else(missing)?;
    let kept = first.idempotency.ok_or_else(missing)?;
    let seqs: Vec<u64> = (seq..seq + u64::from(kept.count.max(1))).collect();
    let mut events = Vec::with_capacity(seqs.len());
    for record in log.get(&seqs).await? {
        let record = record.ok_or_else(missing)?;
        events.push(std::sync::Arc::new(LogEvent::from_record(&record)?));
    }
    Ok(Known { fingerprint: kept.fingerprint, status: kept.status, events })
}
