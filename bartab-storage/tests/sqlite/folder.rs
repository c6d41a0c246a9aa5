//! Folders of tenants that live as long as a test.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use bartab_core::SystemRandom;
use bartab_storage::sqlite::{SqliteOptions, SqliteStore};

/// A temporary folder with room for several tenants.
pub(crate) struct Folder(tempfile::TempDir);

impl Default for Folder {
    fn default() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
}

impl Folder {
    /// The file of the tenant with this name, in a folder of its own.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        let folder = self.0.path().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        folder.join("tenant.db")
    }

    pub(crate) async fn open(&self, name: &str) -> SqliteStore {
        open(&self.file(name)).await
    }

    /// The files of `from` as they are now, in the folder of `to`: what a kill at this moment would leave.
    pub(crate) fn copy(&self, from: &str, to: &str) {
        let (from, to) = (self.file(from), self.file(to));
        for file in files(&from) {
            std::fs::copy(&file, to.with_file_name(file.file_name().unwrap())).unwrap();
        }
    }

    /// The names of the tenant's files.
    pub(crate) fn files(&self, name: &str) -> Vec<String> {
        let files = files(&self.file(name));
        files.iter().map(|file| file.file_name().unwrap().to_str().unwrap().to_owned()).collect()
    }

    /// What follows `prefix` wherever a file of the tenant holds it, `length` bytes each.
    pub(crate) fn after(&self, name: &str, prefix: &[u8], length: usize) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for file in files(&self.file(name)) {
            let bytes = std::fs::read(&file).unwrap();
            let mut rest = &bytes[..];
            while let Some(at) = rest.iter().position(|byte| *byte == prefix[0]) {
                rest = &rest[at..];
                if rest.starts_with(prefix) {
                    let end = rest.len().min(prefix.len() + length);
                    found.insert(String::from_utf8_lossy(&rest[prefix.len()..end]).into_owned());
                }
                rest = &rest[1..];
            }
        }
        found
    }

    /// Whether a file of the tenant holds these bytes.
    pub(crate) fn holds(&self, name: &str, bytes: &[u8]) -> bool {
        let held = |file: &PathBuf| std::fs::read(file).unwrap().windows(bytes.len()).any(|window| window == bytes);
        files(&self.file(name)).iter().any(held)
    }
}

pub(crate) async fn open(file: &Path) -> SqliteStore {
    SqliteStore::open(file, SqliteOptions::default(), &SystemRandom).await.unwrap()
}

fn files(file: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(file.parent().unwrap()).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    // The database before its WAL: a checkpoint between the two copies loses nothing.
    files.sort();
    files
}
