//! The service through `oneshot`, on the memory store and on bytes in memory or in a folder.

mod digests;
mod forms;
mod support;
mod upload;
