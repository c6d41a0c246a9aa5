//! Through any sequence of rotations, emergencies and clock steps, every good token can be verified.

use std::collections::{BTreeMap, BTreeSet};

use bartab_core::store::PrivateKey;
use proptest::prelude::*;

use super::*;

const LIFE: u64 = 600;
const AHEAD: u64 = 3600;
const ROTATE: u64 = 24 * 3600;

fn policy(rotate: bool) -> Policy {
    Policy {
        rotate_after: rotate.then(|| Duration::from_secs(ROTATE)),
        publish_ahead: Duration::from_secs(AHEAD),
        token_life: Duration::from_secs(LIFE),
    }
}

/// A tenant's keys without their bytes, and the tokens that they have signed.
struct Tenant {
    keys: Vec<SigningKey>,
    made: u32,
    now: Timestamp,
    /// Seconds that have really passed, whatever the clock shows.
    passed: u64,
    /// The latest time that the clock has ever shown: a token that has run out once is dead.
    latest: Timestamp,
    last_signed: BTreeMap<String, Timestamp>,
    /// Who signed, and until when it is good.
    tokens: Vec<(String, Timestamp)>,
    /// How many seconds had really passed when a key was published.
    published: BTreeMap<String, u64>,
    /// Keys that somebody removed for an emergency.
    disowned: BTreeSet<String>,
    seen: BTreeSet<String>,
}

impl Tenant {
    fn new() -> Self {
        let now = Timestamp::from_secs(1_000_000_000);
        let mut tenant = Self {
            keys: Vec::new(),
            made: 0,
            now,
            passed: 0,
            latest: now,
            last_signed: BTreeMap::new(),
            tokens: Vec::new(),
            published: BTreeMap::new(),
            disowned: BTreeSet::new(),
            seen: BTreeSet::new(),
        };
        tenant.change(Wish::Ensure(KeyAlgorithm::EdDsa), &policy(true));
        tenant
    }

    fn plan(&self, wish: Wish<'_>, policy: &Policy) -> Plan {
        let last_signed = |key: &SigningKey| self.last_signed.get(&key.kid).copied().unwrap_or_default();
        let seen: Vec<Seen<'_>> =
            self.keys.iter().map(|key| Seen { key, last_signed: last_signed(key), outdated: false }).collect();
        plan(&seen, wish, policy, self.now)
    }

    fn change(&mut self, wish: Wish<'_>, policy: &Policy) {
        let before = self.keys.clone();
        let plan = self.plan(wish, policy);
        let insert = plan.make.iter().map(|(algorithm, state)| {
            self.made += 1;
            SigningKey {
                kid: format!("key{}", self.made),
                algorithm: *algorithm,
                public_jwk: String::new(),
                private: PrivateKey::new(vec![1]),
                created_at: self.now,
                state: *state,
                state_since: self.now,
            }
        });
        let insert: Vec<SigningKey> = insert.collect();
        let change = KeyChange { insert, set: plan.set, remove: plan.remove, ..KeyChange::from_state(&before) };
        assert!(change.apply(&mut self.keys));
        if let Wish::Retire(kid) = wish {
            self.disowned.insert(kid.to_owned());
        }
        self.check(&before, wish);
        // Nothing is left to do at the same moment.
        assert_eq!(self.plan(Wish::Nothing, policy), Plan::default());
    }

    fn check(&mut self, before: &[SigningKey], wish: Wish<'_>) {
        for algorithm in [KeyAlgorithm::EdDsa, KeyAlgorithm::Rs256] {
            let family = |keys: &[SigningKey], state: KeyState| {
                keys.iter().filter(|key| key.algorithm == algorithm && key.state == state).count()
            };
            let used = family(before, KeyState::Active) > 0 || wish == Wish::Ensure(algorithm);
            assert_eq!(family(&self.keys, KeyState::Active), usize::from(used), "{:?}", self.keys);
            assert!(family(&self.keys, KeyState::Next) <= 1);
        }
        let emergency = matches!(wish, Wish::Rotate { now: true, .. } | Wish::Retire(_) | Wish::Ensure(_));
        for key in &self.keys {
            let old = before.iter().find(|old| old.kid == key.kid);
            if old.is_none() {
                assert!(self.seen.insert(key.kid.clone()), "{} came back", key.kid);
                self.published.insert(key.kid.clone(), self.passed);
            }
            let became_active = key.state == KeyState::Active && old.is_none_or(|old| old.state != KeyState::Active);
            if became_active && !emergency {
                let known_for = self.passed - self.published[&key.kid];
                assert!(known_for >= AHEAD, "{} was published for {known_for} seconds", key.kid);
            }
            assert_eq!(key.state == KeyState::Retired, key.private == PrivateKey::gone());
        }
        self.verify_tokens();
    }

