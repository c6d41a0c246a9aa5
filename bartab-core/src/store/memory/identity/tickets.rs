//! Tickets.

use std::collections::BTreeSet;

use async_trait::async_trait;

use super::MemoryIdentity;
use crate::id::UserId;
use crate::store::{Spending, StoreError, Ticket, TicketPurpose, TicketStore, TokenHash};
use crate::time::Timestamp;

#[async_trait]
impl TicketStore for MemoryIdentity {
    async fn create(&self, tickets: Vec<Ticket>) -> Result<(), StoreError> {
        let mut records = self.records();
        let keys: Vec<_> = tickets.iter().map(|ticket| (ticket.purpose, *ticket.secret.as_bytes())).collect();
        let distinct: BTreeSet<_> = keys.iter().collect();
        if distinct.len() < keys.len() || keys.iter().any(|key| records.tickets.contains_key(key)) {
            return Err(StoreError::Conflict);
        }
        records.tickets.extend(keys.into_iter().zip(tickets));
        Ok(())
    }

    async fn get(&self, purpose: TicketPurpose, secret: &TokenHash) -> Result<Option<Ticket>, StoreError> {
        Ok(self.records().tickets.get(&(purpose, *secret.as_bytes())).cloned())
    }

    async fn spend(&self, purpose: TicketPurpose, secret: &TokenHash, now: Timestamp) -> Result<Spending, StoreError> {
        let mut records = self.records();
        let ticket = records.tickets.get_mut(&(purpose, *secret.as_bytes()));
        Ok(ticket.map_or(Spending::Refused, |ticket| ticket.spend(now)))
    }

    async fn replace(
        &self,
        purpose: TicketPurpose,
        secret: &TokenHash,
        version: u32,
        user: Option<UserId>,
        payload: Vec<u8>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut records = self.records();
        let ticket = records.tickets.get_mut(&(purpose, *secret.as_bytes()));
        let Some(ticket) = ticket.filter(|ticket| ticket.version == version && ticket.is_good(now)) else {
            return Ok(false);
        };
        ticket.version += 1;
        ticket.user = user;
        ticket.payload = payload;
        Ok(true)
    }

    async fn remove_all(&self, purpose: TicketPurpose, user: Option<UserId>) -> Result<(), StoreError> {
        self.records().tickets.retain(|_, ticket| ticket.purpose != purpose || ticket.user != user);
        Ok(())
    }

    async fn prune(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let mut records = self.records();
        let over = records.tickets.iter().filter(|(_, ticket)| ticket.expires_at < before);
        let gone: Vec<_> = over.take(limit).map(|(key, _)| *key).collect();
        for key in &gone {
            records.tickets.remove(key);
        }
        Ok(gone.len())
    }
}
