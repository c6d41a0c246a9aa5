//! The SQLite store against the published contract, and what only a store on disk can get wrong.

mod conformance;
mod folder;
