//! The slow-down of guessing: failed sign-ins are counted by account, by address, by IPv6 site, and by account and address
//! together.
//!
//! Nobody is locked out. Past a number of failures each attempt has to wait longer than the one before, up to a cap, and
//! failures are forgiven with time. Whoever has signed in from an address before is counted there by the two together
//! alone, so that no stranger can keep them out; and a username that nobody has is counted as any other, so the count
//! tells nothing.

mod rule;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bartab_core::{Random, Timestamp};
use http::HeaderName;
use quick_cache::unsync::Cache;
use sha2::{Digest as _, Sha256};

use self::rule::{ACCOUNT, ADDRESS, PAIR, Rule, SITE, Tally};
use crate::error::AuthError;
use crate::network::{network, site};

/// So many accounts, addresses and pairs of them are remembered each; who was seen least is forgotten first.
const REMEMBERED: usize = 16 * 1024;
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

/// A name of an account or address, or of both, that says nothing and cannot be chosen by a client.
type Key = [u8; 16];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Pair,
    Account,
    Address,
    Site,
}

impl Sort {
    const fn rule(self) -> &'static Rule {
        match self {
            Self::Pair => &PAIR,
            Self::Account => &ACCOUNT,
            Self::Address => &ADDRESS,
            Self::Site => &SITE,
        }
    }
}

struct Tables {
    pairs: Cache<Key, Tally>,
    accounts: Cache<Key, Tally>,
    addresses: Cache<Key, Tally>,
    sites: Cache<Key, Tally>,
    /// Who has signed in from where.
    known: Cache<Key, ()>,
}

impl Tables {
    fn of(&mut self, sort: Sort) -> &mut Cache<Key, Tally> {
        match sort {
            Sort::Pair => &mut self.pairs,
            Sort::Account => &mut self.accounts,
            Sort::Address => &mut self.addresses,
            Sort::Site => &mut self.sites,
        }
    }

    const fn table(&self, sort: Sort) -> &Cache<Key, Tally> {
        match sort {
            Sort::Pair => &self.pairs,
            Sort::Account => &self.accounts,
            Sort::Address => &self.addresses,
            Sort::Site => &self.sites,
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
        let tables = Tables {
            pairs: table(),
            accounts: table(),
            addresses: table(),
            sites: table(),
            known: Cache::new(REMEMBERED),
        };
        Self { tables: Mutex::new(tables), salt }
    }

    /// Lets an attempt on the account with this `username_key` begin, whether or not there is one.
    pub(crate) fn begin(
        &self,
        username_key: &str,
        address: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<Attempt<'_>, SlowDown> {
        let site = address.and_then(site).map(|site| site.to_string());
        let address = address.map(|address| network(address).to_string());
        let pair = address.as_deref().map(|address| self.key(Sort::Pair, &[address, username_key]));
        let mut tables = self.tables();
        let mut counted = Vec::with_capacity(4);
        counted.extend(pair.map(|key| (Sort::Pair, key)));
        if pair.is_none_or(|pair| tables.known.get(&pair).is_none()) {
            counted.push((Sort::Account, self.key(Sort::Account, &[username_key])));
            counted.extend(address.map(|address| (Sort::Address, self.key(Sort::Address, &[&address]))));
            counted.extend(site.map(|site| (Sort::Site, self.key(Sort::Site, &[&site]))));
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

    /// Whether there is no failure to remember any more at `now`, and nothing runs.
    pub(crate) fn is_settled(&self, now: Timestamp) -> bool {
        let tables = self.tables();
        [Sort::Pair, Sort::Account, Sort::Address, Sort::Site].into_iter().all(|sort| {
            let settled = |tally: &Tally| tally.running == 0 && sort.rule().settle(*tally, now).failures == 0;
            tables.table(sort).iter().all(|(_, tally)| settled(tally))
        })
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
