//! The service through `oneshot`, on the memory store and on bytes in memory or in a folder.

mod accounts;
mod digests;
mod fakes;
mod forms;
mod life;
mod manage;
mod support;
mod upload;
