//! The newest snapshot of the tenant's state.

use async_trait::async_trait;
use bartab_core::store::{Snapshot, SnapshotStore, StoreError};
use rusqlite::OptionalExtension;

use super::SqliteStore;

#[async_trait]
impl SnapshotStore for SqliteStore {
    async fn save(&self, snapshot: Snapshot) -> Result<(), StoreError> {
        self.write(move |work| {
            let mut save = work.conn.prepare_cached(
                "INSERT INTO snapshots (id, seq, format, bytes) VALUES (1, ?1, ?2, ?3)
                 ON CONFLICT DO UPDATE SET seq = excluded.seq, format = excluded.format, bytes = excluded.bytes
                 WHERE excluded.seq >= seq",
            )?;
            save.execute((snapshot.seq, snapshot.format, &snapshot.bytes))?;
            Ok(())
        })
        .await
    }

    async fn load(&self) -> Result<Option<Snapshot>, StoreError> {
        self.read(|conn| {
            let mut select = conn.prepare_cached("SELECT seq, format, bytes FROM snapshots")?;
            let snapshot =
                |row: &rusqlite::Row<'_>| Ok(Snapshot { seq: row.get(0)?, format: row.get(1)?, bytes: row.get(2)? });
            Ok(select.query_row([], snapshot).optional()?)
        })
        .await
    }
}
