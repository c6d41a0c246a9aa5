//! Sessions.

use async_trait::async_trait;
use bartab_core::store::{Rotation, RotationOutcome, Session, SessionStore, SpentToken, StoreError, TokenHash};
use bartab_core::{SessionId, Timestamp, UserId};
use rusqlite::{Connection, Params, Row};

use super::SqliteStore;
use super::error::{Damaged, Failure};
use super::log::{array, optional_array};

/// A query for whole sessions with this condition.
macro_rules! select {
    ($condition:literal) => {
        concat!(
            "SELECT session_id, user_id, client_id, device_name, scopes, family, current, previous, spent_at, created_at,
                 last_used_at, expires_at, ended_at FROM sessions ",
            $condition
        )
    };
}

#[async_trait]
impl SessionStore for SqliteStore {
    async fn create(&self, session: Session) -> Result<(), StoreError> {
        self.write(move |work| insert(work.conn, &session)).await
    }

    async fn get(&self, session: SessionId) -> Result<Option<Session>, StoreError> {
        self.read(move |conn| by_id(conn, session)).await
    }

    async fn list(&self, user: UserId, now: Timestamp, limit: usize) -> Result<Vec<Session>, StoreError> {
        self.read(move |conn| {
            let sql = select!(
                "WHERE user_id = ?1 AND ended_at IS NULL AND expires_at > ?2
                 ORDER BY created_at DESC, session_id DESC LIMIT ?3"
            );
            sessions(conn, sql, (user.to_bytes(), now.as_millis(), i64::try_from(limit).unwrap_or(i64::MAX)))
        })
        .await
    }

    async fn rotate(&self, rotation: Rotation) -> Result<RotationOutcome, StoreError> {
        self.write(move |work| {
            let Some(mut session) = by_id(work.conn, rotation.session_id)? else {
                return Ok(RotationOutcome::Refused);
            };
            let outcome = session.rotate(&rotation);
            if outcome != RotationOutcome::Refused {
                update(work.conn, &session)?;
            }
            Ok(outcome)
        })
        .await
    }

    async fn end(&self, user: UserId, session: SessionId, now: Timestamp) -> Result<bool, StoreError> {
        self.write(move |work| {
            let mut end = work.conn.prepare_cached(
                "UPDATE sessions SET ended_at = ?3 WHERE session_id = ?1 AND user_id = ?2 AND ended_at IS NULL",
            )?;
            Ok(end.execute((session.to_bytes(), user.to_bytes(), now.as_millis()))? > 0)
        })
        .await
    }

    async fn end_others(
        &self,
        user: UserId,
        keep: Option<SessionId>,
        now: Timestamp,
    ) -> Result<Vec<SessionId>, StoreError> {
        self.write(move |work| {
            let mut end = work.conn.prepare_cached(
                "UPDATE sessions SET ended_at = ?3
                 WHERE user_id = ?1 AND session_id IS NOT ?2 AND ended_at IS NULL AND expires_at > ?3
                 RETURNING session_id",
            )?;
            let keep = keep.map(|keep| keep.to_bytes());
            ids(end.query((user.to_bytes(), keep, now.as_millis()))?)
        })
        .await
    }

    async fn ended_since(&self, since: Timestamp) -> Result<Vec<SessionId>, StoreError> {
        self.read(move |conn| {
            let mut select = conn.prepare_cached("SELECT session_id FROM sessions WHERE ended_at >= ?1")?;
            ids(select.query([since.as_millis()])?)
        })
        .await
    }

    async fn prune(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.write(move |work| {
            let mut prune = work.conn.prepare_cached(
                "DELETE FROM sessions WHERE session_id IN
                     (SELECT session_id FROM sessions WHERE expires_at < ?1 OR ended_at < ?1 LIMIT ?2)",
            )?;
            Ok(prune.execute((before.as_millis(), i64::try_from(limit).unwrap_or(i64::MAX)))?)
        })
        .await
    }
}

