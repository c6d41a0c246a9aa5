//! The ports: what the services ask of storage.
//!
//! A tenant *is* a set of stores, so no method takes a tenant's id and no query can forget it. Each method is one
//! atomic unit, and the first sentence of its documentation is its guarantee.

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod error;
mod identity;
mod log;
mod markers;
mod media;
mod memory;
mod rebuild;
mod snapshots;
mod verify;

pub use error::{BoxError, StoreError};
pub use identity::{
    Account, AccountChange, AccountEntry, AccountFeed, AccountFilter, AccountKind, AccountNews, AccountState,
    AccountStore, Admission, AuditActor, AuditEntry, AuditFilter, AuditRecord, AuditStore, ClientKind, ClientSecret,
    ClientStore, ExternalIdentity, Grant, Grants, Invite, InviteStore, KeyAlgorithm, KeyChange, KeyState, KeyStore,
    OAuthClient, PasswordHash, PrivateKey, ProfileChange, Rotation, RotationOutcome, SecondFactor, SecondFactorChange,
    SecretRotation, Session, SessionStore, SigningKey, Spending, SpentToken, Ticket, TicketPurpose, TicketStore,
    TokenHash, TotpSecret,
};
pub use log::{
    Audience, Batch, Direction, EventLog, Head, HeadStream, MentionRow, MessageRow, PageQuery, ReactionChange, ViewRow,
};
pub use markers::{Marker, MarkerStore};
pub use media::{
    Advance, Advancing, Attachment, Beginning, BlobKey, ClaimRefusal, Claimed, Claiming, Finishing, Holder,
    MediaAccess, MediaClaims, MediaFeed, MediaLimits, MediaQuota, MediaRecord, MediaStore, MediaUsage, NewMedia,
    Quarantine, QuotaExceeded, ReferenceChange, ReferenceFeed, ReferencePage, RemovedMedia, RemovedUpload, Staging,
    Upload, UploadStore,
};
pub use memory::{MemoryIdentity, MemoryLog, MemoryMarkers, MemoryMedia, MemorySnapshots};
pub use rebuild::{MessageRebuild, MessageRows, mention_rows};
pub use snapshots::{Snapshot, SnapshotStore};
pub use verify::{VerifyError, verify_log};
