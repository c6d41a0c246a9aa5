//! What happens when nothing happens: an idle store lets go of readers and caches.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::Notify;

use super::Tenant;
use super::writer::Order;

/// How long after a deletion that readers kept from the WAL the next try comes.
const ERASE_AGAIN: Duration = Duration::from_millis(50);

/// Runs from the first use until the store is at rest; the next use starts another one.
///
/// `stuck` tells of a deletion that could not be finished at once.
pub(super) async fn run(tenant: Weak<Tenant>, stuck: Arc<Notify>, idle_after: Duration) {
    let (mut seen, mut still) = (0, Duration::ZERO);
    loop {
        let erasing = tenant.upgrade().is_some_and(|tenant| tenant.writer.is_erasing());
        let nap = if erasing { ERASE_AGAIN.min(idle_after) } else { idle_after };
        if tokio::time::timeout(nap, stuck.notified()).await.is_ok() {
            continue;
        }
        let Some(tenant) = tenant.upgrade() else { return };
        if tenant.writer.is_erasing() {
            tenant.writer.order(Order::Erase).await;
        }
        let uses = tenant.uses.load(Ordering::Acquire);
        still = if uses == seen && !tenant.readers.is_busy() { still + nap } else { Duration::ZERO };
        seen = uses;
        if still < idle_after {
            continue;
        }
        tenant.readers.release();
        tenant.writer.order(Order::Rest).await;
        tenant.housekeeping.store(false, Ordering::Release);
        // A use between the last look and the line above started no housekeeping of its own.
        let used = tenant.uses.load(Ordering::Acquire) != seen || tenant.readers.is_busy();
        let awake = used || tenant.writer.is_erasing();
        if !awake || tenant.housekeeping.swap(true, Ordering::AcqRel) {
            return;
        }
    }
}
