//! Signing keys.

use async_trait::async_trait;
use bartab_core::Timestamp;
use bartab_core::store::{KeyAlgorithm, KeyState, KeyStore, PrivateKey, SigningKey, StoreError};
use rusqlite::{Connection, Row};

use super::SqliteStore;
use super::error::{Damaged, Failure};

#[async_trait]
impl KeyStore for SqliteStore {
    async fn list(&self) -> Result<Vec<SigningKey>, StoreError> {
        self.read(list).await
    }

    async fn ensure_active(&self, key: SigningKey) -> Result<Vec<SigningKey>, StoreError> {
        self.write(move |work| {
            let keys = list(work.conn)?;
            if keys.iter().any(|key| key.state == KeyState::Active) {
                return Ok(keys);
            }
            insert(work.conn, &key)?;
            list(work.conn)
        })
        .await
    }
}

fn insert(conn: &Connection, key: &SigningKey) -> Result<(), Failure> {
    let mut insert = conn.prepare_cached(
        "INSERT OR IGNORE INTO signing_keys (kid, algorithm, public_jwk, private, created_at, state)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    let inserted = insert.execute((
        &key.kid,
        key.algorithm.name(),
        &key.public_jwk,
        key.private.as_bytes(),
        key.created_at.as_millis(),
        key.state.name(),
    ))?;
    if inserted == 0 { Err(StoreError::Conflict.into()) } else { Ok(()) }
}

fn list(conn: &Connection) -> Result<Vec<SigningKey>, Failure> {
    let mut select = conn.prepare_cached(
        "SELECT kid, algorithm, public_jwk, private, created_at, state FROM signing_keys ORDER BY created_at, kid",
    )?;
    let mut rows = select.query([])?;
    let mut keys = Vec::new();
    while let Some(row) = rows.next()? {
        keys.push(key(row)?);
    }
    Ok(keys)
}

fn key(row: &Row<'_>) -> Result<SigningKey, Failure> {
    let algorithm: String = row.get(1)?;
    let state: String = row.get(5)?;
    Ok(SigningKey {
        kid: row.get(0)?,
        algorithm: KeyAlgorithm::from_name(&algorithm).ok_or(Damaged { column: 1 })?,
        public_jwk: row.get(2)?,
        private: PrivateKey::new(row.get(3)?),
        created_at: Timestamp::from_millis(row.get(4)?),
        state: KeyState::from_name(&state).ok_or(Damaged { column: 5 })?,
    })
}
