//! What is remembered in memory of those who guess and hurry.

use std::fmt;
use std::sync::Arc;

use bartab_core::{Random, Timestamp};

use crate::device::Devices;
use crate::throttle::Throttle;

/// The failed sign-ins of one tenant, and the devices that wait in it: what slows guessing down.
///
/// It stands in memory alone and is bounded. [`Auth::open`](crate::Auth::open) makes its own; a program that closes
/// tenants and opens them again keeps this, and gives it to [`Auth::open_with`](crate::Auth::open_with), so that nobody
/// gains attempts by that. A restart of the program forgets it. Clones share everything.
#[derive(Clone)]
pub struct Attempts(Arc<Inner>);

struct Inner {
    throttle: Throttle,
    devices: Devices,
}

impl Attempts {
    /// Nobody has tried anything yet.
    pub fn new(random: &dyn Random) -> Self {
        Self(Arc::new(Inner { throttle: Throttle::new(random), devices: Devices::default() }))
    }

    /// Whether there is nothing to remember at `now`: all failures are forgiven, and no device waits.
    ///
    /// It looks at everything that is remembered, at most some 100,000 entries.
    pub fn is_settled(&self, now: Timestamp) -> bool {
        self.0.throttle.is_settled(now) && self.0.devices.is_settled(now)
    }

    pub(crate) fn throttle(&self) -> &Throttle {
        &self.0.throttle
    }

    pub(crate) fn devices(&self) -> &Devices {
        &self.0.devices
    }
}

impl fmt::Debug for Attempts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempts").finish_non_exhaustive()
    }
}
