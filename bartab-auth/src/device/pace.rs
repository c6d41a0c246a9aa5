//! How often devices ask, how many wait, and how often people try codes that are none.
//!
//! All of it stands in memory: it bounds what an attacker gains in the minutes that a code lives, and a restart that
//! forgets it gives one more round at most.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bartab_core::store::TokenHash;
use bartab_core::{Timestamp, UserId};

use super::INTERVAL;
use crate::throttle::SlowDown;

/// So many devices of a tenant wait at once.
const MOST_WAITING: usize = 1_000;
/// What each question that comes too early adds, in seconds (RFC 8628 section 3.5).
const SLOWER: u32 = 5;
/// So many codes that are none may one person try in `WINDOW`.
const MOST_TRIES: u32 = 10;
const WINDOW: Duration = Duration::from_secs(10 * 60);
/// So many people are remembered; beyond them nobody new may try until somebody's window is over.
const MOST_PEOPLE: usize = 10_000;

/// The devices and the people of one tenant.
#[derive(Debug, Default)]
pub(crate) struct Devices(Mutex<Book>);

#[derive(Debug, Default)]
struct Book {
    waiting: HashMap<[u8; 32], Pace>,
    tries: HashMap<UserId, Tries>,
}

#[derive(Debug)]
struct Pace {
    /// When it is not worth remembering any more.
    until: Timestamp,
    asked: Option<Timestamp>,
    interval: u32,
}

#[derive(Debug)]
struct Tries {
    until: Timestamp,
    count: u32,
}

impl Devices {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes room for one more device until `until`; answers whether there was any.
    pub(crate) fn admit(&self, device: TokenHash, now: Timestamp, until: Timestamp) -> bool {
        let mut book = self.book();
        book.waiting.retain(|_, pace| now < pace.until);
        if book.waiting.len() >= MOST_WAITING {
            return false;
        }
        book.waiting.insert(*device.as_bytes(), Pace { until, asked: None, interval: INTERVAL });
        true
    }

    /// The device waits no more.
    pub(crate) fn forget(&self, device: TokenHash) {
        self.book().waiting.remove(device.as_bytes());
    }

    /// Notes that a device asks, and whether it does so before its interval is over; then the interval grows.
    pub(crate) fn asks_too_often(&self, device: TokenHash, now: Timestamp, until: Timestamp) -> bool {
        let mut book = self.book();
        // Not there: it began before the program did.
        let new = Pace { until, asked: None, interval: INTERVAL };
        let pace = book.waiting.entry(*device.as_bytes()).or_insert(new);
        let wait = Duration::from_secs(pace.interval.into());
        let early = pace.asked.is_some_and(|asked| now < asked.after(wait));
        pace.asked = Some(now);
        if early {
            pace.interval = pace.interval.saturating_add(SLOWER);
        }
        early
    }

    /// Lets this person try another code, unless they have tried too many.
    pub(crate) fn may_try(&self, user: UserId, now: Timestamp) -> Result<(), SlowDown> {
        let mut book = self.book();
        if book.tries.len() >= MOST_PEOPLE {
            book.tries.retain(|_, tries| now < tries.until);
        }
        let until = match book.tries.get(&user) {
            Some(tries) if tries.count < MOST_TRIES || now >= tries.until => return Ok(()),
            Some(tries) => tries.until,
            None if book.tries.len() < MOST_PEOPLE => return Ok(()),
            None => now.after(WINDOW),
        };
        let retry_after = until.since(now).as_millis().div_ceil(1000);
        Err(SlowDown {
            retry_after: u64::try_from(retry_after).unwrap_or(u64::MAX).max(1),
            policy: "device",
            quota: MOST_TRIES,
            window: WINDOW.as_secs(),
        })
    }

    /// This person has tried a code that is none.
    pub(crate) fn tried(&self, user: UserId, now: Timestamp) {
        let mut book = self.book();
        let new = || Tries { until: now.after(WINDOW), count: 0 };
        let tries = book.tries.entry(user).or_insert_with(new);
        if now >= tries.until {
            *tries = new();
        }
        tries.count += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_secs(1_000 + seconds)
    }

    #[test]
    fn a_device_that_asks_early_must_wait_longer_each_time() {
        let devices = Devices::default();
        let device = TokenHash::of(b"device");
        let asks = [(0, false), (5, false), (9, true), (18, true), (33, false), (47, true), (67, false)];
        for (second, early) in asks {
            assert_eq!(devices.asks_too_often(device, at(second), at(600)), early, "{second}");
        }
    }

    #[test]
    fn the_waiting_are_bounded_and_their_places_come_back() {
        let devices = Devices::default();
        let hash = |n: usize| TokenHash::of(&n.to_be_bytes());
        for n in 0..MOST_WAITING {
            assert!(devices.admit(hash(n), at(0), at(600)));
        }
        assert!(!devices.admit(hash(MOST_WAITING), at(599), at(1_199)));
        devices.forget(hash(0));
        assert!(devices.admit(hash(MOST_WAITING), at(599), at(1_199)));
        assert!(!devices.admit(hash(MOST_WAITING + 1), at(599), at(1_199)));
        assert!(devices.admit(hash(MOST_WAITING + 1), at(600), at(1_200)));
    }

    #[test]
    fn nobody_tries_many_codes() {
        let devices = Devices::default();
        let (alice, bob) = (UserId::from_u128(1), UserId::from_u128(2));
        for second in 0..u64::from(MOST_TRIES) {
            assert!(devices.may_try(alice, at(second)).is_ok());
            devices.tried(alice, at(second));
        }
        assert_eq!(devices.may_try(alice, at(590)).map_err(|slow_down| slow_down.retry_after), Err(10));
        assert!(devices.may_try(bob, at(599)).is_ok());
        assert!(devices.may_try(alice, at(600)).is_ok());
        devices.tried(alice, at(600));
        assert!(devices.may_try(alice, at(601)).is_ok());
    }
}
