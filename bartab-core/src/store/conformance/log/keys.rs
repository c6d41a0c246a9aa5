//! How idempotency keys are found.

use super::{LogFactory, LogStores, ok};
use crate::event::{Idempotency, KeyHash};
use crate::store::conformance::fixtures::{ChainBuilder, person, room};

const BATCHES: u64 = 20;
const EACH: u64 = 1_000;

fn key(number: u64) -> KeyHash {
    KeyHash::new(person(number % 3), &number.to_string())
}

/// Twenty thousand keys: those of every second event, by its position.
async fn fill(stores: &LogStores) {
    let mut chain = ok(ChainBuilder::on(&*stores.log, 1).await);
    for _ in 0..BATCHES {
        for _ in 0..EACH {
            let id = chain.say(person(1), room(1), "a");
            chain.key(Idempotency { key: key(id.seq()), fingerprint: Some([1; 16]), status: 201, count: 2 });
            chain.say(person(1), room(1), "b");
        }
        ok(chain.commit(&*stores.log).await);
    }
}

/// Every key is found at its position, in the order asked; others are not; an abort changes nothing.
pub async fn many_keys_are_found_also_after_an_abort(factory: &dyn LogFactory) {
    let mut stores = factory.open("log").await;
    fill(&stores).await;
    let last = 2 * BATCHES * EACH;
    let all: Vec<u64> = (1..=last).rev().collect();
    let keys: Vec<KeyHash> = all.iter().map(|seq| key(*seq)).collect();
    for _ in 0..2 {
        let found = ok(stores.log.find_keys(&keys).await);
        assert_eq!(found.len(), keys.len());
        for (found, seq) in found.into_iter().zip(&all) {
            assert_eq!(found, (seq % 2 == 1).then_some(*seq));
        }
        let few = [key(last + 1), key(1), key(2), key(1)];
        assert_eq!(ok(stores.log.find_keys(&few).await), [None, Some(1), None, Some(1)]);
        assert_eq!(ok(stores.log.find_keys(&[]).await), []);
        stores = factory.reopen_after_abort("log", stores).await;
    }
}

/// `surely_unknown` never says so of a key that is in the log, alone or among others, before and after an abort.
pub async fn no_key_in_the_log_is_surely_unknown(factory: &dyn LogFactory) {
    let mut stores = factory.open("log").await;
    fill(&stores).await;
    for _ in 0..2 {
        for seq in (1..=2 * BATCHES * EACH).step_by(2) {
            assert!(!stores.log.surely_unknown(&[key(seq)]), "{seq}");
        }
        assert!(!stores.log.surely_unknown(&[key(2), key(4), key(77), key(6)]));
        stores = factory.reopen_after_abort("log", stores).await;
    }
    let mut chain = ok(ChainBuilder::on(&*stores.log, 2).await);
    chain.say(person(1), room(1), "after the abort");
    chain.key(Idempotency { key: key(0), fingerprint: None, status: 201, count: 1 });
    ok(chain.commit(&*stores.log).await);
    assert!(!stores.log.surely_unknown(&[key(0)]));
    assert_eq!(ok(stores.log.find_keys(&[key(0)]).await), [Some(chain.head().seq)]);
}
