//! The words that go with the state: names of people and rooms, folded from content as the state is from facts.
//!
//! They stand apart because state snapshots hold no content; after a snapshot they are read from the rows that the
//! state points to.

use std::sync::Arc;

use bartab_core::event::{Content, Event, ProfileContent};
use bartab_core::store::{EventLog, StoreError};
use bartab_core::{RoomId, UserId};

use crate::model::TenantState;

/// How many rows are read at a time.
const STEP: usize = 500;

/// The words of a room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RoomText {
    pub(crate) name: String,
    pub(crate) topic: Option<String>,
}

/// Names of people and rooms at one position of the log. A clone shares everything.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Directory {
    people: imbl::HashMap<UserId, Arc<ProfileContent>>,
    rooms: imbl::HashMap<RoomId, Arc<RoomText>>,
}

impl Directory {
    /// Advances by the next event of the log.
    pub(crate) fn apply(&mut self, event: &Event) {
        match (&event.content, event.envelope.room) {
            (Some(Content::Profile(profile)), _) => {
                self.people.insert(event.envelope.sender, Arc::new(profile.clone()));
            }
            (Some(Content::Room(words)), Some(room)) => {
                let text = Arc::make_mut(self.rooms.entry(room).or_default());
                if let Some(name) = &words.name {
                    text.name.clone_from(name);
                }
                if let Some(topic) = &words.topic {
                    text.topic = Some(topic.clone()).filter(|topic| !topic.is_empty());
                }
            }
            _ => {}
        }
    }

    /// The profile of somebody; empty when it was erased.
    pub(crate) fn profile(&self, user: UserId) -> Option<&ProfileContent> {
        self.people.get(&user).map(Arc::as_ref)
    }

    /// The words of a room.
    pub(crate) fn room(&self, room: RoomId) -> Option<&RoomText> {
        self.rooms.get(&room).map(Arc::as_ref)
    }

    /// Reads the words that `state` points to.
    pub(crate) async fn load(state: &TenantState, log: &dyn EventLog) -> Result<Self, StoreError> {
        let rooms = state.rooms.values().flat_map(|room| [room.name, room.topic]);
        let mut seqs: Vec<u64> = state.people.values().map(|person| person.profile).chain(rooms).collect();
        seqs.sort_unstable();
        seqs.dedup();
        let mut directory = Self::default();
        for step in seqs.chunks(STEP) {
            for record in log.get(step).await?.into_iter().flatten() {
                directory.apply(&record.to_event().map_err(StoreError::backend)?);
            }
        }
        Ok(directory)
    }
}
