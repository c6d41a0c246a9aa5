//! The numbered migrations, applied when a file is opened.

use rusqlite::Connection;

use super::open::OpenError;

/// Tells our files from others: `BTAB` in ASCII.
const APPLICATION_ID: i32 = 0x4254_4142;

/// Each migration once, in order; its number is its place from 1. A published one never changes.
const MIGRATIONS: [&str; 5] = [
    include_str!("migrations/0001_log.sql"),
    include_str!("migrations/0002_identity.sql"),
    include_str!("migrations/0003_identity_whole.sql"),
    include_str!("migrations/0004_media.sql"),
    include_str!("migrations/0005_media_links.sql"),
];

/// What a file of ours is.
pub(super) struct Found {
    version: u32,
    is_new: bool,
}

/// Refuses a file that is not ours or of a newer program; writes nothing.
pub(super) fn inspect(conn: &Connection) -> Result<Found, OpenError> {
    let known = MIGRATIONS.len() as u32;
    let application: i32 = conn.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let found: u32 = conn.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let tables: u32 = conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let is_new = application == 0 && found == 0 && tables == 0;
    if !is_new && application != APPLICATION_ID {
        return Err(OpenError::Foreign);
    }
    if found > known {
        return Err(OpenError::Newer { found, known });
    }
    Ok(Found { version: found, is_new })
}

/// Brings the file to the newest schema, whole or not at all.
///
/// `log_id` becomes the log's own if the file is new.
pub(super) fn migrate(conn: &mut Connection, log_id: &[u8; 16]) -> Result<(), OpenError> {
    let known = MIGRATIONS.len() as u32;
    let transaction = conn.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let Found { version, is_new } = inspect(&transaction)?;
    if version == known {
        return Ok(());
    }
    for migration in MIGRATIONS.iter().skip(version as usize) {
        transaction.execute_batch(migration)?;
    }
    if is_new {
        transaction.execute("INSERT INTO meta (name, value) VALUES ('log_id', ?1)", [log_id])?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    }
    transaction.pragma_update(None, "user_version", known)?;
    transaction.commit()?;
    Ok(())
}

/// A new file's schema in memory.
#[cfg(test)]
pub(super) fn in_memory() -> Connection {
    let mut conn = Connection::open_in_memory().unwrap();
    migrate(&mut conn, &[0; 16]).unwrap();
    conn
}
