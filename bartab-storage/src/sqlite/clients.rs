//! OAuth clients and consents.

use async_trait::async_trait;
use bartab_core::store::{
    AuditRecord, ClientKind, ClientSecret, ClientStore, Grant, Grants, KeyAlgorithm, OAuthClient, SecretRotation,
    StoreError, TokenHash,
};
use bartab_core::{Scopes, Timestamp, UserId};
use rusqlite::{Connection, Row};

use super::SqliteStore;
use super::audit;
use super::error::{Damaged, Failure};
use super::log::array;
use super::readers::snapshot;
use super::rows::{all, execute, first, limit, named, optional_id, optional_time, time};
use super::texts::{self, text};

/// A query for whole clients, but for their lists, with this condition.
macro_rules! select {
    ($condition:literal) => {
        concat!(
            "SELECT c.client_id, c.kind, c.bot_id, c.bot_user, t.bytes, c.scopes, c.grants, c.id_token_algorithm,
                 c.created_at, c.created_by
             FROM clients c CROSS JOIN texts t ON t.slot = c.slot ",
            $condition
        )
    };
}

#[async_trait]
impl ClientStore for SqliteStore {
    async fn create(&self, client: OAuthClient, audit: Option<AuditRecord>) -> Result<(), StoreError> {
        self.write(move |work| {
            insert(work.conn, &client)?;
            audit::write(work.conn, audit)
        })
        .await
    }

    async fn get(&self, client_id: &str) -> Result<Option<OAuthClient>, StoreError> {
        let client_id = client_id.to_owned();
        self.read(move |conn| snapshot(conn, || by_id(conn, &client_id))).await
    }

    async fn list(&self, after: Option<&str>, most: usize) -> Result<Vec<OAuthClient>, StoreError> {
        let after = after.map(str::to_owned);
        self.read(move |conn| {
            snapshot(conn, || {
                let clients = match after {
                    Some(after) => {
                        let sql = select!("WHERE c.client_id > ?1 ORDER BY c.client_id LIMIT ?2");
                        all(conn, sql, (after, limit(most)), client)?
                    }
                    None => all(conn, select!("ORDER BY c.client_id LIMIT ?1"), [limit(most)], client)?,
                };
                clients.into_iter().map(|client| with_lists(conn, client)).collect()
            })
        })
        .await
    }

    async fn rotate_secret(
        &self,
        client_id: &str,
        rotation: SecretRotation,
        audit: Option<AuditRecord>,
    ) -> Result<OAuthClient, StoreError> {
        let client_id = client_id.to_owned();
        self.write(move |work| {
            let mut client = by_id(work.conn, &client_id)?.ok_or(StoreError::NotFound)?;
            rotation.apply(&mut client);
            execute(work.conn, "DELETE FROM client_secrets WHERE client_id = ?1", [&client_id])?;
            insert_secrets(work.conn, &client)?;
            audit::write(work.conn, audit)?;
            Ok(client)
        })
        .await
    }

    async fn set_scopes(
        &self,
        client_id: &str,
        scopes: Scopes,
        audit: Option<AuditRecord>,
    ) -> Result<OAuthClient, StoreError> {
        let client_id = client_id.to_owned();
        self.write(move |work| {
            let sql = "UPDATE clients SET scopes = ?2 WHERE client_id = ?1";
            execute(work.conn, sql, (&client_id, scopes.to_string()))?;
            let client = by_id(work.conn, &client_id)?.ok_or(StoreError::NotFound)?;
            audit::write(work.conn, audit)?;
            Ok(client)
        })
        .await
    }

    async fn remove(&self, client_id: &str, audit: Option<AuditRecord>) -> Result<bool, StoreError> {
        let client_id = client_id.to_owned();
        self.write(move |work| {
            let removed = remove(work.conn, &client_id)?;
            if removed {
                execute(work.conn, "DELETE FROM consents WHERE client_id = ?1", [&client_id])?;
                audit::write(work.conn, audit)?;
            }
            Ok(removed)
        })
        .await
    }

    async fn consent(&self, user: UserId, client_id: &str) -> Result<Scopes, StoreError> {
        let client_id = client_id.to_owned();
        self.read(move |conn| consent(conn, user, &client_id)).await
    }

    async fn allow(&self, user: UserId, client_id: &str, scopes: Scopes) -> Result<(), StoreError> {
        let client_id = client_id.to_owned();
        self.write(move |work| {
            let there = first(work.conn, "SELECT 1 FROM clients WHERE client_id = ?1", [&client_id], |_| Ok(()))?;
            there.ok_or(StoreError::NotFound)?;
            let allowed = consent(work.conn, user, &client_id)?.union(scopes);
            let sql = "INSERT OR REPLACE INTO consents (user_id, client_id, scopes) VALUES (?1, ?2, ?3)";
            execute(work.conn, sql, (user.to_bytes(), &client_id, allowed.to_string()))?;
            Ok(())
        })
        .await
    }

    async fn withdraw(&self, user: UserId, client_id: Option<&str>) -> Result<(), StoreError> {
        let client_id = client_id.map(str::to_owned);
        self.write(move |work| {
            let sql = "DELETE FROM consents WHERE user_id = ?1 AND (?2 IS NULL OR client_id = ?2)";
            execute(work.conn, sql, (user.to_bytes(), &client_id))?;
            Ok(())
        })
        .await
    }
}

