//! What is to happen to the signing keys next, as a pure function of how they are.
//!
//! A key is published (`Next`) for a while before it signs (`Active`), and stays published after it has ceased to
//! (`Retired`), until every token of its is dead. Whoever verifies with a copy of the key set that is a little old
//! therefore never meets a token that it cannot check.

use std::time::Duration;

use bartab_core::Timestamp;
use bartab_core::store::{KeyAlgorithm, KeyState, SigningKey};

/// How keys are exchanged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Policy {
    /// How long a key signs; `None`: until somebody says otherwise.
    pub(super) rotate_after: Option<Duration>,
    /// How long a key is published before it signs.
    pub(super) publish_ahead: Duration,
    /// How long after its last signature a key's tokens are dead.
    pub(super) token_life: Duration,
}

/// A key, and what the store does not know of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen<'a> {
    pub(super) key: &'a SigningKey,
    /// When this process signed with it last.
    pub(super) last_signed: Timestamp,
    /// Its private half is sealed with another host key than today's, or with none although there is one.
    pub(super) outdated: bool,
}

/// What somebody wants of the keys, beside what their age demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish<'a> {
    /// Nothing.
    Nothing,
    /// That there is a key to sign with.
    Ensure(KeyAlgorithm),
    /// Another key; all of them without an algorithm. `now`: one that nobody knows yet.
    Rotate { algorithm: Option<KeyAlgorithm>, now: bool },
    /// That this key is gone, its tokens with it; so is the one that waits, when this one signs.
    Retire(&'a str),
}

/// What is to happen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// New keys.
    pub(super) make: Vec<(KeyAlgorithm, KeyState)>,
    /// Keys that go to a state, each since when.
    pub(super) set: Vec<(String, KeyState, Timestamp)>,
    /// Keys that are gone.
    pub(super) remove: Vec<String>,
}

/// A clock that is behind by no more than this is not taken to have been set back.
const CLOCK_SKEW: Duration = Duration::from_secs(5 * 60);

