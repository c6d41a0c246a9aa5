//! The contract of the ports as tests that any store can run.

pub mod identity;
