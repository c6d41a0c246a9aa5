//! The slow-down of guessing: failed sign-ins are counted by account, by address, and by the two together.
//!
//! Nobody is locked out. Past a number of failures each attempt has to wait longer than the one before, up to a cap, and
//! failures are forgiven with time. Whoever has signed in from an address before is counted there by the two together
//! alone, so that no stranger can keep them out; and a username that nobody has is counted as any other, so the count
//! tells nothing.

use std::fmt;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bartab_core::{Random, Timestamp};
use http::HeaderName;
use quick_cache::unsync::Cache;
use sha2::{Digest as _, Sha256};

use crate::error::AuthError;

/// So many accounts, addresses and pairs of them are remembered each; who was seen least is forgotten first.
const REMEMBERED: usize = 16 * 1024;
/// So many attempts may run at once before they count like failures, so that waiting for answers is no way around.
const AT_ONCE: u32 = 32;

/// How failures of one sort are counted.
#[derive(Debug)]
struct Rule {
    /// How the policy is called in the answer's headers.
    name: &'static str,
    /// So many failures cost nothing.
    free: u32,
    /// The wait after the first one that costs; each further one doubles it.
    first: Duration,
    /// No wait is longer.
    most: Duration,
    /// One failure is forgiven after so long.
    forgive: Duration,
}

/// Somebody at one address, guessing the password of one account.
const PAIR: Rule = Rule {
    name: "sign-in",
    free: 5,
    first: Duration::from_secs(1),
    most: Duration::from_secs(15 * 60),
    forgive: Duration::from_secs(15 * 60),
};
/// Many addresses, guessing the password of one account: at most some 300 guesses a day.
const ACCOUNT: Rule = Rule {
    name: "sign-in-account",
    free: 20,
    first: Duration::from_secs(1),
    most: Duration::from_secs(5 * 60),
    forgive: Duration::from_secs(5 * 60),
};
/// One address, trying one password on many accounts. Many people may share it.
const ADDRESS: Rule = Rule {
    name: "sign-in-address",
    free: 100,
    first: Duration::from_secs(1),
    most: Duration::from_secs(60),
    forgive: Duration::from_secs(10),
};

/// What is remembered of the attempts of one sort.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    failures: u32,
    running: u32,
    /// Up to when failures have been forgiven.
    settled: Timestamp,
    /// When the newest attempt began.
    last: Timestamp,
}

/// Too many attempts have failed; this one was not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlowDown {
    /// Seconds after which to try again, at least 1.
    pub retry_after: u64,
    pub(crate) policy: &'static str,
    pub(crate) quota: u32,
    /// Seconds after which the whole quota is there again.
    pub(crate) window: u64,
}

impl From<SlowDown> for AuthError {
    fn from(slow_down: SlowDown) -> Self {
        Self::SlowDown(slow_down)
    }
}

impl SlowDown {
    /// The policy, and what is left of it, as draft-ietf-httpapi-ratelimit-headers writes them.
    pub(crate) fn headers(&self) -> [(HeaderName, String); 2] {
        let Self { policy, quota, window, retry_after } = self;
        [
            (HeaderName::from_static("ratelimit-policy"), format!("\"{policy}\";q={quota};w={window}")),
            (HeaderName::from_static("ratelimit"), format!("\"{policy}\";r=0;t={retry_after}")),
        ]
    }
}

impl Rule {
    /// How often the wait doubles until it is the longest.
    fn steps(&self) -> u32 {
        (0..32).find(|step| self.first.saturating_mul(1 << step) >= self.most).unwrap_or(32)
    }

    /// The tally at `now`, less what is forgiven by then.
    fn settle(&self, tally: Tally, now: Timestamp) -> Tally {
        let quiet = now.since(tally.settled).as_millis() / self.forgive.as_millis().max(1);
        let quiet = u32::try_from(quiet).unwrap_or(u32::MAX);
        let failures = tally.failures.saturating_sub(quiet);
        let settled = if failures == 0 { now } else { tally.settled.after(self.forgive.saturating_mul(quiet)) };
        Tally { failures, settled, ..tally }
    }

    /// How long an attempt at `now` still has to wait.
    fn wait(&self, tally: &Tally, now: Timestamp) -> Option<Duration> {
        let counted = tally.failures.saturating_add(tally.running.saturating_sub(AT_ONCE));
        let beyond = counted.checked_sub(self.free)?;
        let delay = self.first.saturating_mul(1 << beyond.min(self.steps())).min(self.most);
        let until = tally.last.after(delay);
        // The clock may have been set back; nobody waits longer for that.
        (now < until).then(|| until.since(now).min(delay))
    }

