//! Following the account feed: whoever has an account is known here, as it is now.
//!
//! What an entry asks for is appended with the entry's number in its facts, so it happens exactly once, also after a
//! crash between the two stores. An entry that asks for nothing leaves no trace, and may be read again after a restart.

mod erasure;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bartab_core::store::{AccountEntry, AccountFeed, AccountKind, AccountNews, AccountState};
use bartab_core::{Actor, ActorKind};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::{Chat, Inner};
use crate::error::ChatError;
use crate::model::{AccountStep, Command};
use crate::sequencer::Done;

/// Entries that are read, and written together, at a time.
const PAGE: usize = 100;
/// After so many entries without a trace the number is written down, so that they are not read again and again.
const RECORD_EVERY: u64 = 500;
/// How long to wait before the feed is read again after a failure: at first, and at most.
const PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// Who reads the account feed.
pub(super) struct Follower {
    feed: Arc<dyn AccountFeed>,
    /// How far it has been read; entries without a trace in the log included.
    position: AtomicU64,
    /// One reads at a time, so that entries are acted on in their order.
    turn: tokio::sync::Mutex<()>,
    nudge: Arc<Notify>,
    task: JoinHandle<()>,
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Chat {
    /// Follows the accounts of the tenant from now on: reads the feed to its end before it returns, and again whenever
    /// [`Chat::accounts_changed`] says that there is more, or somebody is named who is not known here.
    ///
    /// Whoever has an account is then known before the first token, a suspended one is refused, rooms of an invite are
    /// joined, and somebody who is erased is erased here, too. Without a feed, people become known by their first
    /// token. The first feed stays for as long as the chat is open; another one is not followed.
    ///
    /// # Errors
    /// The feed's or the log's own; what was done is not done again, and the next reading goes on from there.
    pub async fn follow_accounts(&self, feed: Arc<dyn AccountFeed>) -> Result<(), ChatError> {
        let follower = self.inner.follower.get_or_init(|| {
            let nudge = Arc::new(Notify::new());
            Follower {
                feed,
                position: AtomicU64::new(0),
                turn: tokio::sync::Mutex::new(()),
                task: tokio::spawn(follow(Arc::downgrade(&self.inner), Arc::clone(&nudge))),
                nudge,
            }
        });
        self.check_feed(follower).await?;
        self.read_feed(follower).await
    }

    /// Says so when the feed ends before what was done already: then it is another feed, or an old copy, and what
    /// comes in it would be taken for done.
    async fn check_feed(&self, follower: &Follower) -> Result<(), ChatError> {
        let done = self.published().state.feed;
        if done > 0 && follower.feed.after(done - 1, 1).await?.is_empty() {
            tracing::error!(done, "the account feed ends before what the log says was done");
        }
        Ok(())
    }

    /// Says that the account feed may have grown; it is read in the background. Never blocks.
    pub fn accounts_changed(&self) {
        if let Some(follower) = self.inner.follower.get() {
            follower.nudge.notify_one();
        }
    }

    /// Ends the task that reads in the background.
    pub(super) fn stop_following(&self) {
        if let Some(follower) = self.inner.follower.get() {
            follower.task.abort();
        }
    }

    /// Reads the feed when the command names somebody who is not known: they may have come just now.
    pub(super) async fn meet(&self, command: &Command) {
        let Some(follower) = self.inner.follower.get() else { return };
        let published = self.published();
        if command.people().iter().all(|user| published.state.people.contains_key(user)) {
            return;
        }
        drop(published);
        // Whoever reads now may have long work to do; the command is decided all the same.
        match tokio::time::timeout(self.inner.config.command_deadline(), self.read_feed(follower)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(error = &error as &dyn std::error::Error, "the account feed is not read"),
            Err(_) => follower.nudge.notify_one(),
        }
    }

    /// Reads the feed to its end and acts on it.
    async fn read_feed(&self, follower: &Follower) -> Result<(), ChatError> {
        let _turn = follower.turn.lock().await;
        let mut quiet = None;
        loop {
            let done = self.published().state.feed;
            let position = follower.position.load(Ordering::Relaxed).max(done);
            let entries = follower.feed.after(position, PAGE).await?;
            let Some(last) = entries.last().map(|entry| entry.number) else { break };
            // An erasure is long work of its own; what comes before it is done first.
            let mut rest = &entries[..];
            while let Some(first) = rest.first() {
                let until = rest.iter().position(is_erasure).unwrap_or(rest.len());
                let (together, others) = rest.split_at(until.max(1));
                match first.news {
                    AccountNews::Erased { messages } => self.erase(first, messages).await?,
                    _ => self.act_on(together).await?,
                }
                rest = others;
            }
            quiet = entries.iter().rfind(|entry| entry.state != AccountState::Erased).cloned().or(quiet);
            follower.position.store(last, Ordering::Relaxed);
        }
        match quiet.filter(|entry| entry.number >= self.published().state.feed + RECORD_EVERY) {
            Some(entry) => self.record(&entry).await,
            None => Ok(()),
        }
    }

    /// Does what these entries ask for, all of it or nothing.
    async fn act_on(&self, entries: &[AccountEntry]) -> Result<(), ChatError> {
        let mut acts = entries.iter().filter_map(|entry| present(entry, false));
        let Some((actor, command)) = acts.next() else { return Ok(()) };
        self.queue(actor, command, acts.collect(), 200, None).await.map(drop)
    }

    /// Writes the number of an entry down.
    async fn record(&self, entry: &AccountEntry) -> Result<(), ChatError> {
        match present(entry, true) {
            Some((actor, command)) => self.queue(actor, command, Vec::new(), 200, None).await.map(drop),
            None => Ok(()),
        }
    }

    /// Has one step decided and written.
    async fn step(&self, entry: &AccountEntry, step: AccountStep) -> Result<Done, ChatError> {
        let Some(actor) = actor(entry) else { return Ok(Done { events: Vec::new(), status: 200 }) };
        self.queue(actor, Command::Account { number: entry.number, step }, Vec::new(), 200, None).await
    }
}

const fn is_erasure(entry: &AccountEntry) -> bool {
    matches!(entry.news, AccountNews::Erased { .. })
}

/// What an entry asks for that is no erasure. Nothing, once the account is erased: the entry that says so follows.
fn present(entry: &AccountEntry, record: bool) -> Option<(Arc<Actor>, Command)> {
    let suspended = match entry.state {
        AccountState::Active => false,
        AccountState::Suspended => true,
        _ => return None,
    };
    let (rooms, invited_by) = match &entry.news {
        AccountNews::Created { rooms, invited_by } => (rooms.clone(), *invited_by),
        _ => (Vec::new(), None),
    };
    let step = AccountStep::Present { suspended, rooms, invited_by, record };
    Some((actor(entry)?, Command::Account { number: entry.number, step }))
}

/// The person or bot of an entry, as who does what the entry asks for; none of a kind that is not known here.
fn actor(entry: &AccountEntry) -> Option<Arc<Actor>> {
    let kind = match entry.kind {
        AccountKind::Person => ActorKind::Person,
        AccountKind::Bot { owner } => ActorKind::Bot { owner },
        _ => return None,
    };
    let person = Actor::person(entry.user_id, "");
    Some(Arc::new(Actor { kind, tenant_role: entry.role, profile: Arc::new(entry.profile.clone()), ..person }))
}

/// Reads the feed whenever there may be more, until the chat is gone.
async fn follow(chat: std::sync::Weak<Inner>, nudge: Arc<Notify>) {
    let mut pause = PAUSE;
    loop {
        nudge.notified().await;
        // The chat is held only while there is work.
        let Some(chat) = chat.upgrade().map(|inner| Chat { inner }) else { return };
        let Some(follower) = chat.inner.follower.get() else { continue };
        match chat.read_feed(follower).await {
            Ok(()) => pause = PAUSE,
            Err(ChatError::Closed) => return,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the account feed is not read");
                drop(chat);
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
                nudge.notify_one();
            }
        }
    }
}
