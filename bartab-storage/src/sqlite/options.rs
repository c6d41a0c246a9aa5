//! What an embedder may choose.

use std::time::Duration;

/// How a [`SqliteStore`](super::SqliteStore) uses the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SqliteOptions {
    /// How many reads run at once, each on a connection of its own; at least 1. Connections open when first needed.
    pub readers: usize,
    /// How many writes may wait; one more is refused as unavailable.
    pub queue: usize,
    /// How long nothing must happen before the store lets go of readers and caches.
    pub idle_after: Duration,
}

impl SqliteOptions {
    /// The same with this many concurrent reads.
    #[must_use]
    pub const fn with_readers(mut self, readers: usize) -> Self {
        self.readers = readers;
        self
    }

    /// The same with room for this many waiting writes.
    #[must_use]
    pub const fn with_queue(mut self, queue: usize) -> Self {
        self.queue = queue;
        self
    }

    /// The same, idle after this time.
    #[must_use]
    pub const fn with_idle_after(mut self, idle_after: Duration) -> Self {
        self.idle_after = idle_after;
        self
    }
}

impl Default for SqliteOptions {
    /// A reader for each core up to four, 1,024 waiting writes, idle after three seconds.
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self { readers: cores.min(4), queue: 1_024, idle_after: Duration::from_secs(3) }
    }
}
