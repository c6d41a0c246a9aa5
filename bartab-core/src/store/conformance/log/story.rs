//! Random, valid batches of everything that happens in a chat; the same for the same seed.

use serde_json::value::RawValue;

use super::compare::{Probe, assert_alike};
use super::{LogFactory, ok};
use crate::event::{
    Content, EventType, Facts, Format, Idempotency, KeyHash, MemberFacts, Mentions, MessageContent, MessageFacts,
    NewEvent, PersonFacts, PersonKind, ProfileContent, RoomContent, RoomPatch, RoomRole,
};
use crate::id::{EventId, MediaId, RoomId, UserId};
use crate::random::SeededRandom;
use crate::store::conformance::fixtures::{ChainBuilder, person, room};
use crate::store::{Attachment, Audience, Batch, EventLog, Head, MemoryLog, StoreError, verify_log};

const PEOPLE: u64 = 6;
const ROOMS: u64 = 4;
const EMOJI: [&str; 4] = ["🍺", "👍", "👩\u{200d}🔬", "it's"];
const WORDS: [&str; 6] = ["hello", "beer?", "naïve café", "🍺🍺", "", "-- \"quoted\" \\ 'text'\n\u{0}"];

/// A story that goes on for as long as it is asked for batches.
#[derive(Debug)]
pub(super) struct Story {
    chain: ChainBuilder,
    random: SeededRandom,
    /// Messages that are not deleted.
    alive: Vec<(EventId, RoomId)>,
    keys: u64,
}

impl Story {
    pub(super) fn new(head: Head, seed: u64) -> Self {
        Self { chain: ChainBuilder::new(head, seed), random: SeededRandom::new(seed), alive: Vec::new(), keys: 0 }
    }

    pub(super) const fn head(&self) -> Head {
        self.chain.head()
    }

    pub(super) fn people() -> impl Iterator<Item = UserId> {
        (0..=PEOPLE).map(person)
    }

    pub(super) fn rooms() -> impl Iterator<Item = RoomId> {
        (0..=ROOMS).map(room)
    }

    /// The keys that were used, and one that was not.
    pub(super) fn keys(&self) -> impl Iterator<Item = KeyHash> {
        (0..=self.keys).map(|number| KeyHash::new(person(0), &number.to_string()))
    }

    /// Somebody who reads some of a log that ends at `last`; sometimes a room is named twice.
    pub(super) fn audience(random: &SeededRandom, last: u64) -> Audience {
        let rooms = (0..random.below(ROOMS + 2)).map(|_| (room(random.below(ROOMS + 1)), random.below(last + 2)));
        Audience {
            rooms: rooms.collect(),
            person: (random.below(2) == 0).then(|| person(random.below(PEOPLE))),
            tenant: random.below(2) == 0,
        }
    }

    fn one_in(&self, many: u64) -> bool {
        self.random.below(many) == 0
    }

    fn pick<T: Copy>(&self, from: &[T]) -> Option<T> {
        (!from.is_empty()).then(|| from[self.random.below(from.len() as u64) as usize])
    }

    fn words(&self) -> String {
        let words = (0..self.random.below(8)).filter_map(|_| self.pick(&WORDS));
        words.collect::<Vec<_>>().join(" ")
    }

    fn file(&self, id: u64) -> Attachment {
        Attachment {
            media_id: MediaId::from_u128(id.into()),
            filename: self.one_in(2).then(|| self.words()),
            mime: "image/png".to_owned(),
            size: self.random.below(1 << 48),
            width: Some(1),
            height: None,
            blurhash: self.one_in(2).then(|| "LEHV6nWB2yk8pyo0adR*.7kCMdnj".to_owned()),
        }
    }

    /// The next batch, and the head that it follows.
    pub(super) fn batch(&mut self) -> (u64, Batch) {
        for _ in 0..=self.random.below(12) {
            self.step();
        }
        self.chain.take()
    }

    fn step(&mut self) {
        let user = person(self.random.below(PEOPLE));
        let at = room(self.random.below(ROOMS));
        match (self.random.below(100), self.pick(&self.alive)) {
            (40..55, Some((target, at))) => {
                let words = self.words();
                self.chain.edit(user, at, target, &words);
            }
            (55..63, Some((target, at))) => {
                self.alive.retain(|(id, _)| *id != target);
                self.chain.delete(user, at, target, "enough");
            }
            (63..82, Some((target, at))) => {
                let emoji = self.pick(&EMOJI).unwrap_or_default();
                let present = !self.chain.reacts(user, target.seq(), emoji);
                self.chain.react(user, at, target, emoji, present);
            }
            (82..88, target) => self.custom(user, at, target),
            (88..94, _) => self.member(user, at),
            (94..97, _) => self.rename(user, at),
            (97.., _) => self.profile(user),
            _ => self.say(user, at),
        }
        if self.one_in(3) {
            let key = KeyHash::new(person(0), &self.keys.to_string());
            self.keys += 1;
            self.chain.key(Idempotency { key, fingerprint: Some([self.keys as u8; 16]), status: 201, count: 1 });
        }
    }

