//! Tickets.

use async_trait::async_trait;
use bartab_core::store::{Spending, StoreError, Ticket, TicketPurpose, TicketStore, TokenHash};
use bartab_core::{Timestamp, UserId};
use rusqlite::{Connection, Params, Row};

use super::SqliteStore;
use super::error::{Damaged, Failure};
use super::log::array;
use super::rows::{all, execute, first, limit, named, optional_id, optional_time, time};
use super::texts;

#[async_trait]
impl TicketStore for SqliteStore {
    async fn create(&self, tickets: Vec<Ticket>) -> Result<(), StoreError> {
        self.write(move |work| tickets.iter().try_for_each(|ticket| insert(work.conn, ticket))).await
    }

    async fn get(&self, purpose: TicketPurpose, secret: &TokenHash) -> Result<Option<Ticket>, StoreError> {
        let secret = *secret;
        self.read(move |conn| get(conn, purpose, &secret)).await
    }

    async fn spend(&self, purpose: TicketPurpose, secret: &TokenHash, now: Timestamp) -> Result<Spending, StoreError> {
        let secret = *secret;
        self.write(move |work| {
            let Some(mut ticket) = get(work.conn, purpose, &secret)? else { return Ok(Spending::Refused) };
            let spending = ticket.spend(now);
            if matches!(spending, Spending::First(_)) {
                let sql = "UPDATE tickets SET spent_at = ?3 WHERE purpose = ?1 AND secret = ?2";
                execute(
                    work.conn,
                    sql,
                    (purpose.name(), secret.as_bytes(), ticket.spent_at.map(Timestamp::as_millis)),
                )?;
            }
            Ok(spending)
        })
        .await
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
        let secret = *secret;
        self.write(move |work| {
            let ticket = get(work.conn, purpose, &secret)?;
            if !ticket.is_some_and(|ticket| ticket.version == version && ticket.is_good(now)) {
                return Ok(false);
            }
            let sql = "SELECT slot FROM tickets WHERE purpose = ?1 AND secret = ?2";
            let held = first(work.conn, sql, (purpose.name(), secret.as_bytes()), |row| Ok(row.get(0)?))?;
            let slot = texts::put(work.conn, held, &[Some(&payload)])?;
            let sql = "UPDATE tickets SET version = version + 1, user_id = ?3, slot = ?4
                 WHERE purpose = ?1 AND secret = ?2";
            let user = user.map(|user| user.to_bytes());
            execute(work.conn, sql, (purpose.name(), secret.as_bytes(), user, slot))?;
            Ok(true)
        })
        .await
    }

    async fn remove_all(&self, purpose: TicketPurpose, user: Option<UserId>) -> Result<(), StoreError> {
        self.write(move |work| {
            let sql = "DELETE FROM tickets WHERE purpose = ?1 AND user_id IS ?2 RETURNING slot";
            remove(work.conn, sql, (purpose.name(), user.map(|user| user.to_bytes())))?;
            Ok(())
        })
        .await
    }

    async fn prune(&self, before: Timestamp, most: usize) -> Result<usize, StoreError> {
        self.write(move |work| {
            let sql = "DELETE FROM tickets WHERE (purpose, secret) IN
                     (SELECT purpose, secret FROM tickets WHERE expires_at < ?1 LIMIT ?2)
                 RETURNING slot";
            remove(work.conn, sql, (before.as_millis(), limit(most)))
        })
        .await
    }
}

/// Removes every ticket of an account.
pub(super) fn remove_of(conn: &Connection, user: UserId) -> Result<(), Failure> {
    remove(conn, "DELETE FROM tickets WHERE user_id = ?1 RETURNING slot", [user.to_bytes()])?;
    Ok(())
}

/// Runs a deletion that gives the slots of what it removes; answers how many there were.
fn remove(conn: &Connection, sql: &str, params: impl Params) -> Result<usize, Failure> {
    let slots: Vec<i64> = all(conn, sql, params, |row| Ok(row.get(0)?))?;
    slots.iter().try_for_each(|slot| texts::erase(conn, *slot))?;
    Ok(slots.len())
}

fn insert(conn: &Connection, ticket: &Ticket) -> Result<(), Failure> {
    let sql = "INSERT OR IGNORE INTO tickets (purpose, secret, user_id, slot, version, expires_at, spent_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let params = (
        ticket.purpose.name(),
        ticket.secret.as_bytes(),
        ticket.user.map(|user| user.to_bytes()),
        texts::put(conn, None, &[Some(&ticket.payload)])?,
        ticket.version,
        ticket.expires_at.as_millis(),
        ticket.spent_at.map(Timestamp::as_millis),
    );
    if execute(conn, sql, params)? == 0 { Err(StoreError::Conflict.into()) } else { Ok(()) }
}

fn get(conn: &Connection, purpose: TicketPurpose, secret: &TokenHash) -> Result<Option<Ticket>, Failure> {
    let sql = "SELECT k.purpose, k.secret, k.user_id, t.bytes, k.version, k.expires_at, k.spent_at
         FROM tickets k JOIN texts t ON t.slot = k.slot WHERE k.purpose = ?1 AND k.secret = ?2";
    first(conn, sql, (purpose.name(), secret.as_bytes()), ticket)
}

fn ticket(row: &Row<'_>) -> Result<Ticket, Failure> {
    let [payload] = texts::parts(row, 3)?;
    Ok(Ticket {
        purpose: named(row, 0, TicketPurpose::from_name)?,
        secret: TokenHash::from_bytes(array(row, 1)?),
        user: optional_id(row, 2)?,
        payload: payload.ok_or(Damaged { column: 3 })?.to_vec(),
        version: row.get(4)?,
        expires_at: time(row, 5)?,
        spent_at: optional_time(row, 6)?,
    })
}
