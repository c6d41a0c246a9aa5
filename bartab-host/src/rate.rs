//! Rate limits by address and by person, each with a limit for every class of requests.

use std::fmt;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::Arc;

use bartab_core::{Actor, UserId};
use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::config::{ClassLimits, Limit, Limits};
use crate::routing::Class;

mod policy;

use policy::Policy;
pub(crate) use policy::{Allowance, Exceeded};

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
    limiter: RateLimiter<K, DashMapStateStore<K>, DefaultClock, StateInformationMiddleware>,
    policy: Arc<Policy>,
}

impl Rates {
    pub(crate) fn new(limits: &Limits) -> Self {
        let off = ClassLimits::default();
        let (addresses, principals) = if limits.enabled { (&limits.address, &limits.principal) } else { (&off, &off) };
        Self { addresses: ByClass::addresses(addresses), principals: ByClass::principals(principals) }
    }

    /// Counts a request of `address`.
    pub(crate) fn admit_address(&self, address: IpAddr, class: Class) -> Result<Option<Allowance>, Exceeded> {
        self.addresses.admit(class, 100, || network(address))
    }

    /// Counts a request of a person or bot; `own` are the limits of the tenant, if it has its own.
    pub(crate) fn admit_principal(
        &self,
        own: Option<&PrincipalLimits>,
        tenant: u64,
        actor: &Actor,
        class: Class,
    ) -> Result<Option<Allowance>, Exceeded> {
        own.unwrap_or(&self.principals).admit(class, actor.rate_percent, || (tenant, actor.user_id))
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

impl ByClass<IpAddr> {
    fn addresses(limits: &ClassLimits) -> Self {
        Self::new("address", limits, Policy::for_all)
    }
}

impl PrincipalLimits {
    pub(crate) fn principals(limits: &ClassLimits) -> Self {
        Self::new("principal", limits, Policy::in_shares)
    }
}

impl<K: Hash + Eq + Clone> ByClass<K> {
    fn new(whose: &str, limits: &ClassLimits, policy: fn(String, Limit) -> Policy) -> Self {
        Self(Class::ALL.map(|class| {
            let limit = match class {
                Class::Read => limits.reads,
                Class::Write => limits.writes,
                Class::Sync => limits.sync,
                Class::SignIn => limits.sign_in,
                Class::Token => limits.token,
            }?;
            let policy = policy(format!("{whose}-{}", class.name()), limit);
            let quota = Quota::with_period(policy.period())?.allow_burst(policy.capacity());
            Some(Limiter { limiter: RateLimiter::dashmap(quota).with_middleware(), policy: Arc::new(policy) })
        }))
    }

    /// Counts a request of somebody who may ask `percent` of what everybody may; `None` where there is no limit.
    fn admit(&self, class: Class, percent: u32, key: impl FnOnce() -> K) -> Result<Option<Allowance>, Exceeded> {
        let Some(Limiter { limiter, policy }) = &self.0[class as usize] else { return Ok(None) };
        let cost = policy.cost(percent);
        match limiter.check_key_n(&key(), cost) {
            Ok(Ok(state)) => {
                Ok(Some(Allowance { policy: Arc::clone(policy), cost, left: state.remaining_burst_capacity() }))
            }
            Ok(Err(not_until)) => {
                let wait = not_until.wait_time_from(limiter.clock().now());
                Err(Exceeded { policy: Arc::clone(policy), cost, wait })
            }
            // No cost is above the capacity; were one, it would be a request that is never allowed.
            Err(_) => Err(Exceeded { policy: Arc::clone(policy), cost, wait: policy.window() }),
        }
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
        f.debug_list().entries(self.0.iter().flatten().map(|limiter| &limiter.policy)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(enabled: bool) -> Rates {
        let limits = ClassLimits { writes: Some(Limit::new(2, 1)), ..ClassLimits::default() };
        Rates::new(&Limits { enabled, address: limits.clone(), principal: limits })
    }

    fn actor(number: u128, rate_percent: u32) -> Actor {
        Actor { rate_percent, ..Actor::person(UserId::from_u128(number), "a") }
    }

    #[test]
    fn the_limit_counts_each_address_and_class_by_itself() {
        let rates = rates(true);
        let [a, b]: [IpAddr; 2] = ["192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap()];
        assert!(rates.admit_address(a, Class::Write).is_ok());
        assert!(rates.admit_address(a, Class::Write).is_ok());
        let exceeded = rates.admit_address(a, Class::Write).unwrap_err();
        assert!(rates.admit_address(a, Class::Read).unwrap().is_none(), "no limit, so nothing to tell");
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
        let limited = rates(true);
        let ask = |tenant| limited.admit_principal(None, tenant, &actor(1, 100), Class::Write);
        assert!(ask(1).is_ok() && ask(1).is_ok() && ask(1).is_err() && ask(2).is_ok());
        let lifted = rates(false);
        assert!((0..100).all(|_| lifted.admit_principal(None, 1, &actor(1, 100), Class::Write).is_ok()));
    }

    #[test]
    fn a_share_is_so_many_percent_of_what_everybody_may() {
        let limits = ClassLimits { writes: Some(Limit::new(20, 60)), ..ClassLimits::default() };
        let own = PrincipalLimits::principals(&limits);
        let rates = rates(true);
        let shares =
            [(100, 20), (200, 40), (10, 2), (55, 11), (7, 1), (1, 1), (0, 1), (10_000, 2000), (u32::MAX, 2000)];
        for (number, (percent, expected)) in shares.into_iter().enumerate() {
            let actor = actor(number as u128, percent);
            let ask = || rates.admit_principal(Some(&own), 1, &actor, Class::Write);
            let mut granted = 0;
            let refused = loop {
                match ask() {
                    Ok(allowance) => {
                        granted += 1;
                        // Time goes on while this asks, so one more may have become free.
                        let left = expected - granted;
                        let found = allowance.unwrap().left();
                        assert!((left..=left + 1).contains(&found), "{percent}%: {found} left after {granted}");
                    }
                    Err(exceeded) => break exceeded,
                }
                assert!(granted <= expected + 1, "{percent}%");
            };
            let response = refused.to_response("/", None);
            assert_eq!(
                response.headers()["ratelimit-policy"],
                format!("\"principal-write\";q={expected};w=20").as_str()
            );
        }
    }
}
