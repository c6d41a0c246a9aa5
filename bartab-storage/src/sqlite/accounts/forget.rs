//! What goes with an account that is erased, so that no byte of the files names the person any more.
//!
//! Texts stand in slots, which are overwritten where they are. An index moves its cells about and leaves copies behind,
//! so the two that hold names are written anew: SQLite overwrites the pages of what it clears as a whole.

use bartab_core::UserId;
use bartab_core::store::Account;
use rusqlite::Connection;

use crate::sqlite::error::Failure;
use crate::sqlite::job::Work;
use crate::sqlite::log::array;
use crate::sqlite::rows::{all, execute};
use crate::sqlite::{clients, sessions, tickets};

/// Removes what belongs to the account, which was `before` and is `after`, and has the WAL cut when that is committed.
pub(super) fn forget(work: &mut Work<'_>, before: &Account, after: &Account) -> Result<(), Failure> {
    let (conn, user) = (work.conn, after.user_id);
    sessions::forget_names(conn, user)?;
    tickets::remove_of(conn, user)?;
    clients::remove_bot(conn, user)?;
    execute(conn, "DELETE FROM consents WHERE user_id = ?1", [user.to_bytes()])?;
    rename(conn, before, after)?;
    forget_external(work, user, Identities::All)?;
    work.pending.erasures += 1;
    Ok(())
}

fn rename(conn: &Connection, before: &Account, after: &Account) -> Result<(), Failure> {
    let mut names: Vec<(String, [u8; 16])> =
        all(conn, "SELECT username_key, user_id FROM usernames", [], |row| Ok((row.get(0)?, array(row, 1)?)))?;
    names.retain(|(key, _)| *key != before.username_key);
    names.push((after.username_key.clone(), after.user_id.to_bytes()));
    names.sort();
    execute(conn, "DELETE FROM usernames", [])?;
    for name in names {
        execute(conn, "INSERT INTO usernames (username_key, user_id) VALUES (?1, ?2)", name)?;
    }
    Ok(())
}

/// Which of the external identities of an account go.
#[derive(Clone, Copy)]
pub(super) enum Identities<'a> {
    All,
    /// Those that were added after the account was made.
    Linked,
    /// Those of this issuer.
    Of(&'a str),
}

/// Removes external identities of the account, and has the WAL cut when that is committed; answers whether there were any.
pub(super) fn forget_external(work: &mut Work<'_>, user: UserId, which: Identities<'_>) -> Result<bool, Failure> {
    let (conn, user) = (work.conn, user.to_bytes());
    let gone = match which {
        Identities::All => execute(conn, "DELETE FROM external_identities WHERE user_id = ?1", [user])?,
        Identities::Linked => execute(conn, "DELETE FROM external_identities WHERE user_id = ?1 AND linked", [user])?,
        Identities::Of(issuer) => {
            execute(conn, "DELETE FROM external_identities WHERE user_id = ?1 AND issuer = ?2", (user, issuer))?
        }
    };
    if gone == 0 {
        return Ok(false);
    }
    let rest: Vec<(String, String, [u8; 16], bool)> = all(
        conn,
        "SELECT issuer, subject, user_id, linked FROM external_identities ORDER BY issuer, subject",
        [],
        |row| Ok((row.get(0)?, row.get(1)?, array(row, 2)?, row.get(3)?)),
    )?;
    execute(conn, "DELETE FROM external_identities", [])?;
    for identity in rest {
        let sql = "INSERT INTO external_identities (issuer, subject, user_id, linked) VALUES (?1, ?2, ?3, ?4)";
        execute(conn, sql, identity)?;
    }
    work.pending.erasures += 1;
    Ok(true)
}
