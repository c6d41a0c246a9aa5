//! The OpenAPI document of this service, made from the code that serves it.

mod answers;
mod params;
mod problems;

use std::sync::LazyLock;

use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};

use super::endpoints::{
    create_room, delete_message, edit_message, get_message, get_room, history, join_room, leave_room, list_edits,
    list_members, list_rooms, mark_read, post_event, post_message, react, remove_member, set_member, sync, update_room,
};

pub(super) use answers::{Event, EventOrNothing, Message, MessagePage, SyncAnswer, Versions};
pub(super) use params::{KeyHeader, MemberPath, MessagePath, ReasonQuery, RoomPath};
pub(super) use problems::{FindProblems, KeyedProblems, ReadProblems, WriteProblems};

#[derive(OpenApi)]
#[openapi(
    info(title = "BarTAB chat", version = "1"),
    tags(
        (name = "rooms", description = "Rooms and their members"),
        (name = "messages", description = "Messages, reactions, custom events and history"),
        (name = "sync", description = "Following everything that one may see"),
    ),
    paths(
        sync::handle,
        create_room::handle,
        list_rooms::handle,
        get_room::handle,
        update_room::handle,
        join_room::handle,
        leave_room::handle,
        list_members::handle,
        set_member::handle,
        remove_member::handle,
        mark_read::handle,
        post_event::handle,
        post_message::handle,
        history::handle,
        get_message::handle,
        edit_message::handle,
        delete_message::handle,
        list_edits::handle,
        react::handle_put,
        react::handle_delete,
    ),
    components(schemas(problems::Problem)),
    security(("bearer" = [])),
)]
struct Document;

static DOCUMENT: LazyLock<serde_json::Value> = LazyLock::new(|| {
    let mut document = Document::openapi();
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
    document.components.get_or_insert_default().add_security_scheme("bearer", SecurityScheme::Http(bearer));
    serde_json::to_value(document).unwrap_or_default()
});

/// The OpenAPI 3.1 document of [`ChatService`](crate::ChatService), to be served or merged with others.
pub fn openapi() -> serde_json::Value {
    DOCUMENT.clone()
}
