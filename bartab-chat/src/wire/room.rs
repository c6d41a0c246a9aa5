//! Rooms, members and profiles as a client reads them.

use std::collections::{BTreeMap, BTreeSet};

use bartab_core::event::{History, PersonKind, RoomKind, RoomRole, Visibility};
use bartab_core::{EventId, GroupId, MediaId, RoomId, Timestamp, UserId};
use serde::Serialize;

use crate::hub::Published;

/// A room as one reader sees it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RoomJson {
    pub(crate) room_id: RoomId,
    pub(crate) kind: RoomKind,
    pub(crate) name: String,
    pub(crate) topic: Option<String>,
    pub(crate) visibility: Visibility,
    pub(crate) history: History,
    pub(crate) group_id: Option<GroupId>,
    pub(crate) created_at: Timestamp,
    pub(crate) member_count: u64,
    /// The reader's membership: `joined`, `invited`, or null.
    pub(crate) membership: Option<&'static str>,
    /// The reader's role; null without a membership.
    pub(crate) role: Option<RoomRole>,
    pub(crate) last_number: u64,
    pub(crate) read_number: u64,
    pub(crate) unread: u64,
    pub(crate) mentions: u64,
    pub(crate) last_event_id: EventId,
    pub(crate) limits: Option<()>,
}

/// A member of a room.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct MemberJson {
    pub(crate) user_id: UserId,
    pub(crate) membership: &'static str,
    pub(crate) role: RoomRole,
}

/// A public profile.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ProfileJson {
    pub(crate) display_name: String,
    pub(crate) avatar: Option<MediaId>,
    pub(crate) kind: PersonKind,
}

/// Profiles by id, as every page carries them.
pub(crate) type UsersJson = BTreeMap<UserId, ProfileJson>;

/// The profiles of these people, as far as they are known.
pub(crate) fn users_json(published: &Published, users: &BTreeSet<UserId>) -> UsersJson {
    let profile = |user: &UserId| {
        let person = published.state.people.get(user)?;
        let words = published.directory.profile(*user);
        let profile = ProfileJson {
            display_name: words.map(|words| words.display_name.clone()).unwrap_or_default(),
            avatar: words.and_then(|words| words.avatar),
            kind: person.kind,
        };
        Some((*user, profile))
    };
    users.iter().filter_map(profile).collect()
}
