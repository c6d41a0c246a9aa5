//! The service through `oneshot`, on the memory store and on bytes in memory or in a folder.

mod support;
mod upload;
