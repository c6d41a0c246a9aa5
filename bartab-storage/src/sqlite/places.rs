//! The short numbers of rooms, which the index of the log is made of.

use std::collections::HashMap;

use bartab_core::RoomId;
use rusqlite::{Connection, OptionalExtension};

/// How many are remembered before all are forgotten.
const MOST: usize = 10_000;

/// The numbers that the writer knows by heart.
#[derive(Default)]
pub(super) struct Places {
    known: HashMap<RoomId, i64>,
    /// How many rooms got a number in this transaction.
    given: usize,
}

impl Places {
    /// The number of `room`, which gets one if it has none.
    pub(super) fn of(&mut self, conn: &Connection, room: RoomId) -> rusqlite::Result<i64> {
        if let Some(place) = self.known.get(&room) {
            return Ok(*place);
        }
        let found = conn
            .prepare_cached("SELECT place FROM rooms WHERE room = ?1")?
            .query_row([room.to_bytes()], |row| row.get(0))
            .optional()?;
        let place = match found {
            Some(place) => place,
            None => {
                self.given += 1;
                conn.prepare_cached("INSERT INTO rooms (room) VALUES (?1)")?.insert([room.to_bytes()])?
            }
        };
        if self.known.len() >= MOST {
            self.known.clear();
        }
        self.known.insert(room, place);
        Ok(place)
    }

    pub(super) const fn given(&self) -> usize {
        self.given
    }

    /// Goes back to when `given` rooms had got a number: what was given since may be given to others.
    pub(super) fn rewind(&mut self, given: usize) {
        if self.given != given {
            self.known.clear();
            self.given = given;
        }
    }
}
