//! `POST /v1/rooms/{room}/events`

use bartab_core::RoomId;

use crate::chat::CustomDraft;
use crate::service::openapi::{Event, KeyHeader, KeyedProblems, RoomPath};
use crate::service::request::{Answer, Caller, Ids, Payload, appended};

/// Post an event of one's own type.
#[utoipa::path(
    post, path = "/v1/rooms/{room}/events", tag = "messages", operation_id = "post_event", request_body = CustomDraft,
    params(RoomPath, KeyHeader),
    responses(
        (status = 201, description = "The event", body = Event),
        KeyedProblems,
    ),
    security(("bearer" = [])),
)]
pub(in crate::service) async fn handle(caller: Caller, Ids((room,)): Ids<(RoomId,)>, payload: Payload) -> Answer {
    appended(&caller.chat.post_custom(&caller.actor, room, payload.json::<CustomDraft>()?, payload.key()).await?)
}