    fn sign(&mut self, algorithm: KeyAlgorithm, life: u64) {
        let signer = self.keys.iter().find(|key| key.algorithm == algorithm && key.state == KeyState::Active);
        let Some(signer) = signer else { return };
        self.tokens.push((signer.kid.clone(), self.now.after(Duration::from_secs(life))));
        let last = self.last_signed.entry(signer.kid.clone()).or_default();
        *last = self.now.max(*last);
    }

    fn verify_tokens(&mut self) {
        self.tokens.retain(|(_, until)| *until > self.latest);
        for (kid, until) in &self.tokens {
            let published = self.keys.iter().any(|key| key.kid == *kid);
            assert!(published || self.disowned.contains(kid), "the key of a token that is good until {until} is gone");
        }
    }

    fn wait(&mut self, seconds: u64) {
        self.passed += seconds;
        self.set_clock(self.now.after(Duration::from_secs(seconds)));
    }

    fn set_clock(&mut self, now: Timestamp) {
        self.now = now;
        self.latest = self.latest.max(now);
    }
}

#[derive(Clone, Debug)]
enum Step {
    Wait(u64),
    SetBack(u64),
    Tend,
    Sign(bool, u64),
    Rotate { rsa: Option<bool>, now: bool },
    Retire(prop::sample::Index),
    Ensure,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => prop_oneof![1..60_u64, 1..2 * AHEAD, 1..2 * ROTATE].prop_map(Step::Wait),
        1 => prop_oneof![1..60_u64, 1..2 * AHEAD, 1..2 * ROTATE].prop_map(Step::SetBack),
        6 => Just(Step::Tend),
        6 => (any::<bool>(), 1..=LIFE).prop_map(|(rsa, life)| Step::Sign(rsa, life)),
        2 => (any::<Option<bool>>(), any::<bool>()).prop_map(|(rsa, now)| Step::Rotate { rsa, now }),
        1 => any::<prop::sample::Index>().prop_map(Step::Retire),
        1 => Just(Step::Ensure),
    ]
}

const fn algorithm(rsa: bool) -> KeyAlgorithm {
    if rsa { KeyAlgorithm::Rs256 } else { KeyAlgorithm::EdDsa }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn every_good_token_can_be_verified_and_one_key_signs(
        steps in prop::collection::vec(step(), 1..120), scheduled: bool,
    ) {
        let policy = policy(scheduled);
        let mut tenant = Tenant::new();
        for step in steps {
            match step {
                Step::Wait(seconds) => tenant.wait(seconds),
                Step::SetBack(seconds) => {
                    tenant.set_clock(Timestamp::from_secs(tenant.now.as_secs().saturating_sub(seconds)));
                }
                Step::Tend => tenant.change(Wish::Nothing, &policy),
                Step::Sign(rsa, life) => tenant.sign(algorithm(rsa), life),
                Step::Rotate { rsa, now } => tenant.change(Wish::Rotate { algorithm: rsa.map(algorithm), now }, &policy),
                Step::Retire(index) => {
                    let kid = index.get(&tenant.keys).kid.clone();
                    tenant.change(Wish::Retire(&kid), &policy);
                }
                Step::Ensure => tenant.change(Wish::Ensure(KeyAlgorithm::Rs256), &policy),
            }
            tenant.verify_tokens();
        }
        // When nothing else happens, every key but those in use is gone in the end.
        for _ in 0..4 {
            tenant.set_clock(tenant.latest);
            tenant.wait(AHEAD + LIFE);
            tenant.change(Wish::Nothing, &super::plan::Policy { rotate_after: None, ..policy });
        }
        prop_assert!(tenant.keys.iter().all(|key| key.state == KeyState::Active), "{:?}", tenant.keys);
    }
}

fn states(tenant: &Tenant) -> Vec<(&str, KeyState)> {
    tenant.keys.iter().map(|key| (key.kid.as_str(), key.state)).collect()
}

