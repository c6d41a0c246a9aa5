//! Accounts.

mod forget;
mod list;
mod row;

use async_trait::async_trait;
use bartab_core::store::{
    Account, AccountChange, AccountFilter, AccountNews, AccountState, AccountStore, Admission, AuditRecord,
    ExternalIdentity, Invite, StoreError,
};
use bartab_core::{InviteId, Timestamp, UserId};
use rusqlite::Connection;

use self::forget::Identities;
use self::row::{account, columns};
use super::SqliteStore;
use super::error::Failure;
use super::rows::{all, execute, first, id};
use super::{audit, clients, feed, invites};

pub(super) use self::row::{TEXT_PARTS, kind, role, role_name, state};

const BY_ID: &str =
    concat!("SELECT ", columns!(), " FROM accounts a JOIN texts t ON t.slot = a.slot WHERE a.user_id = ?1");
const BY_NAME: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM usernames u JOIN accounts a ON a.user_id = u.user_id JOIN texts t ON t.slot = a.slot WHERE u.username_key = ?1"
);
const BY_EXTERNAL: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM external_identities x JOIN accounts a ON a.user_id = x.user_id JOIN texts t ON t.slot = a.slot \
     WHERE x.issuer = ?1 AND x.subject = ?2"
);

#[async_trait]
impl AccountStore for SqliteStore {
    async fn create(&self, account: Account, admission: Admission) -> Result<(), StoreError> {
        self.write(move |work| create(work.conn, &account, admission)).await
    }

    async fn get(&self, user: UserId) -> Result<Option<Account>, StoreError> {
        self.read(move |conn| by_id(conn, user)).await
    }

    async fn find(&self, username_key: &str) -> Result<Option<Account>, StoreError> {
        let key = username_key.to_owned();
        self.read(move |conn| first(conn, BY_NAME, [key], account)).await
    }

    async fn find_external(&self, identity: &ExternalIdentity) -> Result<Option<Account>, StoreError> {
        let ExternalIdentity { issuer, subject } = identity.clone();
        self.read(move |conn| first(conn, BY_EXTERNAL, (issuer, subject), account)).await
    }

    async fn external_identities(&self, user: UserId) -> Result<Vec<ExternalIdentity>, StoreError> {
        self.read(move |conn| {
            let sql = "SELECT issuer, subject FROM external_identities WHERE user_id = ?1 ORDER BY issuer, subject";
            all(conn, sql, [user.to_bytes()], |row| Ok(ExternalIdentity { issuer: row.get(0)?, subject: row.get(1)? }))
        })
        .await
    }

    async fn link(
        &self,
        user: UserId,
        identity: ExternalIdentity,
        audit: Option<AuditRecord>,
    ) -> Result<(), StoreError> {
        self.write(move |work| {
            let account = by_id(work.conn, user)?;
            account.filter(|account| account.state == AccountState::Active).ok_or(StoreError::NotFound)?;
            match owner(work.conn, &identity)? {
                Some(owner) if owner == user => Ok(()),
                Some(_) => Err(StoreError::Conflict.into()),
                None => {
                    insert_external(work.conn, user, &identity, true)?;
                    audit::write(work.conn, audit)
                }
            }
        })
        .await
    }

    async fn unlink(&self, user: UserId, issuer: &str, audit: Option<AuditRecord>) -> Result<bool, StoreError> {
        let issuer = issuer.to_owned();
        self.write(move |work| {
            let unlinked = forget::forget_external(work, user, Identities::Of(&issuer))?;
            audit::write(work.conn, audit.filter(|_| unlinked))?;
            Ok(unlinked)
        })
        .await
    }

    async fn list(
        &self,
        filter: &AccountFilter,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<Account>, StoreError> {
        let filter = filter.clone();
        self.read(move |conn| list::list(conn, &filter, after, limit)).await
    }

    async fn change(
        &self,
        user: UserId,
        change: AccountChange,
        at: Timestamp,
        audit: Option<AuditRecord>,
    ) -> Result<Account, StoreError> {
        self.write(move |work| {
            let mut account = by_id(work.conn, user)?.ok_or(StoreError::NotFound)?;
            let before = account.clone();
            let news = change.apply(&mut account, at)?;
            if account != before {
                row::update(work.conn, &account)?;
            }
            if account.rights_rev != before.rights_rev {
                let sql = "UPDATE accounts SET rights_rev = rights_rev + 1, rights_at = ?2 WHERE owner = ?1";
                execute(work.conn, sql, (user.to_bytes(), at.as_millis()))?;
            }
            if let Some(news) = news {
                feed::push(work.conn, user, at, &news)?;
            }
            if matches!(change, AccountChange::Erase { .. }) {
                forget::forget(work, &before, &account)?;
            }
            if matches!(change, AccountChange::Reset) {
                forget::forget_external(work, user, Identities::Linked)?;
            }
            audit::write(work.conn, audit)?;
            Ok(account)
        })
        .await
    }

    async fn rights_changed_since(&self, since: Timestamp) -> Result<Vec<(UserId, u64)>, StoreError> {
        self.read(move |conn| {
            let sql = "SELECT user_id, rights_rev FROM accounts WHERE rights_rev > 0 AND rights_at >= ?1";
            all(conn, sql, [since.as_millis()], |row| Ok((id(row, 0)?, row.get(1)?)))
        })
        .await
    }
}

fn create(conn: &Connection, account: &Account, admission: Admission) -> Result<(), Failure> {
    row::insert(conn, account)?;
    if let Some(external) = admission.external {
        if owner(conn, &external)?.is_some() {
            return Err(StoreError::Conflict.into());
        }
        insert_external(conn, account.user_id, &external, false)?;
    }
    if let Some(client) = admission.client {
        clients::insert(conn, &client)?;
    }
    let (rooms, invited_by) = match admission.invite {
        Some((invite, now)) => {
            let invite = use_invite(conn, invite, now)?;
            (invite.rooms, invite.created_by)
        }
        None => (Vec::new(), None),
    };
    feed::push(conn, account.user_id, account.created_at, &AccountNews::Created { rooms, invited_by })?;
    audit::write(conn, admission.audit)
}

/// Counts a use of the invite; gives the rooms that it names.
fn use_invite(conn: &Connection, invite: InviteId, now: Timestamp) -> Result<Invite, Failure> {
    let invite = invites::by_id(conn, invite)?.filter(|invite| invite.is_usable(now)).ok_or(StoreError::NotFound)?;
    execute(conn, "UPDATE invites SET uses = uses + 1 WHERE invite_id = ?1", [invite.invite_id.to_bytes()])?;
    Ok(invite)
}

/// Whose external identity it is.
fn owner(conn: &Connection, identity: &ExternalIdentity) -> Result<Option<UserId>, Failure> {
    let sql = "SELECT user_id FROM external_identities WHERE issuer = ?1 AND subject = ?2";
    first(conn, sql, (&identity.issuer, &identity.subject), |row| id(row, 0))
}

fn insert_external(conn: &Connection, user: UserId, identity: &ExternalIdentity, linked: bool) -> Result<(), Failure> {
    let sql = "INSERT INTO external_identities (issuer, subject, user_id, linked) VALUES (?1, ?2, ?3, ?4)";
    execute(conn, sql, (&identity.issuer, &identity.subject, user.to_bytes(), linked))?;
    Ok(())
}

fn by_id(conn: &Connection, user: UserId) -> Result<Option<Account>, Failure> {
    first(conn, BY_ID, [user.to_bytes()], account)
}
