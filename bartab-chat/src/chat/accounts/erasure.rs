//! Erasing somebody: names, memberships and, when that was chosen, all that they wrote.
//!
//! It takes many appends, so that nobody waits for it. Each step finds for itself what is left to do: after a crash the
//! entry is read again and the steps go over what they have done already. Only the last one carries the number.

use bartab_core::UserId;
use bartab_core::event::{EventType, Record};
use bartab_core::store::{AccountEntry, Audience};

use super::Chat;
use crate::error::ChatError;
use crate::hub::is_written;
use crate::model::AccountStep;

/// Rooms that are left, and events that are erased, in one append.
const STEP: usize = 200;
/// Rows that are read at a time.
const ROWS: usize = 1_000;

/// What is found to erase.
#[derive(Default)]
struct Found {
    messages: Vec<bartab_core::EventId>,
    others: Vec<u64>,
}

impl Found {
    const fn len(&self) -> usize {
        self.messages.len() + self.others.len()
    }

    fn step(&mut self) -> AccountStep {
        let Self { messages, others } = std::mem::take(self);
        AccountStep::EraseWritten { messages, others }
    }
}

impl Chat {
    /// Does what an entry of an erasure asks for.
    pub(super) async fn erase(&self, entry: &AccountEntry, messages: bool) -> Result<(), ChatError> {
        let published = self.published();
        if entry.number <= published.state.feed || !published.state.people.contains_key(&entry.user_id) {
            return Ok(());
        }
        drop(published);
        // From here on the person can do nothing, so what is found below is all there will ever be.
        self.step(entry, AccountStep::BeginErasure).await?;
        self.erase_names(entry).await?;
        while !self.step(entry, AccountStep::LeaveRooms { limit: STEP }).await?.events.is_empty() {}
        if messages {
            self.erase_written(entry).await?;
        }
        self.step(entry, AccountStep::EndErasure { written: messages }).await?;
        Ok(())
    }

    /// Erases every profile that the person ever had.
    async fn erase_names(&self, entry: &AccountEntry) -> Result<(), ChatError> {
        let head = self.published();
        let last = head.state.people.get(&entry.user_id).map(|person| person.profile);
        let tenant = Audience { tenant: true, ..Audience::default() };
        let (mut after, mut found) = (0, Found::default());
        loop {
            let rows = self.inner.stores.log.read(after, head.head.seq, &tenant, ROWS).await?;
            let Some(newest) = rows.last() else { break };
            after = newest.seq();
            let names = rows.iter().filter(|row| is_left(row, entry.user_id) && Some(row.seq()) != last);
            found.others.extend(names.map(Record::seq));
            if found.len() >= STEP {
                self.step(entry, found.step()).await?;
            }
        }
        self.finish(entry, found).await
    }

    /// Erases all that the person wrote: messages, custom events, reasons.
    async fn erase_written(&self, entry: &AccountEntry) -> Result<(), ChatError> {
        let until = self.published().head.seq;
        let (mut after, mut found) = (0, Found::default());
        while after < until {
            let rows = self.inner.stores.log.scan(after, ROWS).await?;
            let Some(newest) = rows.last() else { break };
            after = newest.seq();
            for row in rows.iter().filter(|row| is_left(row, entry.user_id) && is_written(&row.envelope.event_type)) {
                match row.envelope.event_type {
                    EventType::MessageCreated => found.messages.push(row.envelope.id),
                    // They go with their message.
                    EventType::MessageEdited => {}
                    _ => found.others.push(row.seq()),
                }
                if found.len() >= STEP {
                    self.step(entry, found.step()).await?;
                }
            }
        }
        self.finish(entry, found).await
    }

    async fn finish(&self, entry: &AccountEntry, mut found: Found) -> Result<(), ChatError> {
        if found.len() > 0 {
            self.step(entry, found.step()).await?;
        }
        Ok(())
    }
}

/// Whether the row is the person's and still says something.
fn is_left(row: &Record, user: UserId) -> bool {
    row.envelope.sender == user && row.content.is_some()
}
