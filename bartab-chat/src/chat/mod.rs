//! The typed API, in process: what [`ChatService`](crate::ChatService) is a thin skin over.

mod accounts;
mod attachments;
mod drafts;
mod emoji;
mod history;
mod messages;
mod open;
mod rooms;
mod snapshot;
mod sync;
mod weak;

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bartab_core::event::{Event, Idempotency, KeyHash};
use bartab_core::store::{EventLog, MarkerStore, MediaClaims, SnapshotStore};
use bartab_core::{Actor, Clock, Random, Scope, SessionId, UserId};
use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

pub use drafts::{CustomDraft, MessageDraft, RoomDraft, RoomUpdate};
pub use history::{Around, HistoryQuery};
pub use rooms::ListQuery;
pub use sync::{SyncFilter, SyncQuery, SyncStream};
pub use weak::WeakChat;

use self::accounts::Follower;
use crate::config::Config;
use crate::error::ChatError;
use crate::hub::{Hub, Published};
use crate::model::Command;
use crate::sequencer::{Done, Job, RequestKey};

/// The stores of one tenant's chat.
#[derive(Clone)]
pub struct ChatStores {
    /// The log.
    pub log: Arc<dyn EventLog>,
    /// Read markers.
    pub markers: Arc<dyn MarkerStore>,
    /// State snapshots; without them opening replays the log.
    pub snapshots: Option<Arc<dyn SnapshotStore>>,
}

impl fmt::Debug for ChatStores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatStores").field("snapshots", &self.snapshots.is_some()).finish_non_exhaustive()
    }
}

/// One tenant's chat. A clone is another handle to the same one.
#[derive(Clone)]
pub struct Chat {
    inner: Arc<Inner>,
}

struct Inner {
    stores: ChatStores,
    config: Config,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    hub: Arc<Hub>,
    /// `None` once the chat is closed.
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    sequencer: tokio::sync::Mutex<Option<JoinHandle<()>>>,
    /// Who reads the account feed, when somebody does.
    follower: OnceLock<Follower>,
    /// Who says which files can be attached, when somebody does.
    media: OnceLock<Arc<dyn MediaClaims>>,
}

impl fmt::Debug for Chat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chat").field("head", &self.inner.hub.head()).finish_non_exhaustive()
    }
}

/// A client's key that makes asking twice safe, with what it was used for.
#[derive(Clone, Copy, Debug)]
pub struct IdempotencyKey<'a> {
    /// The key.
    pub key: &'a str,
    /// The method of the request.
    pub method: &'a str,
    /// The path of the request.
    pub path: &'a str,
    /// The body of the request.
    pub body: &'a [u8],
}

/// What a write came to.
#[derive(Clone, Debug)]
pub struct Appended {
    done: Done,
}

impl Appended {
    /// The event that was asked for; `None` when nothing changed.
    pub fn event(&self) -> Option<&Event> {
        self.done.events.first().map(|event| &event.event)
    }

    /// The same as clients read it; `{}` when nothing changed.
    pub fn json(&self) -> Bytes {
        self.done.events.first().map_or(Bytes::from_static(b"{}"), |event| event.json.clone())
    }

    /// The HTTP status of the answer: 201 when a POST appended something, else 200.
    pub const fn status(&self) -> u16 {
        self.done.status
    }

    pub(crate) fn events(&self) -> impl Iterator<Item = &Event> {
        self.done.events.iter().map(|event| &event.event)
    }
}

/// Figures of a chat since it was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChatStats {
    /// Events in the log.
    pub events: u64,
    /// Batches that were written.
    pub batches: u64,
    /// Callers who wait for events.
    pub waiting: usize,
}

impl Chat {
    /// The position of the last durable event.
    pub fn head(&self) -> u64 {
        self.inner.hub.head()
    }

    /// Figures for an operator.
    pub fn stats(&self) -> ChatStats {
        let hub = &self.inner.hub;
        ChatStats { events: hub.head(), batches: hub.batches(), waiting: hub.waiting() }
    }

