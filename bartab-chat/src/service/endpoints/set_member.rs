//! `PUT /v1/rooms/{room}/members/{user}`

use bartab_core::event::RoomRole;
use bartab_core::{Problem, RoomId, UserId};
use serde::Deserialize;

use crate::model::MemberChange;
use crate::service::request::{Answer, Caller, Failure, Ids, Payload, appended};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    #[serde(default)]
    membership: Option<Wanted>,
    #[serde(default)]
    role: Option<RoomRole>,
    #[serde(default)]
    reason: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
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

pub(in crate::service) async fn handle(
    caller: Caller,
    Ids((room, user)): Ids<(RoomId, UserId)>,
    payload: Payload,
) -> Answer {
    let change: Change = payload.json()?;
    let wanted = change.wanted()?;
    appended(&caller.chat.set_member(&caller.actor, room, user, wanted, change.reason).await?)
}