#[test]
fn a_key_is_exchanged_to_the_second() {
    use KeyState::{Active, Next, Retired};
    let mut tenant = Tenant::new();
    let at = |tenant: &mut Tenant, seconds: u64| {
        tenant.wait(seconds - tenant.passed);
        tenant.change(Wish::Nothing, &policy(true));
        states(tenant).into_iter().map(|(kid, state)| (kid.to_owned(), state)).collect::<Vec<_>>()
    };
    let owned = |states: &[(&str, KeyState)]| -> Vec<(String, KeyState)> {
        states.iter().map(|(kid, state)| ((*kid).to_owned(), *state)).collect()
    };
    assert_eq!(at(&mut tenant, ROTATE - AHEAD - 1), owned(&[("key1", Active)]));
    assert_eq!(at(&mut tenant, ROTATE - AHEAD), owned(&[("key1", Active), ("key2", Next)]));
    assert_eq!(at(&mut tenant, ROTATE - 1), owned(&[("key1", Active), ("key2", Next)]));
    assert_eq!(at(&mut tenant, ROTATE), owned(&[("key1", Retired), ("key2", Active)]));
    assert_eq!(at(&mut tenant, ROTATE + LIFE - 1), owned(&[("key1", Retired), ("key2", Active)]));
    assert_eq!(at(&mut tenant, ROTATE + LIFE), owned(&[("key2", Active)]));
}

#[test]
fn an_emergency_takes_no_key_that_waits() {
    use KeyState::{Active, Retired};
    let mut tenant = Tenant::new();
    tenant.change(Wish::Rotate { algorithm: None, now: false }, &policy(true));
    tenant.change(Wish::Rotate { algorithm: None, now: false }, &policy(true));
    assert_eq!(tenant.made, 2, "one waits already");
    tenant.change(Wish::Rotate { algorithm: Some(KeyAlgorithm::EdDsa), now: true }, &policy(true));
    assert_eq!(states(&tenant), [("key1", Retired), ("key3", Active)]);
}

#[test]
fn a_key_that_is_removed_is_replaced_by_one_that_nobody_knows() {
    use KeyState::{Active, Next};
    let mut tenant = Tenant::new();
    tenant.change(Wish::Rotate { algorithm: None, now: false }, &policy(true));
    assert_eq!(states(&tenant), [("key1", Active), ("key2", Next)]);
    tenant.change(Wish::Retire("key1"), &policy(true));
    assert_eq!(states(&tenant), [("key3", Active)]);
    // One that only waits is no reason to exchange the one that signs.
    tenant.change(Wish::Rotate { algorithm: None, now: false }, &policy(true));
    tenant.change(Wish::Retire("key4"), &policy(true));
    assert_eq!(states(&tenant), [("key3", Active)]);
}

#[test]
fn a_clock_that_was_far_ahead_holds_nothing_up() {
    use KeyState::{Active, Next};
    let mut tenant = Tenant::new();
    let start = tenant.now;
    tenant.set_clock(start.after(Duration::from_secs(50 * 365 * 24 * 3600)));
    tenant.change(Wish::Nothing, &policy(true));
    assert_eq!(states(&tenant), [("key1", Active), ("key2", Next)]);
    tenant.set_clock(start);
    tenant.change(Wish::Nothing, &policy(true));
    assert_eq!(tenant.keys[1].state_since, start);
    tenant.wait(AHEAD);
    tenant.change(Wish::Nothing, &policy(true));
    assert_eq!(states(&tenant)[1], ("key2", Active));
}

#[test]
fn a_second_active_key_is_retired() {
    use KeyState::{Active, Retired};
    let mut tenant = Tenant::new();
    let mut second = tenant.keys[0].clone();
    second.kid = "key9".to_owned();
    second.created_at = tenant.now.after(Duration::from_secs(1));
    tenant.keys.push(second);
    let plan = tenant.plan(Wish::Nothing, &policy(true));
    assert_eq!(plan.set, [("key1".to_owned(), Retired, tenant.now)]);
    assert!(KeyChange { set: plan.set, ..KeyChange::from_state(&tenant.keys) }.apply(&mut tenant.keys.clone()));
    assert_eq!(tenant.keys[1].state, Active);
}

#[test]
fn what_is_sealed_as_nobody_would_today_is_exchanged() {
    let tenant = Tenant::new();
    let mut next = tenant.keys[0].clone();
    next.kid = "key2".to_owned();
    next.state = KeyState::Next;
    let seen = |key, outdated| Seen { key, last_signed: Timestamp::default(), outdated };
    let plan_of = |keys: &[Seen<'_>]| plan(keys, Wish::Nothing, &policy(true), tenant.now);
    assert_eq!(plan_of(&[seen(&tenant.keys[0], true)]).make, [(KeyAlgorithm::EdDsa, KeyState::Next)]);
    assert_eq!(plan_of(&[seen(&tenant.keys[0], true), seen(&next, false)]), Plan::default());
    let both = plan_of(&[seen(&tenant.keys[0], true), seen(&next, true)]);
    assert_eq!((both.remove, both.make), (vec!["key2".to_owned()], vec![(KeyAlgorithm::EdDsa, KeyState::Next)]));
}
