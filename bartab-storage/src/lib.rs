//! The storage ports of `bartab-core` on databases.
//!
//! [`sqlite`] is the embedded default: one file a tenant.

pub mod sqlite;