    /// How many callers wait for events now.
    pub fn waiting(&self) -> usize {
        self.inner.hub.waiting()
    }

    /// Whether the store answers.
    ///
    /// # Errors
    /// The store's own.
    pub async fn ready(&self) -> Result<(), ChatError> {
        let jobs = self.inner.jobs.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // Without its sequencer a chat can be read, but nothing can be said in it.
        if self.inner.hub.is_closed() || jobs.is_none_or(|jobs| jobs.is_closed()) {
            return Err(ChatError::Closed);
        }
        self.inner.stores.log.head().await?;
        Ok(())
    }

    /// Ends the waits of a session that was revoked; they answer with what they have.
    pub fn end_session(&self, session: SessionId) {
        self.inner.hub.end_session(session);
    }

    /// Ends the waits of somebody whose access tokens were taken back; they answer with what they have, and who has got
    /// new tokens may wait again.
    pub fn end_user(&self, user: UserId) {
        self.inner.hub.end_user(user);
    }

    /// Lets waiting callers go: each is answered with what it has, and later ones do not wait.
    pub fn end_waits(&self) {
        self.inner.hub.close();
    }

    /// Closes the chat: waits end, queued commands are still written, the state is stored. Later commands are
    /// refused with [`ChatError::Closed`].
    pub async fn close(&self) {
        self.end_waits();
        self.stop_following();
        drop(self.inner.jobs.lock().unwrap_or_else(PoisonError::into_inner).take());
        if let Some(sequencer) = self.inner.sequencer.lock().await.take()
            && let Err(error) = sequencer.await
        {
            tracing::error!(error = &error as &dyn std::error::Error, "the sequencer ended badly");
        }
    }

    pub(crate) fn published(&self) -> Arc<Published> {
        self.inner.hub.published()
    }

    /// Has a command decided and written.
    async fn submit(
        &self,
        actor: &Arc<Actor>,
        command: Command,
        status: u16,
        key: Option<IdempotencyKey<'_>>,
    ) -> Result<Appended, ChatError> {
        self.meet(&command).await;
        let key = key.map(|key| RequestKey {
            hash: KeyHash::new(actor.user_id, key.key),
            fingerprint: Idempotency::fingerprint(key.key, key.method, key.path, key.body),
        });
        let done = self.queue(Arc::clone(actor), command, Vec::new(), status, key).await?;
        Ok(Appended { done })
    }

    /// Puts a command into the queue, and what is to be decided together with it; gives what they came to.
    async fn queue(
        &self,
        actor: Arc<Actor>,
        command: Command,
        more: Vec<(Arc<Actor>, Command)>,
        status: u16,
        key: Option<RequestKey>,
    ) -> Result<Done, ChatError> {
        let (reply, answer) = oneshot::channel();
        let deadline = Instant::now() + self.inner.config.command_deadline();
        let job = Job { actor, command, more, status, key, deadline, reply };
        let sent = match &*self.inner.jobs.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(jobs) => jobs.try_send(job),
            None => return Err(ChatError::Closed),
        };
        sent.map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => ChatError::Overloaded,
            mpsc::error::TrySendError::Closed(_) => ChatError::Closed,
        })?;
        answer.await.map_err(|_| ChatError::Unknown)?
    }

    /// Makes sure that the log knows the actor, with the profile as it is now.
    async fn arrive(&self, actor: &Arc<Actor>) -> Result<(), ChatError> {
        let published = self.published();
        let known = published.state.people.get(&actor.user_id);
        if known.is_some_and(|person| person.rev >= actor.profile.rev) {
            return Ok(());
        }
        self.submit(actor, Command::Arrive, 200, None).await.map(|_| ())
    }
}

fn require(actor: &Actor, scope: Scope) -> Result<(), ChatError> {
    if actor.scopes.contains(scope) { Ok(()) } else { Err(ChatError::MissingScope(scope.name())) }
}
