//! Read markers.

use async_trait::async_trait;
use bartab_core::store::{Marker, MarkerStore, StoreError};
use bartab_core::{RoomId, UserId};

use super::SqliteStore;
use super::log::array;

#[async_trait]
impl MarkerStore for SqliteStore {
    async fn advance(&self, markers: &[Marker]) -> Result<(), StoreError> {
        let markers = markers.to_vec();
        self.write(move |work| {
            let mut advance = work.conn.prepare_cached(
                "INSERT INTO markers (user, room, number) VALUES (?1, ?2, ?3)
                 ON CONFLICT DO UPDATE SET number = excluded.number WHERE excluded.number > number",
            )?;
            for marker in &markers {
                advance.execute((marker.user.to_bytes(), marker.room.to_bytes(), marker.number))?;
            }
            Ok(())
        })
        .await
    }

    async fn of_user(&self, user: UserId) -> Result<Vec<(RoomId, u64)>, StoreError> {
        self.read(move |conn| {
            let mut select = conn.prepare_cached("SELECT room, number FROM markers WHERE user = ?1 ORDER BY room")?;
            let mut rows = select.query([user.to_bytes()])?;
            let mut markers = Vec::new();
            while let Some(row) = rows.next()? {
                markers.push((RoomId::from_bytes(array(row, 0)?), row.get(1)?));
            }
            Ok(markers)
        })
        .await
    }
}
