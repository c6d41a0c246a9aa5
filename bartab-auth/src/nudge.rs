//! Telling whoever follows the account feed that there is something new in it.

use std::fmt;
use std::sync::{PoisonError, RwLock};

use crate::auth::{Auth, Inner};

/// Who is told; each call is a nudge only, what happened stands in the feed.
#[derive(Default)]
pub(crate) struct Nudges(RwLock<Vec<Box<dyn Fn() + Send + Sync>>>);

impl fmt::Debug for Nudges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Nudges(..)")
    }
}

impl Auth {
    /// Calls `listener` after each change that gave the [`AccountFeed`](bartab_core::store::AccountFeed) an entry, once
    /// that is durable, so that who follows the feed reads it at once; sometimes for nothing.
    ///
    /// It is called on the task that made the change and must not block. It stays for as long as the service does.
    pub fn on_accounts_changed(&self, listener: impl Fn() + Send + Sync + 'static) {
        self.0.nudges.0.write().unwrap_or_else(PoisonError::into_inner).push(Box::new(listener));
    }
}

impl Inner {
    /// Tells the listeners that the feed has grown.
    pub(crate) fn accounts_changed(&self) {
        for listener in self.nudges.0.read().unwrap_or_else(PoisonError::into_inner).iter() {
            listener();
        }
    }
}
