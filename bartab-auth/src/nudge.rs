//! Telling whoever follows the account feed that there is something new in it.

use std::fmt;
use std::sync::{PoisonError, RwLock};

use tokio::sync::watch;

use crate::auth::{Auth, Inner};

type Listener = Box<dyn Fn() + Send + Sync>;

/// Who is told; each call is a nudge only, what happened stands in the feed.
pub(crate) struct Nudges {
    listeners: RwLock<Vec<Listener>>,
    /// Changes with every nudge; true once nobody is to wait any more.
    ended: watch::Sender<bool>,
}

impl Default for Nudges {
    fn default() -> Self {
        Self { listeners: RwLock::default(), ended: watch::Sender::new(false) }
    }
}

impl Nudges {
    /// Sees every nudge from now on.
    pub(crate) fn watch(&self) -> watch::Receiver<bool> {
        self.ended.subscribe()
    }

    /// So many wait now.
    pub(crate) fn waiting(&self) -> usize {
        self.ended.receiver_count()
    }

    /// Lets those who wait look again.
    pub(crate) fn wake(&self) {
        self.ended.send_modify(|_| ());
    }

    fn end(&self) {
        self.ended.send_replace(true);
    }
}

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
        self.0.nudges.listeners.write().unwrap_or_else(PoisonError::into_inner).push(Box::new(listener));
    }

    /// Lets those go who wait for news of accounts over HTTP: each is answered with what there is, and later ones do not
    /// wait. For the end of the service.
    pub fn end_waits(&self) {
        self.0.nudges.end();
    }

    /// How many wait for news of accounts now.
    pub fn waiting_for_accounts(&self) -> usize {
        self.0.nudges.waiting()
    }
}

impl Inner {
    /// Tells the listeners, and those who wait, that the feed has grown.
    pub(crate) fn accounts_changed(&self) {
        for listener in self.nudges.listeners.read().unwrap_or_else(PoisonError::into_inner).iter() {
            listener();
        }
        self.nudges.wake();
    }
}
