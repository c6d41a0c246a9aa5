//! A row of `accounts`, in and out.

use bartab_core::store::{
    Account, AccountKind, AccountState, PasswordHash, SecondFactor, StoreError, TokenHash, TotpSecret,
};
use bartab_core::{TenantRole, UserId};
use rusqlite::{Connection, Row};

use crate::sqlite::error::{Damaged, Failure};
use crate::sqlite::rows::{execute, id, named, optional_id, parts, time};
use crate::sqlite::texts::{self, text};

/// The columns of `accounts`, and its text, in the order of [`account`].
macro_rules! columns {
    () => {
        "a.user_id, a.kind, a.owner, a.avatar, a.profile_rev, a.role, a.state, a.factor_confirmed, a.factor_last_step, \
         a.rate_percent, a.rights_rev, a.rights_at, a.created_at, t.bytes, a.messages_erased"
    };
}
pub(super) use columns;

/// What stands in an account's text, in this order: username, its key, display name, password, secret of the second
/// factor, recovery codes.
pub(in crate::sqlite) const TEXT_PARTS: usize = 6;

/// The roles by their names in the column.
const ROLES: [(TenantRole, &str); 5] = [
    (TenantRole::Guest, "guest"),
    (TenantRole::Member, "member"),
    (TenantRole::Moderator, "moderator"),
    (TenantRole::Administrator, "administrator"),
    (TenantRole::Owner, "owner"),
];

/// The name of a role in a column.
pub(in crate::sqlite) fn role_name(role: TenantRole) -> &'static str {
    ROLES.iter().find(|(known, _)| *known == role).map_or("", |(_, name)| name)
}

/// The role whose name stands in the column.
pub(in crate::sqlite) fn role(row: &Row<'_>, column: usize) -> Result<TenantRole, Failure> {
    named(row, column, |name| ROLES.iter().find(|(_, known)| *known == name).map(|(role, _)| *role))
}

/// The state whose name stands in the column.
pub(in crate::sqlite) fn state(row: &Row<'_>, column: usize) -> Result<AccountState, Failure> {
    named(row, column, AccountState::from_name)
}

/// The kind whose name stands in the column, with the owner in the one after it.
pub(in crate::sqlite) fn kind(row: &Row<'_>, column: usize) -> Result<AccountKind, Failure> {
    let owner: Option<UserId> = optional_id(row, column + 1)?;
    named(row, column, |name| match (name, owner) {
        ("person", None) => Some(AccountKind::Person),
        ("bot", Some(owner)) => Some(AccountKind::Bot { owner }),
        _ => None,
    })
}

/// Stores a new account.
pub(super) fn insert(conn: &Connection, account: &Account) -> Result<(), Failure> {
    let (kind, owner) = match account.kind {
        AccountKind::Person => ("person", None),
        AccountKind::Bot { owner } => ("bot", Some(owner.to_bytes())),
        _ => return Err(StoreError::backend("this store does not know the kind of account").into()),
    };
    let slot = put_text(conn, None, account)?;
    let name = execute(
        conn,
        "INSERT OR IGNORE INTO usernames (username_key, user_id) VALUES (?1, ?2)",
        (&account.username_key, account.user_id.to_bytes()),
    )?;
    let factor = account.second_factor.as_ref();
    let mut insert = conn.prepare_cached(
        "INSERT OR IGNORE INTO accounts (user_id, kind, owner, slot, avatar, profile_rev, role, state, factor_confirmed,
             factor_last_step, rate_percent, rights_rev, rights_at, created_at, messages_erased)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
    )?;
    let inserted = insert.execute((
        account.user_id.to_bytes(),
        kind,
        owner,
        slot,
        account.avatar.map(|avatar| avatar.to_bytes()),
        account.profile_rev,
        role_name(account.role),
        account.state.name(),
        factor.map(|factor| factor.confirmed),
        factor.map(|factor| factor.last_step),
        account.rate_percent,
        account.rights_rev,
        account.rights_at.as_millis(),
        account.created_at.as_millis(),
        account.messages_erased,
    ))?;
    if name + inserted < 2 { Err(StoreError::Conflict.into()) } else { Ok(()) }
}

/// Writes everything that a change can change, but for the index of usernames.
pub(super) fn update(conn: &Connection, account: &Account) -> Result<(), Failure> {
    let user = account.user_id.to_bytes();
    let mut select = conn.prepare_cached("SELECT slot FROM accounts WHERE user_id = ?1")?;
    let slot = put_text(conn, Some(select.query_row([user], |row| row.get(0))?), account)?;
    let factor = account.second_factor.as_ref();
    let mut update = conn.prepare_cached(
        "UPDATE accounts SET slot = ?2, avatar = ?3, profile_rev = ?4, role = ?5, state = ?6, factor_confirmed = ?7,
             factor_last_step = ?8, rate_percent = ?9, rights_rev = ?10, rights_at = ?11, messages_erased = ?12
         WHERE user_id = ?1",
    )?;
    update.execute((
        user,
        slot,
        account.avatar.map(|avatar| avatar.to_bytes()),
        account.profile_rev,
        role_name(account.role),
        account.state.name(),
        factor.map(|factor| factor.confirmed),
        factor.map(|factor| factor.last_step),
        account.rate_percent,
        account.rights_rev,
        account.rights_at.as_millis(),
        account.messages_erased,
    ))?;
    Ok(())
}

fn put_text(conn: &Connection, held: Option<i64>, account: &Account) -> Result<i64, Failure> {
    let factor = account.second_factor.as_ref();
    let recovery: Option<Vec<u8>> =
        factor.map(|factor| factor.recovery.iter().flat_map(TokenHash::as_bytes).copied().collect());
    let parts: [_; TEXT_PARTS] = [
        Some(account.username.as_bytes()),
        Some(account.username_key.as_bytes()),
        Some(account.display_name.as_bytes()),
        account.password.as_ref().map(|password| password.as_str().as_bytes()),
        factor.map(|factor| factor.secret.as_bytes()),
        recovery.as_deref(),
    ];
    texts::put(conn, held, &parts)
}

/// The account in a row of these columns.
pub(super) fn account(row: &Row<'_>) -> Result<Account, Failure> {
    let [username, username_key, display_name, password, secret, recovery] = texts::parts::<TEXT_PARTS>(row, 13)?;
    let second_factor = match (secret, recovery) {
        (Some(secret), Some(recovery)) => Some(SecondFactor {
            secret: TotpSecret::new(secret.to_vec()),
            confirmed: row.get(7)?,
            last_step: row.get(8)?,
            recovery: parts(recovery, 13)?.into_iter().map(TokenHash::from_bytes).collect(),
        }),
        (None, None) => None,
        _ => return Err(Damaged { column: 13 }.into()),
    };
    Ok(Account {
        user_id: id(row, 0)?,
        username: text(username, 13)?,
        username_key: text(username_key, 13)?,
        kind: kind(row, 1)?,
        display_name: text(display_name, 13)?,
        avatar: optional_id(row, 3)?,
        profile_rev: row.get(4)?,
        password: password.map(|phc| text(Some(phc), 13)).transpose()?.map(PasswordHash::new),
        role: role(row, 5)?,
        state: state(row, 6)?,
        messages_erased: row.get(14)?,
        second_factor,
        rate_percent: row.get(9)?,
        rights_rev: row.get(10)?,
        rights_at: time(row, 11)?,
        created_at: time(row, 12)?,
    })
}
