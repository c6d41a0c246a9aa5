//! Valid batches for tests: a small sequencer that seals events into a chain and keeps views as the real one does.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::event::{
    Content, CustomType, EditContent, Envelope, Event, EventType, Facts, Idempotency, MessageContent, MessageFacts,
    NewEvent, ReactionFacts, ReasonContent, Record, Salt,
};
use crate::id::{EventId, RoomId, UserId};
use crate::message::MessageView;
use crate::random::{Random, SeededRandom};
use crate::store::{Batch, EventLog, Head, ReactionChange, StoreError, ViewRow, mention_rows};
use crate::time::Timestamp;

/// The person with this number.
pub fn person(number: u64) -> UserId {
    UserId::from_u128((1_700_000_000_000 << 80) | u128::from(number))
}

/// The room with this number.
pub fn room(number: u64) -> RoomId {
    RoomId::from_u128((1_600_000_000_000 << 80) | u128::from(number))
}

/// What somebody says, and nothing else.
pub fn text(text: &str) -> MessageContent<'static> {
    MessageContent { text: text.to_owned().into(), ..MessageContent::default() }
}

/// Seals events into a chain, numbers messages, folds views, and gathers the batch that writes it all.
///
/// It knows what it made itself: to continue a log with messages in it, keep the builder that wrote them.
#[derive(Debug)]
pub struct ChainBuilder {
    head: Head,
    expected: u64,
    log: u16,
    salts: SeededRandom,
    numbers: BTreeMap<RoomId, u64>,
    messages: BTreeMap<u64, Message>,
    dirty: BTreeSet<u64>,
    batch: Batch,
}

#[derive(Debug)]
struct Message {
    view: MessageView,
    edits: Vec<u64>,
    reactions: BTreeSet<(String, UserId)>,
}

impl ChainBuilder {
    /// Begins after `head`; salts follow from `seed`.
    pub fn new(head: Head, seed: u64) -> Self {
        Self {
            expected: head.seq,
            head: Head { time: head.time.max(Timestamp::from_secs(1_700_000_000)), ..head },
            log: 0,
            salts: SeededRandom::new(seed),
            numbers: BTreeMap::new(),
            messages: BTreeMap::new(),
            dirty: BTreeSet::new(),
            batch: Batch::default(),
        }
    }

    /// Begins at the end of `log`.
    ///
    /// # Errors
    /// What [`EventLog::head`] answers.
    pub async fn on(log: &dyn EventLog, seed: u64) -> Result<Self, StoreError> {
        Ok(Self::new(log.head().await?, seed))
    }

    /// The builder with another number of the log in its ids.
    #[must_use]
    pub const fn with_log_number(mut self, log: u16) -> Self {
        self.log = log;
        self
    }

    /// The end of the chain, with what was not taken yet.
    pub const fn head(&self) -> Head {
        self.head
    }

    /// The view of the message at `seq`, as it is now.
    pub fn view(&self, seq: u64) -> Option<&MessageView> {
        self.messages.get(&seq).map(|message| &message.view)
    }

    /// The positions of the messages made so far, those that were deleted included.
    pub fn messages(&self) -> impl Iterator<Item = u64> {
        self.messages.keys().copied()
    }

    /// Whether `user` reacts to the message at `seq` with `emoji`.
    pub fn reacts(&self, user: UserId, seq: u64, emoji: &str) -> bool {
        self.messages.get(&seq).is_some_and(|message| message.reactions.contains(&(emoji.to_owned(), user)))
    }

    /// Lets time pass; without it every event comes a millisecond after the one before.
    pub fn pass(&mut self, time: Duration) {
        self.head.time = self.head.time.after(time);
    }

    /// Adds an event.
    pub fn push(&mut self, sender: UserId, event: NewEvent) -> EventId {
        self.push_as(sender, event, |_| ())
    }

    /// Adds an event whose envelope `change` completes.
    pub fn push_as(&mut self, sender: UserId, event: NewEvent, change: impl FnOnce(&mut Envelope)) -> EventId {
        let seq = self.head.seq + 1;
        let number = event.room.filter(|_| event.event_type == EventType::MessageCreated).map(|room| {
            let number = self.numbers.entry(room).or_default();
            *number += 1;
            *number
        });
        let mut envelope = Envelope {
            id: EventId::at(self.head.time.after(Duration::from_millis(1)), self.log, seq),
            event_type: event.event_type,
            sender,
            bot: false,
            room: event.room,
            number,
            target: event.target,
            subject: event.subject,
            on_behalf_of: None,
            cause: None,
            hops: 0,
        };
        change(&mut envelope);
        let event = Event { envelope, facts: event.facts, content: event.content, erased: false };
        self.seal(&event);
        event.envelope.id
    }

    #[expect(clippy::expect_used, reason = "what the fixtures make can be written as JSON")]
    fn seal(&mut self, event: &Event) {
        let mut salt = Salt::default();
        self.salts.fill(&mut salt);
        let record = Record::seal(event, self.head.digest, salt).expect("the event is JSON");
        self.add(record);
        self.fold(event);
    }

