//! The ports: what the services ask of storage.
//!
//! A tenant *is* a set of stores, so no method takes a tenant's id and no query can forget it. Each method is one
//! atomic unit, and the first sentence of its documentation is its guarantee.

mod error;

pub use error::{BoxError, StoreError};
