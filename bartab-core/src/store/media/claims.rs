//! What chat and media ask one another, in process or over HTTP: neither knows the other.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::Holder;
use crate::actor::Actor;
use crate::id::MediaId;
use crate::store::StoreError;

/// What a message keeps of a file that is attached to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// Which file.
    pub media_id: MediaId,
    /// What the uploader called it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
    /// What sort of file it is.
    pub mime: String,
    /// How many bytes it has.
    pub size: u64,
    /// The width in pixels, of a picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// The height in pixels, of a picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// A blurred impression, of a picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blurhash: Option<String>,
}

/// Why a file is not attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClaimRefusal {
    /// There is no such file.
    Unknown,
    /// Somebody else uploaded it.
    NotYours,
    /// Nobody may read it. Said only to who might attach it otherwise.
    Quarantined,
}

/// What media answers who wants to attach files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// Every file may be attached; what the message keeps of each, in the order asked.
    Granted(Vec<Attachment>),
    /// None is to be attached.
    Refused {
        /// The first one that stands in the way.
        media_id: MediaId,
        /// Why.
        reason: ClaimRefusal,
    },
}

/// Media, as chat asks it when a message is to carry files.
#[async_trait]
pub trait MediaClaims: Send + Sync + 'static {
    /// Grants all files or none: those that are granted stay long enough for a message that is written at once, and for
    /// media to learn of it from the log. Only who uploaded a file may attach it, and administrators any.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when media cannot be asked now.
    async fn claim(&self, actor: &Actor, media: &[MediaId]) -> Result<Claimed, StoreError>;
}

/// Chat, as media asks it when somebody wants to read a private file.
#[async_trait]
pub trait MediaAccess: Send + Sync + 'static {
    /// Answers whether `actor` may read at least one of the `holders` as things are now: a message that is deleted, or
    /// in a room that they left, gives no access, whether or not media has learned of it.
    ///
    /// People are shown their own profile for as long as their account may be used: media asks that for who comes by a
    /// link, without a token that somebody has judged.
    ///
    /// Media knows the holders from the log, up to a position. Before it refuses somebody it follows the log to its
    /// end: whoever sees a message also gets what is attached to it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when chat cannot be asked now.
    async fn may_read(&self, actor: &Actor, holders: &[Holder]) -> Result<bool, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attachment_round_trips_and_says_nothing_of_what_it_has_not() {
        let text = Attachment {
            media_id: MediaId::from_u128(1),
            filename: None,
            mime: "text/plain".to_owned(),
            size: 3,
            width: None,
            height: None,
            blurhash: None,
        };
        let json = r#"{"media_id":"media_00000000000000000000000001","mime":"text/plain","size":3}"#;
        assert_eq!(serde_json::to_string(&text).unwrap(), json);
        assert_eq!(serde_json::from_str::<Attachment>(json).unwrap(), text);
        let picture = Attachment {
            filename: Some("a.png".to_owned()),
            width: Some(2),
            height: Some(3),
            blurhash: Some("L".to_owned()),
            ..text
        };
        let json = serde_json::to_string(&picture).unwrap();
        assert_eq!(serde_json::from_str::<Attachment>(&json).unwrap(), picture);
    }
}