/// Stores a new client.
pub(super) fn insert(conn: &Connection, client: &OAuthClient) -> Result<(), Failure> {
    let (kind, bot, user) = match client.kind {
        ClientKind::App => ("app", None, None),
        ClientKind::Bot { bot, user } => ("bot", Some(bot.to_bytes()), Some(user.to_bytes())),
        ClientKind::Service => ("service", None, None),
        _ => return Err(StoreError::backend("this store does not know the kind of client").into()),
    };
    let grants: Vec<&str> = client.grants.names().collect();
    let sql = "INSERT OR IGNORE INTO clients (client_id, kind, bot_id, bot_user, slot, scopes, grants,
             id_token_algorithm, created_at, created_by)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    let params = (
        &client.client_id,
        kind,
        bot,
        user,
        texts::put(conn, None, &[Some(client.name.as_bytes())])?,
        client.scopes.to_string(),
        grants.join(" "),
        client.id_token_algorithm.name(),
        client.created_at.as_millis(),
        client.created_by.map(|creator| creator.to_bytes()),
    );
    if execute(conn, sql, params)? == 0 {
        return Err(StoreError::Conflict.into());
    }
    for (place, uri) in client.redirect_uris.iter().enumerate() {
        let sql = "INSERT INTO client_redirects (client_id, place, uri) VALUES (?1, ?2, ?3)";
        execute(conn, sql, (&client.client_id, place, uri))?;
    }
    insert_secrets(conn, client)
}

fn insert_secrets(conn: &Connection, client: &OAuthClient) -> Result<(), Failure> {
    for (place, secret) in client.secrets.iter().enumerate() {
        let sql = "INSERT INTO client_secrets (client_id, place, hash, created_at, expires_at)
             VALUES (?1, ?2, ?3, ?4, ?5)";
        let expires_at = secret.expires_at.map(Timestamp::as_millis);
        let params = (&client.client_id, place, secret.hash.as_bytes(), secret.created_at.as_millis(), expires_at);
        execute(conn, sql, params)?;
    }
    Ok(())
}

/// Removes the client, but not the consents to it; answers whether it was there.
fn remove(conn: &Connection, client_id: &str) -> Result<bool, Failure> {
    execute(conn, "DELETE FROM client_redirects WHERE client_id = ?1", [client_id])?;
    execute(conn, "DELETE FROM client_secrets WHERE client_id = ?1", [client_id])?;
    let sql = "DELETE FROM clients WHERE client_id = ?1 RETURNING slot";
    let slots: Vec<i64> = all(conn, sql, [client_id], |row| Ok(row.get(0)?))?;
    slots.iter().try_for_each(|slot| texts::erase(conn, *slot))?;
    Ok(!slots.is_empty())
}

/// Removes the clients of a bot's account.
pub(super) fn remove_bot(conn: &Connection, user: UserId) -> Result<(), Failure> {
    let sql = "SELECT client_id FROM clients WHERE bot_user = ?1";
    let clients: Vec<String> = all(conn, sql, [user.to_bytes()], |row| Ok(row.get(0)?))?;
    clients.iter().try_for_each(|client_id| remove(conn, client_id).map(drop))
}

fn by_id(conn: &Connection, client_id: &str) -> Result<Option<OAuthClient>, Failure> {
    let client = first(conn, select!("WHERE c.client_id = ?1"), [client_id], client)?;
    client.map(|client| with_lists(conn, client)).transpose()
}

/// The client with its secrets and redirect URIs.
fn with_lists(conn: &Connection, client: OAuthClient) -> Result<OAuthClient, Failure> {
    let uris = "SELECT uri FROM client_redirects WHERE client_id = ?1 ORDER BY place";
    let secrets = "SELECT hash, created_at, expires_at FROM client_secrets WHERE client_id = ?1 ORDER BY place";
    Ok(OAuthClient {
        redirect_uris: all(conn, uris, [&client.client_id], |row| Ok(row.get(0)?))?,
        secrets: all(conn, secrets, [&client.client_id], |row| {
            Ok(ClientSecret {
                hash: TokenHash::from_bytes(array(row, 0)?),
                created_at: time(row, 1)?,
                expires_at: optional_time(row, 2)?,
            })
        })?,
        ..client
    })
}

fn client(row: &Row<'_>) -> Result<OAuthClient, Failure> {
    let (bot, user) = (optional_id(row, 2)?, optional_id(row, 3)?);
    let grant = |name: &str| Grant::from_name(name).ok_or(Damaged { column: 6 });
    let grants: String = row.get(6)?;
    let [name] = texts::parts(row, 4)?;
    Ok(OAuthClient {
        client_id: row.get(0)?,
        kind: named(row, 1, |name| match (name, bot, user) {
            ("app", None, None) => Some(ClientKind::App),
            ("bot", Some(bot), Some(user)) => Some(ClientKind::Bot { bot, user }),
            ("service", None, None) => Some(ClientKind::Service),
            _ => None,
        })?,
        name: text(name, 4)?,
        secrets: Vec::new(),
        redirect_uris: Vec::new(),
        scopes: named(row, 5, |text| text.parse().ok())?,
        grants: grants.split(' ').filter(|name| !name.is_empty()).map(grant).collect::<Result<Grants, _>>()?,
        id_token_algorithm: named(row, 7, KeyAlgorithm::from_name)?,
        created_at: time(row, 8)?,
        created_by: optional_id(row, 9)?,
    })
}

fn consent(conn: &Connection, user: UserId, client_id: &str) -> Result<Scopes, Failure> {
    let sql = "SELECT scopes FROM consents WHERE user_id = ?1 AND client_id = ?2";
    let allowed = first(conn, sql, (user.to_bytes(), client_id), |row| named(row, 0, |text| text.parse().ok()))?;
    Ok(allowed.unwrap_or_default())
}
