//! The pure model: what may happen ([`decide`]) and what follows from it ([`apply`]).
//!
//! No clock, no randomness, no I/O: what they need is a parameter. So [`apply`] folded over a log from its start
//! equals the live state at every position, and both run under property tests and a fuzzer as they are.

mod apply;
mod command;
mod decide;
mod permissions;
mod rejection;
mod snapshot;
mod state;
mod targets;

pub use apply::apply;
pub use command::{AccountStep, Command, MemberChange};
pub use decide::decide;
pub use permissions::{RoomPermission, RoomReason};
pub use rejection::Rejection;
pub use snapshot::{SNAPSHOT_FORMAT, SnapshotError, from_snapshot, to_snapshot};
pub use state::{Access, Member, Membership, Person, Room, TenantState};
pub use targets::{Targets, Wanted, erasures};
