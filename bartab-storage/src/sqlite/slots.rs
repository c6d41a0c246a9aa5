//! Bytes that are to be erased one day, each in a slot that stays where it is: the migrations say why.

use rusqlite::{Connection, OptionalExtension};

/// A table of slots, and the one of those that are free, by the statements that need their names.
pub(super) struct Slots {
    pub(super) insert: &'static str,
    pub(super) overwrite: &'static str,
    pub(super) find_free: &'static str,
    pub(super) take_free: &'static str,
    pub(super) free: &'static str,
}

/// A slot that is in use, with its size.
#[derive(Clone, Copy)]
pub(super) struct Slot {
    pub(super) number: i64,
    pub(super) size: usize,
}

/// The smallest slot, and the least by which slots differ.
const LEAST: usize = 64;

/// The size of the slot for so many bytes: at most a quarter is wasted, and few sizes are in use.
fn slot_size(length: usize) -> usize {
    let step = (length.next_power_of_two() / 8).max(LEAST);
    length.max(1).div_ceil(step) * step
}

impl Slots {
    /// Stores `bytes`, padded with zeros, in place of what is in `held`; gives the slot in which they stand now.
    pub(super) fn put(&self, conn: &Connection, held: Option<Slot>, bytes: &[u8]) -> rusqlite::Result<Slot> {
        let size = slot_size(bytes.len());
        let mut padded = bytes.to_vec();
        padded.resize(size, 0);
        match held {
            Some(slot) if slot.size == size => {
                self.overwrite(conn, slot.number, &padded)?;
                Ok(slot)
            }
            held => {
                held.map(|held| self.free(conn, held)).transpose()?;
                Ok(Slot { number: self.take(conn, &padded)?, size })
            }
        }
    }

    /// Overwrites the slot, and lets others have it.
    pub(super) fn free(&self, conn: &Connection, slot: Slot) -> rusqlite::Result<()> {
        self.overwrite(conn, slot.number, &vec![0; slot.size])?;
        conn.prepare_cached(self.free)?.execute((slot.size, slot.number))?;
        Ok(())
    }

    fn overwrite(&self, conn: &Connection, slot: i64, padded: &[u8]) -> rusqlite::Result<()> {
        conn.prepare_cached(self.overwrite)?.execute((slot, padded))?;
        Ok(())
    }

    /// Puts `padded` into a free slot of its size, or into a new one at the end.
    fn take(&self, conn: &Connection, padded: &[u8]) -> rusqlite::Result<i64> {
        let mut find = conn.prepare_cached(self.find_free)?;
        let Some(slot) = find.query_row([padded.len()], |row| row.get(0)).optional()? else {
            return conn.prepare_cached(self.insert)?.insert([padded]);
        };
        conn.prepare_cached(self.take_free)?.execute((padded.len(), slot))?;
        self.overwrite(conn, slot, padded)?;
        Ok(slot)
    }
}

#[cfg(test)]
mod tests {
    use super::slot_size;

    #[test]
    fn a_slot_holds_what_it_is_for_and_wastes_little() {
        for length in 0..100_000 {
            let size = slot_size(length);
            assert!(size >= length && size <= (length + length / 4).max(64) + 64, "{length}: {size}");
            assert_eq!(slot_size(size), size);
        }
    }
}
