//! The log in memory.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use async_trait::async_trait;
use bytes::Bytes;
use futures_core::Stream;

use crate::event::{Digest, KeyHash, Lane, Record};
use crate::id::{EventId, RoomId, UserId};
use crate::random::{Random, SystemRandom};
use crate::store::rebuild::MessageRebuild;
use crate::store::{
    Audience, Batch, Direction, EventLog, Head, HeadStream, MentionRow, MessageRow, PageQuery, ReactionChange,
    StoreError,
};

/// A log that is gone when it is dropped.
pub struct MemoryLog {
    genesis: Digest,
    rows: Mutex<Rows>,
}

/// The rows, and the positions by which they are found: each list rises.
#[derive(Default)]
struct Rows {
    events: Vec<Record>,
    by_room: BTreeMap<RoomId, Vec<u64>>,
    by_subject: BTreeMap<UserId, Vec<u64>>,
    by_target: BTreeMap<EventId, Vec<u64>>,
    of_tenant: Vec<u64>,
    messages: BTreeMap<RoomId, Vec<u64>>,
    keys: HashMap<KeyHash, u64>,
    views: BTreeMap<u64, Bytes>,
    reactions: BTreeSet<(UserId, u64, String)>,
    /// Room, number, whom the message calls, position.
    mentions: BTreeSet<(RoomId, u64, Option<UserId>, u64)>,
}

impl MemoryLog {
    /// An empty log; `log_id` tells it from every other.
    pub fn new(log_id: &[u8]) -> Self {
        Self { genesis: Digest::genesis(log_id), rows: Mutex::default() }
    }

    /// Nothing that can panic happens between the first and the last change of an append.
    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryLog {
    /// An empty log with a random id; tests that compare digests name their logs with [`MemoryLog::new`].
    fn default() -> Self {
        let mut log_id = [0; 16];
        SystemRandom.fill(&mut log_id);
        Self::new(&log_id)
    }
}

impl fmt::Debug for MemoryLog {
    /// What people wrote does not reach the logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryLog").field("seq", &self.rows().head()).finish_non_exhaustive()
    }
}

/// The part of a rising list that lies after `after`.
fn later(seqs: Option<&Vec<u64>>, after: u64) -> &[u64] {
    let seqs = seqs.map(Vec::as_slice).unwrap_or_default();
    &seqs[seqs.partition_point(|seq| *seq <= after)..]
}

impl Rows {
    fn head(&self) -> u64 {
        self.events.len() as u64
    }

    fn get(&self, seq: u64) -> Option<&Record> {
        self.events.get(usize::try_from(seq.checked_sub(1)?).ok()?)
    }

    fn records(&self, seqs: impl IntoIterator<Item = u64>) -> Vec<Record> {
        seqs.into_iter().filter_map(|seq| self.get(seq).cloned()).collect()
    }

    fn message(&self, seq: u64) -> Option<MessageRow> {
        let record = self.get(seq).filter(|record| record.envelope.event_type.lane() == Lane::Message)?;
        Some(MessageRow { record: record.clone(), view: self.views.get(&seq).cloned() })
    }

    fn insert(&mut self, record: Record) {
        let (seq, envelope) = (record.seq(), &record.envelope);
        let lane = envelope.event_type.lane();
        if lane == Lane::Tenant {
            self.of_tenant.push(seq);
        } else if let Some(room) = envelope.room {
            self.by_room.entry(room).or_default().push(seq);
            if lane == Lane::Message {
                self.messages.entry(room).or_default().push(seq);
            }
        }
        if let Some(subject) = envelope.subject {
            self.by_subject.entry(subject).or_default().push(seq);
        }
        if let Some(target) = envelope.target {
            self.by_target.entry(target).or_default().push(seq);
        }
        if let Some(idempotency) = &record.idempotency {
            self.keys.entry(idempotency.key).or_insert(seq);
        }
        self.events.push(record);
    }

    fn react(&mut self, change: ReactionChange) {
        let row = (change.user, change.target, change.emoji);
        match change.present {
            true => self.reactions.insert(row),
            false => self.reactions.remove(&row),
        };
    }

