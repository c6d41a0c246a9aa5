//! The properties.

use std::collections::BTreeMap;
use std::time::Duration;

use bartab_chat::model::{AccountStep, Command, Membership, Rejection, TenantState, apply, from_snapshot, to_snapshot};
use bartab_core::event::{ChainVerifier, Digest, EventType, PersonState, Record, Visibility};
use bartab_core::{Actor, ActorKind, RoomId, TenantRole, Timestamp};
use proptest::prelude::*;

use super::acts::{Act, Deed, actor, acts, nowhere, prelude, room_of};
use super::ledger::{Ledger, Outcome};

/// A ledger after the prelude.
fn begun() -> Ledger {
    let mut ledger = Ledger::new();
    assert!(ledger.batch(&prelude()).iter().all(Result::is_ok));
    ledger
}

/// An attempt that was played: when, by whom, what, and what it came to.
pub(super) type Played = (Timestamp, Actor, Command, Outcome);

/// Plays the attempts in their batches; gives the ledger and what each attempt was and came to.
pub(super) fn play(attempts: &[(Act, bool)], mut look: impl FnMut(&Ledger)) -> (Ledger, Vec<Played>) {
    let mut ledger = begun();
    let mut played = Vec::new();
    let mut sequence = 0;
    for batch in attempts.chunk_by(|_, (_, begins)| !begins) {
        let commands: Vec<(Actor, Command)> = batch
            .iter()
            .map(|(act, _)| {
                sequence += 1;
                act.attempt(&ledger, sequence)
            })
            .collect();
        ledger.now = ledger.now.after(Duration::from_millis(7));
        let outcomes = ledger.batch(&commands);
        look(&ledger);
        let done = commands.into_iter().zip(outcomes);
        played.extend(done.map(|((actor, command), outcome)| (ledger.now, actor, command, outcome)));
    }
    (ledger, played)
}

/// The states that the records give, from the first on.
fn replayed(ledger: &Ledger) -> Vec<TenantState> {
    let mut state = TenantState::default();
    let mut states = vec![state.clone()];
    for record in &ledger.records {
        apply(&mut state, &record.to_event().unwrap());
        states.push(state.clone());
    }
    states
}

/// Whether the room exists for the actor: API.md's "who sees what" in other words than the model's.
fn exists_for(state: &TenantState, actor: &Actor, room: RoomId) -> bool {
    let Some(found) = state.rooms.get(&room) else { return false };
    let relation = found.members.get(&actor.user_id).map(|member| member.membership);
    let guest = match actor.kind {
        ActorKind::Guest { room: own } if own != room => return false,
        ActorKind::Guest { .. } => true,
        _ => actor.tenant_role == TenantRole::Guest,
    };
    match relation {
        Some(Membership::Banned) => false,
        Some(_) => true,
        None => found.visibility == Visibility::Public && !guest,
    }
}

fn check_invariants(state: &TenantState) {
    for (id, room) in &state.rooms {
        let joined = room.members.values().filter(|member| member.membership == Membership::Joined).count();
        assert_eq!(room.joined, joined as u64, "{id}");
        assert_eq!(state.public_rooms.contains(id), room.visibility == Visibility::Public, "{id}");
        assert!(room.members.values().all(|member| member.seen <= room.last_number && member.since <= state.head));
        assert!(room.members.keys().all(|user| state.people.contains_key(user)), "{id} knows who is not here");
    }
    for (user, person) in &state.people {
        let own = state
            .rooms
            .iter()
            .filter(|(_, room)| room.members.get(user).is_some_and(|member| member.membership != Membership::Banned));
        let mut own: Vec<RoomId> = own.map(|(id, _)| *id).collect();
        own.sort_unstable();
        assert_eq!(person.rooms.iter().copied().collect::<Vec<_>>(), own, "{user}");
        let memberships: Vec<RoomId> = state.memberships(*user).map(|(room, _)| room).collect();
        let joined = |room: &RoomId| state.rooms[room].members[user].membership == Membership::Joined;
        assert_eq!(memberships, own.iter().copied().filter(joined).collect::<Vec<_>>(), "{user}");
    }
}

