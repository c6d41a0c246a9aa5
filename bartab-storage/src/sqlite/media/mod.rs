//! Uploads and files.

mod blobs;
mod records;
mod references;
mod row;
mod uploads;
mod usage;