    fn mention(&mut self, row: MentionRow) {
        self.mentions.insert((row.room, row.number, row.user, row.seq));
    }

    fn erase(&mut self, seqs: &[u64]) {
        let seqs: BTreeSet<u64> = seqs.iter().copied().collect();
        for seq in &seqs {
            let index = seq.checked_sub(1).and_then(|index| usize::try_from(index).ok());
            if let Some(record) = index.and_then(|index| self.events.get_mut(index)) {
                record.erase();
            }
        }
        if !seqs.is_empty() {
            self.mentions.retain(|(.., seq)| !seqs.contains(seq));
        }
    }

    fn rebuild(&mut self) -> Result<(), StoreError> {
        let mut all = Vec::new();
        for record in &self.events {
            if let Some(mut message) = MessageRebuild::new(record)? {
                for related in self.records(later(self.by_target.get(&record.envelope.id), 0).iter().copied()) {
                    message.fold(&related)?;
                }
                all.push(message.finish()?);
            }
        }
        self.views.clear();
        self.reactions.clear();
        self.mentions.clear();
        for rows in all {
            self.views.extend(rows.view.map(|view| (view.seq, view.json)));
            rows.reactions.into_iter().for_each(|change| self.react(change));
            rows.mentions.into_iter().for_each(|row| self.mention(row));
        }
        Ok(())
    }
}

#[async_trait]
impl EventLog for MemoryLog {
    async fn head(&self) -> Result<Head, StoreError> {
        let rows = self.rows();
        Ok(rows.events.last().map_or_else(
            || Head { seq: 0, digest: self.genesis, time: crate::time::Timestamp::default() },
            |last| Head { seq: last.seq(), digest: last.digest(), time: last.envelope.time() },
        ))
    }

    async fn genesis(&self) -> Result<Digest, StoreError> {
        Ok(self.genesis)
    }

    async fn append(&self, expected_head: u64, batch: Batch) -> Result<(), StoreError> {
        let mut rows = self.rows();
        if rows.head() != expected_head {
            return Err(StoreError::Conflict);
        }
        if !batch.events.iter().map(Record::seq).eq((expected_head + 1..).take(batch.events.len())) {
            return Err(StoreError::backend("the events of a batch do not follow one another"));
        }
        batch.events.into_iter().for_each(|record| rows.insert(record));
        rows.views.extend(batch.views.into_iter().map(|view| (view.seq, view.json)));
        batch.reactions.into_iter().for_each(|change| rows.react(change));
        batch.mentions.into_iter().for_each(|row| rows.mention(row));
        rows.erase(&batch.erase);
        Ok(())
    }

    async fn get(&self, seqs: &[u64]) -> Result<Vec<Option<Record>>, StoreError> {
        let rows = self.rows();
        Ok(seqs.iter().map(|seq| rows.get(*seq).cloned()).collect())
    }

    async fn scan(&self, after: u64, limit: usize) -> Result<Vec<Record>, StoreError> {
        let rows = self.rows();
        let after = usize::try_from(after).unwrap_or(usize::MAX);
        Ok(rows.events.iter().skip(after).take(limit).cloned().collect())
    }

    async fn read(&self, after: u64, until: u64, audience: &Audience, limit: usize) -> Result<Vec<Record>, StoreError> {
        let rows = self.rows();
        let rooms = audience.rooms.iter();
        let rooms = rooms.map(|(room, since)| later(rows.by_room.get(room), after.max(since.saturating_sub(1))));
        let person = audience.person.map(|person| later(rows.by_subject.get(&person), after));
        let tenant = audience.tenant.then(|| later(Some(&rows.of_tenant), after));
        // The first `limit` of each list hold the first `limit` of all of them.
        let admitted: BTreeSet<u64> = rooms
            .chain(person)
            .chain(tenant)
            .flat_map(|seqs| seqs.iter().copied().take_while(|seq| *seq <= until).take(limit))
            .collect();
        Ok(rows.records(admitted.into_iter().take(limit)))
    }

