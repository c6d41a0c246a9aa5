//! What people try: random, and told apart by small numbers that are read against what there is at the time.

use bartab_chat::model::{AccountStep, Command, MemberChange, Membership};
use bartab_core::event::{EventType, History, MessageContent, RoomKind, RoomRole, Visibility};
use bartab_core::store::Attachment;
use bartab_core::{Actor, ActorKind, EventId, MediaId, Profile, RoomId, TenantRole, UserId};
use proptest::prelude::*;

use super::ledger::Ledger;

/// How many actors there are.
pub(crate) const ACTORS: u8 = 8;
const EMOJI: [&str; 3] = ["\u{1f44d}", "\u{2764}\u{fe0f}", "\u{1f389}"];

/// One attempt of one actor.
#[derive(Clone, Debug)]
pub(crate) struct Act {
    actor: u8,
    rev: u64,
    /// Whether it is done by somebody who can, where the message is.
    sure: bool,
    pub(crate) deed: Deed,
}

/// What is attempted. Rooms, messages and people are named by numbers; some name nothing.
#[derive(Clone, Debug)]
pub(crate) enum Deed {
    Arrive,
    Create {
        kind: RoomKind,
        public: bool,
        joined: bool,
        members: Vec<u8>,
    },
    Update {
        room: u8,
        renamed: bool,
        public: Option<bool>,
        joined: Option<bool>,
    },
    Join {
        room: u8,
    },
    Leave {
        room: u8,
    },
    Set {
        room: u8,
        user: u8,
        change: MemberChange,
    },
    Remove {
        room: u8,
        user: u8,
    },
    Post {
        room: u8,
        reply_to: Option<u8>,
        thread: Option<u8>,
        files: u8,
    },
    Edit {
        room: u8,
        message: u8,
        text: u8,
    },
    Delete {
        room: u8,
        message: u8,
    },
    React {
        room: u8,
        message: u8,
        emoji: u8,
        present: bool,
    },
    Custom {
        room: u8,
    },
    /// What the account feed says; `ahead` of what is done already by so much.
    Account {
        ahead: u8,
        step: Step,
    },
}

/// A step of what follows from the account feed.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Present { suspended: bool, rooms: Vec<u8>, invited_by: Option<u8>, record: bool },
    Begin,
    Leave,
    Erase { messages: Vec<u8> },
    End { written: bool },
}

fn role() -> impl Strategy<Value = RoomRole> {
    prop_oneof![Just(RoomRole::Member), Just(RoomRole::Moderator), Just(RoomRole::Owner)]
}

fn change() -> impl Strategy<Value = MemberChange> {
    prop_oneof![
        3 => prop::option::of(role()).prop_map(|role| MemberChange::Invite { role }),
        2 => Just(MemberChange::Ban),
        2 => role().prop_map(MemberChange::Role),
    ]
}

fn deed() -> impl Strategy<Value = Deed> {
    // Few rooms and people, so that they meet.
    let room = prop_oneof![8 => 0..3_u8, 1 => 3..6_u8];
    let (user, message) = (0..9_u8, 0..9_u8);
    let kind = prop_oneof![3 => Just(RoomKind::Channel), 1 => Just(RoomKind::Direct)];
    prop_oneof![
        1 => Just(Deed::Arrive),
        1 => (kind, any::<bool>(), any::<bool>(), prop::collection::vec(user.clone(), 0..3))
            .prop_map(|(kind, public, joined, members)| Deed::Create { kind, public, joined, members }),
        1 => (room.clone(), any::<bool>(), any::<Option<bool>>(), any::<Option<bool>>())
            .prop_map(|(room, renamed, public, joined)| Deed::Update { room, renamed, public, joined }),
        6 => room.clone().prop_map(|room| Deed::Join { room }),
        2 => room.clone().prop_map(|room| Deed::Leave { room }),
        5 => (room.clone(), user.clone(), change())
            .prop_map(|(room, user, change)| Deed::Set { room, user, change }),
        2 => (room.clone(), user).prop_map(|(room, user)| Deed::Remove { room, user }),
        10 => (room.clone(), prop::option::weighted(0.3, message.clone()), prop::option::weighted(0.2, message.clone()), 0..3_u8)
            .prop_map(|(room, reply_to, thread, files)| Deed::Post { room, reply_to, thread, files }),
        3 => (room.clone(), message.clone(), 0..4_u8)
            .prop_map(|(room, message, text)| Deed::Edit { room, message, text }),
        2 => (room.clone(), message.clone()).prop_map(|(room, message)| Deed::Delete { room, message }),
        4 => (room.clone(), message, 0..3_u8, any::<bool>())
            .prop_map(|(room, message, emoji, present)| Deed::React { room, message, emoji, present }),
        1 => room.clone().prop_map(|room| Deed::Custom { room }),
        3 => (0..3_u8, step(room)).prop_map(|(ahead, step)| Deed::Account { ahead, step }),
    ]
}

