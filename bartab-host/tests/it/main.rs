//! The host end to end, over real sockets on free ports.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod abuse;
mod cli;
mod edges;
mod lifecycle;
mod support;
mod tenants;