    /// The tally after one more failure. What no longer wait follows from is not counted, so that it is forgiven in time.
    fn fail(&self, tally: Tally) -> Tally {
        Tally { failures: (tally.failures + 1).min(self.free + self.steps()), ..tally }
    }

    fn slow_down(&self, wait: Duration) -> SlowDown {
        SlowDown {
            retry_after: (wait.as_millis().div_ceil(1000) as u64).max(1),
            policy: self.name,
            quota: self.free,
            window: u64::from(self.free) * self.forgive.as_secs(),
        }
    }
}

/// A name of an account or address, or of both, that says nothing and cannot be chosen by a client.
type Key = [u8; 16];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Pair,
    Account,
    Address,
}

impl Sort {
    const fn rule(self) -> &'static Rule {
        match self {
            Self::Pair => &PAIR,
            Self::Account => &ACCOUNT,
            Self::Address => &ADDRESS,
        }
    }
}

struct Tables {
    pairs: Cache<Key, Tally>,
    accounts: Cache<Key, Tally>,
    addresses: Cache<Key, Tally>,
    /// Who has signed in from where.
    known: Cache<Key, ()>,
}

impl Tables {
    fn of(&mut self, sort: Sort) -> &mut Cache<Key, Tally> {
        match sort {
            Sort::Pair => &mut self.pairs,
            Sort::Account => &mut self.accounts,
            Sort::Address => &mut self.addresses,
        }
    }

    /// The tally as an attempt finds it: who is tried again and again is kept.
    fn get(&mut self, sort: Sort, key: &Key) -> Tally {
        self.of(sort).get(key).copied().unwrap_or_default()
    }

    /// Replaces the tally with what `change` makes of it, at `now`; that is no sign that it will be asked for again.
    fn change(&mut self, sort: Sort, key: &Key, now: Timestamp, change: impl FnOnce(Tally) -> Tally) {
        let table = self.of(sort);
        if let Some(mut tally) = table.peek_mut(key) {
            *tally = change(sort.rule().settle(*tally, now));
        } else {
            table.insert(*key, change(Tally { settled: now, ..Tally::default() }));
        }
    }
}

/// The failed sign-ins of one tenant, in memory that is bounded whatever is tried.
pub(crate) struct Throttle {
    tables: Mutex<Tables>,
    /// Makes the keys; new with each process.
    salt: [u8; 16],
}

impl Throttle {
    pub(crate) fn new(random: &dyn Random) -> Self {
        let mut salt = [0; 16];
        random.fill(&mut salt);
        let table = || Cache::new(REMEMBERED);
        let tables = Tables { pairs: table(), accounts: table(), addresses: table(), known: Cache::new(REMEMBERED) };
        Self { tables: Mutex::new(tables), salt }
    }

    /// Lets an attempt on the account with this `username_key` begin, whether or not there is one.
    pub(crate) fn begin(
        &self,
        username_key: &str,
        address: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<Attempt<'_>, SlowDown> {
        let address = address.map(|address| network(address).to_string());
        let pair = address.as_deref().map(|address| self.key(Sort::Pair, &[address, username_key]));
        let mut tables = self.tables();
        let mut counted = Vec::with_capacity(3);
        counted.extend(pair.map(|key| (Sort::Pair, key)));
        if pair.is_none_or(|pair| tables.known.get(&pair).is_none()) {
            counted.push((Sort::Account, self.key(Sort::Account, &[username_key])));
            counted.extend(address.map(|address| (Sort::Address, self.key(Sort::Address, &[&address]))));
        }
        let waits = counted.iter().filter_map(|(sort, key)| {
            let rule = sort.rule();
            rule.wait(&tables.get(*sort, key), now).map(|wait| (wait, rule))
        });
        if let Some((wait, rule)) = waits.max_by_key(|(wait, _)| *wait) {
            return Err(rule.slow_down(wait));
        }
        for (sort, key) in &counted {
            tables.change(*sort, key, now, |tally| Tally { running: tally.running + 1, last: now, ..tally });
        }
        drop(tables);
        Ok(Attempt { throttle: self, counted, began: now, verdict: Verdict::Wrong })
    }

