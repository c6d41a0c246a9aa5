//! `POST /v1/rooms`

use http::StatusCode;

use crate::chat::RoomDraft;
use crate::service::openapi::{KeyHeader, KeyedProblems};
use crate::service::request::{Answer, Caller, Payload, json_of};
use crate::wire::RoomJson;

/// Make a room; its maker is the owner, everyone named is invited.
#[utoipa::path(
    post, path = "/v1/rooms", tag = "rooms", operation_id = "create_room", request_body = RoomDraft,
    params(KeyHeader),
    responses(
        (status = 201, description = "The room", body = RoomJson),
        KeyedProblems,
    ),
    security(("bearer" = [])),
)]
pub(in crate::service) async fn handle(caller: Caller, payload: Payload) -> Answer {
    let draft: RoomDraft = payload.json()?;
    let (_, room) = caller.chat.create_room_once(&caller.actor, draft, payload.key()).await?;
    json_of(StatusCode::CREATED, &room)
}