    /// Adds a row as it is, folding nothing.
    pub fn add(&mut self, record: Record) {
        self.head = Head { seq: record.seq(), digest: record.digest(), time: record.envelope.time() };
        self.batch.events.push(record);
    }

    fn fold(&mut self, event: &Event) {
        let (envelope, seq) = (&event.envelope, event.envelope.seq());
        if let Some(view) = MessageView::of(event) {
            self.batch.mentions.extend(mention_rows(envelope, &view.mentions));
            self.messages.insert(seq, Message { view, edits: Vec::new(), reactions: BTreeSet::new() });
        }
        let target = envelope.target.map(EventId::seq);
        let Some((target, message)) = target.and_then(|seq| Some((seq, self.messages.get_mut(&seq)?))) else { return };
        message.view.fold(event);
        if message.view.version == seq {
            self.dirty.insert(target);
        }
        if envelope.event_type == EventType::MessageEdited {
            message.edits.push(seq);
        }
        if let Facts::Reaction(ReactionFacts { emoji }) = &event.facts {
            let (user, emoji) = (envelope.sender, emoji.clone());
            let present = envelope.event_type == EventType::ReactionAdded;
            match present {
                true => message.reactions.insert((emoji.clone(), user)),
                false => message.reactions.remove(&(emoji.clone(), user)),
            };
            self.batch.reactions.push(ReactionChange { target, emoji, user, present });
        }
    }

    /// Puts an idempotency key on the last event added.
    pub fn key(&mut self, idempotency: Idempotency) {
        if let Some(last) = self.batch.events.last_mut() {
            last.idempotency = Some(idempotency);
        }
    }

    /// Adds a message.
    pub fn say(&mut self, sender: UserId, room: RoomId, words: &str) -> EventId {
        self.message(sender, room, MessageFacts::default(), text(words))
    }

    /// Adds a message with everything that one can have.
    pub fn message(
        &mut self,
        sender: UserId,
        room: RoomId,
        facts: MessageFacts,
        content: MessageContent<'static>,
    ) -> EventId {
        let event = NewEvent::in_room(EventType::MessageCreated, room, Facts::Message(facts));
        let event = NewEvent { target: facts.thread, ..event.with(Content::Message(content)) };
        self.push(sender, event)
    }

    /// Adds an edit.
    pub fn edit(&mut self, sender: UserId, room: RoomId, target: EventId, text: &str) -> EventId {
        let content = Content::Edit(EditContent { text: text.to_owned() });
        self.push(sender, NewEvent::in_room(EventType::MessageEdited, room, Facts::None).about(target).with(content))
    }

    /// Adds a deletion, which erases the message and its edits.
    pub fn delete(&mut self, sender: UserId, room: RoomId, target: EventId, reason: &str) -> EventId {
        self.batch.erase.push(target.seq());
        if let Some(message) = self.messages.get(&target.seq()) {
            self.batch.erase.extend(&message.edits);
        }
        let content = Content::Reason(ReasonContent { reason: reason.to_owned() });
        self.push(sender, NewEvent::in_room(EventType::MessageDeleted, room, Facts::None).about(target).with(content))
    }

    /// Adds a reaction, or takes one away.
    pub fn react(&mut self, sender: UserId, room: RoomId, target: EventId, emoji: &str, present: bool) -> EventId {
        let kind = if present { EventType::ReactionAdded } else { EventType::ReactionRemoved };
        let facts = Facts::Reaction(ReactionFacts { emoji: emoji.to_owned() });
        self.push(sender, NewEvent::in_room(kind, room, facts).about(target))
    }

    /// Adds an event of the embedder's own.
    pub fn custom(
        &mut self,
        sender: UserId,
        room: RoomId,
        kind: CustomType,
        json: Box<serde_json::value::RawValue>,
    ) -> EventId {
        let event = NewEvent::in_room(EventType::Custom(kind), room, Facts::None);
        self.push(sender, event.with(Content::Custom(json)))
    }

    /// Has the next batch erase the content at `seq`.
    pub fn erase(&mut self, seq: u64) {
        self.batch.erase.push(seq);
    }

    /// What was added since the last time, and the head that it follows.
    #[expect(clippy::expect_used, reason = "what the fixtures make can be written as JSON")]
    pub fn take(&mut self) -> (u64, Batch) {
        let mut batch = std::mem::take(&mut self.batch);
        for seq in std::mem::take(&mut self.dirty) {
            if let Some(message) = self.messages.get(&seq) {
                let json = message.view.to_json().expect("a view is JSON").into();
                batch.views.push(ViewRow { seq, json });
            }
        }
        (std::mem::replace(&mut self.expected, self.head.seq), batch)
    }

    /// Appends what was added since the last time.
    ///
    /// # Errors
    /// What [`EventLog::append`] answers.
    pub async fn commit(&mut self, log: &dyn EventLog) -> Result<(), StoreError> {
        let (expected, batch) = self.take();
        log.append(expected, batch).await
    }
}
