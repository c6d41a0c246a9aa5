//! What a reader begins with: rooms and their latest messages, as of one token.

use std::collections::BTreeSet;

use bartab_core::store::{Direction, MessageRow, PageQuery};
use bartab_core::{Actor, RoomId};
use serde::Serialize;

use super::Chat;
use super::history::people;
use super::sync::ANSWER_BYTES;
use crate::error::{ChatError, CorruptLog};
use crate::hub::Published;
use crate::sync::{Answer, SyncToken, join_events};
use crate::wire::{MessageJson, RoomJson, UsersJson, users_json};

/// Rooms of a snapshot that come with their latest messages, at most.
const TIMELINES: usize = 200;

/// About how many bytes of an answer a message takes.
fn row_bytes(row: &MessageRow) -> usize {
    let content = row.record.content.as_ref().map_or(0, |content| content.json.len());
    512 + row.view.as_ref().map_or(content, bytes::Bytes::len)
}

#[derive(Serialize)]
struct SnapshotJson<'a> {
    me: MeJson,
    rooms: Vec<TimelineJson<'a>>,
    groups: [(); 0],
    friends: [(); 0],
    users: UsersJson,
}

#[derive(Serialize)]
struct MeJson {
    user_id: bartab_core::UserId,
    display_name: String,
    avatar: Option<bartab_core::MediaId>,
}

#[derive(Serialize)]
struct TimelineJson<'a> {
    #[serde(flatten)]
    room: RoomJson,
    timeline: Vec<MessageJson<'a>>,
}

impl Chat {
    /// `,"rooms":[…],"users":{…}` with rooms that the actor has just joined, each with its timeline.
    pub(super) async fn joined_rooms(
        &self,
        published: &Published,
        actor: &Actor,
        rooms: &[RoomId],
    ) -> Result<Vec<u8>, ChatError> {
        let rooms = self.rooms_json(published, actor, rooms).await?;
        let timelines = self.timelines(published, actor, &rooms).await?;
        let mut everyone = BTreeSet::new();
        let rooms = self.with_timelines(actor, rooms, &timelines, &mut everyone).await?;
        let mut json = br#","rooms":"#.to_vec();
        serde_json::to_writer(&mut json, &rooms).map_err(CorruptLog::Encode)?;
        json.extend_from_slice(br#","users":"#);
        serde_json::to_writer(&mut json, &users_json(published, &everyone)).map_err(CorruptLog::Encode)?;
        Ok(json)
    }

    /// Everything that the actor needs to begin, all of it as of the token that it carries.
    pub(super) async fn snapshot(&self, actor: &Actor, reset: bool) -> Result<Answer, ChatError> {
        let published = self.published();
        let next = SyncToken::new(published.head.seq, &published.head.digest);
        let rooms: Vec<RoomId> = published.state.people.get(&actor.user_id).map_or_else(Vec::new, |person| {
            person.rooms.iter().copied().filter(|room| published.state.access(actor, *room).is_some()).collect()
        });
        let rooms = self.rooms_json(&published, actor, &rooms).await?;
        let timelines = self.timelines(&published, actor, &rooms).await?;
        let mut everyone = BTreeSet::from([actor.user_id]);
        let rooms = self.with_timelines(actor, rooms, &timelines, &mut everyone).await?;
        let snapshot = SnapshotJson {
            me: MeJson {
                user_id: actor.user_id,
                display_name: actor.profile.name.as_ref().to_owned(),
                avatar: actor.profile.avatar,
            },
            rooms,
            groups: [],
            friends: [],
            users: users_json(&published, &everyone),
        };
        let mut extra = if reset { br#","reset":true,"snapshot":"#.to_vec() } else { br#","snapshot":"#.to_vec() };
        serde_json::to_writer(&mut extra, &snapshot).map_err(CorruptLog::Encode)?;
        Ok(Answer { empty: false, ..join_events(next, &[], false, &extra) })
    }

    /// The latest messages of each room, oldest first, none past the published head. Rooms of late are served first:
    /// when the answer is full, the others come without messages.
    async fn timelines(
        &self,
        published: &Published,
        actor: &Actor,
        rooms: &[RoomJson],
    ) -> Result<Vec<Vec<MessageRow>>, ChatError> {
        let mut timelines = vec![Vec::new(); rooms.len()];
        let mut order: Vec<usize> = (0..rooms.len()).collect();
        order.sort_unstable_by_key(|index| std::cmp::Reverse(rooms.get(*index).map(|room| room.last_event_id)));
        let mut left = ANSWER_BYTES;
        for index in order.into_iter().take(TIMELINES) {
            let (Some(room), Some(timeline)) = (rooms.get(index), timelines.get_mut(index)) else { continue };
            let access = published.state.access(actor, room.room_id);
            let since = access.filter(|access| access.joined.is_some()).and_then(|access| access.readable_since());
            let Some(since) = since else { continue };
            let from = Some(published.head.seq + 1);
            let limit = self.inner.config.timeline;
            let query = PageQuery { room: room.room_id, direction: Direction::Backward, from, since, limit };
            let mut rows = self.inner.stores.log.room_page(query).await?;
            let bytes: usize = rows.iter().map(row_bytes).sum();
            if bytes > left {
                break;
            }
            left -= bytes;
            rows.reverse();
            *timeline = rows;
        }
        Ok(timelines)
    }

    async fn with_timelines<'a>(
        &self,
        actor: &Actor,
        rooms: Vec<RoomJson>,
        timelines: &'a [Vec<MessageRow>],
        everyone: &mut BTreeSet<bartab_core::UserId>,
    ) -> Result<Vec<TimelineJson<'a>>, ChatError> {
        let mut shown = Vec::with_capacity(rooms.len());
        for (room, rows) in rooms.into_iter().zip(timelines) {
            let timeline = self.messages_json(actor, rows).await?;
            everyone.extend(people(&timeline));
            shown.push(TimelineJson { room, timeline });
        }
        Ok(shown)
    }
}
