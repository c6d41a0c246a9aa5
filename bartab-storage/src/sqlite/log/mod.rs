//! The log.

mod append;
mod page;
mod read;
mod rebuild;
mod row;
mod views;

use std::pin::Pin;
use std::task::{Context, Poll};

use async_trait::async_trait;
use bartab_core::event::{Digest, KeyHash, Record};
use bartab_core::store::{Audience, Batch, EventLog, Head, HeadStream, MessageRow, PageQuery, StoreError};
use bartab_core::{EventId, RoomId, Timestamp, UserId};
use futures_core::Stream;

pub(super) use row::{array, optional_array};

use super::SqliteStore;
use super::keys::Place;
use super::readers::snapshot;

#[async_trait]
impl EventLog for SqliteStore {
    async fn head(&self) -> Result<Head, StoreError> {
        // Who asks for the head may want to know what became of an append.
        self.0.writer.settle().await?;
        let last = self.read(read::last).await?;
        Ok(last.map_or_else(
            || Head { seq: 0, digest: self.0.genesis, time: Timestamp::default() },
            |last| Head { seq: last.seq(), digest: last.digest(), time: last.envelope.time() },
        ))
    }

    async fn genesis(&self) -> Result<Digest, StoreError> {
        Ok(self.0.genesis)
    }

    async fn append(&self, expected_head: u64, batch: Batch) -> Result<(), StoreError> {
        self.write(move |work| append::append(work, expected_head, &batch)).await
    }

    async fn get(&self, seqs: &[u64]) -> Result<Vec<Option<Record>>, StoreError> {
        self.0.writer.settle().await?;
        let seqs = seqs.to_vec();
        self.read(move |conn| snapshot(conn, || read::get(conn, &seqs))).await
    }

    async fn scan(&self, after: u64, limit: usize) -> Result<Vec<Record>, StoreError> {
        self.read(move |conn| read::scan(conn, after, limit)).await
    }

    async fn read(&self, after: u64, until: u64, audience: &Audience, limit: usize) -> Result<Vec<Record>, StoreError> {
        let audience = audience.clone();
        SqliteStore::read(self, move |conn| snapshot(conn, || read::read(conn, after, until, &audience, limit))).await
    }

    async fn related(&self, target: EventId, after: u64, limit: usize) -> Result<Vec<Record>, StoreError> {
        self.read(move |conn| read::related(conn, target, after, limit)).await
    }

    async fn room_page(&self, query: PageQuery) -> Result<Vec<MessageRow>, StoreError> {
        self.read(move |conn| snapshot(conn, || page::room_page(conn, &query))).await
    }

    async fn messages(&self, seqs: &[u64]) -> Result<Vec<Option<MessageRow>>, StoreError> {
        let seqs = seqs.to_vec();
        self.read(move |conn| snapshot(conn, || page::messages(conn, &seqs))).await
    }

    async fn reacted(&self, user: UserId, targets: &[u64]) -> Result<Vec<(u64, String)>, StoreError> {
        let mut targets = targets.to_vec();
        targets.sort_unstable();
        targets.dedup();
        self.read(move |conn| snapshot(conn, || page::reacted(conn, user, &targets))).await
    }

    async fn mention_counts(&self, user: UserId, rooms: &[(RoomId, u64)]) -> Result<Vec<u64>, StoreError> {
        let rooms = rooms.to_vec();
        self.read(move |conn| snapshot(conn, || page::mention_counts(conn, user, &rooms))).await
    }

    async fn find_keys(&self, keys: &[KeyHash]) -> Result<Vec<Option<u64>>, StoreError> {
        self.0.writer.settle().await?;
        // Memory first: a key leaves it only when the index has it, so a later look into the file finds what moved.
        let places = self.0.keys.places(keys);
        let asked = keys.iter().zip(&places).filter(|(_, place)| matches!(place, Place::Index));
        let asked: Vec<KeyHash> = asked.map(|(key, _)| *key).collect();
        let mut indexed = Vec::new();
        if !asked.is_empty() {
            if self.0.keys.looked_up(asked.len()) {
                self.build_filter();
            }
            indexed = self.read(move |conn| snapshot(conn, || read::find_keys(conn, &asked))).await?;
        }
        let mut indexed = indexed.into_iter();
        let position = |place| match place {
            Place::At(seq) => Some(seq),
            Place::Nowhere => None,
            Place::Index => indexed.next().flatten(),
        };
        Ok(places.into_iter().map(position).collect())
    }

    fn surely_unknown(&self, keys: &[KeyHash]) -> bool {
        !self.0.writer.in_doubt() && self.0.keys.surely_unknown(keys)
    }

    async fn rebuild_views(&self) -> Result<(), StoreError> {
        self.write(|work| rebuild::rebuild(work.conn)).await
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
