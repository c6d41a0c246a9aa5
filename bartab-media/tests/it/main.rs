//! The crate by what it promises.

#![expect(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

mod pictures;
mod service;