    fn say(&mut self, user: UserId, at: RoomId) {
        let here: Vec<EventId> = self.alive.iter().filter(|(_, room)| *room == at).map(|(id, _)| *id).collect();
        let facts = MessageFacts {
            reply_to: self.pick(&here).filter(|_| self.one_in(4)),
            thread: self.pick(&here).filter(|_| self.one_in(4)),
        };
        let users = (0..self.random.below(6)).filter(|_| self.one_in(3)).map(|_| person(self.random.below(PEOPLE)));
        let content = MessageContent {
            text: self.words().into(),
            format: if self.one_in(4) { Format::Markdown } else { Format::Plain },
            mentions: Mentions { users: users.collect(), room: self.one_in(10) },
            attachments: (0..self.random.below(3)).filter(|_| self.one_in(4)).map(|id| self.file(id)).collect(),
            nonce: self.one_in(5).then(|| "nonce".into()),
        };
        let id = self.chain.message(user, at, facts, content);
        self.alive.push((id, at));
    }

    fn custom(&mut self, user: UserId, at: RoomId, target: Option<(EventId, RoomId)>) {
        let (Ok(kind), Ok(json)) = ("x.story".parse(), RawValue::from_string("{ \"a\": [1, 2.0] }".to_owned())) else {
            return;
        };
        let mut event = NewEvent::in_room(EventType::Custom(kind), at, Facts::None).with(Content::Custom(json));
        // An event that no room reads and that refers to a message is still what refers to it.
        event.room = event.room.filter(|_| !self.one_in(4));
        event.target = target.map(|(id, _)| id).filter(|_| self.one_in(2));
        let (bot, cause) = (self.one_in(2), target.map(|(id, _)| id));
        self.chain.push_as(user, event, |envelope| {
            (envelope.bot, envelope.cause, envelope.hops) = (bot, cause, u8::from(cause.is_some()));
        });
    }

    fn member(&mut self, user: UserId, at: RoomId) {
        let kinds = [EventType::MemberJoined, EventType::MemberKicked, EventType::MemberLeft];
        let kind = kinds[self.random.below(3) as usize].clone();
        let facts = Facts::Member(MemberFacts { role: self.one_in(2).then_some(RoomRole::Moderator) });
        self.chain.push(user, NewEvent::in_room(kind, at, facts).on(person(self.random.below(PEOPLE))));
    }

    fn rename(&mut self, user: UserId, at: RoomId) {
        let facts = Facts::RoomPatch(RoomPatch { renamed: true, ..RoomPatch::default() });
        let content = Content::Room(RoomContent { name: Some(self.words()), topic: None });
        self.chain.push(user, NewEvent::in_room(EventType::RoomUpdated, at, facts).with(content));
    }

    fn profile(&mut self, user: UserId) {
        let facts = Facts::Person(PersonFacts::new(PersonKind::Person, None, self.head().seq));
        let content = Content::Profile(ProfileContent { display_name: self.words(), avatar: None });
        self.chain.push(user, NewEvent::tenant(EventType::UserUpdated, facts).with(content));
    }
}

/// Whatever happens, the log answers as the one in memory does: after each batch, after an abort, and after both
/// made their views again.
pub async fn random_stories_read_as_in_memory(factory: &dyn LogFactory) {
    for seed in 0..3 {
        let name = format!("story {seed}");
        let mut stores = factory.open(&name).await;
        let reference = MemoryLog::new(b"reference");
        let mut story = Story::new(ok(stores.log.head().await), seed);
        for round in 0..3 {
            for _ in 0..12 {
                let (expected, batch) = story.batch();
                ok(reference.append(expected, batch.clone()).await);
                ok(stores.log.append(expected, batch).await);
                assert_alike(&*stores.log, &reference, &Probe::of(&story)).await;
            }
            stores = factory.reopen_after_abort(&name, stores).await;
            assert_alike(&*stores.log, &reference, &Probe::of(&story)).await;
            if round == 1 {
                ok(stores.log.rebuild_views().await);
                assert_alike(&*stores.log, &reference, &Probe::of(&story)).await;
                ok(reference.rebuild_views().await);
                assert_alike(&*stores.log, &reference, &Probe::of(&story)).await;
            }
        }
        assert_eq!(ok(verify_log(&*stores.log).await.map_err(StoreError::backend)), story.head());
    }
}
