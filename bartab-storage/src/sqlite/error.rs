//! How a driver's error becomes one that a caller can act on.

use bartab_core::store::StoreError;
use rusqlite::ErrorCode;

/// What stops a read or a write from inside: a meaning, or an error of the driver that still needs one.
#[derive(Debug)]
pub(super) enum Failure {
    Store(StoreError),
    Sqlite(rusqlite::Error),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Store(error) => error,
            Failure::Sqlite(error) if is_passing(&error) => Self::Unavailable(Some(error.into())),
            Failure::Sqlite(error) => Self::backend(error),
        }
    }
}

/// Whether the same statement may work later: the disk is full, or in trouble, or somebody holds the file.
pub(super) fn is_passing(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::DiskFull
                | ErrorCode::SystemIoFailure
                | ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::OutOfMemory
                | ErrorCode::CannotOpen
                | ErrorCode::ReadOnly
                | ErrorCode::PermissionDenied
                | ErrorCode::OperationInterrupted
        )
    )
}

/// A row that the program could not have written.
#[derive(Debug, thiserror::Error)]
#[error("column {column} of a row holds what it never should")]
pub(super) struct Damaged {
    pub(super) column: usize,
}

impl From<Damaged> for Failure {
    fn from(damaged: Damaged) -> Self {
        Self::Store(StoreError::backend(damaged))
    }
}