fn step(room: impl Strategy<Value = u8> + 'static) -> impl Strategy<Value = Step> {
    let rooms = prop::collection::vec(room, 0..3);
    prop_oneof![
        // Mostly restored: who may do nothing makes for a dull story.
        8 => (prop::bool::weighted(0.2), rooms, any::<Option<u8>>(), any::<bool>())
            .prop_map(|(suspended, rooms, invited_by, record)| Step::Present { suspended, rooms, invited_by, record }),
        1 => Just(Step::Begin),
        1 => Just(Step::Leave),
        2 => prop::collection::vec(0..9_u8, 0..4).prop_map(|messages| Step::Erase { messages }),
        1 => any::<bool>().prop_map(|written| Step::End { written }),
    ]
}

/// What has happened before the attempts: everyone is here, and three rooms are: one that is public, one that is
/// private, one that shows its history to members alone.
pub(crate) fn prelude() -> Vec<(Actor, Command)> {
    let arrivals = (0..7).map(|index| (actor(index, 1), Command::Arrive));
    let room = |owner: u8, public, joined, members: &[u8]| {
        let create = Deed::Create { kind: RoomKind::Channel, public, joined, members: members.to_vec() };
        (actor(owner, 1), create.make(owner, 0))
    };
    let rooms = [room(0, true, false, &[5]), room(1, false, false, &[0, 2, 5]), room(2, true, true, &[6])];
    let deeds = [
        (1, Deed::Join { room: 0 }),
        (2, Deed::Join { room: 0 }),
        (2, Deed::Join { room: 1 }),
        (0, Deed::Join { room: 2 }),
        (0, Deed::Post { room: 0, reply_to: None, thread: None, files: 1 }),
        (1, Deed::Post { room: 1, reply_to: None, thread: None, files: 1 }),
        (2, Deed::Post { room: 2, reply_to: None, thread: None, files: 1 }),
        (1, Deed::Join { room: 2 }),
    ];
    let empty = Ledger::new();
    let deeds = deeds.into_iter().map(|(index, deed)| (actor(index, 1), deed.command(&empty, usize::from(index))));
    arrivals.chain(rooms).chain(deeds).collect()
}

/// Sequences of attempts, each with whether it begins a new batch.
pub(crate) fn acts(most: usize) -> impl Strategy<Value = Vec<(Act, bool)>> {
    // Those who own the first rooms act most.
    let actor = prop_oneof![6 => 0..3_u8, 8 => 0..7_u8, 1 => 0..ACTORS];
    let act = (actor, prop_oneof![9 => Just(1_u64), 1 => 1..4_u64], prop::bool::weighted(0.7), deed());
    let act = act.prop_map(|(actor, rev, sure, deed)| Act { actor, rev, sure, deed });
    prop::collection::vec((act, any::<bool>()), 1..most)
}

/// Who actor number `index` is; past the last one somebody whom nobody has seen.
pub(crate) fn user(index: u8) -> UserId {
    UserId::from_u128(u128::from(index) + 1)
}

pub(crate) fn room(index: u8) -> RoomId {
    RoomId::from_u128(u128::from(index) + 1)
}

/// A room that never exists.
pub(crate) fn nowhere() -> RoomId {
    room(99)
}

/// Actor number `index`.
pub(crate) fn actor(index: u8, rev: u64) -> Actor {
    let mut actor = Actor::person(user(index), format!("actor {index} {rev}"));
    match index {
        3 => actor.tenant_role = TenantRole::Moderator,
        4 => actor.tenant_role = TenantRole::Administrator,
        2 if rev == 2 => actor.tenant_role = TenantRole::Guest,
        5 => actor.kind = ActorKind::Bot { owner: user(0) },
        6 => {
            actor.kind = ActorKind::Guest { room: room(0) };
            actor.tenant_role = TenantRole::Guest;
        }
        7 => actor.kind = ActorKind::Service,
        _ => {}
    }
    actor.profile = std::sync::Arc::new(Profile { name: actor.profile.name.clone(), avatar: None, rev });
    actor
}

