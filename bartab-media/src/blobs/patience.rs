//! How long the storage may take: what stalls is an error in the end, although the store itself waits for ever.

use std::io;
use std::time::Duration;

use super::BlobError;

/// For one request, longer than the requests of S3 with their retries, which say better what is wrong.
pub(super) const STALL: Duration = Duration::from_mins(1);
/// For what takes longer the larger a file is: syncing it to the disk, copying it within a bucket.
pub(super) const LONG_STALL: Duration = Duration::from_mins(5);

/// What comes of `work`, if that is within `time`. Then the storage may still do it, so nothing may rely on that it
/// does not.
pub(super) async fn within<T>(
    time: Duration,
    work: impl Future<Output = Result<T, BlobError>>,
) -> Result<T, BlobError> {
    let stalled = |_| BlobError::Generic { store: "media", source: io::Error::from(io::ErrorKind::TimedOut).into() };
    tokio::time::timeout(time, work).await.map_err(stalled).flatten()
}
