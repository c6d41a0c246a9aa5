//! What one is told that one may do is what is decided when one asks for it.

use bartab_chat::model::{Command, MemberChange, Rejection, RoomPermission, RoomReason, TenantState};
use bartab_core::event::RoomRole;
use bartab_core::{Actor, EventId, RoomId, Scope, Scopes, UserId};
use proptest::prelude::*;

use super::acts::{ACTORS, actor, acts, room};
use super::ledger::Ledger;
use super::properties::{config, play};

/// A command that asks for just this permission; `None` when there is nothing in the room to try it on.
fn probe(permission: RoomPermission, ledger: &Ledger, who: &Actor, room: RoomId) -> Option<Command> {
    let reason = None;
    Some(match permission {
        RoomPermission::Join => Command::Join { room },
        RoomPermission::SendMessages => {
            let content = serde_json::value::to_raw_value(&1).unwrap();
            Command::PostCustom { room, event_type: "x.probe".parse().unwrap(), content }
        }
        RoomPermission::React => {
            let message = said(ledger, room, |_| true)?;
            Command::React { room, message, emoji: "\u{1f44d}".to_owned(), present: true }
        }
        RoomPermission::DeleteMessages => {
            Command::DeleteMessage { room, message: said(ledger, room, |sender| sender != who.user_id)?, reason }
        }
        RoomPermission::InviteMembers => {
            let change = MemberChange::Invite { role: None };
            Command::SetMember { room, user: stranger(&ledger.state, who, room)?, change, reason }
        }
        RoomPermission::BanMembers => {
            Command::SetMember { room, user: stranger(&ledger.state, who, room)?, change: MemberChange::Ban, reason }
        }
        RoomPermission::ChangeRoles => {
            let change = MemberChange::Role(RoomRole::Moderator);
            Command::SetMember { room, user: stranger(&ledger.state, who, room)?, change, reason }
        }
        RoomPermission::RemoveMembers => {
            Command::RemoveMember { room, user: stranger(&ledger.state, who, room)?, reason }
        }
        RoomPermission::UpdateRoom => {
            Command::UpdateRoom { room, name: Some("probe".to_owned()), topic: None, visibility: None, history: None }
        }
        // Reading is decided where the rows are.
        _ => return None,
    })
}

/// The newest message of the room that somebody like this said.
fn said(ledger: &Ledger, room: RoomId, by: impl Fn(UserId) -> bool) -> Option<EventId> {
    let messages = ledger.records.iter().rev().map(|record| &record.envelope);
    let fits = |envelope: &&_| {
        let envelope: &bartab_core::event::Envelope = envelope;
        envelope.number.is_some() && envelope.room == Some(room) && by(envelope.sender)
    };
    messages.into_iter().find(fits).map(|envelope| envelope.id)
}

/// Somebody else who is here and nothing to the room.
fn stranger(state: &TenantState, who: &Actor, room: RoomId) -> Option<UserId> {
    let members = &state.rooms.get(&room)?.members;
    let fits = |user: &&UserId| {
        **user != who.user_id && !members.contains_key(*user) && state.person_state(**user).is_active()
    };
    state.people.keys().find(fits).copied()
}

/// Whether the answer says that the caller may not, rather than that it cannot be done.
fn forbids(rejection: Rejection) -> bool {
    matches!(
        rejection,
        Rejection::RoomNotFound
            | Rejection::NotMember
            | Rejection::RoleTooLow
            | Rejection::KindNotAllowed
            | Rejection::DirectIsForTwo
            | Rejection::AccountNotActive
    )
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn what_is_explained_is_what_is_decided(attempts in acts(60), rev in 1..3_u64) {
        let (ledger, _) = play(&attempts, |_| ());
        for who in (0..ACTORS).map(|index| actor(index, rev)) {
            for room in (0..3).map(room) {
                let Some(access) = ledger.state.access(&who, room) else { continue };
                for permission in RoomPermission::ALL {
                    let Some(command) = probe(permission, &ledger, &who, room) else { continue };
                    let decided = ledger.ask(&who, command);
                    let may = !decided.as_ref().is_err_and(|rejection| forbids(*rejection));
                    // Who reads from the time of joining does not find what was said before, whatever the role.
                    let unseen = decided == Err(Rejection::MessageNotFound);
                    let (allowed, why) = permission.explain(&ledger.state, &who, &access);
                    prop_assert!(allowed == may || unseen, "{permission:?} {why:?} {:?} {decided:?}", who.kind);
                }
            }
        }
    }

    #[test]
    fn nothing_is_allowed_without_its_scope(attempts in acts(40)) {
        let (ledger, _) = play(&attempts, |_| ());
        let bare = |index| Actor { scopes: Scopes::default(), ..actor(index, 1) };
        for who in (0..ACTORS).map(bare) {
            for room in (0..3).map(room) {
                let Some(access) = ledger.state.access(&who, room) else { continue };
                for permission in RoomPermission::ALL {
                    prop_assert_eq!(permission.explain(&ledger.state, &who, &access), (false, RoomReason::Scope));
                }
                let reader = Actor { scopes: [Scope::ChatRead].into_iter().collect(), ..who.clone() };
                let (allowed, _) = RoomPermission::ReadMessages.explain(&ledger.state, &reader, &access);
                let active = ledger.state.may_act(&reader);
                prop_assert_eq!(allowed, active && access.readable_since().is_some());
            }
        }
    }
}
