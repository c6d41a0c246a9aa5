//! Every route of the chat service.

use std::sync::LazyLock;

use axum::Router;
use axum::routing::{MethodRouter, get, post, put};
use bartab_core::Problem;

use super::endpoints::{
    create_room, delete_message, edit_message, get_message, get_room, history, join_room, leave_room, list_edits,
    list_members, list_rooms, mark_read, post_event, post_message, react, remove_member, room_permissions, set_member,
    sync, update_room,
};
use super::request::Failure;

/// The one route table of the program, shared by every tenant: the chat comes with the request.
static ROUTER: LazyLock<Router> = LazyLock::new(|| {
    Router::new()
        .route("/v1/sync", get(sync::handle))
        .route("/v1/rooms", post(create_room::handle).get(list_rooms::handle))
        .route("/v1/rooms/{room}", get(get_room::handle).patch(update_room::handle))
        .route("/v1/rooms/{room}/join", post(join_room::handle))
        .route("/v1/rooms/{room}/leave", post(leave_room::handle))
        .route("/v1/rooms/{room}/members", get(list_members::handle))
        .route("/v1/rooms/{room}/members/{user}", put(set_member::handle).delete(remove_member::handle))
        .route("/v1/rooms/{room}/permissions", get(room_permissions::handle))
        .route("/v1/rooms/{room}/receipt", put(mark_read::handle))
        .route("/v1/rooms/{room}/events", post(post_event::handle))
        .route("/v1/rooms/{room}/messages", post(post_message::handle).get(history::handle))
        .route("/v1/rooms/{room}/messages/{event}", message())
        .route("/v1/rooms/{room}/messages/{event}/edits", get(list_edits::handle))
        .route(
            "/v1/rooms/{room}/messages/{event}/reactions/{emoji}",
            put(react::handle_put).delete(react::handle_delete),
        )
        .fallback(async || Failure::from(Problem::not_found("route.not_found")))
        .method_not_allowed_fallback(async || {
            Failure::from(Problem::new(405, "route.method_not_allowed", "This path has no such method"))
        })
});

fn message() -> MethodRouter {
    get(get_message::handle).patch(edit_message::handle).delete(delete_message::handle)
}

/// A handle to the routes.
pub(super) fn router() -> Router {
    ROUTER.clone()
}
