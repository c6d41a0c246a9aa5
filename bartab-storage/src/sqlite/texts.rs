//! What names people and files and what is kept secret: names, passwords, payloads. Each row that has some refers to a
//! slot.

use rusqlite::{Connection, Row};

use super::error::{Damaged, Failure};
use super::slots::{Slot, Slots};

/// The texts of identity.
const IDENTITY: Texts = Texts {
    slots: Slots {
        insert: "INSERT INTO texts (bytes) VALUES (?1)",
        overwrite: "UPDATE texts SET bytes = ?2 WHERE slot = ?1",
        find_free: "SELECT slot FROM free_texts WHERE size = ?1 ORDER BY slot LIMIT 1",
        take_free: "DELETE FROM free_texts WHERE size = ?1 AND slot = ?2",
        free: "INSERT INTO free_texts (size, slot) VALUES (?1, ?2)",
    },
    size: "SELECT length(bytes) FROM texts WHERE slot = ?1",
};

/// The texts of media, apart from those of identity: no statement touches both.
pub(super) const MEDIA: Texts = Texts {
    slots: Slots {
        insert: "INSERT INTO media_texts (bytes) VALUES (?1)",
        overwrite: "UPDATE media_texts SET bytes = ?2 WHERE slot = ?1",
        find_free: "SELECT slot FROM free_media_texts WHERE size = ?1 ORDER BY slot LIMIT 1",
        take_free: "DELETE FROM free_media_texts WHERE size = ?1 AND slot = ?2",
        free: "INSERT INTO free_media_texts (size, slot) VALUES (?1, ?2)",
    },
    size: "SELECT length(bytes) FROM media_texts WHERE slot = ?1",
};

/// A table of texts, by the statements that need its name.
pub(super) struct Texts {
    slots: Slots,
    size: &'static str,
}

impl Texts {
    /// Stores `parts` in place of what is in the slot `held`; gives the slot in which they stand now.
    pub(super) fn put(&self, conn: &Connection, held: Option<i64>, parts: &[Option<&[u8]>]) -> Result<i64, Failure> {
        let held = held.map(|number| self.slot(conn, number)).transpose()?;
        Ok(self.slots.put(conn, held, &pack(parts))?.number)
    }

    /// Overwrites what is in the slot.
    pub(super) fn erase(&self, conn: &Connection, number: i64) -> Result<(), Failure> {
        Ok(self.slots.free(conn, self.slot(conn, number)?)?)
    }

    fn slot(&self, conn: &Connection, number: i64) -> Result<Slot, Failure> {
        let mut select = conn.prepare_cached(self.size)?;
        Ok(Slot { number, size: select.query_row([number], |row| row.get(0))? })
    }
}

/// [`Texts::put`] of identity.
pub(super) fn put(conn: &Connection, held: Option<i64>, parts: &[Option<&[u8]>]) -> Result<i64, Failure> {
    IDENTITY.put(conn, held, parts)
}

/// [`Texts::erase`] of identity.
pub(super) fn erase(conn: &Connection, number: i64) -> Result<(), Failure> {
    IDENTITY.erase(conn, number)
}

/// A line with the length of each part, `-` for one that is none, and then the parts.
fn pack(parts: &[Option<&[u8]>]) -> Vec<u8> {
    let length = |part: &Option<&[u8]>| part.map_or_else(|| "-".to_owned(), |part| part.len().to_string());
    let mut packed = parts.iter().map(length).collect::<Vec<_>>().join(" ").into_bytes();
    packed.push(b'\n');
    parts.iter().flatten().for_each(|part| packed.extend_from_slice(part));
    packed
}

/// The `N` parts in a column with a slot's bytes.
pub(super) fn parts<'a, const N: usize>(row: &'a Row<'_>, column: usize) -> Result<[Option<&'a [u8]>; N], Failure> {
    let bytes = row.get_ref(column)?.as_blob().map_err(|_| Damaged { column })?;
    Ok(unpack(bytes).ok_or(Damaged { column })?)
}

fn unpack<const N: usize>(bytes: &[u8]) -> Option<[Option<&[u8]>; N]> {
    let line = bytes.iter().position(|byte| *byte == b'\n')?;
    let (lengths, mut rest) = (str::from_utf8(bytes.get(..line)?).ok()?, bytes.get(line + 1..)?);
    let mut parts = [None; N];
    let mut lengths = lengths.split(' ');
    for part in &mut parts {
        let length = lengths.next()?;
        if length != "-" {
            let taken;
            (taken, rest) = rest.split_at_checked(length.parse().ok()?)?;
            *part = Some(taken);
        }
    }
    lengths.next().is_none().then_some(parts)
}

/// A part as text.
pub(super) fn text(part: Option<&[u8]>, column: usize) -> Result<String, Failure> {
    let text = part.and_then(|bytes| str::from_utf8(bytes).ok()).ok_or(Damaged { column })?;
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{pack, unpack};

    #[test]
    fn parts_come_back_also_from_a_slot_that_is_larger() {
        let parts = [Some(&b"alice"[..]), None, Some(&b""[..]), Some(&b"\n0 -\xff"[..])];
        let mut packed = pack(&parts);
        assert_eq!(unpack(&packed), Some(parts));
        packed.resize(packed.len() + 50, 0);
        assert_eq!(unpack(&packed), Some(parts));
        assert_eq!(unpack::<3>(&packed), None);
        assert_eq!(unpack::<5>(&packed), None);
        assert_eq!(unpack::<4>(&packed[..9]), None);
        assert_eq!(unpack::<1>(&[0; 64]), None);
    }
}
