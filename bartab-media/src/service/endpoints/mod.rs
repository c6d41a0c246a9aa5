//! The endpoints, one a file.

pub(super) mod upload;
