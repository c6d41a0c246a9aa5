//! `POST /v1/rooms/{room}/messages`

use bartab_core::RoomId;

use crate::chat::MessageDraft;
use crate::service::openapi::{Event, KeyHeader, PostProblems, RoomPath};
use crate::service::request::{Answer, Caller, Ids, Payload, appended};

/// Post a message; durable, and on its way to everyone who may read it, when this answers.
#[utoipa::path(
    post, path = "/v1/rooms/{room}/messages", tag = "messages", operation_id = "post_message", request_body = MessageDraft,
    params(RoomPath, KeyHeader),
    responses(
        (status = 201, description = "The event", body = Event),
        PostProblems,
    ),
    security(("bearer" = [])),
)]
pub(in crate::service) async fn handle(caller: Caller, Ids((room,)): Ids<(RoomId,)>, payload: Payload) -> Answer {
    appended(&caller.chat.post_message_once(&caller.actor, room, payload.json::<MessageDraft>()?, payload.key()).await?)
}
