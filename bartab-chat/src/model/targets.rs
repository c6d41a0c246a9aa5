//! The messages that the commands of a batch name, loaded before deciding and kept up while it goes on.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use bartab_core::event::{Event, EventType, Facts, PersonState};
use bartab_core::store::{ReactionChange, ViewRow};
use bartab_core::{EventId, MessageView, UserId};

use super::command::Command;
use super::state::TenantState;

/// What a batch of commands needs to have loaded.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Positions of messages.
    pub messages: BTreeSet<u64>,
    /// Messages that people react to.
    pub reactions: BTreeMap<UserId, BTreeSet<u64>>,
}

impl Wanted {
    /// Adds what `command` of `user` needs.
    pub fn add(&mut self, user: UserId, command: &Command) {
        self.messages.extend(command.messages().map(EventId::seq));
        if let Command::React { message, .. } = command {
            self.reactions.entry(user).or_default().insert(message.seq());
        }
    }
}

/// The messages that the commands of a batch name.
#[derive(Clone, Debug, Default)]
pub struct Targets {
    wanted: BTreeSet<u64>,
    views: BTreeMap<u64, MessageView>,
    changed: BTreeSet<u64>,
    edits: HashMap<u64, Vec<u64>>,
    reacted: HashSet<(u64, UserId, String)>,
    reaction_changes: Vec<ReactionChange>,
}

/// The positions whose content goes when `event` comes, which `state` and `targets` do not know yet: of a deletion, the
/// message and its edits; of somebody who is erased, the profile.
pub fn erasures(state: &TenantState, targets: &Targets, event: &Event) -> Vec<u64> {
    match (&event.envelope.event_type, event.envelope.target, &event.facts) {
        (EventType::MessageDeleted, Some(target), _) => {
            let edits = targets.edits.get(&target.seq()).into_iter().flatten().copied();
            std::iter::once(target.seq()).chain(edits).collect()
        }
        (EventType::UserUpdated, _, Facts::Person(facts)) if facts.state == PersonState::Erased => {
            let known = state.people.get(&event.envelope.sender);
            known.filter(|known| known.state != PersonState::Erased).map(|known| known.profile).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

impl Targets {
    /// Nothing loaded yet; messages at the wanted positions are taken up when they are made.
    pub fn new(wanted: &Wanted) -> Self {
        Self { wanted: wanted.messages.clone(), ..Self::default() }
    }

    /// Takes up a message.
    pub fn insert(&mut self, view: MessageView) {
        self.views.insert(view.event_id.seq(), view);
    }

    /// Takes up an edit of a message.
    pub fn insert_edit(&mut self, message: u64, edit: u64) {
        self.edits.entry(message).or_default().push(edit);
    }

    /// Takes up a reaction.
    pub fn insert_reaction(&mut self, message: u64, user: UserId, emoji: String) {
        self.reacted.insert((message, user, emoji));
    }

    /// The message with this id; the whole id is compared.
    pub fn message(&self, id: EventId) -> Option<&MessageView> {
        self.views.get(&id.seq()).filter(|view| view.event_id == id)
    }

    /// Whether `user` reacts to `message` with `emoji`.
    pub fn has_reacted(&self, message: EventId, user: UserId, emoji: &str) -> bool {
        self.reacted.contains(&(message.seq(), user, emoji.to_owned()))
    }

    /// Follows an event that was decided, as [`apply`](super::apply) does for the state.
    pub fn apply(&mut self, event: &Event) {
        let seq = event.envelope.seq();
        if self.wanted.contains(&seq)
            && let Some(view) = MessageView::of(event)
        {
            self.views.insert(seq, view);
        }
        let Some(target) = event.envelope.target.map(EventId::seq) else { return };
        if let Some(view) = self.views.get_mut(&target) {
            let before = view.version;
            view.fold(event);
            if view.version != before {
                self.changed.insert(target);
            }
        }
        match (&event.envelope.event_type, &event.facts) {
            (EventType::MessageEdited, _) => self.insert_edit(target, seq),
            (kind @ (EventType::ReactionAdded | EventType::ReactionRemoved), Facts::Reaction(facts)) => {
                let present = *kind == EventType::ReactionAdded;
                let (user, emoji) = (event.envelope.sender, facts.emoji.clone());
                let key = (target, user, emoji.clone());
                if present {
                    self.reacted.insert(key);
                } else {
                    self.reacted.remove(&key);
                }
                self.reaction_changes.push(ReactionChange { target, emoji, user, present });
            }
            _ => {}
        }
    }

    /// The views that changed since the targets were loaded.
    ///
    /// # Errors
    /// When a view cannot be written as JSON.
    pub fn changed_views(&self) -> Result<Vec<ViewRow>, serde_json::Error> {
        let changed = self.changed.iter().filter_map(|seq| Some((*seq, self.views.get(seq)?)));
        changed.map(|(seq, view)| Ok(ViewRow { seq, json: view.to_json()?.into() })).collect()
    }

    /// The reactions that came or went since the targets were loaded, in order.
    pub fn reaction_changes(&self) -> &[ReactionChange] {
        &self.reaction_changes
    }
}
