//! Invites.

use async_trait::async_trait;
use bartab_core::store::{AuditRecord, Invite, InviteStore, StoreError, TokenHash};
use bartab_core::{InviteId, Timestamp, UserId};
use rusqlite::{Connection, Row};

use super::SqliteStore;
use super::accounts::{role, role_name};
use super::audit;
use super::error::Failure;
use super::feed::{join, rooms};
use super::log::array;
use super::rows::{all, execute, first, id, limit, optional_id, optional_time, time};

/// A query for whole invites with this condition.
macro_rules! select {
    ($condition:literal) => {
        concat!(
            "SELECT invite_id, code, created_by, role, rooms, max_uses, uses, created_at, expires_at, revoked_at
             FROM invites ",
            $condition
        )
    };
}

#[async_trait]
impl InviteStore for SqliteStore {
    async fn create(&self, invite: Invite, audit: Option<AuditRecord>) -> Result<(), StoreError> {
        self.write(move |work| {
            insert(work.conn, &invite)?;
            audit::write(work.conn, audit)
        })
        .await
    }

    async fn find(&self, code: &TokenHash) -> Result<Option<Invite>, StoreError> {
        let code = *code;
        self.read(move |conn| first(conn, select!("WHERE code = ?1"), [code.as_bytes()], invite)).await
    }

    async fn list(
        &self,
        created_by: Option<UserId>,
        before: Option<InviteId>,
        most: usize,
    ) -> Result<Vec<Invite>, StoreError> {
        // Bytes that are above every id.
        let before = before.map_or(vec![0xff; 17], |before| before.to_bytes().to_vec());
        self.read(move |conn| match created_by {
            Some(creator) => {
                let sql = select!("WHERE created_by = ?1 AND invite_id < ?2 ORDER BY invite_id DESC LIMIT ?3");
                all(conn, sql, (creator.to_bytes(), before, limit(most)), invite)
            }
            None => {
                let sql = select!("WHERE invite_id < ?1 ORDER BY invite_id DESC LIMIT ?2");
                all(conn, sql, (before, limit(most)), invite)
            }
        })
        .await
    }

    async fn revoke(
        &self,
        invite: InviteId,
        created_by: Option<UserId>,
        now: Timestamp,
        audit: Option<AuditRecord>,
    ) -> Result<bool, StoreError> {
        self.write(move |work| {
            let sql = "UPDATE invites SET revoked_at = ?3
                 WHERE invite_id = ?1 AND revoked_at IS NULL AND (?2 IS NULL OR created_by = ?2)";
            let created_by = created_by.map(|creator| creator.to_bytes());
            let revoked = execute(work.conn, sql, (invite.to_bytes(), created_by, now.as_millis()))? > 0;
            if revoked {
                audit::write(work.conn, audit)?;
            }
            Ok(revoked)
        })
        .await
    }
}

fn insert(conn: &Connection, invite: &Invite) -> Result<(), Failure> {
    let sql = "INSERT OR IGNORE INTO invites (invite_id, code, created_by, role, rooms, max_uses, uses, created_at,
             expires_at, revoked_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    let params = (
        invite.invite_id.to_bytes(),
        invite.code.as_bytes(),
        invite.created_by.map(|creator| creator.to_bytes()),
        role_name(invite.role),
        join(&invite.rooms),
        invite.max_uses,
        invite.uses,
        invite.created_at.as_millis(),
        invite.expires_at.map(Timestamp::as_millis),
        invite.revoked_at.map(Timestamp::as_millis),
    );
    if execute(conn, sql, params)? == 0 { Err(StoreError::Conflict.into()) } else { Ok(()) }
}

pub(super) fn by_id(conn: &Connection, invite_id: InviteId) -> Result<Option<Invite>, Failure> {
    first(conn, select!("WHERE invite_id = ?1"), [invite_id.to_bytes()], invite)
}

fn invite(row: &Row<'_>) -> Result<Invite, Failure> {
    Ok(Invite {
        invite_id: id(row, 0)?,
        code: TokenHash::from_bytes(array(row, 1)?),
        created_by: optional_id(row, 2)?,
        role: role(row, 3)?,
        rooms: rooms(row, 4)?,
        max_uses: row.get(5)?,
        uses: row.get(6)?,
        created_at: time(row, 7)?,
        expires_at: optional_time(row, 8)?,
        revoked_at: optional_time(row, 9)?,
    })
}
