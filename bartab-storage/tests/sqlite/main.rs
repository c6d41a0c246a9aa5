//! The SQLite store against the published contract, and what only a store on disk can get wrong.

#![expect(clippy::unwrap_used, reason = "what fails in a test is to be seen")]

mod conformance;
mod damage;
mod erasure;
mod folder;
mod identity;
mod keys;
mod media;
mod open;
mod rest;
