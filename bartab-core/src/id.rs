//! Typed ids: a prefix and a ULID in lower case, `room_01j9z3k4m5n6p7q8r9s0t1v2w3`.
//!
//! Only the canonical text is accepted, so that one thing has one name: the right prefix, 26 lower-case letters
//! of Crockford's base 32, a value below 2^128.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use ulid::Ulid;

use crate::random::Random;
use crate::time::Timestamp;

/// Length of a ULID's text.
const ULID_LEN: usize = 26;
/// Room for the longest prefix, `upload_`, and a ULID.
const TEXT_CAPACITY: usize = 8 + ULID_LEN;

/// What an [`Id`] names; it gives the prefix of the text.
pub trait IdKind: 'static {
    /// The prefix without the underscore, at most seven letters.
    const PREFIX: &'static str;
}

/// A typed id. It sorts by the time it was made.
pub struct Id<K> {
    value: u128,
    kind: PhantomData<fn() -> K>,
}

/// Why a text is not an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdError {
    /// The text does not begin with the kind's prefix.
    #[error("expected an id that begins with `{expected}_`")]
    WrongPrefix {
        /// The prefix that belongs there.
        expected: &'static str,
    },
    /// What follows the prefix is not a canonical lower-case ULID.
    #[error("expected `{expected}_` and 26 lower-case characters of a ULID")]
    NotCanonical {
        /// The prefix that belongs there.
        expected: &'static str,
    },
}

impl<K: IdKind> Id<K> {
    /// A new id: 48 bits of `now`, 80 random bits.
    pub fn new(now: Timestamp, random: &dyn Random) -> Self {
        let mut tail = [0_u8; 16];
        random.fill(&mut tail[6..]);
        Self::from_parts(now, u128::from_be_bytes(tail))
    }

    /// The id with this time and the low 80 bits of `tail`.
    pub fn from_parts(time: Timestamp, tail: u128) -> Self {
        Self::from_u128(Ulid::from_parts(time.as_millis(), tail).into())
    }

    /// The id with this value.
    pub const fn from_u128(value: u128) -> Self {
        Self { value, kind: PhantomData }
    }

    /// The value: 48 bits of time, 80 bits of tail.
    pub const fn as_u128(self) -> u128 {
        self.value
    }

    /// The value in network order, which sorts as the id does.
    pub const fn to_bytes(self) -> [u8; 16] {
        self.value.to_be_bytes()
    }

    /// The id with these bytes, as [`Id::to_bytes`] gives them.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self::from_u128(u128::from_be_bytes(bytes))
    }

    /// The time at which the id was made.
    pub fn time(self) -> Timestamp {
        Timestamp::from_millis(Ulid::from(self.value).timestamp_ms())
    }

    /// The text, without allocating.
    pub fn text(self) -> IdText {
        let mut text = IdText { bytes: [0; TEXT_CAPACITY], len: 0 };
        text.push(K::PREFIX.as_bytes());
        text.push(b"_");
        let mut ulid = [0; ULID_LEN];
        Ulid::from(self.value).array_to_str(&mut ulid).make_ascii_lowercase();
        text.push(&ulid);
        text
    }
}

/// The text of an id, on the stack.
#[derive(Clone, Copy)]
pub struct IdText {
    bytes: [u8; TEXT_CAPACITY],
    len: u8,
}

impl IdText {
    fn push(&mut self, part: &[u8]) {
        let start = usize::from(self.len);
        let end = start + part.len();
        self.bytes[start..end].copy_from_slice(part);
        self.len = end as u8;
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        // Ids are ASCII by construction; the fallback is never taken.
        std::str::from_utf8(&self.bytes[..usize::from(self.len)]).unwrap_or_default()
    }
}

impl std::ops::Deref for IdText {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Debug for IdText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl<K: IdKind> FromStr for Id<K> {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let expected = K::PREFIX;
        let ulid = text
            .strip_prefix(expected)
            .and_then(|rest| rest.strip_prefix('_'))
            .ok_or(IdError::WrongPrefix { expected })?;
        let value: u128 = Ulid::from_string(ulid).map_err(|_| IdError::NotCanonical { expected })?.into();
        let id = Self::from_u128(value);
        // One thing has one name: upper case and values past 2^128 decode, but do not encode back.
        if id.text().as_str() == text { Ok(id) } else { Err(IdError::NotCanonical { expected }) }
    }
}

impl<K> Clone for Id<K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K> Copy for Id<K> {}

impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<K> Eq for Id<K> {}

impl<K> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<K> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.value.cmp(&other.value)
    }
}

impl<K> Hash for Id<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.value.hash(state);
    }
}

impl<K: IdKind> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text())
    }
}

impl<K: IdKind> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl<K: IdKind> Serialize for Id<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}

impl<'de, K: IdKind> Deserialize<'de> for Id<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct IdVisitor<K>(PhantomData<K>);

        impl<K: IdKind> Visitor<'_> for IdVisitor<K> {
            type Value = Id<K>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "an id that begins with `{}_`", K::PREFIX)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Id<K>, E> {
                text.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_str(IdVisitor(PhantomData))
    }
}

