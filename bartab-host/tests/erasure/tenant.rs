//! A tenant's chat on a real file, and everything that can be read of it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bartab_chat::{Chat, ChatStores, Config, HistoryQuery, RoomDraft, SyncFilter, SyncQuery};
use bartab_core::store::{Attachment, Claimed, Direction, MediaClaims, StoreError};
use bartab_core::{Actor, EventId, MediaId, RoomId, SystemClock, SystemRandom, UserId};
use bartab_storage::sqlite::{SqliteOptions, SqliteStore};
use serde_json::Value;
use tempfile::TempDir;

use crate::needles::needle;

#[derive(Clone)]
pub(crate) struct Tenant {
    pub(crate) chat: Chat,
    pub(crate) store: SqliteStore,
    beginning: String,
    folder: Arc<TempDir>,
}

impl Tenant {
    /// A new one.
    pub(crate) async fn open() -> Self {
        Self::on(Arc::new(tempfile::tempdir().unwrap()), None).await
    }

    async fn on(folder: Arc<TempDir>, beginning: Option<String>) -> Self {
        let path = folder.path().join("tenant.db");
        let store = SqliteStore::open(path, SqliteOptions::default(), &SystemRandom).await.unwrap();
        let ports = Arc::new(store.clone());
        let stores = ChatStores { log: ports.clone(), markers: ports.clone(), snapshots: Some(ports) };
        let config = Config { snapshot_every: 50, ..Config::default() };
        let chat = Chat::open(stores, config, Arc::new(SystemClock), Arc::new(SystemRandom)).await.unwrap();
        chat.use_media(Arc::new(MarkedFiles));
        Self { chat, store, beginning: beginning.unwrap_or_default(), folder }
    }

    /// Closes it and opens it again.
    pub(crate) async fn reopen(self) -> Self {
        self.chat.close().await;
        self.store.close().await;
        Self::on(self.folder, Some(self.beginning)).await
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A room of the two. What comes after it is what [`Tenant::sync_from_the_beginning`] gives.
    pub(crate) async fn room(&mut self, owner: &Arc<Actor>, member: &Arc<Actor>) -> RoomId {
        let room = self.chat.create_room(owner, RoomDraft::public("room")).await.unwrap();
        self.chat.join(member, room).await.unwrap();
        let snapshot: Value = serde_json::from_slice(&self.sync(member).await).unwrap();
        self.beginning = snapshot["next"].as_str().unwrap().to_owned();
        room
    }

    /// A snapshot.
    pub(crate) async fn sync(&self, reader: &Arc<Actor>) -> Vec<u8> {
        self.chat.sync(reader, &query(None)).await.unwrap().to_vec()
    }

    /// Every event since the room was made, as JSON.
    pub(crate) async fn sync_from_the_beginning(&self, reader: &Arc<Actor>) -> Vec<u8> {
        let mut since = self.beginning.clone();
        let mut all = Vec::new();
        loop {
            let json = self.chat.sync(reader, &query(Some(&since))).await.unwrap();
            all.extend_from_slice(&json);
            let answer: Value = serde_json::from_slice(&json).unwrap();
            assert!(answer["reset"].is_null());
            if answer["more"] != true {
                return all;
            }
            since = answer["next"].as_str().unwrap().to_owned();
        }
    }

    /// Every page of the room's history, as JSON.
    pub(crate) async fn history(&self, reader: &Actor, room: RoomId) -> Vec<u8> {
        let mut from: Option<EventId> = None;
        let mut all = Vec::new();
        loop {
            let page = HistoryQuery { direction: Direction::Backward, from, limit: 50 };
            let json = self.chat.history(reader, room, page).await.unwrap();
            all.extend_from_slice(&json);
            let page: Value = serde_json::from_slice(&json).unwrap();
            if page["has_more"] != true {
                return all;
            }
            from = Some(page["end"].as_str().unwrap().parse().unwrap());
        }
    }
}

/// Files of everybody's whose id is their mark, which their name and their blurhash hold.
struct MarkedFiles;

#[async_trait]
impl MediaClaims for MarkedFiles {
    async fn claim(&self, _: &Actor, media: &[MediaId]) -> Result<Claimed, StoreError> {
        let granted = media.iter().map(|media_id| {
            let mark = needle(u64::try_from(media_id.as_u128()).unwrap());
            Attachment {
                media_id: *media_id,
                filename: Some(format!("{mark}.png")),
                mime: "image/png".to_owned(),
                size: 1,
                width: Some(1),
                height: Some(1),
                blurhash: Some(mark),
            }
        });
        Ok(Claimed::Granted(granted.collect()))
    }
}

/// Somebody.
pub(crate) fn person(name: &str) -> Arc<Actor> {
    Arc::new(Actor::person(UserId::from_external("test", name), name))
}

fn query(since: Option<&str>) -> SyncQuery {
    SyncQuery {
        since: since.map(|since| since.parse().unwrap()),
        timeout: Duration::ZERO,
        limit: 100,
        filter: SyncFilter::default(),
        max_behind: None,
    }
}
