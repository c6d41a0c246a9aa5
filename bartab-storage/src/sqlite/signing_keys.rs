//! Signing keys.

use async_trait::async_trait;
use bartab_core::store::{
    AuditRecord, KeyAlgorithm, KeyChange, KeyState, KeyStore, PrivateKey, SigningKey, StoreError,
};
use rusqlite::{Connection, Row};

use super::SqliteStore;
use super::audit;
use super::error::Failure;
use super::rows::{all, execute, named, time};

#[async_trait]
impl KeyStore for SqliteStore {
    async fn list(&self) -> Result<Vec<SigningKey>, StoreError> {
        self.read(list).await
    }

    async fn change(&self, change: KeyChange, audit: Option<AuditRecord>) -> Result<Vec<SigningKey>, StoreError> {
        self.write(move |work| {
            let before = list(work.conn)?;
            let mut keys = before.clone();
            let taken = |key: &SigningKey| before.iter().any(|other| other.kid == key.kid);
            if change.insert.iter().any(taken) || !change.apply(&mut keys) {
                return Err(StoreError::Conflict.into());
            }
            let gone = |key: &&SigningKey| !keys.iter().any(|kept| kept.kid == key.kid);
            for key in before.iter().filter(gone) {
                execute(work.conn, "DELETE FROM signing_keys WHERE kid = ?1", [&key.kid])?;
            }
            for key in keys.iter().filter(|key| !before.contains(key)) {
                put(work.conn, key)?;
            }
            if before.iter().any(|key| !keys.iter().any(|kept| kept.private == key.private)) {
                // The WAL is cut: a private half that is gone is in no file any more.
                work.pending.erasures += 1;
            }
            audit::write(work.conn, audit)?;
            Ok(keys)
        })
        .await
    }
}

fn put(conn: &Connection, key: &SigningKey) -> Result<(), Failure> {
    let sql = "INSERT INTO signing_keys (kid, algorithm, public_jwk, private, created_at, state, state_since)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT DO UPDATE SET private = excluded.private, state = excluded.state, state_since = excluded.state_since";
    let params = (
        &key.kid,
        key.algorithm.name(),
        &key.public_jwk,
        key.private.as_bytes(),
        key.created_at.as_millis(),
        key.state.name(),
        key.state_since.as_millis(),
    );
    execute(conn, sql, params)?;
    Ok(())
}

fn list(conn: &Connection) -> Result<Vec<SigningKey>, Failure> {
    let sql = "SELECT kid, algorithm, public_jwk, private, created_at, state, state_since FROM signing_keys
         ORDER BY created_at, kid";
    all(conn, sql, [], key)
}

fn key(row: &Row<'_>) -> Result<SigningKey, Failure> {
    Ok(SigningKey {
        kid: row.get(0)?,
        algorithm: named(row, 1, KeyAlgorithm::from_name)?,
        public_jwk: row.get(2)?,
        private: PrivateKey::new(row.get(3)?),
        created_at: time(row, 4)?,
        state: named(row, 5, KeyState::from_name)?,
        state_since: time(row, 6)?,
    })
}
