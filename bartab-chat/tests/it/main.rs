//! The chat service through `tower::ServiceExt::oneshot` on the memory store.

mod support;

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
mod rooms;
mod smoke;
mod sync;
