//! The ports in memory: for tests, for trying things out, and as the reference that other stores are compared with.

mod identity;
mod log;
mod markers;
mod media;
mod snapshots;

pub use identity::MemoryIdentity;
pub use log::MemoryLog;
pub use markers::MemoryMarkers;
pub use media::MemoryMedia;
pub use snapshots::MemorySnapshots;
