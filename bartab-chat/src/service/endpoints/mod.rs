//! One endpoint a file, each opening with its route.

pub(super) mod create_room;
pub(super) mod delete_message;
pub(super) mod edit_message;
pub(super) mod get_message;
pub(super) mod get_room;
pub(super) mod history;
pub(super) mod join_room;
pub(super) mod leave_room;
pub(super) mod list_edits;
pub(super) mod list_members;
pub(super) mod list_rooms;
pub(super) mod mark_read;
pub(super) mod post_event;
pub(super) mod post_message;
pub(super) mod react;
pub(super) mod remove_member;
pub(super) mod room_permissions;
pub(super) mod set_member;
pub(super) mod sync;
pub(super) mod update_room;
