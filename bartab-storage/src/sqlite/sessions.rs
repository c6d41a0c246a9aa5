//! Sessions.

use async_trait::async_trait;
use bartab_core::store::{Rotation, RotationOutcome, Session, SessionStore, SpentToken, StoreError, TokenHash};
use bartab_core::{SessionId, Timestamp, UserId};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};

use super::SqliteStore;
use super::error::{Damaged, Failure};
use super::log::{array, optional_array};
use super::rows::{all, execute, first, id, limit, named, optional_time, time};
use super::texts::{self, text};

/// A query for whole sessions with this condition.
macro_rules! select {
    ($condition:literal) => {
        concat!(
            "SELECT s.session_id, s.user_id, s.client_id, t.bytes, s.scopes, s.family, s.current, s.previous, s.spent_at,
                 s.successor, s.methods, s.created_at, s.last_used_at, s.expires_at, s.ended_at, s.granted
             FROM sessions s LEFT JOIN texts t ON t.slot = s.slot ",
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

    async fn list(
        &self,
        user: UserId,
        before: Option<SessionId>,
        now: Timestamp,
        most: usize,
    ) -> Result<Vec<Session>, StoreError> {
        self.read(move |conn| {
            let sql = select!(
                "WHERE s.user_id = ?1 AND s.ended_at IS NULL AND s.expires_at > ?2
                     AND (?4 IS NULL OR s.session_id < ?4)
                 ORDER BY s.session_id DESC LIMIT ?3"
            );
            let before = before.map(|before| before.to_bytes());
            all(conn, sql, (user.to_bytes(), now.as_millis(), limit(most), before), session)
        })
        .await
    }

    async fn rename(
        &self,
        user: UserId,
        session: SessionId,
        name: Option<String>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.write(move |work| {
            let sql = "SELECT slot FROM sessions
                 WHERE session_id = ?1 AND user_id = ?2 AND ended_at IS NULL AND expires_at > ?3";
            let params = (session.to_bytes(), user.to_bytes(), now.as_millis());
            let Some(held) = first(work.conn, sql, params, |row| Ok(row.get::<_, Option<i64>>(0)?))? else {
                return Ok(false);
            };
            let slot = put_name(work.conn, held, name.as_deref())?;
            execute(work.conn, "UPDATE sessions SET slot = ?2 WHERE session_id = ?1", (session.to_bytes(), slot))?;
            Ok(true)
        })
        .await
    }

    async fn rotate(&self, rotation: Rotation) -> Result<RotationOutcome, StoreError> {
        self.write(move |work| {
            let Some(mut session) = by_id(work.conn, rotation.session_id)? else {
                return Ok(RotationOutcome::Refused);
            };
            let outcome = session.rotate(&rotation);
            if matches!(outcome, RotationOutcome::Rotated(_) | RotationOutcome::Reused(_)) {
                update(work.conn, &session)?;
            }
            Ok(outcome)
        })
        .await
    }

    async fn end(&self, user: UserId, session: SessionId, now: Timestamp) -> Result<bool, StoreError> {
        self.write(move |work| {
            let sql = "UPDATE sessions SET ended_at = ?3 WHERE session_id = ?1 AND user_id = ?2 AND ended_at IS NULL";
            Ok(execute(work.conn, sql, (session.to_bytes(), user.to_bytes(), now.as_millis()))? > 0)
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
            let sql = "UPDATE sessions SET ended_at = ?3
                 WHERE user_id = ?1 AND session_id IS NOT ?2 AND ended_at IS NULL AND expires_at > ?3
                 RETURNING session_id";
            let keep = keep.map(|keep| keep.to_bytes());
            all(work.conn, sql, (user.to_bytes(), keep, now.as_millis()), |row| id(row, 0))
        })
        .await
    }

    async fn end_of_client(&self, client_id: &str, now: Timestamp) -> Result<Vec<SessionId>, StoreError> {
        let client_id = client_id.to_owned();
        self.write(move |work| {
            // No index: clients are removed by hand and rarely, and sessions are written all the time.
            let sql = "UPDATE sessions SET ended_at = ?2 WHERE client_id = ?1 AND ended_at IS NULL AND expires_at > ?2
                 RETURNING session_id";
            all(work.conn, sql, (&client_id, now.as_millis()), |row| id(row, 0))
        })
        .await
    }

    async fn ended_since(&self, since: Timestamp) -> Result<Vec<SessionId>, StoreError> {
        self.read(move |conn| {
            let sql = "SELECT session_id FROM sessions WHERE ended_at >= ?1";
            all(conn, sql, [since.as_millis()], |row| id(row, 0))
        })
        .await
    }

    async fn prune(&self, before: Timestamp, most: usize) -> Result<usize, StoreError> {
        self.write(move |work| {
            let sql = "DELETE FROM sessions WHERE session_id IN
                     (SELECT session_id FROM sessions WHERE expires_at < ?1 OR ended_at < ?1 LIMIT ?2)
                 RETURNING slot";
            let slots: Vec<Option<i64>> =
                all(work.conn, sql, (before.as_millis(), limit(most)), |row| Ok(row.get(0)?))?;
            slots.iter().flatten().try_for_each(|slot| texts::erase(work.conn, *slot))?;
            Ok(slots.len())
        })
        .await
    }
}

/// Removes the names of the devices of somebody who is erased.
pub(super) fn forget_names(conn: &Connection, user: UserId) -> Result<(), Failure> {
    let sql = "SELECT slot FROM sessions WHERE user_id = ?1 AND slot IS NOT NULL";
    let slots: Vec<i64> = all(conn, sql, [user.to_bytes()], |row| Ok(row.get(0)?))?;
    slots.iter().try_for_each(|slot| texts::erase(conn, *slot))?;
    execute(conn, "UPDATE sessions SET slot = NULL WHERE user_id = ?1", [user.to_bytes()])?;
    Ok(())
}

/// Stores a device's name in place of the one in `held`.
fn put_name(conn: &Connection, held: Option<i64>, name: Option<&str>) -> Result<Option<i64>, Failure> {
    match (name, held) {
        (Some(name), held) => Ok(Some(texts::put(conn, held, &[Some(name.as_bytes())])?)),
        (None, held) => {
            held.map(|held| texts::erase(conn, held)).transpose()?;
            Ok(None)
        }
    }
}

fn insert(conn: &Connection, session: &Session) -> Result<(), Failure> {
    let mut insert = conn.prepare_cached(
        "INSERT OR IGNORE INTO sessions (session_id, user_id, client_id, slot, scopes, family, current, previous,
             spent_at, created_at, last_used_at, expires_at, ended_at, successor, methods, granted)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
    )?;
    let inserted = insert.execute((
        session.session_id.to_bytes(),
        session.user_id.to_bytes(),
        &session.client_id,
        put_name(conn, None, session.device_name.as_deref())?,
        session.scopes.to_string(),
        session.family.as_bytes(),
        session.current.as_bytes(),
        session.previous.as_ref().map(|previous| previous.hash.as_bytes()),
        session.previous.map(|previous| previous.spent_at.as_millis()),
        session.created_at.as_millis(),
        session.last_used_at.as_millis(),
        session.expires_at.as_millis(),
        session.ended_at.map(Timestamp::as_millis),
        successor(session),
        &session.methods,
        session.granted,
    ))?;
    if inserted == 0 { Err(StoreError::Conflict.into()) } else { Ok(()) }
}

/// Writes what [`Session::rotate`] changes.
fn update(conn: &Connection, session: &Session) -> Result<(), Failure> {
    let mut update = conn.prepare_cached(
        "UPDATE sessions SET current = ?2, previous = ?3, spent_at = ?4, last_used_at = ?5, expires_at = ?6,
             ended_at = ?7, successor = ?8 WHERE session_id = ?1",
    )?;
    update.execute((
        session.session_id.to_bytes(),
        session.current.as_bytes(),
        session.previous.as_ref().map(|previous| previous.hash.as_bytes()),
        session.previous.map(|previous| previous.spent_at.as_millis()),
        session.last_used_at.as_millis(),
        session.expires_at.as_millis(),
        session.ended_at.map(Timestamp::as_millis),
        successor(session),
    ))?;
    Ok(())
}

fn successor(session: &Session) -> Option<&[u8; 32]> {
    session.previous.as_ref().and_then(|previous| previous.successor.as_ref())
}

fn by_id(conn: &Connection, session_id: SessionId) -> Result<Option<Session>, Failure> {
    first(conn, select!("WHERE s.session_id = ?1"), [session_id.to_bytes()], session)
}

fn session(row: &Row<'_>) -> Result<Session, Failure> {
    let previous = match (optional_array(row, 7)?, optional_time(row, 8)?) {
        (Some(hash), Some(spent_at)) => {
            let successor = optional_array(row, 9)?;
            Some(SpentToken { hash: TokenHash::from_bytes(hash), spent_at, successor })
        }
        (None, None) => None,
        _ => return Err(Damaged { column: 7 }.into()),
    };
    let device_name = match row.get_ref(3)? {
        ValueRef::Null => None,
        _ => Some(text(texts::parts::<1>(row, 3)?[0], 3)?),
    };
    Ok(Session {
        session_id: id(row, 0)?,
        user_id: id(row, 1)?,
        client_id: row.get(2)?,
        device_name,
        scopes: named(row, 4, |text| text.parse().ok())?,
        family: TokenHash::from_bytes(array(row, 5)?),
        current: TokenHash::from_bytes(array(row, 6)?),
        previous,
        methods: row.get(10)?,
        granted: row.get(15)?,
        created_at: time(row, 11)?,
        last_used_at: time(row, 12)?,
        expires_at: time(row, 13)?,
        ended_at: optional_time(row, 14)?,
    })
}
