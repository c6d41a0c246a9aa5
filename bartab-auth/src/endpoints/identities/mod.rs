//! Who one is to other issuers.

pub(crate) mod list;
pub(crate) mod unlink;
