//! One account.

pub(crate) mod change;
pub(crate) mod delete;
pub(crate) mod read;
