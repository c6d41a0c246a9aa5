//! What a limit says: as numbers, and as the headers of draft-ietf-httpapi-ratelimit-headers.

use std::io::Write;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use bartab_core::Problem;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response};

use crate::config::Limit;
use crate::stack::refusal;

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LEFT: HeaderName = HeaderName::from_static("ratelimit");

/// The range of what an administrator can give somebody, in percent of what everybody may.
const PERCENT: std::ops::RangeInclusive<u32> = 1..=10_000;
const MINUTE: u64 = 60_000_000_000;

/// One limit.
///
/// It is counted in units, of which a usual request costs several, so that somebody with another share pays another
/// price out of the same bucket: one limiter serves everybody, whatever shares there are.
#[derive(Debug)]
pub(crate) struct Policy {
    /// How it is called in the headers.
    name: String,
    /// So many units are a usual request.
    units: u32,
    /// Units that may be spent at once.
    capacity: NonZeroU32,
    /// How long it takes until another unit may be spent.
    period: Duration,
    /// How long it takes until all may be spent again, in seconds.
    window: u64,
    /// The header for those who have the usual share.
    usual: HeaderValue,
}

impl Policy {
    /// A limit that is the same for all.
    pub(super) fn for_all(name: String, limit: Limit) -> Self {
        Self::new(name, limit, 1)
    }

    /// A limit of which each may have another share.
    pub(super) fn in_shares(name: String, limit: Limit) -> Self {
        // As fine as the share can be said, unless a unit would come so often that rounding its time to nanoseconds
        // would be felt.
        const FINEST: u32 = 10_000;
        const LEAST_NANOS: u64 = 1000;
        let units = MINUTE / LEAST_NANOS / u64::from(limit.per_minute.get());
        Self::new(name, limit, u32::try_from(units).unwrap_or(FINEST).clamp(100, FINEST))
    }

    fn new(name: String, limit: Limit, units: u32) -> Self {
        let per_minute = u64::from(limit.per_minute.get());
        let period = Duration::from_nanos((MINUTE / (per_minute * u64::from(units))).max(1));
        let capacity = limit.burst.saturating_mul(NonZeroU32::new(units).unwrap_or(NonZeroU32::MIN));
        let window = (u64::from(limit.burst.get()) * 60).div_ceil(per_minute);
        let usual = policy(&name, limit.burst.get(), window);
        Self { name, units, capacity, period, window, usual }
    }

    pub(super) fn period(&self) -> Duration {
        self.period
    }

    pub(super) fn capacity(&self) -> NonZeroU32 {
        self.capacity
    }

    pub(super) fn window(&self) -> Duration {
        Duration::from_secs(self.window)
    }

    /// What a request costs somebody with this share: less the more they may, and never more than there is, so that
    /// one request in the window is everybody's.
    pub(super) fn cost(&self, percent: u32) -> NonZeroU32 {
        let percent = percent.clamp(*PERCENT.start(), *PERCENT.end());
        // Rounded down: a share that is a whole number of requests is exactly that.
        let cost = u64::from(self.units) * 100 / u64::from(percent);
        let cost = u32::try_from(cost).ok().and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN);
        cost.min(self.capacity)
    }

    /// Writes the policy for somebody whose requests cost so much, and what is left.
    fn write(&self, cost: NonZeroU32, left: u32, seconds: u64, headers: &mut HeaderMap) {
        let usual = cost.get() == self.units;
        let policy =
            if usual { self.usual.clone() } else { policy(&self.name, self.capacity.get() / cost, self.window) };
        headers.append(POLICY, policy);
        headers.append(LEFT, line(format_args!("\"{}\";r={left};t={seconds}", self.name)));
    }
}

fn policy(name: &str, quota: u32, window: u64) -> HeaderValue {
    line(format_args!("\"{name}\";q={quota};w={window}"))
}

/// The text as a header, with one allocation.
fn line(text: std::fmt::Arguments<'_>) -> HeaderValue {
    let mut buffer = [0; 128];
    let mut rest = &mut buffer[..];
    // Names are ours and short, so there is room.
    let written = rest.write_fmt(text).is_ok();
    let length = if written { 128 - rest.len() } else { 0 };
    HeaderValue::from_bytes(buffer.get(..length).unwrap_or_default()).unwrap_or(HeaderValue::from_static(""))
}

