//! The OpenAPI document of this service, made from the code that serves it.

mod answers;
mod params;
mod problems;

use std::sync::LazyLock;

use serde_json::Value;
use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};

use super::endpoints::{
    create_room, delete_message, edit_message, get_message, get_room, history, join_room, leave_room, list_edits,
    list_members, list_rooms, mark_read, post_event, post_message, react, remove_member, room_permissions, set_member,
    sync, update_room,
};

pub(super) use answers::{Event, EventOrNothing, Message, MessagePage, SyncAnswer, Users, Versions};
pub(super) use params::{KeyHeader, MemberPath, MessagePath, ReasonQuery, RoomPath};
pub(super) use problems::{FindProblems, KeyedProblems, PostProblems, ReadProblems, WriteProblems};

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
        room_permissions::handle,
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

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let mut document = Document::openapi();
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
    document.components.get_or_insert_default().add_security_scheme("bearer", SecurityScheme::Http(bearer));
    let mut document = serde_json::to_value(document).unwrap_or_default();
    // A custom event may look like any other, so one content can be of several shapes.
    if let Some(Value::Object(content)) = document.pointer_mut("/components/schemas/EventContent")
        && let Some(shapes) = content.remove("oneOf")
    {
        content.insert("anyOf".to_owned(), shapes);
    }
    let paths = document.get_mut("paths").and_then(Value::as_object_mut).into_iter().flat_map(|it| it.values_mut());
    let operations = paths.filter_map(Value::as_object_mut).flat_map(|path| path.values_mut());
    let parameters = operations.filter_map(|it| it.get_mut("parameters")?.as_array_mut()).flatten();
    parameters.filter_map(|parameter| parameter.get_mut("schema")).for_each(never_null);
    document
});

/// A parameter is there or not, but never null.
fn never_null(schema: &mut Value) {
    let is_null = |option: &Value| option == "null" || option["type"] == "null";
    for word in ["type", "oneOf"] {
        let Some(options) = schema.get_mut(word).and_then(Value::as_array_mut) else { continue };
        options.retain(|option| !is_null(option));
        match (options.pop(), options.is_empty()) {
            (Some(only), true) if word == "type" => schema[word] = only,
            (Some(only), true) => *schema = only,
            (Some(last), false) => options.push(last),
            (None, _) => {}
        }
    }
}

/// The OpenAPI 3.1 document of [`ChatService`](crate::ChatService), to be served or merged with others.
pub fn openapi() -> Value {
    DOCUMENT.clone()
}
