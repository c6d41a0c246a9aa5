//! How events, messages and rooms look to a client.

mod event;
mod message;
mod permissions;
mod room;

pub(crate) use event::encode_event;
pub(crate) use message::{MessageJson, message_json};
pub(crate) use permissions::{RoomNeedsJson, RoomPermissionJson, RoomPermissionsJson};
pub(crate) use room::{MemberJson, ProfileJson, RoomJson, UsersJson, users_json};