/// What is to happen to `keys` at `now`.
pub(super) fn plan(keys: &[Seen<'_>], wish: Wish<'_>, policy: &Policy, now: Timestamp) -> Plan {
    let wanted = if let Wish::Ensure(algorithm) = wish { Some(algorithm) } else { None };
    let mut algorithms: Vec<KeyAlgorithm> = Vec::new();
    for algorithm in keys.iter().map(|seen| seen.key.algorithm).chain(wanted) {
        if !algorithms.contains(&algorithm) {
            algorithms.push(algorithm);
        }
    }
    let mut plan = Plan::default();
    for algorithm in algorithms {
        let mut family = Family::new(algorithm, &mut plan, policy, now);
        family.gather(keys, wish);
        family.grant(wish);
        family.tend();
    }
    plan
}

/// The keys of one algorithm, and what becomes of them.
struct Family<'a, 'p> {
    algorithm: KeyAlgorithm,
    next: Option<Seen<'a>>,
    active: Option<Seen<'a>>,
    /// Tokens are signed with one of these keys, so there must be one.
    used: bool,
    /// Somebody asked for another key.
    asked: bool,
    /// The key that signed is the one that is to be gone at once.
    active_is_gone: bool,
    plan: &'p mut Plan,
    policy: &'p Policy,
    now: Timestamp,
}

impl<'a, 'p> Family<'a, 'p> {
    fn new(algorithm: KeyAlgorithm, plan: &'p mut Plan, policy: &'p Policy, now: Timestamp) -> Self {
        Self {
            algorithm,
            next: None,
            active: None,
            used: false,
            asked: false,
            active_is_gone: false,
            plan,
            policy,
            now,
        }
    }

    /// Finds the keys of the algorithm; those that are to go at once are gone already.
    fn gather(&mut self, keys: &[Seen<'a>], wish: Wish<'_>) {
        let algorithm = self.algorithm;
        for seen in keys.iter().filter(|seen| seen.key.algorithm == algorithm) {
            self.used |= seen.key.state != KeyState::Retired;
            // Oldest first. There is never a second one, unless somebody else's hand was in the store; then the newest
            // counts.
            let surplus = match seen.key.state {
                state if wish == Wish::Retire(&seen.key.kid) => {
                    self.active_is_gone |= state == KeyState::Active;
                    Some(*seen)
                }
                KeyState::Next => self.next.replace(*seen),
                KeyState::Active => {
                    if let Some(surplus) = self.active.replace(*seen) {
                        self.retire(surplus);
                    }
                    None
                }
                KeyState::Retired if self.is_dead(*seen) => Some(*seen),
                _ => None,
            };
            if let Some(surplus) = surplus {
                self.remove(surplus);
            }
        }
    }

    /// Does what somebody wants of these keys.
    fn grant(&mut self, wish: Wish<'_>) {
        match wish {
            Wish::Ensure(algorithm) => self.used |= algorithm == self.algorithm,
            Wish::Rotate { algorithm, .. } if algorithm.is_some_and(|only| only != self.algorithm) => {}
            Wish::Rotate { now: false, .. } => self.asked = true,
            Wish::Rotate { now: true, .. } => {
                self.drop_next();
                if let Some(active) = self.active.take() {
                    self.retire(active);
                }
            }
            Wish::Retire(_) if self.active_is_gone => self.drop_next(),
            Wish::Nothing | Wish::Retire(_) => {}
        }
    }

    /// What waits lay in the same store as the key that somebody knows, maybe, so it does not take over.
    fn drop_next(&mut self) {
        if let Some(next) = self.next.take() {
            self.remove(next);
        }
    }

    /// Does what the age of the keys demands, and sees to it that one of them signs.
    fn tend(&mut self) {
        self.wake();
        if self.used && self.active.is_none() {
            match self.next.take() {
                Some(next) => self.set(next, KeyState::Active, self.now),
                None => self.plan.make.push((self.algorithm, KeyState::Active)),
            }
            return;
        }
        if let Some(next) = self.next.take_if(|next| next.outdated) {
            self.remove(next);
            self.asked = true;
        }
        match (self.active, self.next) {
            (Some(active), None) if self.asked || active.outdated || self.is_due(active) => {
                self.plan.make.push((self.algorithm, KeyState::Next));
            }
            (Some(active), Some(next)) if self.now >= next.key.state_since.after(self.policy.publish_ahead) => {
                self.set(next, KeyState::Active, self.now);
                self.retire(active);
            }
            _ => {}
        }
    }

    /// A key that has been what it is since a time to come: the clock was set back. It counts from now on, so that
    /// nothing waits for years.
    fn wake(&mut self) {
        let latest = self.now.after(CLOCK_SKEW);
        for seen in [self.next, self.active].into_iter().flatten().filter(|seen| seen.key.state_since > latest) {
            self.set(seen, seen.key.state, self.now);
        }
    }

    fn is_due(&self, active: Seen<'_>) -> bool {
        let signs_for = |life: Duration| active.key.state_since.after(life.saturating_sub(self.policy.publish_ahead));
        self.policy.rotate_after.is_some_and(|life| self.now >= signs_for(life))
    }

    fn retire(&mut self, seen: Seen<'_>) {
        // Not before its last signature, also when the clock was set back since.
        let since = self.now.max(seen.last_signed);
        self.set(seen, KeyState::Retired, since);
    }

    /// Whether every token that the key has signed is dead.
    fn is_dead(&self, seen: Seen<'_>) -> bool {
        self.now >= seen.key.state_since.after(self.policy.token_life)
    }

    fn set(&mut self, seen: Seen<'_>, state: KeyState, since: Timestamp) {
        // What was decided last counts.
        self.plan.set.retain(|(kid, ..)| *kid != seen.key.kid);
        self.plan.set.push((seen.key.kid.clone(), state, since));
    }

    fn remove(&mut self, seen: Seen<'_>) {
        self.plan.remove.push(seen.key.kid.clone());
    }
}
