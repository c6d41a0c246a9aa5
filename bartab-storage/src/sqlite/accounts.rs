//! Accounts.

use async_trait::async_trait;
use bartab_core::store::{Account, AccountKind, AccountState, AccountStore, PasswordHash, ProfileChange, StoreError};
use bartab_core::{MediaId, TenantRole, Timestamp, UserId};
use rusqlite::{CachedStatement, Connection, Row};

use super::SqliteStore;
use super::error::{Damaged, Failure};
use super::log::{array, optional_array};

const BY_ID: &str = "SELECT user_id, username, username_key, kind, owner, display_name, avatar, profile_rev, password, \
     role, state, created_at FROM accounts WHERE user_id = ?1";
const BY_NAME: &str = "SELECT user_id, username, username_key, kind, owner, display_name, avatar, profile_rev, password, \
     role, state, created_at FROM accounts WHERE username_key = ?1";

/// The roles by their names in the column.
const ROLES: [(TenantRole, &str); 5] = [
    (TenantRole::Guest, "guest"),
    (TenantRole::Member, "member"),
    (TenantRole::Moderator, "moderator"),
    (TenantRole::Administrator, "administrator"),
    (TenantRole::Owner, "owner"),
];

#[async_trait]
impl AccountStore for SqliteStore {
    async fn create(&self, account: Account) -> Result<(), StoreError> {
        self.write(move |work| insert(work.conn, &account)).await
    }

    async fn get(&self, user: UserId) -> Result<Option<Account>, StoreError> {
        self.read(move |conn| by_id(conn, user)).await
    }

    async fn find(&self, username_key: &str) -> Result<Option<Account>, StoreError> {
        let key = username_key.to_owned();
        self.read(move |conn| one(&mut conn.prepare_cached(BY_NAME)?, [key])).await
    }

    async fn change_profile(&self, user: UserId, change: ProfileChange) -> Result<Account, StoreError> {
        self.write(move |work| {
            let mut account = by_id(work.conn, user)?.ok_or(StoreError::NotFound)?;
            if change.apply(&mut account) {
                let mut update = work.conn.prepare_cached(
                    "UPDATE accounts SET display_name = ?2, avatar = ?3, profile_rev = ?4 WHERE user_id = ?1",
                )?;
                let avatar = account.avatar.map(|avatar| avatar.to_bytes());
                update.execute((user.to_bytes(), &account.display_name, avatar, account.profile_rev))?;
            }
            Ok(account)
        })
        .await
    }
}

fn insert(conn: &Connection, account: &Account) -> Result<(), Failure> {
    let mut insert = conn.prepare_cached(
        "INSERT OR IGNORE INTO accounts (user_id, username, username_key, kind, owner, display_name, avatar,
             profile_rev, password, role, state, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    )?;
    let (kind, owner) = match account.kind {
        AccountKind::Person => ("person", None),
        AccountKind::Bot { owner } => ("bot", Some(owner.to_bytes())),
        _ => return Err(StoreError::backend("this store does not know the kind of account").into()),
    };
    let role = ROLES.iter().find(|(role, _)| *role == account.role).map(|(_, name)| *name);
    let inserted = insert.execute((
        account.user_id.to_bytes(),
        &account.username,
        &account.username_key,
        kind,
        owner,
        &account.display_name,
        account.avatar.map(|avatar| avatar.to_bytes()),
        account.profile_rev,
        account.password.as_ref().map(PasswordHash::as_str),
        role,
        account.state.name(),
        account.created_at.as_millis(),
    ))?;
    if inserted == 0 { Err(StoreError::Conflict.into()) } else { Ok(()) }
}

fn by_id(conn: &Connection, user: UserId) -> Result<Option<Account>, Failure> {
    one(&mut conn.prepare_cached(BY_ID)?, [user.to_bytes()])
}

fn one(select: &mut CachedStatement<'_>, params: impl rusqlite::Params) -> Result<Option<Account>, Failure> {
    let mut rows = select.query(params)?;
    rows.next()?.map(account).transpose()
}

fn account(row: &Row<'_>) -> Result<Account, Failure> {
    let kind: String = row.get(3)?;
    let role: String = row.get(9)?;
    let state: String = row.get(10)?;
    let owner = optional_array(row, 4)?.map(UserId::from_bytes);
    let role = ROLES.iter().find(|(_, name)| *name == role).map(|(role, _)| *role);
    Ok(Account {
        user_id: UserId::from_bytes(array(row, 0)?),
        username: row.get(1)?,
        username_key: row.get(2)?,
        kind: match (kind.as_str(), owner) {
            ("person", None) => AccountKind::Person,
            ("bot", Some(owner)) => AccountKind::Bot { owner },
            _ => return Err(Damaged { column: 3 }.into()),
        },
        display_name: row.get(5)?,
        avatar: optional_array(row, 6)?.map(MediaId::from_bytes),
        profile_rev: row.get(7)?,
        password: row.get::<_, Option<String>>(8)?.map(PasswordHash::new),
        role: role.ok_or(Damaged { column: 9 })?,
        state: AccountState::from_name(&state).ok_or(Damaged { column: 10 })?,
        created_at: Timestamp::from_millis(row.get(11)?),
    })
}
