//! Rooms, members and profiles as a client reads them.

use std::collections::{BTreeMap, BTreeSet};

use bartab_core::event::{History, PersonKind, PersonState, RoomKind, RoomRole, Visibility};
use bartab_core::{EventId, GroupId, MediaId, RoomId, Timestamp, UserId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::hub::Published;
use crate::service::words;

/// A room as one reader sees it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Room)]
pub(crate) struct RoomJson {
    #[schema(value_type = words::RoomId)]
    pub(crate) room_id: RoomId,
    #[schema(value_type = words::RoomKind)]
    pub(crate) kind: RoomKind,
    pub(crate) name: String,
    #[schema(required)]
    pub(crate) topic: Option<String>,
    #[schema(value_type = words::Visibility)]
    pub(crate) visibility: Visibility,
    #[schema(value_type = words::History)]
    pub(crate) history: History,
    #[schema(value_type = Option<words::GroupId>, required)]
    pub(crate) group_id: Option<GroupId>,
    #[schema(value_type = words::Time)]
    pub(crate) created_at: Timestamp,
    /// How many have joined.
    pub(crate) member_count: u64,
    /// The reader's membership: `joined`, `invited`, or null.
    #[schema(value_type = Option<String>, required)]
    pub(crate) membership: Option<&'static str>,
    /// The reader's role; null without a membership.
    #[schema(value_type = Option<words::RoomRole>, required)]
    pub(crate) role: Option<RoomRole>,
    /// The number of the last message; 0 before the first.
    pub(crate) last_number: u64,
    /// The number of the last message that the reader has read.
    pub(crate) read_number: u64,
    /// `last_number - read_number`.
    pub(crate) unread: u64,
    /// How many of the unread messages call the reader.
    pub(crate) mentions: u64,
    #[schema(value_type = words::EventId)]
    pub(crate) last_event_id: EventId,
    #[schema(value_type = Option<Object>, required)]
    pub(crate) limits: Option<()>,
}

/// A member of a room.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Member)]
pub(crate) struct MemberJson {
    #[schema(value_type = words::UserId)]
    pub(crate) user_id: UserId,
    /// `joined`, `invited` or `banned`.
    pub(crate) membership: &'static str,
    #[schema(value_type = words::RoomRole)]
    pub(crate) role: RoomRole,
}

/// A public profile.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Profile)]
pub(crate) struct ProfileJson {
    pub(crate) display_name: String,
    #[schema(value_type = Option<words::MediaId>, required)]
    pub(crate) avatar: Option<MediaId>,
    #[schema(value_type = words::PersonKind)]
    pub(crate) kind: PersonKind,
    /// There, and true, when the person is gone; the name is empty then.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(value_type = Option<bool>, required = false, nullable = false)]
    pub(crate) deleted: bool,
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
            deleted: person.state == PersonState::Erased,
        };
        Some((*user, profile))
    };
    users.iter().filter_map(profile).collect()
}