    fn end(&self, attempt: &Attempt<'_>) {
        let mut tables = self.tables();
        for (sort, key) in &attempt.counted {
            tables.change(*sort, key, attempt.began, |tally| {
                let tally = Tally { running: tally.running.saturating_sub(1), ..tally };
                match (attempt.verdict, sort) {
                    (Verdict::Wrong, _) => sort.rule().fail(tally),
                    (Verdict::Right, Sort::Pair) => Tally { failures: 0, ..tally },
                    _ => tally,
                }
            });
            if (attempt.verdict, *sort) == (Verdict::Right, Sort::Pair) {
                tables.known.insert(*key, ());
            }
        }
    }

    fn key(&self, sort: Sort, parts: &[&str]) -> Key {
        let mut hash = Sha256::new_with_prefix(self.salt);
        hash.update([sort as u8]);
        for part in parts {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let mut key = [0; 16];
        key.copy_from_slice(&hash.finalize()[..16]);
        key
    }

    /// Every change of the tables is whole, so a panic elsewhere while they were held does no harm.
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Throttle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Throttle").finish_non_exhaustive()
    }
}

/// What counts as one address: whoever has one IPv6 address usually has 2^64 of them.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) & !u128::from(u64::MAX)).into()),
        v4 => v4,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Right,
    Wrong,
    Neither,
}

/// An attempt that is being looked at. It counts as a failure unless it is said to be none, also when whoever made it
/// goes away before the answer.
#[derive(Debug)]
pub(crate) struct Attempt<'a> {
    throttle: &'a Throttle,
    counted: Vec<(Sort, Key)>,
    began: Timestamp,
    verdict: Verdict,
}

