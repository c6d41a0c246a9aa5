//! The endpoints, one a file.

mod file;

pub(super) mod delete;
pub(super) mod download;
pub(super) mod list;
pub(super) mod quarantine;
pub(super) mod restore;
pub(super) mod sign;
pub(super) mod thumbnail;
pub(super) mod upload;
pub(super) mod uploads;
pub(super) mod usage;
