//! How often devices ask, how many wait, and how often people try codes that are none.
//!
//! All of it stands in memory: it bounds what an attacker gains in the minutes that a code lives, and a restart that
//! forgets it gives one more round at most.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bartab_core::store::TokenHash;
use bartab_core::{Timestamp, UserId};

use super::INTERVAL;
use crate::network::{network, site};
use crate::throttle::SlowDown;

/// So many devices of a tenant wait at once.
const MOST_WAITING: usize = 1_000;
/// So many of them from one network, an IPv6 site or an IPv4 address, so that nobody takes all places.
const MOST_OF_NETWORK: usize = 50;
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
    /// Where it began, when that is known.
    network: Option<IpAddr>,
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

    /// Makes room for one more device at `address` until `until`; answers whether there was any.
    pub(crate) fn admit(&self, device: TokenHash, address: Option<IpAddr>, now: Timestamp, until: Timestamp) -> bool {
        let network = address.map(|address| site(address).unwrap_or_else(|| network(address)));
        let mut book = self.book();
        book.waiting.retain(|_, pace| now < pace.until);
        if book.waiting.len() >= MOST_WAITING {
            return false;
        }
        let neighbours = book.waiting.values().filter(|pace| pace.network == network);
        if network.is_some() && neighbours.count() >= MOST_OF_NETWORK {
            return false;
        }
        book.waiting.insert(*device.as_bytes(), Pace { until, asked: None, interval: INTERVAL, network });
        true
    }

    /// Whether no device waits at `now`, and nobody's wrong codes count any more.
    pub(crate) fn is_settled(&self, now: Timestamp) -> bool {
        let book = self.book();
        book.waiting.values().all(|pace| now >= pace.until) && book.tries.values().all(|tries| now >= tries.until)
    }

    /// The device waits no more.
    pub(crate) fn forget(&self, device: TokenHash) {
        self.book().waiting.remove(device.as_bytes());
    }

    /// Notes that a device asks, and whether it does so before its interval is over; then the interval grows.
    pub(crate) fn asks_too_often(&self, device: TokenHash, now: Timestamp, until: Timestamp) -> bool {
        let mut book = self.book();
        // Not there: it began before the program did.
        let new = Pace { until, asked: None, interval: INTERVAL, network: None };
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
            assert!(devices.admit(hash(n), None, at(0), at(600)));
        }
        assert!(!devices.admit(hash(MOST_WAITING), None, at(599), at(1_199)));
        devices.forget(hash(0));
        assert!(devices.admit(hash(MOST_WAITING), None, at(599), at(1_199)));
        assert!(!devices.admit(hash(MOST_WAITING + 1), None, at(599), at(1_199)));
        assert!(devices.admit(hash(MOST_WAITING + 1), None, at(600), at(1_200)));
    }

    #[test]
    fn one_network_takes_few_of_the_places() {
        let devices = Devices::default();
        let mut number = 0_usize;
        let mut admit = |address: &str, second: u64| {
            number += 1;
            let device = TokenHash::of(&number.to_be_bytes());
            devices.admit(device, Some(address.parse().unwrap()), at(second), at(second + 600))
        };
        let admitted = (0..200).filter(|n| admit(&format!("2001:db8:1:{n:x}::1"), 0)).count();
        assert_eq!(admitted, MOST_OF_NETWORK);
        assert!(admit("2001:db8:2::1", 0) && admit("192.0.2.1", 0));
        let admitted = (0..200).filter(|_| admit("192.0.2.2", 0)).count();
        assert_eq!(admitted, MOST_OF_NETWORK);
        assert!(admit("192.0.2.3", 0) && !admit("::ffff:192.0.2.2", 0), "an IPv4 address in IPv6 clothes");
        assert!(admit("192.0.2.2", 600) && admit("2001:db8:1::1", 600));
        assert!(!devices.is_settled(at(1_199)) && devices.is_settled(at(1_200)));
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