    async fn related(&self, target: EventId, after: u64, limit: usize) -> Result<Vec<Record>, StoreError> {
        let rows = self.rows();
        Ok(rows.records(later(rows.by_target.get(&target), after).iter().copied().take(limit)))
    }

    async fn room_page(&self, query: PageQuery) -> Result<Vec<MessageRow>, StoreError> {
        let rows = self.rows();
        let readable = later(rows.messages.get(&query.room), query.since.saturating_sub(1));
        let page: Vec<u64> = match query.direction {
            Direction::Forward => {
                let start = readable.partition_point(|seq| query.from.is_some_and(|from| *seq <= from));
                readable[start..].iter().copied().take(query.limit).collect()
            }
            Direction::Backward => {
                let end = readable.partition_point(|seq| query.from.is_none_or(|from| *seq < from));
                readable[..end].iter().rev().copied().take(query.limit).collect()
            }
        };
        Ok(page.into_iter().filter_map(|seq| rows.message(seq)).collect())
    }

    async fn messages(&self, seqs: &[u64]) -> Result<Vec<Option<MessageRow>>, StoreError> {
        let rows = self.rows();
        Ok(seqs.iter().map(|seq| rows.message(*seq)).collect())
    }

    async fn reacted(&self, user: UserId, targets: &[u64]) -> Result<Vec<(u64, String)>, StoreError> {
        let rows = self.rows();
        let targets: BTreeSet<u64> = targets.iter().copied().collect();
        let of = |target: u64| {
            let from = rows.reactions.range((user, target, String::new())..);
            from.take_while(move |(who, at, _)| (*who, *at) == (user, target))
                .map(|(_, at, emoji)| (*at, emoji.clone()))
        };
        Ok(targets.into_iter().flat_map(of).collect())
    }

    async fn mention_counts(&self, user: UserId, rooms: &[(RoomId, u64)]) -> Result<Vec<u64>, StoreError> {
        let rows = self.rows();
        let count = |(room, number): &(RoomId, u64)| {
            let from = rows.mentions.range((*room, *number, None, 0)..).take_while(|(at, ..)| at == room);
            let calls = from.filter(|(_, at, whom, _)| at > number && whom.is_none_or(|whom| whom == user));
            let mut numbers: Vec<u64> = calls.map(|(_, at, ..)| *at).collect();
            // A message that calls the room and the person counts once.
            numbers.dedup();
            numbers.len() as u64
        };
        Ok(rooms.iter().map(count).collect())
    }

    async fn find_keys(&self, keys: &[KeyHash]) -> Result<Vec<Option<u64>>, StoreError> {
        let rows = self.rows();
        Ok(keys.iter().map(|key| rows.keys.get(key).copied()).collect())
    }

    fn surely_unknown(&self, keys: &[KeyHash]) -> bool {
        let rows = self.rows();
        keys.iter().all(|key| !rows.keys.contains_key(key))
    }

    async fn rebuild_views(&self) -> Result<(), StoreError> {
        self.rows().rebuild()
    }

    fn watch(&self) -> HeadStream {
        Box::pin(Silent)
    }
}

/// The head as other nodes move it, when there is no other node.
struct Silent;

impl Stream for Silent {
    type Item = u64;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<u64>> {
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::MemoryLog;
    use crate::store::conformance::log::{LogFactory, LogStores};
    use crate::store::{MemoryMarkers, MemorySnapshots};

    struct InMemory;

    #[async_trait::async_trait]
    impl LogFactory for InMemory {
        async fn open(&self, name: &str) -> LogStores {
            LogStores {
                log: Arc::new(MemoryLog::new(name.as_bytes())),
                markers: Arc::new(MemoryMarkers::new()),
                snapshots: Arc::new(MemorySnapshots::new()),
            }
        }

        async fn reopen_after_abort(&self, _name: &str, stores: LogStores) -> LogStores {
            stores
        }
    }

    crate::log_conformance!(InMemory);
}
