//! The contract of the ports as tests that any store can run.

pub mod fixtures;
pub mod identity;
pub mod log;
pub mod media;

use super::StoreError;

/// What the store answered; a clause expects no error here.
#[track_caller]
#[expect(clippy::panic, reason = "a clause fails by panicking, as a test does")]
fn ok<T>(answer: Result<T, StoreError>) -> T {
    match answer {
        Ok(value) => value,
        Err(error) => panic!("the store failed: {error:?}"),
    }
}

/// Whether the store answered that something is already there.
fn is_conflict<T>(answer: &Result<T, StoreError>) -> bool {
    matches!(answer, Err(StoreError::Conflict))
}

/// Whether the store answered that something is not there.
fn is_missing<T>(answer: &Result<T, StoreError>) -> bool {
    matches!(answer, Err(StoreError::NotFound))
}
