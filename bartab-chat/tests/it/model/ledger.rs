//! A log in plain vectors that commands are decided against, batch by batch, as the sequencer does.

use std::collections::{BTreeMap, BTreeSet};

use bartab_chat::model::{AccountStep, Command, Rejection, Targets, TenantState, Wanted, apply, decide, erasures};
use bartab_core::event::{Digest, Envelope, Event, EventType, NewEvent, Record};
use bartab_core::store::MessageRebuild;
use bartab_core::{Actor, EventId, MessageView, Timestamp, UserId};

/// What a command of a batch came to: the events that it appended.
pub(crate) type Outcome = Result<Vec<Event>, Rejection>;

/// Views by the position of their message.
type Views = BTreeMap<u64, Vec<u8>>;
/// Reactions: the message, the emoji, whose.
type Reactions = BTreeSet<(u64, String, UserId)>;

/// The log and what follows from it.
pub(crate) struct Ledger {
    pub(crate) state: TenantState,
    pub(crate) records: Vec<Record>,
    /// The state before the first event and after each.
    pub(crate) states: Vec<TenantState>,
    /// What a store would hold beside the log.
    pub(crate) views: Views,
    pub(crate) reactions: Reactions,
    /// The time at which the next batch is decided.
    pub(crate) now: Timestamp,
    digest: Digest,
}

impl Ledger {
    pub(crate) fn new() -> Self {
        Self {
            state: TenantState::default(),
            records: Vec::new(),
            states: vec![TenantState::default()],
            views: BTreeMap::new(),
            reactions: BTreeSet::new(),
            digest: Digest::genesis(b"model"),
            now: Timestamp::from_secs(1_700_000_000),
        }
    }

    /// Decides the commands in turn, each seeing the ones before, on targets that were loaded once.
    pub(crate) fn batch(&mut self, commands: &[(Actor, Command)]) -> Vec<Outcome> {
        let mut targets = self.load(commands);
        let mut erased = BTreeSet::new();
        let mut outcomes = Vec::new();
        for (actor, command) in commands {
            let before = self.state.clone();
            let decided = decide(&self.state, &targets, actor, command.clone(), self.now);
            assert_eq!(decided, decide(&self.state, &targets, actor, command.clone(), self.now), "not a function");
            assert_eq!(self.state, before, "deciding changed the state");
            erased.extend(decided.iter().flat_map(|_| command.erasures()));
            outcomes.push(decided.map(|new| {
                let appended = new.into_iter().map(|new| self.append(actor, new, &mut targets, &mut erased));
                appended.collect()
            }));
        }
        for seq in erased {
            self.records[seq as usize - 1].erase();
        }
        for view in targets.changed_views().unwrap() {
            self.views.insert(view.seq, view.json.to_vec());
        }
        for change in targets.reaction_changes().iter().cloned() {
            let row = (change.target, change.emoji, change.user);
            assert_eq!(self.reactions.contains(&row), !change.present, "a reaction comes or goes once");
            if change.present {
                self.reactions.insert(row)
            } else {
                self.reactions.remove(&row)
            };
        }
        outcomes
    }

    fn append(&mut self, actor: &Actor, new: NewEvent, targets: &mut Targets, erased: &mut BTreeSet<u64>) -> Event {
        let room = new.room.and_then(|room| self.state.rooms.get(&room));
        let number = (new.event_type == EventType::MessageCreated).then(|| room.unwrap().last_number + 1);
        let envelope = Envelope {
            id: EventId::at(self.now, 0, self.records.len() as u64 + 1),
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
        erased.extend(erasures(&self.state, targets, &event));
        apply(&mut self.state, &event);
        targets.apply(&event);
        let record = Record::seal(&event, self.digest, [7; 16]).unwrap();
        self.digest = record.digest();
        self.records.push(record);
        self.states.push(self.state.clone());
        event
    }

    /// What would be decided now; nothing comes of it.
    pub(crate) fn ask(&self, actor: &Actor, command: Command) -> Result<Vec<NewEvent>, Rejection> {
        let targets = self.load(&[(actor.clone(), command.clone())]);
        decide(&self.state, &targets, actor, command, self.now)
    }

    /// Loads what the commands need, as the sequencer does from a store.
    fn load(&self, commands: &[(Actor, Command)]) -> Targets {
        let mut wanted = Wanted::default();
        for (actor, command) in commands {
            wanted.add(actor.user_id, command);
        }
        let mut targets = Targets::new(&wanted);
        for seq in &wanted.messages {
            if let Some(view) = self.view(*seq) {
                targets.insert(view);
            }
        }
        for (_, command) in commands {
            let messages = match command {
                Command::DeleteMessage { message, .. } => std::slice::from_ref(message),
                Command::Account { step: AccountStep::EraseWritten { messages, .. }, .. } => messages,
                _ => continue,
            };
            for message in messages {
                let edits = self.records.iter().filter(|record| record.envelope.target == Some(*message));
                for edit in edits.filter(|record| record.envelope.event_type == EventType::MessageEdited) {
                    targets.insert_edit(message.seq(), edit.seq());
                }
            }
        }
        for (message, emoji, user) in &self.reactions {
            if wanted.reactions.get(user).is_some_and(|messages| messages.contains(message)) {
                targets.insert_reaction(*message, *user, emoji.clone());
            }
        }
        targets
    }

    /// The message at a position, as it is now.
    pub(crate) fn view(&self, seq: u64) -> Option<MessageView> {
        match self.views.get(&seq) {
            Some(json) => Some(MessageView::from_json(json).unwrap()),
            None => MessageView::of(&self.records.get(usize::try_from(seq).ok()?.checked_sub(1)?)?.to_event().unwrap()),
        }
    }

    /// The views and reactions that follow from the records alone.
    pub(crate) fn rebuilt(&self) -> (Views, Reactions) {
        let (mut views, mut reactions) = (Views::new(), Reactions::new());
        for record in &self.records {
            let Some(mut rebuild) = MessageRebuild::new(record).unwrap() else { continue };
            let related = self.records.iter().filter(|other| other.envelope.target == Some(record.envelope.id));
            related.for_each(|other| rebuild.fold(other).unwrap());
            let rows = rebuild.finish().unwrap();
            views.extend(rows.view.map(|view| (view.seq, view.json.to_vec())));
            reactions.extend(rows.reactions.into_iter().map(|it| (it.target, it.emoji, it.user)));
        }
        (views, reactions)
    }
}
