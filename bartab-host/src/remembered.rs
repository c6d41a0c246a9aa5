//! What is remembered of failed attempts in tenants that are closed: whoever guesses gains nothing by waiting until a
//! tenant closes, or by having others take its place.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bartab_auth::Attempts;
use bartab_core::{Random, Timestamp};

use crate::tenant_name::TenantName;

/// So many closed tenants are remembered, beside all that are open; beyond them, the one that closed first is forgotten.
const MOST_CLOSED: usize = 1024;

/// The attempts of every tenant that is open, and of those closed ones where there is something to remember.
#[derive(Default)]
pub(crate) struct Remembered(Mutex<Book>);

#[derive(Default)]
struct Book {
    open: HashMap<TenantName, Attempts>,
    /// With the number of its closing.
    closed: HashMap<TenantName, (u64, Attempts)>,
    closings: u64,
}

impl Remembered {
    /// The attempts of a tenant that opens.
    pub(crate) fn opens(&self, name: &TenantName, random: &dyn Random) -> Attempts {
        let mut book = self.book();
        let attempts = match book.closed.remove(name) {
            Some((_, attempts)) => attempts,
            None => book.open.get(name).cloned().unwrap_or_else(|| Attempts::new(random)),
        };
        book.open.insert(name.clone(), attempts.clone());
        attempts
    }

    /// The tenant has closed, or did not open.
    pub(crate) fn closes(&self, name: &TenantName, now: Timestamp) {
        let Some(attempts) = self.book().open.remove(name) else { return };
        // Without the lock, since it looks at all of them.
        if attempts.is_settled(now) {
            return;
        }
        let mut book = self.book();
        if book.closed.len() >= MOST_CLOSED {
            let first = book.closed.iter().min_by_key(|(_, (number, _))| *number).map(|(name, _)| name.clone());
            first.and_then(|name| book.closed.remove(&name));
        }
        book.closings += 1;
        let number = book.closings;
        book.closed.insert(name.clone(), (number, attempts));
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Remembered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let book = self.book();
        f.debug_struct("Remembered").field("open", &book.open.len()).field("closed", &book.closed.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bartab_core::SeededRandom;

    #[test]
    fn a_tenant_without_failures_takes_no_memory_once_it_is_closed() {
        let (remembered, random) = (Remembered::default(), SeededRandom::new(1));
        for n in 0..10 {
            let name: TenantName = format!("t{n}").parse().unwrap();
            remembered.opens(&name, &random);
            remembered.opens(&name, &random);
            remembered.closes(&name, Timestamp::from_secs(1));
            remembered.closes(&name, Timestamp::from_secs(1));
        }
        let book = remembered.book();
        assert!(book.open.is_empty() && book.closed.is_empty());
    }
}
