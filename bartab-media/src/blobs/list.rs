//! Every name that bytes are stored under.

use std::io;
use std::path::{Path as FilePath, PathBuf};
use std::time::UNIX_EPOCH;

use bartab_core::Timestamp;
use futures_util::stream::{self, BoxStream, StreamExt, TryStreamExt};
use tokio::sync::mpsc;

use super::{BlobError, Blobs};

/// Names that wait to be looked at.
const WAITING: usize = 256;

/// A name, and when something was stored under it.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) name: String,
    pub(crate) at: Timestamp,
}

impl Blobs {
    /// Every name, in no order, but those of one folder together. Of local files also those that are hidden from
    /// readers, since they are not whole.
    pub(crate) fn names(&self) -> BoxStream<'static, Result<Stored, BlobError>> {
        let Some(root) = self.folder.clone() else {
            let at = |millis: i64| Timestamp::from_millis(u64::try_from(millis).unwrap_or(0));
            let stored = move |meta: object_store::ObjectMeta| Stored {
                name: meta.location.into(),
                at: at(meta.last_modified.timestamp_millis()),
            };
            return self.store.list(None).map_ok(stored).boxed();
        };
        let (names, found) = mpsc::channel(WAITING);
        tokio::task::spawn_blocking(move || {
            let walked = walk(&root, |stored| names.blocking_send(Ok(stored)).is_ok());
            if let Err(error) = walked {
                let _ = names.blocking_send(Err(BlobError::Generic { store: "local files", source: error.into() }));
            }
        });
        stream::unfold(found, async |mut found| found.recv().await.map(|next| (next, found))).boxed()
    }

    /// Deletes a local file by its name, also one that is hidden from readers; nothing there is no error.
    pub(crate) async fn delete_leftover(&self, name: &str) -> Result<(), BlobError> {
        let Some(path) = self.folder.as_ref().map(|root| root.join(name)) else { return Ok(()) };
        let removed = tokio::task::spawn_blocking(move || std::fs::remove_file(path)).await;
        match removed.map_err(io::Error::from).flatten() {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(BlobError::Generic { store: "local files", source: error.into() })
            }
            _ => Ok(()),
        }
    }
}

/// Gives every file below `root` to `give`, until that says that it is enough. Links are not followed. What is deleted
/// meanwhile is passed over.
fn walk(root: &FilePath, mut give: impl FnMut(Stored) -> bool) -> io::Result<()> {
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let Some(entries) = unless_gone(std::fs::read_dir(root.join(&folder)))? else { continue };
        for entry in entries {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                folders.push(path);
                continue;
            }
            let Some(metadata) = unless_gone(entry.metadata())? else { continue };
            let age = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
            let at = Timestamp::from_millis(u64::try_from(age.as_millis()).unwrap_or(0));
            let name = path.to_string_lossy().replace(std::path::MAIN_SEPARATOR, "/");
            if !give(Stored { name, at }) {
                return Ok(());
            }
        }
    }
    Ok(())
}

fn unless_gone<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
    }
}
