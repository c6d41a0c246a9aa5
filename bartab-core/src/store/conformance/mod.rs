//! The contract of the ports as tests that any store can run.

pub mod fixtures;
pub mod identity;
pub mod log;
