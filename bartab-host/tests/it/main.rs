//! The host end to end, over real sockets on free ports.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod abuse;
mod accounts;
mod attachments;
mod cli;
mod commands;
mod edges;
mod erased;
mod forms;
#[cfg(unix)]
mod fsck;
mod housekeeping;
mod invites;
mod isolation;
mod lifecycle;
mod media;
#[path = "../needles/mod.rs"]
mod needles;
mod operator;
mod people;
mod program;
mod providers;
mod remote_feed;
mod support;
mod tenants;
