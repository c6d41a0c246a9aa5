//! What a batch needs to know before it is decided: the messages that it names, and the keys that it carries.

use std::collections::{BTreeSet, HashMap};

use bartab_core::event::KeyHash;
use bartab_core::store::{EventLog, MessageRow};
use bartab_core::{MessageView, Timestamp};

use super::Job;
use crate::edits::edits_of;
use crate::error::{ChatError, CorruptLog};
use crate::hub::LogEvent;
use crate::model::{Command, Targets, TenantState, Wanted, decide};

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

pub(super) async fn load(
    log: &dyn EventLog,
    state: &TenantState,
    jobs: &[Job],
    now: Timestamp,
) -> Result<Loaded, ChatError> {
    Ok(Loaded { targets: targets(log, state, jobs, now).await?, known: known(log, jobs).await? })
}

async fn targets(log: &dyn EventLog, state: &TenantState, jobs: &[Job], now: Timestamp) -> Result<Targets, ChatError> {
    let mut wanted = Wanted::default();
    for (actor, command) in jobs.iter().flat_map(Job::acts) {
        wanted.add(actor.user_id, command);
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
    let rights_may_change = jobs.iter().flat_map(Job::acts).any(|(_, command)| changes_rights(command));
    let mut loaded = BTreeSet::new();
    for (actor, command) in jobs.iter().flat_map(Job::acts).filter(|(_, command)| !command.deletions().is_empty()) {
        // Only a deletion that will come to pass is worth looking for what it erases; but what is refused now may be
        // allowed at its turn, by a command of the same batch.
        let may_pass = rights_may_change || decide(state, &targets, actor, command.clone(), now).is_ok();
        let messages = command.deletions().iter().filter(|message| may_pass && loaded.insert(**message));
        for message in messages {
            let last = targets.message(*message).and_then(|view| view.edit);
            for edit in edits_of(log, *message, last, usize::MAX).await? {
                targets.insert_edit(message.seq(), edit.seq());
            }
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

/// Whether somebody may do more after this command than before.
const fn changes_rights(command: &Command) -> bool {
    match command {
        Command::CreateRoom { .. }
        | Command::UpdateRoom { .. }
        | Command::Join { .. }
        | Command::Leave { .. }
        | Command::SetMember { .. }
        | Command::RemoveMember { .. }
        | Command::Account { .. } => true,
        Command::Arrive
        | Command::Refused(_)
        | Command::PostMessage { .. }
        | Command::EditMessage { .. }
        | Command::DeleteMessage { .. }
        | Command::React { .. }
        | Command::PostCustom { .. } => false,
    }
}

fn view(row: &MessageRow) -> Result<Option<MessageView>, ChatError> {
    match &row.view {
        Some(json) => Ok(Some(MessageView::from_json(json).map_err(CorruptLog::Message)?)),
        None => Ok(MessageView::of(&row.record.to_event().map_err(CorruptLog::Record)?)),
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
