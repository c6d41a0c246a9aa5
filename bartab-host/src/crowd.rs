//! Counts the connections of each address, so that one client cannot take the places of all.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::client::TrustedProxies;
use crate::config::ServerConfig;
use crate::rate::network;

/// The connections that are open, by address.
#[derive(Clone, Debug)]
pub(crate) struct Crowd {
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
    most: usize,
    exempt: TrustedProxies,
}

/// One connection's place, which is given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Seat(Option<(Crowd, IpAddr)>);

impl Crowd {
    /// At most as many connections as `config` allows each address; `exempt` ones may have any number.
    pub(crate) fn new(config: &ServerConfig, exempt: TrustedProxies) -> Self {
        const LEAST: usize = 1024;
        let most = config.max_connections_per_address.unwrap_or((config.max_connections / 4).max(LEAST));
        Self { open: Arc::default(), most, exempt }
    }

    /// A place for one more connection of `address`; `None` when it has as many as it may.
    pub(crate) fn enter(&self, address: IpAddr) -> Option<Seat> {
        if self.exempt.trusts(address) {
            return Some(Seat(None));
        }
        let key = network(address.to_canonical());
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.get(&key).is_some_and(|count| *count >= self.most) {
            return None;
        }
        *open.entry(key).or_default() += 1;
        Some(Seat(Some((self.clone(), key))))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let Some((crowd, key)) = &self.0 else { return };
        let mut open = crowd.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(key) {
            *count -= 1;
            if *count == 0 {
                open.remove(key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ForwardedHeaders;

    #[test]
    fn an_address_has_its_share_and_a_proxy_any_number() {
        let config = ServerConfig { max_connections_per_address: Some(2), ..ServerConfig::default() };
        let proxies = TrustedProxies::new(vec!["10.0.0.0/8".parse().unwrap()], ForwardedHeaders::default());
        let crowd = Crowd::new(&config, proxies);
        let enter = |address: &str| crowd.enter(address.parse().unwrap());
        let (first, second) = (enter("2001:db8::1"), enter("2001:db8::2"));
        assert!(first.is_some() && second.is_some() && enter("2001:db8::3").is_none());
        assert!(enter("192.0.2.1").is_some());
        drop(first);
        assert!(enter("2001:db8::3").is_some());
        assert!((0..9).map(|_| enter("10.0.0.1")).collect::<Vec<_>>().iter().all(Option::is_some));
        drop(second);
        assert!(crowd.open.lock().unwrap().is_empty());
    }
}
