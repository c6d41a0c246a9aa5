//! Words, ports and contract of BarTAB; no I/O.

mod actor;
pub mod event;
pub mod http;
mod id;
mod message;
mod problem;
mod random;
pub mod store;
mod time;

pub use actor::{Actor, ActorKind, Profile, Scope, Scopes, TenantRole, UnknownScope};
pub use id::{
    BotId, EventId, GroupId, HookId, Id, IdError, IdKind, IdText, InviteId, MediaId, RoomId, SessionId, UploadId,
    UserId,
};
pub use message::{MessageView, ReactionCount};
pub use problem::{FieldProblem, PROBLEM_JSON, Problem, Quota};
pub use random::{Random, SeededRandom, SystemRandom};
pub use time::{Clock, ManualClock, SystemClock, Timestamp, TimestampError};
