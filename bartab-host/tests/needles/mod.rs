//! Marks that are found again wherever they are kept: in files, in answers.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

const MARK: &[u8] = b"needle-";
const DIGITS: usize = 16;

/// A text with this mark in it, three times, so that no border between pages of a file can hide them all.
pub(crate) fn needle(id: u64) -> String {
    let mark = format!("needle-{id:016x}");
    format!("{mark} and {mark} and {mark}")
}

/// The marks in these bytes.
pub(crate) fn in_bytes(bytes: &[u8]) -> HashSet<u64> {
    let mut found = HashSet::new();
    let mut rest = bytes;
    while let Some(start) = rest.iter().position(|byte| *byte == MARK[0]) {
        rest = &rest[start..];
        if let Some(id) = rest.strip_prefix(MARK).and_then(|rest| rest.get(..DIGITS)) {
            found.extend(std::str::from_utf8(id).ok().and_then(|id| u64::from_str_radix(id, 16).ok()));
        }
        rest = &rest[1..];
    }
    found
}

/// The marks in every file under this folder, as the disk has them.
pub(crate) fn in_files(folder: &Path) -> HashSet<u64> {
    let mut found = HashSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(in_files(&path));
        } else if let Ok(bytes) = fs::read(&path) {
            // A journal may be gone between the listing and the reading.
            found.extend(in_bytes(&bytes));
        }
    }
    found
}
