//! The ports in memory: for tests, for trying things out, and as the reference that other stores are compared with.

mod identity;

pub use identity::MemoryIdentity;
