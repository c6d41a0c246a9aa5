//! Ids, cursors and the other words that clients send.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use bartab_chat::SyncToken;
use bartab_core::event::{CustomType, EventType};
use bartab_core::{
    BotId, EventId, GroupId, HookId, InviteId, MediaId, RoomId, Scopes, SessionId, Timestamp, UploadId, UserId,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A text is refused, or it is the one text of what it names.
pub fn ids(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let ids: [fn(&str); 10] = [
        id::<UserId>,
        id::<RoomId>,
        id::<EventId>,
        id::<GroupId>,
        id::<MediaId>,
        id::<UploadId>,
        id::<SessionId>,
        id::<InviteId>,
        id::<BotId>,
        id::<HookId>,
    ];
    ids.into_iter().for_each(|read| read(text));
    canonical::<SyncToken>(text);
    canonical::<EventType>(text);
    if let Ok(custom) = text.parse::<CustomType>() {
        assert_eq!(custom.as_str(), text);
    }
    // Times and scopes have many texts, of which one is written.
    again::<Timestamp>(text);
    again::<Scopes>(text);
    if let Ok(event) = text.parse::<EventId>() {
        let rebuilt = EventId::at(event.time(), event.log(), event.seq());
        // A time past the year 9999 is capped; no event has one.
        assert!(rebuilt == event || event.time() == Timestamp::MAX);
    }
}

fn id<I: FromStr + Display + PartialEq + Debug + Serialize + DeserializeOwned>(text: &str) {
    let Ok(id) = text.parse::<I>() else { return };
    assert_eq!(id.to_string(), text);
    let json = serde_json::to_string(&id).expect("an id is JSON");
    assert_eq!(serde_json::from_str::<I>(&json).expect("its JSON is an id"), id);
}

fn canonical<T: FromStr + Display>(text: &str) {
    if let Ok(value) = text.parse::<T>() {
        assert_eq!(value.to_string(), text);
    }
}

fn again<T: FromStr<Err: Debug> + Display + PartialEq + Debug>(text: &str) {
    if let Ok(value) = text.parse::<T>() {
        assert_eq!(value.to_string().parse::<T>().expect("what is written is read"), value);
    }
}
