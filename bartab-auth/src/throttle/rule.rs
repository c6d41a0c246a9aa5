//! How failures are counted, and how long the next attempt waits for it.

use std::time::Duration;

use bartab_core::Timestamp;

use super::SlowDown;

/// So many attempts may run at once before they count like failures, so that waiting for answers is no way around.
pub(super) const AT_ONCE: u32 = 32;

/// How failures of one sort are counted.
#[derive(Debug)]
pub(super) struct Rule {
    /// How the policy is called in the answer's headers.
    name: &'static str,
    /// So many failures cost nothing.
    pub(super) free: u32,
    /// The wait after the first one that costs; each further one doubles it.
    first: Duration,
    /// No wait is longer.
    pub(super) most: Duration,
    /// One failure is forgiven after so long.
    pub(super) forgive: Duration,
}

/// Somebody at one address, guessing the password of one account.
pub(super) const PAIR: Rule = Rule {
    name: "sign-in",
    free: 5,
    first: Duration::from_secs(1),
    most: Duration::from_secs(15 * 60),
    forgive: Duration::from_secs(15 * 60),
};
/// Many addresses, guessing the password of one account: at most some 300 guesses a day.
pub(super) const ACCOUNT: Rule = Rule {
    name: "sign-in-account",
    free: 20,
    first: Duration::from_secs(1),
    most: Duration::from_secs(5 * 60),
    forgive: Duration::from_secs(5 * 60),
};
/// One address, trying one password on many accounts. Many people may share it.
pub(super) const ADDRESS: Rule = Rule {
    name: "sign-in-address",
    free: 100,
    first: Duration::from_secs(1),
    most: Duration::from_secs(60),
    forgive: Duration::from_secs(10),
};

/// Many addresses of one IPv6 site: whoever has a prefix that is routed at all has some 65,536 networks in it.
pub(super) const SITE: Rule = Rule {
    name: "sign-in-site",
    free: 400,
    first: Duration::from_secs(1),
    most: Duration::from_secs(60),
    forgive: Duration::from_secs(5),
};

/// What is remembered of the attempts of one sort.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) failures: u32,
    pub(super) running: u32,
    /// Up to when failures have been forgiven.
    pub(super) settled: Timestamp,
    /// When the newest attempt began.
    pub(super) last: Timestamp,
}

impl Rule {
    /// How often the wait doubles until it is the longest.
    pub(super) fn steps(&self) -> u32 {
        (0..32).find(|step| self.first.saturating_mul(1 << step) >= self.most).unwrap_or(32)
    }

    /// The tally at `now`, less what is forgiven by then.
    pub(super) fn settle(&self, tally: Tally, now: Timestamp) -> Tally {
        let quiet = now.since(tally.settled).as_millis() / self.forgive.as_millis().max(1);
        let quiet = u32::try_from(quiet).unwrap_or(u32::MAX);
        let failures = tally.failures.saturating_sub(quiet);
        let settled = if failures == 0 { now } else { tally.settled.after(self.forgive.saturating_mul(quiet)) };
        Tally { failures, settled, ..tally }
    }

    /// How long an attempt at `now` still has to wait.
    pub(super) fn wait(&self, tally: &Tally, now: Timestamp) -> Option<Duration> {
        let counted = tally.failures.saturating_add(tally.running.saturating_sub(AT_ONCE));
        let beyond = counted.checked_sub(self.free)?;
        let delay = self.first.saturating_mul(1 << beyond.min(self.steps())).min(self.most);
        let until = tally.last.after(delay);
        // The clock may have been set back; nobody waits longer for that.
        (now < until).then(|| until.since(now).min(delay))
    }

    /// The tally after one more failure. What no longer wait follows from is not counted, so that it is forgiven in time.
    pub(super) fn fail(&self, tally: Tally) -> Tally {
        Tally { failures: (tally.failures + 1).min(self.free + self.steps()), ..tally }
    }

    pub(super) fn slow_down(&self, wait: Duration) -> SlowDown {
        SlowDown {
            retry_after: (wait.as_millis().div_ceil(1000) as u64).max(1),
            policy: self.name,
            quota: self.free,
            window: u64::from(self.free) * self.forgive.as_secs(),
        }
    }
}