/// A request was counted: what is left.
#[derive(Debug)]
pub(crate) struct Allowance {
    pub(super) policy: Arc<Policy>,
    pub(super) cost: NonZeroU32,
    /// In units.
    pub(super) left: u32,
}

impl Allowance {
    /// Says the policy, what is left of it, and in how many seconds all of it is there again.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        let Self { policy, cost, left } = self;
        let missing = policy.capacity.get().saturating_sub(*left);
        let nanos = u64::from(missing).saturating_mul(policy.period.as_nanos() as u64);
        policy.write(*cost, *left / *cost, nanos.div_ceil(1_000_000_000), headers);
    }

    #[cfg(test)]
    pub(super) fn left(&self) -> u32 {
        self.left / self.cost
    }
}

/// A limit was passed; the request was not carried out.
#[derive(Debug)]
pub(crate) struct Exceeded {
    pub(super) policy: Arc<Policy>,
    pub(super) cost: NonZeroU32,
    pub(super) wait: Duration,
}

impl Exceeded {
    /// 429 with `Retry-After`, the policy, and that nothing is left of it; `path` may have a tenant's prefix.
    pub(crate) fn to_response(&self, path: &str, request_id: Option<&str>) -> Response<Bytes> {
        let seconds = self.wait.as_millis().div_ceil(1000).max(1) as u64;
        let problem = Problem::new(429, "rate.limited", "You ask too often").retry_after(seconds);
        let mut response = refusal(&problem, path, request_id);
        self.policy.write(self.cost, 0, seconds, response.headers_mut());
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(policy: &Policy, percent: u32) -> u32 {
        policy.cost(percent).get()
    }

    #[test]
    fn shares_are_exact_at_usual_rates_and_never_overflow_at_unusual_ones() {
        let policy = Policy::in_shares("a".to_owned(), Limit::new(200, 3600));
        assert_eq!((cost(&policy, 100), cost(&policy, 200), cost(&policy, 10)), (10_000, 5000, 100_000));
        assert_eq!((cost(&policy, 10_000), cost(&policy, 33)), (100, 30_303));
        for (burst, per_minute) in [(1, 1), (1, u32::MAX), (u32::MAX, 1), (u32::MAX, u32::MAX), (5, 60_000_000)] {
            for policy in [Policy::in_shares, Policy::for_all] {
                let policy = policy("a".to_owned(), Limit::new(burst, per_minute));
                assert!(policy.period >= Duration::from_nanos(1));
                for percent in [0, 1, 99, 100, 101, 10_000, u32::MAX] {
                    assert!(policy.cost(percent) <= policy.capacity, "{policy:?} {percent}");
                }
            }
        }
    }

    #[test]
    fn what_is_left_is_said_with_when_all_is_back() {
        let policy = Arc::new(Policy::in_shares("principal-write".to_owned(), Limit::new(60, 300)));
        let said = |percent, left_units| {
            let mut headers = HeaderMap::new();
            let allowance = Allowance { cost: policy.cost(percent), policy: Arc::clone(&policy), left: left_units };
            allowance.write(&mut headers);
            [POLICY, LEFT].map(|name| headers[name].to_str().unwrap().to_owned())
        };
        assert_eq!(said(100, 590_000), ["\"principal-write\";q=60;w=12", "\"principal-write\";r=59;t=1"]);
        assert_eq!(said(100, 0), ["\"principal-write\";q=60;w=12", "\"principal-write\";r=0;t=12"]);
        assert_eq!(said(200, 595_000), ["\"principal-write\";q=120;w=12", "\"principal-write\";r=119;t=1"]);
        assert_eq!(said(10, 500_000), ["\"principal-write\";q=6;w=12", "\"principal-write\";r=5;t=2"]);
    }

    #[test]
    fn two_policies_stand_side_by_side() {
        let mut headers = HeaderMap::new();
        for name in ["address-sign_in", "principal-sign_in"] {
            let policy = Arc::new(Policy::for_all(name.to_owned(), Limit::new(2, 1)));
            Allowance { cost: policy.cost(100), policy, left: 1 }.write(&mut headers);
        }
        assert_eq!((headers.get_all(POLICY).iter().count(), headers.get_all(LEFT).iter().count()), (2, 2));
    }
}
