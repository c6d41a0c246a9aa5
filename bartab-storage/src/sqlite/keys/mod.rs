//! Where idempotency keys are found: the newest in memory, the others in an index that follows the log.
//!
//! Keys are random, so an index kept up in every append would touch a page of its own for each message, which costs
//! more than the message. Here they gather in memory and enter the index sorted, many at a time, between appends. The
//! truth is the column of the event's row; whatever the index misses after a crash is read from the log's tail.

mod filter;
mod index;

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bartab_core::event::KeyHash;
use rusqlite::Connection;

pub(super) use index::{POSITION, SIZE, lookup};

use self::filter::Filter;
use self::index::Sweep;
use super::error::Failure;

/// How many keys gather before they enter a small index.
const LEAST: usize = 4_096;
/// How many gather at most: 1.6 MB, and only in a tenant that is busy and has millions of keys.
const MOST: usize = 57_344;
/// The more the index holds, the more keys it takes for several to share a page.
const SHARE: u64 = 16;
/// How many keys of the index are read in the time of one lookup.
const LOOKUP: u64 = 16;

/// The keys of one tenant.
#[derive(Default)]
pub(super) struct Keys(Mutex<State>);

#[derive(Default)]
struct State {
    /// Every key of an event after `position`.
    recent: HashMap<KeyHash, u64>,
    /// Every key of an event up to here is in the index.
    position: u64,
    /// How many the index holds, about.
    size: u64,
    /// What is on its way into the index.
    sweep: Option<Sweep>,
    /// Says of most keys that the index does not hold them; dropped when idle, made again when asked for.
    filter: Option<Filter>,
    /// Somebody makes it.
    filtering: bool,
    /// How many keys were looked up in the file for want of it.
    lookups: u64,
}

/// Where a key is, as far as memory tells.
pub(super) enum Place {
    /// On the event at this position.
    At(u64),
    /// Not in the log.
    Nowhere,
    /// In the index, if anywhere.
    Index,
}

impl Keys {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the index's position and the keys of the log's tail after it.
    pub(super) fn load(&self, conn: &Connection) -> Result<(), Failure> {
        let position = index::meta(conn, POSITION)?;
        let size = index::meta(conn, SIZE)?;
        let recent = index::tail(conn, position)?;
        let filter = (size == 0).then(Filter::default);
        *self.state() = State { recent, position, size, sweep: None, filter, filtering: false, lookups: 0 };
        Ok(())
    }

    /// Adds the keys of events that were just committed. The first event with a key keeps it.
    pub(super) fn add(&self, keys: impl Iterator<Item = (KeyHash, u64)>) {
        let state = &mut *self.state();
        for (key, seq) in keys {
            state.recent.entry(key).or_insert(seq);
        }
    }

    /// Where each key is, without touching the disk.
    pub(super) fn places(&self, keys: &[KeyHash]) -> Vec<Place> {
        let state = self.state();
        keys.iter().map(|key| state.place(key)).collect()
    }

    /// Whether memory tells that none of `keys` is in the log.
    pub(super) fn surely_unknown(&self, keys: &[KeyHash]) -> bool {
        let state = self.state();
        keys.iter().all(|key| matches!(state.place(key), Place::Nowhere))
    }

    /// Counts lookups in the file; answers whether it is time for [`Keys::build_filter`], which the caller then owes.
    pub(super) fn looked_up(&self, keys: usize) -> bool {
        let state = &mut *self.state();
        let missing = state.filter.is_none() && !state.filtering && state.sweep.is_none() && state.size <= Filter::MOST;
        if !missing {
            return false;
        }
        state.lookups += keys as u64;
        // Reading the whole index pays only after as much was spent on looking into it.
        state.filtering = state.lookups * LOOKUP >= state.size;
        state.filtering
    }

    /// Makes the filter from the index.
    pub(super) fn build_filter(&self, conn: &Connection) -> Result<(), Failure> {
        let before = self.state().size;
        let filter = index::filter(conn);
        let mut state = self.state();
        state.filtering = false;
        state.lookups = 0;
        // What entered the index meanwhile is not in the filter: then another try is due.
        if let Some(filter) = filter?
            && state.size == before
            && state.sweep.is_none()
        {
            state.filter = Some(filter);
        }
        Ok(())
    }

    /// Whether keys wait for the index: enough to be worth while, or any at all when `all`.
    pub(super) fn is_due(&self, all: bool) -> bool {
        let state = self.state();
        let enough = usize::try_from(state.size / SHARE).unwrap_or(MOST).clamp(LEAST, MOST);
        state.sweep.is_some() || state.recent.len() >= if all { 1 } else { enough }
    }

    /// Brings the next slice of keys into the index; a few milliseconds of work in a transaction of its own.
    pub(super) fn advance(&self, conn: &Connection) -> Result<(), Failure> {
        let taken = {
            let mut state = self.state();
            let size = state.size;
            state.sweep.take().or_else(|| Sweep::new(&state.recent, size))
        };
        let Some(mut sweep) = taken else { return Ok(()) };
        // After an error the next sweep begins again: what this one did write, the primary key keeps from standing twice.
        let ended = sweep.advance(conn)?;
        let state = &mut *self.state();
        if ended {
            if let Some(filter) = &mut state.filter
                && !sweep.keys().all(|hash| filter.insert(hash))
            {
                state.filter = None;
            }
            state.position = sweep.position();
            state.size = sweep.size();
            let position = state.position;
            state.recent.retain(|_, seq| *seq > position);
            state.recent.shrink_to_fit();
        } else {
            state.sweep = Some(sweep);
        }
        Ok(())
    }

    /// Gives back what can be made again.
    pub(super) fn release(&self) {
        let mut state = self.state();
        if state.size > 0 {
            state.filter = None;
        }
        state.recent.shrink_to_fit();
    }
}

impl State {
    fn place(&self, key: &KeyHash) -> Place {
        if let Some(seq) = self.recent.get(key) {
            return Place::At(*seq);
        }
        match &self.filter {
            Some(filter) if !filter.may_hold(index::hash(key)) => Place::Nowhere,
            _ => Place::Index,
        }
    }
}
