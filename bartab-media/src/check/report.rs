//! What a check found.

use serde::Serialize;

/// How many of a kind are named.
const NAMED: usize = 1000;

/// Things of a kind: how many, and which the first thousand are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Found {
    /// How many.
    pub count: u64,
    /// The ids, or names, of the first ones.
    pub first: Vec<String>,
}

impl Found {
    pub(super) fn add(&mut self, one: impl ToString) {
        self.count += 1;
        if self.first.len() < NAMED {
            self.first.push(one.to_string());
        }
    }
}

/// What a check looked at and found; what was repaired is counted where it was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CheckReport {
    /// Whether what was found was repaired.
    pub repaired: bool,
    /// How many records of files were looked at.
    pub files: u64,
    /// How many names of stored bytes were looked at.
    pub names: u64,
    /// How many bytes were read, to compare their hash.
    pub bytes_read: u64,
    /// Files without bytes. A repair puts them into quarantine.
    pub missing: Found,
    /// Files whose bytes are not those that were stored. A repair puts them into quarantine.
    pub damaged: Found,
    /// Files whose bytes could not be looked at now; nothing is done about them.
    pub unreadable: Found,
    /// Bytes that belong to no file. A repair deletes them.
    pub orphaned_blobs: Found,
    /// Thumbnails of bytes that belong to no file. A repair deletes them.
    pub orphaned_thumbnails: Found,
    /// Uploads of which there are bytes, but no record. A repair deletes them.
    pub orphaned_uploads: Found,
    /// What killed processes were writing. A repair deletes it.
    pub leftovers: Found,
    /// Names that media does not give; nothing is done about them.
    pub foreign: Found,
    /// Bytes whose deletion was not done yet when the check began. A repair does it.
    pub doomed: u64,
}

impl CheckReport {
    /// Whether everything is as it should be, or was repaired to be so. Files that lost their bytes cannot be repaired;
    /// foreign names do no harm.
    pub fn is_sound(&self) -> bool {
        let lost = [&self.missing, &self.damaged, &self.unreadable];
        let left = [&self.orphaned_blobs, &self.orphaned_thumbnails, &self.orphaned_uploads, &self.leftovers];
        let none = |found: &&Found| found.count == 0;
        lost.iter().all(none) && (self.repaired || left.iter().all(none))
    }
}
