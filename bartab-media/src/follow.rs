//! Following the log: who carries which file.

use crate::error::MediaError;
use crate::media::Media;

impl Media {
    /// Follows the log to its end, as it is when this is called.
    pub(crate) async fn follow_references(&self) -> Result<(), MediaError> {
        Ok(())
    }
}
