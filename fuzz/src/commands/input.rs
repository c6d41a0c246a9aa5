//! Commands out of bytes: mostly such as somebody could send now, so that they reach deep.

use std::collections::BTreeSet;
use std::sync::Arc;

use arbitrary::{Result, Unstructured};
use bartab_chat::model::{Command, MemberChange};
use bartab_core::event::{EventType, Format, History, Mentions, MessageContent, RoomKind, RoomRole, Visibility};
use bartab_core::store::Attachment;
use bartab_core::{Actor, ActorKind, EventId, MediaId, Profile, RoomId, TenantRole, UserId};
use serde_json::value::RawValue;

use super::world::World;

/// Few, so that things happen in them.
const ROOMS: u64 = 4;
const EMOJI: [&str; 3] = ["🍺", "👍", ""];
const ROLES: [RoomRole; 3] = [RoomRole::Member, RoomRole::Moderator, RoomRole::Owner];

/// What is decided together.
pub(super) struct Batch {
    pub(super) jobs: Vec<(Actor, Command)>,
    /// How many milliseconds have passed.
    pub(super) passed: u64,
    /// Whether the state is stored and read back first.
    pub(super) restart: bool,
}

/// The person with this number.
pub(super) fn person(number: u8) -> UserId {
    UserId::from_u128(u128::from(number) + 1)
}

/// The room that is made as the one with this number.
pub(super) fn room(number: u64) -> RoomId {
    RoomId::from_u128(u128::from(number))
}

/// Five people who are there from the start; the others come when they do something.
pub(super) fn beginning() -> Batch {
    let jobs = (0..5).map(|number| (actor(number, 1), Command::Arrive));
    Batch { jobs: jobs.collect(), passed: 1_000, restart: false }
}

pub(super) fn batch(input: &mut Unstructured<'_>, world: &World) -> Result<Batch> {
    let passed = u64::from(input.int_in_range(0..=3_u8)?);
    let restart = input.ratio(1_u8, 16_u8)?;
    let mut made = world.rooms();
    let mut jobs = Vec::new();
    for _ in 0..input.int_in_range(1..=4_u8)? {
        let (at, command) = command(input, world, passed, &mut made)?;
        let number = match fitting(input, world, at)? {
            Some(user) => (user.as_u128() - 1) as u8,
            None => input.int_in_range(0..=8)?,
        };
        let rev = if input.ratio(1_u8, 8_u8)? { 2 } else { 1 };
        jobs.push((actor(number, rev), command));
    }
    Ok(Batch { jobs, passed, restart })
}

/// Mostly somebody who is in the room.
fn fitting(input: &mut Unstructured<'_>, world: &World, at: RoomId) -> Result<Option<UserId>> {
    let Some(room) = world.state().rooms.get(&at) else { return Ok(None) };
    // Sorted, because a hash map's order is another one in every run.
    let members: BTreeSet<UserId> = room.members.keys().copied().collect();
    if members.is_empty() || input.ratio(1_u8, 4_u8)? {
        return Ok(None);
    }
    let index = input.choose_index(members.len())?;
    Ok(members.into_iter().nth(index))
}

/// Six people of every rank, a bot, a guest, and a service that can do nothing.
fn actor(number: u8, rev: u64) -> Actor {
    let mut actor = Actor::person(person(number), format!("person {number}"));
    actor.profile = Arc::new(Profile { rev, ..Profile::clone(&actor.profile) });
    match number {
        3 => actor.tenant_role = TenantRole::Moderator,
        4 => actor.tenant_role = TenantRole::Administrator,
        5 => actor.tenant_role = TenantRole::Owner,
        6 => actor.kind = ActorKind::Bot { owner: person(0) },
        7 => (actor.kind, actor.tenant_role) = (ActorKind::Guest { room: room(1) }, TenantRole::Guest),
        8 => actor.kind = ActorKind::Service,
        _ => {}
    }
    actor
}

fn user(input: &mut Unstructured<'_>) -> Result<UserId> {
    Ok(person(input.int_in_range(0..=7)?))
}

fn some_room(input: &mut Unstructured<'_>, made: u64) -> Result<RoomId> {
    Ok(room(input.int_in_range(1..=made.saturating_add(1))?))
}

/// A message and its room; sometimes any position, also one that this batch may come to, and sometimes a wrong time
/// or room.
fn message(input: &mut Unstructured<'_>, world: &World, passed: u64, made: u64) -> Result<(EventId, RoomId)> {
    let back = usize::from(input.arbitrary::<u8>()?);
    let messages = || world.log().iter().rev().filter(|event| event.envelope.event_type == EventType::MessageCreated);
    let known = messages().count();
    let message = if known > 0 { messages().nth(back % known) } else { None };
    if let Some(message) = message
        && !input.ratio(1_u8, 6_u8)?
    {
        return Ok((message.envelope.id, message.envelope.room.unwrap_or(room(1))));
    }
    let seq = (world.log().len() + 4).saturating_sub(back).max(1);
    let id = match world.log().get(seq - 1) {
        Some(event) => event.envelope.id,
        None => EventId::at(world.time(passed), 0, seq as u64),
    };
    let wrong = input.ratio(1_u8, 8_u8)?;
    let id = if wrong { EventId::from_u128(id.as_u128() ^ (1 << 90)) } else { id };
    Ok((id, some_room(input, made)?))
}

