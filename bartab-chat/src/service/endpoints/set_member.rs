//! `PUT /v1/rooms/{room}/members/{user}`

use bartab_core::event::RoomRole;
use bartab_core::{Problem, RoomId, UserId};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::model::MemberChange;
use crate::service::openapi::{EventOrNothing, MemberPath, WriteProblems};
use crate::service::request::{Answer, Caller, Failure, Ids, Payload, appended};
use crate::service::words;

/// What is to change about a member: a membership, a role, or an invitation with a role.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MemberUpdate)]
struct Change {
    #[serde(default)]
    membership: Option<Wanted>,
    #[serde(default)]
    #[schema(value_type = Option<words::RoomRole>)]
    role: Option<RoomRole>,
    #[serde(default)]
    #[schema(max_length = 500)]
    reason: Option<String>,
}

/// The membership that somebody is to have.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = WantedMembership)]
enum Wanted {
    Invited,
    Banned,
}

impl Change {
    fn wanted(&self) -> Result<MemberChange, Failure> {
        match (self.membership, self.role) {
            (Some(Wanted::Invited), role) => Ok(MemberChange::Invite { role }),
            (Some(Wanted::Banned), None) => Ok(MemberChange::Ban),
            (None, Some(role)) => Ok(MemberChange::Role(role)),
            (Some(Wanted::Banned), Some(_)) => {
                Err(Problem::invalid_field("/role", "invalid", "who is banned has no role").into())
            }
            (None, None) => Err(Problem::invalid_field("", "missing", "a membership or a role").into()),
        }
    }
}

/// Invite or ban somebody, or change a member's role.
#[utoipa::path(
    put, path = "/v1/rooms/{room}/members/{user}", tag = "rooms", operation_id = "set_member", request_body = Change,
    params(MemberPath),
    responses(
        (status = 200, description = "The event; `{}` when nothing changed", body = EventOrNothing),
        WriteProblems,
    ),
    security(("bearer" = [])),
)]
pub(in crate::service) async fn handle(
    caller: Caller,
    Ids((room, user)): Ids<(RoomId, UserId)>,
    payload: Payload,
) -> Answer {
    let change: Change = payload.json()?;
    let wanted = change.wanted()?;
    appended(&caller.chat.set_member(&caller.actor, room, user, wanted, change.reason).await?)
}