/// Names the kinds of ids, each with its prefix and its alias.
macro_rules! id_kinds {
    ($($kind:ident, $alias:ident, $prefix:literal, $what:literal;)*) => { $(
        #[doc = concat!("Marks ids of ", $what, ".")]
        #[derive(Debug)]
        pub enum $kind {}

        impl IdKind for $kind {
            const PREFIX: &'static str = $prefix;
        }

        #[doc = concat!("Names ", $what, ": `", $prefix, "_` and a ULID.")]
        pub type $alias = Id<$kind>;
    )* };
}

id_kinds! {
    UserKind, UserId, "user", "a person, bot or guest";
    RoomKind, RoomId, "room", "a room";
    EventTag, EventId, "evt", "an event of the log";
    GroupKind, GroupId, "group", "a group of people";
    MediaKind, MediaId, "media", "a stored file";
    UploadKind, UploadId, "upload", "an upload that is under way";
    SessionKind, SessionId, "sess", "a signed-in session";
    InviteKind, InviteId, "invite", "an invitation to the tenant";
    BotKind, BotId, "bot", "a bot's registration";
    HookKind, HookId, "hook", "a webhook";
}

impl UserId {
    /// The id of somebody whom another system names: the same issuer and subject always give the same id.
    ///
    /// For embedders with people of their own. The 128 bits are the head of SHA-256 over both texts, each with its
    /// length before it; such an id says nothing about when it was made.
    pub fn from_external(issuer: &str, subject: &str) -> Self {
        use sha2::{Digest as _, Sha256};
        let mut hash = Sha256::new();
        for part in [issuer, subject] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        let digest: [u8; 32] = hash.finalize().into();
        let mut head = [0; 16];
        head.copy_from_slice(&digest[..16]);
        Self::from_bytes(head)
    }
}

impl EventId {
    /// The id of the event at `seq` of log number `log`, whose time is `time`.
    ///
    /// The tail carries the log's number (16 bits) and `seq` (64 bits): ids sort as the log does, and the position
    /// is read from the id instead of being looked up.
    pub fn at(time: Timestamp, log: u16, seq: u64) -> Self {
        Self::from_parts(time, (u128::from(log) << 64) | u128::from(seq))
    }

    /// The event's position in its log.
    pub const fn seq(self) -> u64 {
        self.as_u128() as u64
    }

    /// The number of the log that the event is in.
    pub const fn log(self) -> u16 {
        (self.as_u128() >> 64) as u16
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn text_round_trips(value: u128) {
            let id = RoomId::from_u128(value);
            prop_assert_eq!(id.to_string().parse::<RoomId>(), Ok(id));
            let json = serde_json::to_string(&id).unwrap();
            prop_assert_eq!(serde_json::from_str::<RoomId>(&json).unwrap(), id);
            prop_assert_eq!(RoomId::from_bytes(id.to_bytes()), id);
        }

        #[test]
        fn text_sorts_as_the_value(a: u128, b: u128) {
            let (a, b) = (UserId::from_u128(a), UserId::from_u128(b));
            prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
        }

        #[test]
        fn event_ids_carry_their_address_and_sort_as_the_log(time in 0..1_u64 << 48, log: u16, seq in 1..1_u64 << 53, later in 0..1_000_u64) {
            let time = Timestamp::from_millis(time);
            let id = EventId::at(time, log, seq);
            prop_assert_eq!((id.time(), id.log(), id.seq()), (time, log, seq));
            let next = EventId::at(Timestamp::from_millis((time.as_millis() + later).min((1 << 48) - 1)), log, seq + 1);
            prop_assert!(id < next);
        }

        #[test]
        fn hostile_text_is_refused_or_canonical(text in "(room_)?[0-9a-zA-Z_]{0,30}") {
            if let Ok(id) = text.parse::<RoomId>() {
                prop_assert_eq!(id.to_string(), text);
            }
        }
    }

    #[test]
    fn only_canonical_text_is_accepted() {
        let id = RoomId::from_u128(42).to_string();
        assert!(id.parse::<RoomId>().is_ok());
        assert_eq!(id.parse::<UserId>(), Err(IdError::WrongPrefix { expected: "user" }));
        assert_eq!(id.to_uppercase().parse::<RoomId>(), Err(IdError::WrongPrefix { expected: "room" }));
        let upper = format!("room_{}", id[5..].to_uppercase().replace('0', "A"));
        assert_eq!(upper.parse::<RoomId>(), Err(IdError::NotCanonical { expected: "room" }));
        // The first of 26 characters holds three bits: `8` would be 2^128.
        assert!("room_80000000000000000000000000".parse::<RoomId>().is_err());
        assert!("room_7zzzzzzzzzzzzzzzzzzzzzzzzz".parse::<RoomId>().is_ok());
    }

    #[test]
    fn external_ids_are_stable_and_unambiguous() {
        let id = UserId::from_external("https://id.example", "alice");
        assert_eq!(id, UserId::from_external("https://id.example", "alice"));
        assert_ne!(id, UserId::from_external("https://id.examplea", "lice"));
    }
}
