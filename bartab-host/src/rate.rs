//! Rate limits by address and by person, each with a limit for every class of requests.

use std::fmt;
use std::hash::Hash;
use std::net::IpAddr;
use std::time::Duration;

use bartab_core::{Problem, UserId};
use bytes::Bytes;
use governor::clock::{Clock, DefaultClock};
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use http::{HeaderName, HeaderValue, Response};

use crate::config::{ClassLimits, Limit, Limits};
use crate::routing::Class;

/// Whose requests are counted together: a person or bot in one tenant.
type Principal = (u64, UserId);

/// The limits of a server.
#[derive(Debug)]
pub(crate) struct Rates {
    addresses: ByClass<IpAddr>,
    principals: PrincipalLimits,
}

/// The limits of persons and bots.
pub(crate) type PrincipalLimits = ByClass<Principal>;

/// A limit for each class, counted by `K`.
pub(crate) struct ByClass<K: Hash + Eq + Clone>([Option<Limiter<K>>; Class::ALL.len()]);

struct Limiter<K: Hash + Eq + Clone> {
    limiter: RateLimiter<K, DashMapStateStore<K>, DefaultClock>,
    limit: Limit,
    /// How the policy is called in the answer's headers.
    name: String,
}

/// A limit was passed; the request was not carried out.
#[derive(Debug)]
pub(crate) struct Exceeded {
    wait: Duration,
    limit: Limit,
    name: String,
}

impl Rates {
    pub(crate) fn new(limits: &Limits) -> Self {
        let off = ClassLimits::default();
        let (addresses, principals) = if limits.enabled { (&limits.address, &limits.principal) } else { (&off, &off) };
        Self { addresses: ByClass::new("address", addresses), principals: ByClass::new("principal", principals) }
    }

    /// Counts a request of `address`.
    pub(crate) fn admit_address(&self, address: IpAddr, class: Class) -> Result<(), Exceeded> {
        self.addresses.admit(class, || network(address))
    }

    /// Counts a request of a person or bot; `own` are the limits of the tenant, if it has its own.
    pub(crate) fn admit_principal(
        &self,
        own: Option<&PrincipalLimits>,
        tenant: u64,
        user: UserId,
        class: Class,
    ) -> Result<(), Exceeded> {
        own.unwrap_or(&self.principals).admit(class, || (tenant, user))
    }

    /// Forgets those who have asked nothing for so long that all of their limit is theirs again.
    pub(crate) fn forget_idle(&self) {
        self.addresses.forget_idle();
        self.principals.forget_idle();
    }
}

/// What counts as one address: whoever has one IPv6 address usually has 2^64 of them.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) & !u128::from(u64::MAX)).into()),
    }
}

impl<K: Hash + Eq + Clone> ByClass<K> {
    pub(crate) fn new(whose: &str, limits: &ClassLimits) -> Self {
        Self(Class::ALL.map(|class| {
            let limit = match class {
                Class::Read => limits.reads,
                Class::Write => limits.writes,
                Class::Sync => limits.sync,
                Class::SignIn => limits.sign_in,
            }?;
            let quota = Quota::per_minute(limit.per_minute).allow_burst(limit.burst);
            let name = format!("{whose}-{}", class.name());
            Some(Limiter { limiter: RateLimiter::dashmap(quota), limit, name })
        }))
    }

    fn admit(&self, class: Class, key: impl FnOnce() -> K) -> Result<(), Exceeded> {
        let Some(Limiter { limiter, limit, name }) = &self.0[class as usize] else { return Ok(()) };
        limiter.check_key(&key()).map_err(|not_until| {
            let wait = not_until.wait_time_from(limiter.clock().now());
            Exceeded { wait, limit: *limit, name: name.clone() }
        })
    }

    pub(crate) fn forget_idle(&self) {
        for limiter in self.0.iter().flatten() {
            limiter.limiter.retain_recent();
            limiter.limiter.shrink_to_fit();
        }
    }
}

impl<K: Hash + Eq + Clone> fmt::Debug for ByClass<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().flatten().map(|limiter| (&limiter.name, limiter.limit))).finish()
    }
}

impl Exceeded {
    /// 429 with `Retry-After`, and the policy and what is left of it as draft-ietf-httpapi-ratelimit-headers writes them.
    pub(crate) fn to_response(&self, path: &str, request_id: Option<&str>) -> Response<Bytes> {
        let seconds = self.wait.as_millis().div_ceil(1000).max(1) as u64;
        let problem = Problem::new(429, "rate.limited", "You ask too often").retry_after(seconds);
        let mut response = problem.to_response(Some(path), request_id);
        let window = (u64::from(self.limit.burst.get()) * 60).div_ceil(u64::from(self.limit.per_minute.get()));
        let policy = format!("\"{}\";q={};w={window}", self.name, self.limit.burst);
        let left = format!("\"{}\";r=0;t={seconds}", self.name);
        for (name, value) in [("ratelimit-policy", policy), ("ratelimit", left)] {
            if let Ok(value) = HeaderValue::try_from(value) {
                response.headers_mut().insert(HeaderName::from_static(name), value);
            }
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(enabled: bool) -> Rates {
        let limits = ClassLimits { writes: Some(Limit::new(2, 1)), ..ClassLimits::default() };
        Rates::new(&Limits { enabled, address: limits.clone(), principal: limits })
    }

    #[test]
    fn the_limit_counts_each_address_and_class_by_itself() {
        let rates = rates(true);
        let [a, b]: [IpAddr; 2] = ["192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap()];
        assert!(rates.admit_address(a, Class::Write).is_ok());
        assert!(rates.admit_address(a, Class::Write).is_ok());
        let exceeded = rates.admit_address(a, Class::Write).unwrap_err();
        assert!(rates.admit_address(a, Class::Read).is_ok());
        assert!(rates.admit_address(b, Class::Write).is_ok());
        let response = exceeded.to_response("/v1/rooms", None);
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers()["retry-after"], "60");
        assert_eq!(response.headers()["ratelimit-policy"], "\"address-write\";q=2;w=120");
        assert_eq!(response.headers()["ratelimit"], "\"address-write\";r=0;t=60");
    }

    #[test]
    fn an_ipv6_network_is_one_address() {
        let rates = rates(true);
        let address = |text: &str| rates.admit_address(text.parse().unwrap(), Class::Write);
        assert!(address("2001:db8::1").is_ok() && address("2001:db8::2").is_ok());
        assert!(address("2001:db8::3").is_err());
        assert!(address("2001:db8:0:1::1").is_ok());
    }

    #[test]
    fn people_are_told_apart_by_tenant_and_limits_can_be_lifted() {
        let user = UserId::from_u128(1);
        let limited = rates(true);
        let ask = |tenant| limited.admit_principal(None, tenant, user, Class::Write);
        assert!(ask(1).is_ok() && ask(1).is_ok() && ask(1).is_err() && ask(2).is_ok());
        let lifted = rates(false);
        assert!((0..100).all(|_| lifted.admit_principal(None, 1, user, Class::Write).is_ok()));
    }
}