/// A file whose name tells the message that carries it.
fn file(sequence: usize, index: u8) -> Attachment {
    Attachment {
        media_id: MediaId::from_u128(sequence as u128 * 16 + u128::from(index)),
        filename: Some(format!("<file {sequence} {index}>")),
        mime: "image/png".to_owned(),
        size: 1,
        width: Some(1),
        height: Some(1),
        blurhash: Some(format!("<blur {sequence} {index}>")),
    }
}

/// The message that a number names: one of the last ones, or one that is not there.
fn message(ledger: &Ledger, index: u8) -> EventId {
    let messages = ledger.records.iter().filter(|record| record.envelope.number.is_some());
    let found = messages.rev().nth(usize::from(index)).map(|record| record.envelope.id);
    // With the position of an event, but another time: the whole id is compared.
    found.unwrap_or_else(|| EventId::at(bartab_core::Timestamp::from_secs(9), 0, u64::from(index)))
}

impl Act {
    /// Who tries what, as of now. `sequence` makes texts and new ids unique.
    pub(crate) fn attempt(&self, ledger: &Ledger, sequence: usize) -> (Actor, Command) {
        let mut command = self.deed.command(ledger, sequence);
        let mut who = self.actor;
        if let Command::Account { step: AccountStep::EraseWritten { others, .. }, .. } = &mut command {
            *others = words(ledger, user(who));
        }
        if self.sure {
            let named = match &command {
                Command::EditMessage { message, .. } | Command::DeleteMessage { message, .. } => Some((*message, true)),
                Command::React { message, .. } => Some((*message, false)),
                Command::PostMessage { reply_to, thread, .. } => reply_to.or(*thread).map(|message| (message, false)),
                _ => None,
            };
            let view = named.and_then(|(message, by_author)| Some((ledger.view(message.seq())?, by_author)));
            if let (Some(room), Some((view, _))) = (room_of(&mut command), &view) {
                *room = view.room_id;
            }
            who = match view {
                Some((view, true)) => number(view.sender),
                _ => room_of(&mut command).map_or(who, |room| member(ledger, *room, who)),
            };
        }
        (actor(who, self.rev), command)
    }
}

/// The number of an actor.
fn number(user: UserId) -> u8 {
    u8::try_from(user.as_u128() - 1).unwrap()
}

/// One of those who have joined the room, `who` when nobody has.
fn member(ledger: &Ledger, room: RoomId, who: u8) -> u8 {
    let members = ledger.state.rooms.get(&room).map(|room| &room.members);
    let joined = members.into_iter().flatten().filter(|(_, member)| member.membership == Membership::Joined);
    let mut joined: Vec<u8> = joined.map(|(user, _)| number(*user)).collect();
    joined.sort_unstable();
    if joined.is_empty() { who } else { joined[usize::from(who) % joined.len()] }
}

impl Deed {
    /// The command that makes room number `index`.
    fn make(&self, index: u8, sequence: usize) -> Command {
        let Self::Create { kind, public, joined, members } = self else { return Command::Arrive };
        Command::CreateRoom {
            room: room(index),
            kind: *kind,
            visibility: visibility(*public),
            history: history(*joined),
            name: format!("<name {sequence}>"),
            topic: joined.then(|| format!("<topic {sequence}>")),
            members: members.iter().map(|index| user(*index)).collect(),
        }
    }