pub(super) fn config() -> ProptestConfig {
    let seed = proptest::test_runner::RngSeed::Fixed(1);
    ProptestConfig { cases: 64, failure_persistence: None, rng_seed: seed, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    /// What the log gives when it is played back is the live state, at every position, erased or not; and so are the
    /// views and reactions beside it.
    #[test]
    fn the_log_played_back_is_the_live_state(attempts in acts(70)) {
        let (ledger, _) = play(&attempts, |ledger| {
            let (views, reactions) = ledger.rebuilt();
            assert_eq!(&views, &ledger.views);
            assert_eq!(&reactions, &ledger.reactions);
        });
        prop_assert_eq!(&replayed(&ledger), &ledger.states);
        let mut chain = ChainVerifier::new(Digest::genesis(b"model"));
        for record in &ledger.records {
            prop_assert!(chain.check(record).is_ok());
        }
        let mut bare = ledger;
        bare.records.iter_mut().for_each(bartab_core::event::Record::erase);
        prop_assert_eq!(replayed(&bare), bare.states, "the state follows from envelope and facts alone");
    }

    /// A snapshot at any position is the state there.
    #[test]
    fn a_snapshot_is_the_state(attempts in acts(50)) {
        let (ledger, _) = play(&attempts, |_| ());
        for (state, digest) in ledger.states.iter().zip(std::iter::repeat(Digest([3; 32]))) {
            let snapshot = to_snapshot(state, digest).unwrap();
            prop_assert_eq!(snapshot.seq, state.head);
            let (read, read_digest) = from_snapshot(&snapshot).unwrap().unwrap();
            prop_assert_eq!(&read, state);
            prop_assert_eq!(read_digest, digest);
        }
    }

    /// Numbers are gapless in their room, counts match, and nobody who was put out is still inside.
    #[test]
    fn the_books_balance(attempts in acts(70)) {
        let (ledger, _) = play(&attempts, |_| ());
        ledger.states.iter().for_each(check_invariants);
        let mut numbers: BTreeMap<RoomId, u64> = BTreeMap::new();
        for (index, record) in ledger.records.iter().enumerate() {
            let (envelope, after) = (&record.envelope, &ledger.states[index + 1]);
            prop_assert_eq!(envelope.seq(), index as u64 + 1);
            prop_assert_eq!(after.head, envelope.seq());
            match (&envelope.event_type, envelope.room) {
                (EventType::RoomCreated, Some(room)) => _ = numbers.insert(room, 0),
                (EventType::MessageCreated, Some(room)) => {
                    let last = numbers.get_mut(&room).unwrap();
                    *last += 1;
                    prop_assert_eq!(envelope.number, Some(*last));
                    prop_assert_eq!(after.rooms[&room].last_number, *last);
                }
                _ => prop_assert_eq!(envelope.number, None),
            }
            if let (Some(user), Some(room)) = (envelope.subject, envelope.room) {
                let inside = after.people[&user].rooms.contains(&room);
                match envelope.event_type {
                    EventType::MemberKicked | EventType::MemberBanned | EventType::MemberLeft | EventType::MemberUnbanned => {
                        prop_assert!(!inside);
                    }
                    EventType::MemberJoined | EventType::MemberInvited => prop_assert!(inside),
                    _ => {}
                }
            }
        }
    }

    /// A room that does not exist for the caller is refused as one that does not exist at all, and one that does is
    /// never refused so.
    #[test]
    fn hidden_rooms_are_refused_like_missing_ones(attempts in acts(70)) {
        let mut ledger = begun();
        for (sequence, (act, _)) in attempts.iter().enumerate() {
            let (actor, mut command) = act.attempt(&ledger, sequence);
            let Some(room) = room_of(&mut command).copied() else {
                ledger.batch(&[(actor, command)]);
                continue;
            };
            let exists = exists_for(&ledger.state, &actor, room);
            let outcome = ledger.batch(&[(actor.clone(), command.clone())]).remove(0);
            if !exists {
                *room_of(&mut command).unwrap() = nowhere();
                prop_assert_eq!(&outcome, &ledger.batch(&[(actor, command)]).remove(0));
                let refused =
                    matches!(outcome, Err(Rejection::RoomNotFound | Rejection::KindNotAllowed | Rejection::AccountNotActive));
                prop_assert!(refused, "{:?}", outcome);
            } else if outcome == Err(Rejection::RoomNotFound) {
                prop_assert!(false, "{:?} sees {} and was told that it is not there: {:?}", actor.kind, room, command);
            }
        }
    }

    /// Asking again for what is so already appends nothing, and what was refused is refused again.
    #[test]
    fn asking_again_appends_nothing(attempts in acts(70)) {
        let mut ledger = begun();
        for (sequence, (act, _)) in attempts.iter().enumerate() {
            let (actor, command) = act.attempt(&ledger, sequence);
            let before = ledger.records.len();
            let first = ledger.batch(&[(actor.clone(), command.clone())]).remove(0);
            if first.is_err() {
                prop_assert_eq!(ledger.records.len(), before, "a refusal appended something");
                prop_assert_eq!(&first, &ledger.batch(&[(actor, command)]).remove(0));
                continue;
            }
            // Saying something again is saying it twice, and a name is content, which deciding does not see.
            let repeats = matches!(act.deed, Deed::Post { .. } | Deed::Custom { .. } | Deed::Update { renamed: true, .. });
            if !repeats {
                let again = ledger.batch(&[(actor, command)]).remove(0);
                prop_assert!(again.as_ref().is_ok_and(Vec::is_empty) || again.is_err(), "{:?} {:?}", act, again);
            }
        }
    }

    /// Who may not act does nothing, whoever is erased stays so, is named nowhere and comes into no room, and what the
    /// feed said is done once.
    #[test]
    fn what_the_feed_says_holds(attempts in acts(70)) {
        let mut ledger = begun();
        for (sequence, (act, _)) in attempts.iter().enumerate() {
            let (actor, command) = act.attempt(&ledger, sequence);
            let before = ledger.state.clone();
            let fed = match &command {
                Command::Account { number, .. } => Some(*number),
                _ => None,
            };
            let outcome = ledger.batch(&[(actor.clone(), command)]).remove(0);
            if fed.is_none() && !before.person_state(actor.user_id).is_active() {
                prop_assert!(matches!(outcome, Err(Rejection::AccountNotActive | Rejection::KindNotAllowed)));
            }
            let events = outcome.unwrap_or_default();
            if fed.is_some_and(|number| number <= before.feed) {
                prop_assert_eq!(&events, &[]);
            }
            prop_assert!(ledger.state.feed >= before.feed);
            prop_assert!(ledger.state.feed == before.feed || Some(ledger.state.feed) == fed);
            for (user, person) in &ledger.state.people {
                if person.state == PersonState::Erased && before.person_state(*user) != PersonState::Erased {
                    let former = before.people[user].profile as usize - 1;
                    prop_assert!(ledger.records[former].is_erased());
                }
                if before.person_state(*user) != PersonState::Erased {
                    continue;
                }
                prop_assert_eq!(person.state, PersonState::Erased);
                prop_assert!(person.rooms.iter().all(|room| before.people[user].rooms.contains(room)));
                let profile = ledger.records[person.profile as usize - 1].content.as_ref();
                prop_assert_eq!(profile.map(|content| &*content.json), Some("{\"display_name\":\"\"}"));
            }
        }
    }

    /// Whoever was erased without what they wrote can lose that later, once: nothing that they said is left then, and
    /// nobody else loses anything.
    #[test]
    fn what_was_written_goes_also_after_the_names(attempts in acts(50), who in 0..7_u8) {
        let (mut ledger, _) = play(&attempts, |_| ());
        let actor = actor(who, 9);
        let own = |record: &Record| record.envelope.sender == actor.user_id && record.content.is_some();
        let others = |ledger: &Ledger| -> Vec<Record> {
            let others = ledger.records.iter().filter(|record| record.envelope.sender != actor.user_id);
            others.cloned().collect()
        };
        let entry = |number, steps: Vec<AccountStep>| -> Vec<(Actor, Command)> {
            steps.into_iter().map(|step| (actor.clone(), Command::Account { number, step })).collect()
        };
        let first = ledger.state.feed + 1;
        let steps = vec![AccountStep::BeginErasure, AccountStep::EndErasure { written: false }];
        prop_assert!(ledger.batch(&entry(first, steps)).iter().all(Result::is_ok));
        let (before, spared) = (ledger.records.len(), others(&ledger));
        let (mut messages, mut words) = (Vec::new(), Vec::new());
        for record in ledger.records.iter().filter(|record| own(record)) {
            match record.envelope.event_type {
                EventType::MessageCreated => messages.push(record.envelope.id),
                EventType::MessageEdited => {}
                _ => words.push(record.seq()),
            }
        }
        let gone = messages.clone();
        let later = vec![AccountStep::EraseWritten { messages, others: words }, AccountStep::EndErasure { written: true }];
        // Under the number that is done it comes to nothing.
        prop_assert!(ledger.batch(&entry(first, later.clone())).iter().all(|done| done == &Ok(Vec::new())));
        prop_assert_eq!(ledger.records.len(), before);
        let outcomes = ledger.batch(&entry(first + 1, later.clone()));
        let deleted = outcomes[0].as_ref().map(Vec::len);
        prop_assert_eq!(deleted, Ok(gone.len()));
        let left: Vec<&Record> = ledger.records.iter().filter(|record| own(record)).collect();
        let profile = ledger.state.people[&actor.user_id].profile;
        prop_assert_eq!(left.iter().map(|record| record.seq()).collect::<Vec<_>>(), [profile]);
        prop_assert_eq!(others(&ledger), spared);
        prop_assert_eq!(ledger.state.feed, first + 1);
        // And it is done once.
        let after = ledger.records.clone();
        prop_assert!(ledger.batch(&entry(first + 1, later)).iter().all(|done| done == &Ok(Vec::new())));
        prop_assert_eq!(&ledger.records, &after);
    }

    /// However the commands are cut into batches, the log is the same.
    #[test]
    fn batches_do_not_matter(attempts in acts(50)) {
        // What a number names depends on what is there when its batch begins, so the commands are fixed first.
        let (whole, played) = play(&attempts, |_| ());
        let mut single = begun();
        for (now, actor, command, outcome) in played {
            single.now = now;
            prop_assert_eq!(single.batch(&[(actor, command)]), [outcome]);
        }
        prop_assert_eq!(whole.records, single.records);
        prop_assert_eq!(whole.views, single.views);
        prop_assert_eq!(whole.reactions, single.reactions);
        prop_assert_eq!(whole.states.last(), single.states.last());
    }

    /// What was taken back is in no row and no view any more; what was not is still there.
    #[test]
    fn deleted_texts_are_gone(attempts in acts(70)) {
        let (ledger, _) = play(&attempts, |_| ());
        for record in ledger.records.iter().filter(|record| record.envelope.number.is_some()) {
            let id = record.envelope.id;
            let view = ledger.view(record.seq()).unwrap();
            let deletion = EventType::MessageDeleted;
            let about = || ledger.records.iter().filter(|other| other.envelope.target == Some(id));
            let deleted = about().any(|other| other.envelope.event_type == deletion);
            prop_assert_eq!(view.deleted, deleted);
            prop_assert_eq!(record.is_erased(), deleted);
            for edit in about().filter(|other| other.envelope.event_type == EventType::MessageEdited) {
                prop_assert_eq!(edit.is_erased(), deleted);
            }
            prop_assert_eq!(view.text.is_empty(), deleted);
            if deleted {
                let edit = format!(" {id}>");
                let kept = ledger.records.iter().filter_map(|record| record.content.as_ref());
                prop_assert!(!kept.into_iter().any(|content| content.json.contains(&edit)));
                prop_assert!(!ledger.views.values().any(|view| String::from_utf8_lossy(view).contains(&edit)));
            }
        }
    }
}
