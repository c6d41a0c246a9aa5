use std::time::Duration;

use bartab_core::SeededRandom;

use super::rule::AT_ONCE;
use super::*;

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
    for table in [&tables.pairs, &tables.accounts, &tables.addresses, &tables.sites] {
        assert!(table.len() <= REMEMBERED, "{} {} {}", table.len(), table.weight(), table.capacity());
    }
}

#[test]
fn whoever_has_a_whole_ipv6_site_gets_few_guesses_of_it_too() {
    let throttle = throttle();
    let v6 = |site: u16, subnet: u32| {
        let number = (0x2001_0db8_u128 << 96) | (u128::from(site) << 80) | (u128::from(subnet) << 64) | 1;
        Some(IpAddr::V6(number.into()))
    };
    // Another account and another network each time, so that nothing else counts.
    let looked_at = (0..10_000).filter(|n| throttle.wrong(&format!("user{n}"), v6(1, *n), at(0)).is_none()).count();
    assert_eq!(looked_at, SITE.free as usize);
    assert_eq!(throttle.wrong("alice", v6(1, 20_000), at(0)), Some(1));
    assert_eq!(throttle.wrong("alice", v6(2, 0), at(0)), None, "somebody else's site");
    assert_eq!(throttle.wrong("alice", v6(1, 20_000), at(SITE.forgive.as_secs() * 2)), None);
}

#[test]
fn when_everything_is_forgiven_nothing_is_left_to_remember() {
    let throttle = throttle();
    assert!(throttle.is_settled(at(0)));
    let running = throttle.begin("alice", address(1), at(0)).unwrap();
    assert!(!throttle.is_settled(at(100_000)));
    running.neither();
    assert!(throttle.is_settled(at(0)));
    throttle.wrong("alice", address(1), at(0));
    let forgiven = PAIR.forgive.max(ACCOUNT.forgive) + Duration::from_millis(1);
    assert!(!throttle.is_settled(at(1)) && throttle.is_settled(at(0).after(forgiven)));
}