    /// The command as of now. `sequence` makes texts and new ids unique.
    fn command(&self, ledger: &Ledger, sequence: usize) -> Command {
        match *self {
            Self::Arrive => Command::Arrive,
            // The last room there can be comes again when all are taken.
            Self::Create { .. } => self.make(u8::try_from(ledger.state.rooms.len().min(5)).unwrap(), sequence),
            Self::Update { room: index, renamed, public, joined } => Command::UpdateRoom {
                room: room(index),
                name: renamed.then(|| format!("<name {sequence}>")),
                topic: None,
                visibility: public.map(visibility),
                history: joined.map(history),
            },
            Self::Join { room: index } => Command::Join { room: room(index) },
            Self::Leave { room: index } => Command::Leave { room: room(index) },
            Self::Set { room: index, user: who, change } => {
                Command::SetMember { room: room(index), user: user(who), change, reason: Some("<reason>".to_owned()) }
            }
            Self::Remove { room: index, user: who } => {
                Command::RemoveMember { room: room(index), user: user(who), reason: None }
            }
            Self::Post { room: index, reply_to, thread, files } => Command::PostMessage {
                room: room(index),
                content: MessageContent {
                    text: format!("<said {sequence}>").into(),
                    attachments: (0..files).map(|index| file(sequence, index)).collect(),
                    ..MessageContent::default()
                },
                reply_to: reply_to.map(|index| message(ledger, index)),
                thread: thread.map(|index| message(ledger, index)),
            },
            Self::Edit { room: index, message: which, text } => Command::EditMessage {
                room: room(index),
                message: message(ledger, which),
                // One of them takes the text away, where that is allowed.
                text: if text == 3 { " ".to_owned() } else { format!("<edit {text} {}>", message(ledger, which)) },
            },
            Self::Delete { room: index, message: which } => {
                Command::DeleteMessage { room: room(index), message: message(ledger, which), reason: None }
            }
            Self::React { room: index, message: which, emoji, present } => Command::React {
                room: room(index),
                message: message(ledger, which),
                emoji: EMOJI[usize::from(emoji)].to_owned(),
                present,
            },
            Self::Account { ahead, ref step } => {
                Command::Account { number: ledger.state.feed + u64::from(ahead), step: step.step(ledger) }
            }
            Self::Custom { room: index } => Command::PostCustom {
                room: room(index),
                event_type: "x.move".parse().unwrap(),
                content: serde_json::value::RawValue::from_string("{\"to\":1}".to_owned()).unwrap(),
            },
        }
    }
}

impl Step {
    fn step(&self, ledger: &Ledger) -> AccountStep {
        match self {
            Self::Present { suspended, rooms, invited_by, record } => AccountStep::Present {
                suspended: *suspended,
                rooms: rooms.iter().map(|index| room(*index)).collect(),
                invited_by: invited_by.map(|index| actor(index, 1).user_id),
                record: *record,
            },
            Self::Begin => AccountStep::BeginErasure,
            Self::Leave => AccountStep::LeaveRooms { limit: 99 },
            Self::Erase { messages } => AccountStep::EraseWritten {
                messages: messages.iter().map(|index| message(ledger, *index)).collect(),
                others: Vec::new(),
            },
            Self::End { written } => AccountStep::EndErasure { written: *written },
        }
    }
}

/// What somebody wrote that is no message, and former profiles.
fn words(ledger: &Ledger, user: UserId) -> Vec<u64> {
    let last = ledger.state.people.get(&user).map(|person| person.profile);
    let own = ledger.records.iter().filter(|record| record.envelope.sender == user && record.content.is_some());
    let words = own.filter(|record| {
        let kind = &record.envelope.event_type;
        let profile = *kind == EventType::UserCreated || *kind == EventType::UserUpdated;
        matches!(kind, EventType::Custom(_)) || (profile && Some(record.seq()) != last)
    });
    words.map(bartab_core::event::Record::seq).collect()
}

/// The room that a command is about, unless it makes one; it can be put elsewhere.
pub(crate) fn room_of(command: &mut Command) -> Option<&mut RoomId> {
    match command {
        Command::UpdateRoom { room, .. }
        | Command::Join { room }
        | Command::Leave { room }
        | Command::SetMember { room, .. }
        | Command::RemoveMember { room, .. }
        | Command::PostMessage { room, .. }
        | Command::EditMessage { room, .. }
        | Command::DeleteMessage { room, .. }
        | Command::React { room, .. }
        | Command::PostCustom { room, .. } => Some(room),
        Command::Arrive | Command::Refused(_) | Command::CreateRoom { .. } | Command::Account { .. } => None,
    }
}

const fn visibility(public: bool) -> Visibility {
    if public { Visibility::Public } else { Visibility::Private }
}

const fn history(joined: bool) -> History {
    if joined { History::Joined } else { History::All }
}
