//! The chat service through `tower::ServiceExt::oneshot` on the memory store.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that fails says so by panicking")]

mod support;

mod accounts;
mod attachments;
mod bad_input;
mod erasure;
mod failures;
mod history;
mod idempotency;
mod leaks;
mod markers;
mod members;
mod messages;
mod model;
mod openapi;
mod opening;
mod references;
mod rooms;
mod smoke;
mod sync;