fn insert(conn: &Connection, session: &Session) -> Result<(), Failure> {
    let mut insert = conn.prepare_cached(
        "INSERT OR IGNORE INTO sessions (session_id, user_id, client_id, device_name, scopes, family, current, previous,
             spent_at, created_at, last_used_at, expires_at, ended_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
    )?;
    let inserted = insert.execute((
        session.session_id.to_bytes(),
        session.user_id.to_bytes(),
        &session.client_id,
        &session.device_name,
        session.scopes.to_string(),
        session.family.as_bytes(),
        session.current.as_bytes(),
        session.previous.as_ref().map(|previous| previous.hash.as_bytes()),
        session.previous.map(|previous| previous.spent_at.as_millis()),
        session.created_at.as_millis(),
        session.last_used_at.as_millis(),
        session.expires_at.as_millis(),
        session.ended_at.map(Timestamp::as_millis),
    ))?;
    if inserted == 0 { Err(StoreError::Conflict.into()) } else { Ok(()) }
}

/// Writes what [`Session::rotate`] changes.
fn update(conn: &Connection, session: &Session) -> Result<(), Failure> {
    let mut update = conn.prepare_cached(
        "UPDATE sessions SET current = ?2, previous = ?3, spent_at = ?4, last_used_at = ?5, expires_at = ?6,
             ended_at = ?7 WHERE session_id = ?1",
    )?;
    update.execute((
        session.session_id.to_bytes(),
        session.current.as_bytes(),
        session.previous.as_ref().map(|previous| previous.hash.as_bytes()),
        session.previous.map(|previous| previous.spent_at.as_millis()),
        session.last_used_at.as_millis(),
        session.expires_at.as_millis(),
        session.ended_at.map(Timestamp::as_millis),
    ))?;
    Ok(())
}

fn by_id(conn: &Connection, session: SessionId) -> Result<Option<Session>, Failure> {
    Ok(sessions(conn, select!("WHERE session_id = ?1"), [session.to_bytes()])?.pop())
}

fn sessions(conn: &Connection, sql: &str, params: impl Params) -> Result<Vec<Session>, Failure> {
    let mut select = conn.prepare_cached(sql)?;
    let mut rows = select.query(params)?;
    let mut sessions = Vec::new();
    while let Some(row) = rows.next()? {
        sessions.push(session(row)?);
    }
    Ok(sessions)
}

fn ids(mut rows: rusqlite::Rows<'_>) -> Result<Vec<SessionId>, Failure> {
    let mut ids = Vec::new();
    while let Some(row) = rows.next()? {
        ids.push(SessionId::from_bytes(array(row, 0)?));
    }
    Ok(ids)
}

fn session(row: &Row<'_>) -> Result<Session, Failure> {
    let scopes: String = row.get(4)?;
    let previous = match (optional_array(row, 7)?, row.get::<_, Option<u64>>(8)?) {
        (Some(hash), Some(spent_at)) => {
            Some(SpentToken { hash: TokenHash::from_bytes(hash), spent_at: Timestamp::from_millis(spent_at) })
        }
        (None, None) => None,
        _ => return Err(Damaged { column: 7 }.into()),
    };
    Ok(Session {
        session_id: SessionId::from_bytes(array(row, 0)?),
        user_id: UserId::from_bytes(array(row, 1)?),
        client_id: row.get(2)?,
        device_name: row.get(3)?,
        scopes: scopes.parse().map_err(|_| Damaged { column: 4 })?,
        family: TokenHash::from_bytes(array(row, 5)?),
        current: TokenHash::from_bytes(array(row, 6)?),
        previous,
        created_at: Timestamp::from_millis(row.get(9)?),
        last_used_at: Timestamp::from_millis(row.get(10)?),
        expires_at: Timestamp::from_millis(row.get(11)?),
        ended_at: row.get::<_, Option<u64>>(12)?.map(Timestamp::from_millis),
    })
}