impl Attempt<'_> {
    /// Who tried is who they say.
    pub(crate) fn right(mut self) {
        self.verdict = Verdict::Right;
    }

    /// It could not be found out, or something is missing that was not guessed at.
    pub(crate) fn neither(mut self) {
        self.verdict = Verdict::Neither;
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        self.throttle.end(self);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bartab_core::SeededRandom;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_secs(1_000_000 + seconds)
    }

    fn address(number: u32) -> Option<IpAddr> {
        Some(IpAddr::V4(number.into()))
    }

    fn throttle() -> Throttle {
        Throttle::new(&SeededRandom::new(1))
    }

    impl Throttle {
        /// A wrong attempt; the seconds to wait when it was not even looked at.
        fn wrong(&self, username: &str, address: Option<IpAddr>, now: Timestamp) -> Option<u64> {
            self.begin(username, address, now).map(drop).err().map(|slow_down| slow_down.retry_after)
        }
    }

    #[test]
    fn each_failure_past_the_free_ones_doubles_the_wait_up_to_a_cap() {
        let throttle = throttle();
        let mut now = 0;
        for _ in 0..PAIR.free {
            assert_eq!(throttle.wrong("alice", address(1), at(now)), None);
        }
        for wait in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512] {
            // Asking while one waits is refused, and makes nothing worse.
            assert_eq!(throttle.wrong("alice", address(1), at(now)), Some(wait));
            assert_eq!(throttle.wrong("alice", address(1), at(now + wait - 1)), Some(1));
            now += wait;
            assert_eq!(throttle.wrong("alice", address(1), at(now)), None);
        }
        for _ in 0..100 {
            let wait = throttle.wrong("alice", address(1), at(now)).unwrap();
            assert!((512..=900).contains(&wait), "{wait}");
            now += wait;
            assert_eq!(throttle.wrong("alice", address(1), at(now)), None);
        }
    }

    #[test]
    fn failures_are_forgiven_with_time() {
        let throttle = throttle();
        for _ in 0..PAIR.free {
            throttle.wrong("alice", address(1), at(0));
        }
        assert_eq!(throttle.wrong("alice", address(1), at(0)), Some(1));
        let later = PAIR.forgive.as_secs() * 2;
        assert_eq!(throttle.wrong("alice", address(1), at(later)), None);
        assert_eq!(throttle.wrong("alice", address(1), at(later)), None);
        assert_eq!(throttle.wrong("alice", address(1), at(later)), Some(1));
    }

    #[test]
    fn a_success_makes_good_what_failed_at_that_address() {
        let throttle = throttle();
        for _ in 0..3 {
            for _ in 1..PAIR.free {
                assert_eq!(throttle.wrong("alice", address(1), at(0)), None);
            }
            throttle.begin("alice", address(1), at(0)).unwrap().right();
        }
    }

    #[test]
    fn no_stranger_keeps_anybody_out_where_they_have_signed_in_before() {
        let throttle = throttle();
        throttle.begin("alice", address(1), at(0)).unwrap().right();
        for stranger in 0..10_000 {
            throttle.wrong("alice", address(100 + stranger), at(1));
        }
        assert!(throttle.wrong("alice", address(2), at(1)).is_some(), "at a new address she waits too");
        for now in 1..1000 {
            throttle.begin("alice", address(1), at(now)).unwrap().right();
        }
        // What fails there counts there alone.
        for _ in 0..PAIR.free {
            assert_eq!(throttle.wrong("alice", address(1), at(1000)), None);
        }
        assert_eq!(throttle.wrong("alice", address(1), at(1000)), Some(1));
    }

    #[test]
    fn many_addresses_that_guess_at_one_account_are_slowed_down_together() {
        for username in ["alice", "nobody"] {
            let throttle = throttle();
            let looked_at = (0..10_000).filter(|from| throttle.wrong(username, address(*from), at(0)).is_none());
            assert_eq!(looked_at.count(), ACCOUNT.free as usize);
            let day = (0..24 * 3600).filter(|now| throttle.wrong(username, address(*now as u32), at(*now)).is_none());
            assert!((280..=310).contains(&day.count()));
            assert_eq!(throttle.wrong("bob", address(1), at(0)), None);
        }
    }

    #[test]
    fn one_address_that_tries_many_accounts_is_slowed_down() {
        let throttle = throttle();
        let user = |number: u32| format!("user{number}");
        let looked_at = (0..10_000).filter(|n| throttle.wrong(&user(*n), address(1), at(0)).is_none()).count();
        assert_eq!(looked_at, ADDRESS.free as usize);
        assert_eq!(throttle.wrong("user1", address(2), at(0)), None);
        let v6 = |text: &str| Some(text.parse().unwrap());
        for n in 0..ADDRESS.free {
            assert_eq!(throttle.wrong(&user(n), v6(&format!("2001:db8::{n}")), at(0)), None);
        }
        assert_eq!(throttle.wrong("x", v6("2001:db8::ffff"), at(0)), Some(1));
        assert_eq!(throttle.wrong("x", v6("2001:db8:0:1::"), at(0)), None);
        assert_eq!(throttle.wrong("x", v6("::ffff:0.0.0.1"), at(0)), Some(1), "an IPv4 address in IPv6 clothes");
    }

    #[test]
    fn attempts_that_run_count_so_that_starting_many_at_once_is_no_way_around() {
        let throttle = throttle();
        let running: Vec<_> = (0..10_000).filter_map(|_| throttle.begin("alice", address(1), at(0)).ok()).collect();
        assert_eq!(running.len(), (AT_ONCE + PAIR.free) as usize);
        drop(running);
        assert_eq!(throttle.wrong("alice", address(1), at(0)), Some(PAIR.most.as_secs()));
        // Those that could not be looked at, or were right, are no failures.
        for _ in 0..100 {
            let attempts: Vec<_> = (0..AT_ONCE).map(|_| throttle.begin("bob", address(2), at(0)).unwrap()).collect();
            attempts.into_iter().for_each(Attempt::neither);
        }
        assert_eq!(throttle.wrong("bob", address(2), at(0)), None);
    }

    #[test]
    fn without_an_address_the_account_is_what_counts() {
        let throttle = throttle();
        throttle.begin("alice", None, at(0)).unwrap().right();
        let looked_at = (0..1000).filter(|_| throttle.wrong("alice", None, at(0)).is_none()).count();
        assert_eq!(looked_at, ACCOUNT.free as usize);
        assert_eq!(throttle.wrong("bob", None, at(0)), None);
    }

    #[test]
    fn a_clock_that_is_set_back_makes_nobody_wait_longer() {
        let throttle = throttle();
        for _ in 0..PAIR.free {
            throttle.wrong("alice", address(1), at(5000));
        }
        assert_eq!(throttle.wrong("alice", address(1), at(0)), Some(1));
    }

    #[test]
    fn memory_is_bounded_and_who_is_hammered_is_not_forgotten() {
        let throttle = throttle();
        for _ in 0..ACCOUNT.free {
            throttle.wrong("alice", None, at(0));
        }
        for n in 0..4 * REMEMBERED {
            throttle.wrong(&format!("user{n}"), address(n as u32), at(0));
            if n % 100 == 0 {
                assert!(throttle.wrong("alice", None, at(0)).is_some(), "{n}");
            }
        }
        let tables = throttle.tables();
        for table in [&tables.pairs, &tables.accounts, &tables.addresses] {
            assert!(table.len() <= REMEMBERED, "{} {} {}", table.len(), table.weight(), table.capacity());
        }
    }
}
