//! The service through `oneshot`, on the memory store and on bytes in memory or in a folder.

mod accounts;
mod check;
mod counting;
mod digests;
mod download;
mod failures;
mod fakes;
mod faulty;
mod forms;
mod life;
mod manage;
mod openapi;
mod reading;
mod sign;
mod support;
mod thumbnail;
mod upload;
mod uploads;