fn words(input: &mut Unstructured<'_>) -> Result<String> {
    Ok(format!("words {}", input.int_in_range(0..=3_u8)?))
}

fn maybe<T>(input: &mut Unstructured<'_>, value: impl FnOnce(&mut Unstructured<'_>) -> Result<T>) -> Result<Option<T>> {
    if input.arbitrary()? { value(input).map(Some) } else { Ok(None) }
}

fn visibility(input: &mut Unstructured<'_>) -> Result<Visibility> {
    Ok(if input.arbitrary()? { Visibility::Public } else { Visibility::Private })
}

fn history(input: &mut Unstructured<'_>) -> Result<History> {
    Ok(if input.arbitrary()? { History::All } else { History::Joined })
}

fn people(input: &mut Unstructured<'_>) -> Result<Vec<UserId>> {
    (0..input.int_in_range(0..=2_u8)?).map(|_| user(input)).collect()
}

/// A command, and the room that it is about.
fn command(input: &mut Unstructured<'_>, world: &World, passed: u64, made: &mut u64) -> Result<(RoomId, Command)> {
    let kind = input.int_in_range(0..=31_u8)?;
    if (kind < 2 && *made < ROOMS) || *made == 0 {
        *made += 1;
        return Ok((room(*made), create(input, room(*made))?));
    }
    if (20..30).contains(&kind) {
        let (message, room) = message(input, world, passed, *made)?;
        return Ok((room, about(input, kind, room, message)?));
    }
    let room = some_room(input, *made)?;
    let command = match kind {
        2 => Command::Arrive,
        3 => Command::UpdateRoom {
            room,
            name: maybe(input, words)?,
            topic: maybe(input, words)?,
            visibility: maybe(input, visibility)?,
            history: maybe(input, history)?,
        },
        4..=6 => Command::Join { room },
        7 => Command::Leave { room },
        8..=10 => Command::SetMember {
            room,
            user: user(input)?,
            change: match input.int_in_range(0..=3_u8)? {
                0 => MemberChange::Ban,
                1 => MemberChange::Role(*input.choose(&ROLES)?),
                _ => MemberChange::Invite { role: maybe(input, |input| input.choose(&ROLES).copied())? },
            },
            reason: maybe(input, words)?,
        },
        11 => Command::RemoveMember { room, user: user(input)?, reason: maybe(input, words)? },
        12 => Command::PostCustom {
            room,
            event_type: "x.fuzz".parse().expect("the name is one of a custom type"),
            content: RawValue::from_string("{\"a\":1}".to_owned()).expect("the content is JSON"),
        },
        _ => Command::PostMessage { room, content: content(input)?, reply_to: None, thread: None },
    };
    Ok((room, command))
}

fn create(input: &mut Unstructured<'_>, room: RoomId) -> Result<Command> {
    Ok(Command::CreateRoom {
        room,
        kind: if input.ratio(1_u8, 4_u8)? { RoomKind::Direct } else { RoomKind::Channel },
        visibility: visibility(input)?,
        history: history(input)?,
        name: words(input)?,
        topic: maybe(input, words)?,
        members: people(input)?,
    })
}

fn content(input: &mut Unstructured<'_>) -> Result<MessageContent<'static>> {
    Ok(MessageContent {
        text: words(input)?.into(),
        format: if input.arbitrary()? { Format::Plain } else { Format::Markdown },
        mentions: Mentions { users: people(input)?, room: input.arbitrary()? },
        attachments: if input.ratio(1_u8, 4_u8)? { vec![file(input)?] } else { Vec::new() },
        nonce: None,
    })
}

fn file(input: &mut Unstructured<'_>) -> Result<Attachment> {
    Ok(Attachment {
        media_id: MediaId::from_u128(input.int_in_range(0..=3_u8)?.into()),
        filename: maybe(input, words)?,
        mime: "image/png".to_owned(),
        size: 1,
        width: maybe(input, |input| input.arbitrary())?,
        height: None,
        blurhash: maybe(input, words)?,
    })
}

fn about(input: &mut Unstructured<'_>, kind: u8, room: RoomId, message: EventId) -> Result<Command> {
    Ok(match kind {
        20..=22 => Command::EditMessage { room, message, text: words(input)? },
        23 => Command::DeleteMessage { room, message, reason: maybe(input, words)? },
        24 | 25 => Command::PostMessage {
            room,
            content: content(input)?,
            reply_to: Some(message),
            thread: maybe(input, |_| Ok(message))?,
        },
        _ => Command::React {
            room,
            message,
            emoji: (*input.choose(&EMOJI)?).to_owned(),
            present: !input.ratio(1_u8, 3_u8)?,
        },
    })
}
