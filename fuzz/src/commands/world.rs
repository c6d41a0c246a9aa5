//! A log that grows as the sequencer's does, without its I/O.

use std::collections::BTreeSet;

use bartab_chat::model::{Targets, TenantState, Wanted, apply, decide, erasures, from_snapshot, to_snapshot};
use bartab_core::event::{Digest, Envelope, Event, EventType, Facts, NewEvent, Record, Salt};
use bartab_core::{Actor, EventId, MessageView, Timestamp, UserId};

use super::input::Batch;
use super::oracle;

/// The log and the live state.
#[derive(Default)]
pub(super) struct World {
    log: Vec<Event>,
    state: TenantState,
}

impl World {
    pub(super) fn log(&self) -> &[Event] {
        &self.log
    }

    pub(super) const fn state(&self) -> &TenantState {
        &self.state
    }

    /// The highest number of a room.
    pub(super) fn rooms(&self) -> u64 {
        self.state.rooms.keys().map(|id| id.as_u128() as u64).max().unwrap_or_default()
    }

    /// The time when so many milliseconds have passed.
    pub(super) fn time(&self, passed: u64) -> Timestamp {
        Timestamp::from_millis(self.state.time.as_millis() + passed)
    }

    /// Decides a batch on a fork of the state, and takes the fork over.
    pub(super) fn decide(&mut self, batch: Batch) {
        if batch.restart {
            self.restart();
        }
        let now = self.time(batch.passed);
        let mut wanted = Wanted::default();
        for (actor, command) in &batch.jobs {
            wanted.add(actor.user_id, command);
        }
        let mut targets = self.load(&wanted);
        let mut erased = BTreeSet::new();
        for (actor, command) in batch.jobs {
            let Ok(events) = decide(&self.state, &targets, &actor, command, now) else { continue };
            for new in events {
                let event = self.seal(&actor, new, now);
                oracle::check(&self.state, &self.log, &actor, &event);
                erased.extend(erasures(&self.state, &targets, &event));
                apply(&mut self.state, &event);
                targets.apply(&event);
                self.log.push(event);
            }
        }
        for seq in erased {
            let event = &mut self.log[seq as usize - 1];
            event.erased |= event.content.take().is_some();
        }
        for changed in targets.changed_views().expect("views are JSON") {
            let view = MessageView::from_json(&changed.json).expect("a view reads back");
            assert_eq!(Some(view), self.view(changed.seq), "the view is the fold of the log");
        }
    }

    /// What the batch needs, read from the log as the sequencer reads it from a store.
    fn load(&self, wanted: &Wanted) -> Targets {
        let mut targets = Targets::new(wanted);
        wanted.messages.iter().filter_map(|seq| self.view(*seq)).for_each(|view| targets.insert(view));
        for view in wanted.messages.iter().filter_map(|seq| self.view(*seq)) {
            let message = view.event_id;
            for event in self.related(message).filter(|event| event.envelope.event_type == EventType::MessageEdited) {
                targets.insert_edit(message.seq(), event.envelope.seq());
            }
        }
        for (user, messages) in &wanted.reactions {
            for seq in messages {
                for emoji in self.reactions(*user, *seq) {
                    targets.insert_reaction(*seq, *user, emoji);
                }
            }
        }
        targets
    }

    fn related(&self, target: EventId) -> impl Iterator<Item = &Event> {
        self.log.iter().filter(move |event| event.envelope.target == Some(target))
    }

    fn event(&self, seq: u64) -> Option<&Event> {
        self.log.get(usize::try_from(seq).ok()?.checked_sub(1)?)
    }

    fn view(&self, seq: u64) -> Option<MessageView> {
        let mut view = MessageView::of(self.event(seq)?)?;
        self.related(view.event_id).for_each(|event| view.fold(event));
        Some(view)
    }

    /// The emoji that `user` reacts with to the message at `seq`.
    fn reactions(&self, user: UserId, seq: u64) -> BTreeSet<String> {
        let mut there = BTreeSet::new();
        let Some(message) = self.event(seq) else { return there };
        for event in self.related(message.envelope.id).filter(|event| event.envelope.sender == user) {
            if let Facts::Reaction(facts) = &event.facts {
                match event.envelope.event_type {
                    EventType::ReactionAdded => there.insert(facts.emoji.clone()),
                    _ => there.remove(&facts.emoji),
                };
            }
        }
        there
    }

    fn seal(&self, actor: &Actor, new: NewEvent, now: Timestamp) -> Event {
        let messages =
            |event: &&Event| event.envelope.event_type == EventType::MessageCreated && event.envelope.room == new.room;
        let number =
            (new.event_type == EventType::MessageCreated).then(|| self.log.iter().filter(messages).count() as u64 + 1);
        let envelope = Envelope {
            id: EventId::at(now, 0, self.log.len() as u64 + 1),
            event_type: new.event_type,
            sender: actor.user_id,
            bot: actor.is_bot(),
            room: new.room,
            number,
            target: new.target,
            subject: new.subject,
            on_behalf_of: None,
            cause: None,
            hops: 0,
        };
        let event = Event { envelope, facts: new.facts, content: new.content, erased: false };
        let record = Record::seal(&event, Digest::default(), Salt::default()).expect("the event can be stored");
        assert_eq!(record.to_event().expect("the event reads back"), event);
        event
    }

    /// Goes on from the stored state.
    fn restart(&mut self) {
        let digest = Digest([7; 32]);
        let snapshot = to_snapshot(&self.state, digest).expect("the state can be stored");
        let read = from_snapshot(&snapshot).expect("the state reads back").expect("the format is known");
        assert_eq!(read, (self.state.clone(), digest), "a stored state is the state");
        self.state = read.0;
    }

    /// The log played back is the state; everything in the state agrees with itself.
    pub(super) fn check(mut self) {
        let mut replayed = TenantState::default();
        self.log.iter().for_each(|event| apply(&mut replayed, event));
        assert_eq!(replayed, self.state, "the log played back is the live state");
        for event in &mut self.log {
            event.content = None;
        }
        let mut erased = TenantState::default();
        self.log.iter().for_each(|event| apply(&mut erased, event));
        assert_eq!(erased, self.state, "the state holds no content");
        oracle::agrees(&self.state, &self.log);
        self.restart();
    }
}
