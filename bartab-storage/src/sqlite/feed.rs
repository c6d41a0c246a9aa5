//! The account feed.

use async_trait::async_trait;
use bartab_core::store::{AccountEntry, AccountFeed, AccountNews, StoreError};
use bartab_core::{Profile, RoomId, Timestamp, UserId};
use rusqlite::{Connection, Row};

use super::SqliteStore;
use super::accounts::{TEXT_PARTS, kind, role, state};
use super::error::{Damaged, Failure};
use super::rows::{all, execute, id, limit, optional_id, parts, time};
use super::texts::{self, text};

#[async_trait]
impl AccountFeed for SqliteStore {
    async fn after(&self, position: u64, most: usize) -> Result<Vec<AccountEntry>, StoreError> {
        // No number is as large as what the column cannot hold.
        let Ok(position) = i64::try_from(position) else { return Ok(Vec::new()) };
        self.read(move |conn| {
            let sql = "SELECT f.number, f.user_id, f.at, f.news, f.rooms, f.messages, f.inviter, a.kind, a.owner, a.role, a.state,
                     a.avatar, a.profile_rev, t.bytes
                 FROM account_feed f LEFT JOIN accounts a ON a.user_id = f.user_id LEFT JOIN texts t ON t.slot = a.slot
                 WHERE f.number > ?1 ORDER BY f.number LIMIT ?2";
            all(conn, sql, (position, limit(most)), entry)
        })
        .await
    }
}

/// Writes an entry after the last one.
pub(super) fn push(conn: &Connection, user: UserId, at: Timestamp, news: &AccountNews) -> Result<(), Failure> {
    let (name, rooms, messages) = match news {
        AccountNews::Created { rooms, .. } => ("created", Some(join(rooms)), None),
        AccountNews::Profile => ("profile", None, None),
        AccountNews::Role => ("role", None, None),
        AccountNews::Suspended => ("suspended", None, None),
        AccountNews::Restored => ("restored", None, None),
        AccountNews::Erased { messages } => ("erased", None, Some(*messages)),
        _ => return Err(StoreError::backend("this store does not know the news").into()),
    };
    let inviter = match news {
        AccountNews::Created { invited_by, .. } => invited_by.map(|inviter| inviter.to_bytes()),
        _ => None,
    };
    let sql = "INSERT INTO account_feed (user_id, at, news, rooms, inviter, messages) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    execute(conn, sql, (user.to_bytes(), at.as_millis(), name, rooms, inviter, messages))?;
    Ok(())
}

/// The ids of rooms one after the other, as a column holds them.
pub(super) fn join(rooms: &[RoomId]) -> Vec<u8> {
    rooms.iter().flat_map(|room| room.to_bytes()).collect()
}

/// The rooms in a column; none when it is empty.
pub(super) fn rooms(row: &Row<'_>, column: usize) -> Result<Vec<RoomId>, Failure> {
    let bytes = row.get_ref(column)?.as_blob_or_null().map_err(|_| Damaged { column })?;
    Ok(parts(bytes.unwrap_or_default(), column)?.into_iter().map(RoomId::from_bytes).collect())
}

fn entry(row: &Row<'_>) -> Result<AccountEntry, Failure> {
    let [_, _, name, ..] = texts::parts::<TEXT_PARTS>(row, 13)?;
    Ok(AccountEntry {
        number: row.get(0)?,
        user_id: id(row, 1)?,
        at: time(row, 2)?,
        news: news(row)?,
        kind: kind(row, 7)?,
        role: role(row, 9)?,
        state: state(row, 10)?,
        profile: Profile { name: text(name, 13)?.into(), avatar: optional_id(row, 11)?, rev: row.get(12)? },
    })
}

fn news(row: &Row<'_>) -> Result<AccountNews, Failure> {
    let name = row.get_ref(3)?.as_str().map_err(|_| Damaged { column: 3 })?;
    Ok(match name {
        "created" => AccountNews::Created { rooms: rooms(row, 4)?, invited_by: optional_id(row, 6)? },
        "profile" => AccountNews::Profile,
        "role" => AccountNews::Role,
        "suspended" => AccountNews::Suspended,
        "restored" => AccountNews::Restored,
        "erased" => AccountNews::Erased { messages: row.get(5)? },
        _ => return Err(Damaged { column: 3 }.into()),
    })
}
