//! Parameters that many routes have.

use utoipa::IntoParams;

use crate::service::words::{EventId, RoomId, UserId};

/// `{room}` of a path.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "a description, never a value")]
pub(in crate::service) struct RoomPath {
    /// The room.
    #[param(value_type = RoomId)]
    room: String,
}

/// `{room}` and `{user}` of a path.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "a description, never a value")]
pub(in crate::service) struct MemberPath {
    /// The room.
    #[param(value_type = RoomId)]
    room: String,
    /// The member.
    #[param(value_type = UserId)]
    user: String,
}

/// `{room}` and `{event}` of a path.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "a description, never a value")]
pub(in crate::service) struct MessagePath {
    /// The room.
    #[param(value_type = RoomId)]
    room: String,
    /// The message: the id of its `message.created`.
    #[param(value_type = EventId)]
    event: String,
}

/// The header that makes asking twice safe.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "a description, never a value")]
pub(in crate::service) struct KeyHeader {
    /// Makes asking twice safe: 1 to 255 visible ASCII characters, quoted (RFC 9651 string) or bare, which name the
    /// same key, scoped to the caller. The same key and request again: the first answer, status and body. The same
    /// key with another request: 422 `idempotency.mismatch`.
    #[param(rename = "Idempotency-Key", max_length = 255)]
    key: Option<String>,
}

/// `?reason=`
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "a description, never a value")]
pub(in crate::service) struct ReasonQuery {
    /// Why, for the others to read.
    #[param(max_length = 500)]
    reason: Option<String>,
}
