//! Ids, times and the fixed words of the API as schemas.
//!
//! The types themselves are the core's, which does not know this format; what stands here is made from them.

use std::borrow::Cow;
use std::marker::PhantomData;

use bartab_core::event;
use bartab_core::{Id, IdKind, Timestamp};
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::openapi::{KnownFormat, RefOr};
use utoipa::{PartialSchema, ToSchema};

/// Names ids, each with the pattern that its text has.
macro_rules! ids {
    ($($name:ident, $kind:ty, $what:literal;)*) => { $(
        #[doc = concat!("The id of ", $what, ".")]
        pub(crate) enum $name {}

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                id_schema(PhantomData::<$kind>, concat!("The id of ", $what))
            }
        }

        impl ToSchema for $name {}
    )* };
}

ids! {
    UserId, bartab_core::UserId, "a person, bot or guest";
    RoomId, bartab_core::RoomId, "a room";
    EventId, bartab_core::EventId, "an event";
    GroupId, bartab_core::GroupId, "a group of people";
    MediaId, bartab_core::MediaId, "a stored file";
}

fn id_schema<K: IdKind>(_: PhantomData<Id<K>>, description: &str) -> RefOr<Schema> {
    let prefix = K::PREFIX;
    let ulid = "01j9z3k4m5n6p7q8r9s0t1v2w3";
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(description))
        .pattern(Some(format!("^{prefix}_[0-7][0-9a-hjkmnp-tv-z]{{25}}$")))
        .examples([format!("{prefix}_{ulid}")])
        .into()
}

/// A point in time.
pub(crate) enum Time {}

impl PartialSchema for Time {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .description(Some("RFC 3339, UTC, milliseconds"))
            .examples([Timestamp::from_secs(1_700_000_000).to_string()])
            .into()
    }
}

impl ToSchema for Time {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Timestamp")
    }
}

/// Names the fixed words of an enumeration of the core. The match keeps the list whole: a word that the core gains
/// does not compile here until it is listed.
macro_rules! words {
    ($($name:ident, $what:literal, [$($variant:ident),*];)*) => { $(
        #[doc = $what]
        pub(crate) enum $name {}

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                const fn listed(word: event::$name) -> event::$name {
                    match word {
                        $(event::$name::$variant => word,)*
                    }
                }
                let words = [$(listed(event::$name::$variant)),*];
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .description(Some($what))
                    .enum_values(Some(words.map(|word| serde_json::to_value(word).unwrap_or_default())))
                    .into()
            }
        }

        impl ToSchema for $name {}
    )* };
}

words! {
    RoomKind, "What a room is for; this server makes channels and direct rooms", [Channel, Direct, Discussion, Ephemeral];
    Visibility, "Public: listed, readable and joinable by every person of the tenant. Private: for its members alone", [Public, Private];
    History, "What a member may read: everything, or what came since the present membership began", [All, Joined];
    Format, "How a text is to be shown: as it is, or as CommonMark", [Plain, Markdown];
    RoomRole, "A member's role in a room, from the least to the most", [Member, Moderator, Owner];
    PersonKind, "What sort of user it is", [Person, Bot, Guest];
}

/// Whom a message is to call.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "a description, never a value")]
pub(crate) struct MentionsDraft {
    /// These people.
    #[schema(value_type = Option<Vec<UserId>>, max_items = 100, nullable = false)]
    users: Vec<String>,
    /// Everyone in the room.
    #[schema(nullable = false)]
    room: Option<bool>,
}
