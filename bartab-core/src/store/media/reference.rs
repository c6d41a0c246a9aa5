//! Who refers to a file, as the log tells it.

use async_trait::async_trait;

use crate::id::{EventId, MediaId, UserId};
use crate::store::StoreError;

/// What carries files, and keeps them from being collected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Holder {
    /// A message, by its `message.created`.
    Message(EventId),
    /// A person's profile: the picture.
    Profile(UserId),
}

impl Holder {
    /// A byte for the kind and the id's, which sort as the holders do; for a store's column.
    pub const fn to_bytes(self) -> [u8; 17] {
        let (kind, id) = match self {
            Self::Message(id) => (0, id.to_bytes()),
            Self::Profile(id) => (1, id.to_bytes()),
        };
        let mut bytes = [kind; 17];
        let (_, tail) = bytes.split_at_mut(1);
        tail.copy_from_slice(&id);
        bytes
    }

    /// The holder with these bytes, as [`Holder::to_bytes`] gives them.
    pub fn from_bytes(bytes: [u8; 17]) -> Option<Self> {
        let (kind, id) = bytes.split_first()?;
        let id = id.try_into().ok()?;
        match kind {
            0 => Some(Self::Message(EventId::from_bytes(id))),
            1 => Some(Self::Profile(UserId::from_bytes(id))),
            _ => None,
        }
    }
}

/// What a holder carries from now on, in place of what it carried before; nothing once it is deleted or erased.
///
/// It replaces instead of adding and subtracting because a deletion erases the list of what the message carried, and
/// because doing it twice is doing it once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferenceChange {
    /// Who carries.
    pub holder: Holder,
    /// The files. One that there is not, or no longer, is passed over; one that is named twice counts once.
    pub media: Vec<MediaId>,
}

/// A stretch of the log, as media sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferencePage {
    /// What holders carry, in the order of the log.
    pub changes: Vec<ReferenceChange>,
    /// How far the log was looked at; the position that was asked for, at the log's end.
    pub position: u64,
}

/// Who carries what, as the log tells it: how media learns of references without knowing what a message is.
#[async_trait]
pub trait ReferenceFeed: Send + Sync + 'static {
    /// Looks at up to `limit` events of the log above `position`, which is a `seq`, and gives what they change.
    ///
    /// Every event that was acknowledged before the call is seen by it or by those that go on from its
    /// [`ReferencePage::position`]. An event that was erased since says nothing; what it carried is given up by the change
    /// of the event that erased it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the log cannot be asked now.
    async fn after(&self, position: u64, limit: usize) -> Result<ReferencePage, StoreError>;
}

/// What media follows, each from a position of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum MediaFeed {
    /// The log, by `seq`: who carries what.
    Log,
    /// The account feed, by number: whose files go with them.
    Accounts,
}

impl MediaFeed {
    /// The stable name, for a store's column.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Accounts => "accounts",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holders_round_trip_as_bytes_that_sort_as_they_do() {
        let message = |value| Holder::Message(EventId::from_u128(value));
        let profile = |value| Holder::Profile(UserId::from_u128(value));
        let holders = [message(0), message(256), message(u128::MAX), profile(1), profile(u128::MAX)];
        assert!(holders.is_sorted());
        let bytes = holders.map(Holder::to_bytes);
        assert!(bytes.is_sorted());
        assert_eq!(bytes.map(Holder::from_bytes), holders.map(Some));
        assert_eq!(Holder::from_bytes([2; 17]), None);
    }
}
