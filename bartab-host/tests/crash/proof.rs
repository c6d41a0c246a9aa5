//! What must hold after the last kill.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use bartab_core::event::{KeyHash, Record};
use bartab_core::store::{EventLog as _, verify_log};
use bartab_core::{RoomId, SystemRandom};
use bartab_host::DataFolder;
use bartab_storage::sqlite::{SqliteOptions, SqliteStore};
use serde_json::Value;

use crate::client::Person;
use crate::needles;
use crate::reader::Seen;
use crate::sender::{Message, Sent};

pub(crate) struct Proof {
    pub(crate) room: Arc<str>,
    pub(crate) sent: Vec<Sent>,
    pub(crate) followed: Vec<Vec<Seen>>,
}

/// The room's rows, in the order of the log.
pub(crate) struct Log(Vec<Record>);

impl Proof {
    fn messages(&self) -> impl Iterator<Item = &Message> {
        self.sent.iter().flat_map(|sent| &sent.messages)
    }

    /// Opens the dead server's files: the chain verifies, every key is there once, every live reader saw this order.
    pub(crate) async fn of_the_files(&self, folder: &Path) -> Log {
        let data = DataFolder::open(&folder.join("data")).unwrap();
        let [tenant] = &data.names().unwrap()[..] else { panic!("one tenant") };
        self.nothing_deleted_is_left(&data.tenant(tenant));
        let store = SqliteStore::open(data.store(tenant), SqliteOptions::default(), &SystemRandom).await.unwrap();
        let head = verify_log(&store).await.unwrap();
        let mut all = Vec::new();
        while (all.len() as u64) < head.seq {
            all.extend(store.scan(all.len() as u64, 1_000).await.unwrap());
        }
        store.close().await;

        self.every_key_is_there_once(&all);
        let room: RoomId = self.room.parse().unwrap();
        all.retain(|record| record.envelope.room == Some(room));
        let numbers = all.iter().filter_map(|record| record.envelope.number);
        assert!(numbers.eq(1..=self.messages().count() as u64 + 1), "the numbers have gaps, or there are too many");
        let log = Log(all);
        for followed in &self.followed {
            log.is_what_was_read(followed);
            self.texts_are_those_that_were_sent(followed);
        }
        log
    }

    /// Neither in the database nor in its journal, though the process had no time to tidy up.
    fn nothing_deleted_is_left(&self, folder: &Path) {
        let left = needles::in_files(folder);
        for message in self.messages() {
            // The latest version of what was not deleted is there, so the search finds what there is.
            assert_eq!(
                message.deleted,
                message.marks.last().is_none_or(|mark| !left.contains(mark)),
                "{}",
                message.key
            );
            assert!(!message.deleted || message.marks.iter().all(|mark| !left.contains(mark)), "{}", message.key);
        }
    }

    fn every_key_is_there_once(&self, all: &[Record]) {
        let mut by_key = HashMap::new();
        for record in all {
            let Some(idempotency) = &record.idempotency else { continue };
            let before = by_key.insert(idempotency.key, record);
            assert!(before.is_none(), "a key is there twice: {record:?}");
        }
        for sent in &self.sent {
            let user = sent.user_id.parse().unwrap();
            for message in &sent.messages {
                let record = by_key.get(&KeyHash::new(user, &message.key));
                let record = record.unwrap_or_else(|| panic!("acknowledged and lost: {}", message.event_id));
                assert_eq!(record.envelope.id.to_string(), message.event_id);
                assert_eq!(record.envelope.number, Some(message.number));
                assert_eq!(record.seq(), message.seq);
                assert_eq!(record.is_erased(), message.deleted, "{record:?}");
            }
        }
    }

    fn texts_are_those_that_were_sent(&self, seen: &[Seen]) {
        let mut acknowledged: BTreeMap<&str, &Message> = BTreeMap::new();
        for message in self.messages() {
            let twice = acknowledged.insert(&message.event_id, message);
            assert!(twice.is_none(), "two keys were answered with {}", message.event_id);
        }
        for event in seen.iter().filter(|event| event.event_type == "message.created") {
            let (Some(message), Some(text)) = (acknowledged.get(event.event_id.as_str()), &event.text) else {
                continue;
            };
            assert!(text.starts_with(&format!("{} ", message.key)), "{event:?}");
            assert!(message.deleted || message.text.contains("edited") || *text == message.text, "{event:?}");
        }
    }

    /// Somebody who reads everything in the end reads what those did who were there, without what was deleted.
    pub(crate) fn of_a_late_reader(&self, log: &Log, late: &[Seen]) {
        log.is_what_was_read(late);
        let deleted: HashSet<&str> =
            self.messages().filter(|message| message.deleted).map(|message| message.event_id.as_str()).collect();
        for event in late.iter().filter(|event| event.event_type == "message.created") {
            assert_eq!(event.text.is_none(), deleted.contains(event.event_id.as_str()), "{event:?}");
        }
        self.texts_are_those_that_were_sent(late);
    }

    /// Every message stands in the history once, as it was last left, whichever way the history is walked.
    pub(crate) async fn of_the_history(&self, person: &Person) {
        let forward = walk(person, &self.room, 'f').await;
        let mut backward = walk(person, &self.room, 'b').await;
        backward.reverse();
        assert_eq!(forward, backward);
        let mut messages: Vec<&Message> = self.messages().collect();
        messages.sort_by_key(|message| message.number);
        assert_eq!(forward.len(), messages.len() + 1, "and one says that this is the end");
        for (shown, message) in forward.iter().zip(messages) {
            assert_eq!(shown["event_id"], message.event_id);
            assert_eq!(shown["number"], message.number);
            assert_eq!(shown["deleted"], message.deleted, "{shown}");
            assert_eq!(shown["text"], if message.deleted { "" } else { &message.text }, "{shown}");
        }
    }

    /// How much was proved.
    pub(crate) fn summary(&self, log: &Log) -> String {
        let retried: u64 = self.sent.iter().map(|sent| sent.retried).sum();
        let deleted = self.messages().filter(|message| message.deleted).count();
        format!(
            "{} messages acknowledged, {retried} of them sent more than once, {deleted} deleted, 0 lost, 0 twice, \
             {} events in the room, read alike by {} readers",
            self.messages().count(),
            log.0.len(),
            self.followed.len() + 1,
        )
    }
}

impl Log {
    /// A reader got every row of the room from its first one on, in this order, and nothing else.
    fn is_what_was_read(&self, seen: &[Seen]) {
        let first = seen.first().map_or(u64::MAX, |event| event.seq);
        let rows: Vec<&Record> = self.0.iter().filter(|record| record.seq() >= first).collect();
        assert_eq!(rows.len(), seen.len(), "a reader got more or less than there is");
        for (row, event) in rows.into_iter().zip(seen) {
            let envelope = &row.envelope;
            assert_eq!(
                (envelope.seq(), &envelope.id.to_string(), envelope.event_type.name()),
                (event.seq, &event.event_id, &*event.event_type)
            );
            assert_eq!((&envelope.sender.to_string(), envelope.number), (&event.sender, event.number));
        }
    }
}

async fn walk(person: &Person, room: &str, dir: char) -> Vec<Value> {
    let first = format!("/v1/rooms/{room}/messages?dir={dir}&limit=200");
    let mut path = first.clone();
    let mut walked = Vec::new();
    loop {
        let page = person.get(&path).await;
        walked.extend(page["items"].as_array().unwrap().iter().cloned());
        if page["has_more"] != true {
            return walked;
        }
        path = format!("{first}&from={}", page["end"].as_str().unwrap());
    }
}
