//! A chat on the memory store, and clients of it.

mod client;
pub(crate) mod contract;
mod faulty;
mod files;

use std::sync::Arc;

use bartab_chat::{Chat, ChatService, ChatStores, Config};
use bartab_core::event::Record;
use bartab_core::store::{MemoryLog, MemoryMarkers, MemorySnapshots};
use bartab_core::{Actor, ActorKind, ManualClock, RoomId, Scopes, SeededRandom, TenantRole, Timestamp, UserId};

pub(crate) use client::{Client, Reader, Reply};
pub(crate) use faulty::{Fault, FaultyLog};
pub(crate) use files::{Files, attachment};

/// A chat and what it stands on.
pub(crate) struct World {
    pub(crate) chat: Chat,
    pub(crate) service: ChatService,
    pub(crate) stores: ChatStores,
    pub(crate) clock: Arc<ManualClock>,
}

/// Empty stores in memory.
pub(crate) fn stores() -> ChatStores {
    ChatStores {
        log: Arc::new(MemoryLog::new(b"test")),
        markers: Arc::new(MemoryMarkers::default()),
        snapshots: Some(Arc::new(MemorySnapshots::default())),
    }
}

impl World {
    /// An empty one.
    pub(crate) async fn new() -> Self {
        Self::with(Config::default()).await
    }

    /// An empty one with these settings.
    pub(crate) async fn with(config: Config) -> Self {
        Self::over(stores(), config).await
    }

    /// An empty one whose log can be made to fail.
    pub(crate) async fn faulty(config: Config) -> (Self, Arc<FaultyLog>) {
        Self::faulty_over(stores(), config).await
    }

    /// A chat over stores that hold something already, whose log can be made to fail for this chat alone.
    pub(crate) async fn faulty_over(mut stores: ChatStores, config: Config) -> (Self, Arc<FaultyLog>) {
        let log = Arc::new(FaultyLog::over(stores.log));
        stores.log = Arc::clone(&log) as _;
        (Self::over(stores, config).await, log)
    }

    /// A chat over stores that hold something already.
    pub(crate) async fn over(stores: ChatStores, config: Config) -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_700_000_000)));
        // What was drawn before the stores were opened again is not drawn twice.
        let random = Arc::new(SeededRandom::new(7 + stores.log.head().await.unwrap().seq));
        let chat = Chat::open(stores.clone(), config, Arc::clone(&clock) as _, random).await.unwrap();
        Self { service: ChatService::new(chat.clone()), chat, stores, clock }
    }

    /// A person who uses it.
    pub(crate) fn person(&self, name: &str) -> Client {
        self.client(person(name))
    }

    /// A person with another role in the tenant.
    pub(crate) fn official(&self, name: &str, role: TenantRole) -> Client {
        self.client(Actor { tenant_role: role, ..person(name) })
    }

    /// A bot of somebody.
    pub(crate) fn bot(&self, name: &str, owner: &Client) -> Client {
        self.client(Actor { kind: ActorKind::Bot { owner: owner.id() }, ..person(name) })
    }

    /// A guest of one room.
    pub(crate) fn guest(&self, name: &str, room: &str) -> Client {
        let room: RoomId = room.parse().unwrap();
        self.client(Actor { kind: ActorKind::Guest { room }, tenant_role: TenantRole::Guest, ..person(name) })
    }

    /// A person whose credentials cover these scopes alone.
    pub(crate) fn limited(&self, name: &str, scopes: &str) -> Client {
        self.client(Actor { scopes: scopes.parse::<Scopes>().unwrap(), ..person(name) })
    }

    /// Whoever this is.
    pub(crate) fn client(&self, actor: Actor) -> Client {
        Client::new(self.service.clone(), Some(Arc::new(actor)))
    }

    /// Somebody who is not signed in.
    pub(crate) fn stranger(&self) -> Client {
        Client::new(self.service.clone(), None)
    }

    /// Every row of the log.
    pub(crate) async fn records(&self) -> Vec<Record> {
        self.stores.log.scan(0, usize::MAX).await.unwrap()
    }

    /// Lets everything run that can, until so many callers wait.
    pub(crate) async fn until_waiting(&self, callers: usize) {
        for _ in 0..100_000 {
            if self.chat.waiting() == callers {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("{} wait, not {callers}", self.chat.waiting());
    }
}

/// Lets every task run as far as it can.
pub(crate) async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

/// A person with every scope of daily use.
pub(crate) fn person(name: &str) -> Actor {
    Actor::person(UserId::from_external("test", name), name)
}
