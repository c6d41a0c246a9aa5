//! Why a command was refused.

/// Why a command was refused; each one has one problem of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// The room does not exist, or not for this caller.
    #[error("there is no such room")]
    RoomNotFound,
    /// The id that came for a new room is another room's.
    #[error("there is a room with this id")]
    RoomExists,
    /// The message does not exist, or not for this caller.
    #[error("there is no such message")]
    MessageNotFound,
    /// The message would be without text and carries no file.
    #[error("a message says something")]
    NothingSaid,
    /// The message was deleted.
    #[error("the message was deleted")]
    MessageDeleted,
    /// The caller's account may not be used, for now or for ever.
    #[error("the account may not be used")]
    AccountNotActive,
    /// The person named may do nothing for now.
    #[error("the person's account may not be used for now")]
    UserNotActive,
    /// There is nobody with that id.
    #[error("there is no such user")]
    UserNotFound,
    /// The person has no relation to the room.
    #[error("the person is not a member")]
    MemberNotFound,
    /// The caller can see the room, but has not joined it.
    #[error("join the room first")]
    NotMember,
    /// The caller's role does not reach that far.
    #[error("your role in the room does not allow this")]
    RoleTooLow,
    /// Only the author may do this.
    #[error("only the author may do this")]
    NotAuthor,
    /// The person is kept out of the room.
    #[error("the person is banned from the room")]
    Banned,
    /// A conversation of two has its people from the start.
    #[error("a direct conversation has exactly two people")]
    DirectIsForTwo,
    /// A caller of this kind cannot do this.
    #[error("callers of this kind cannot do this")]
    KindNotAllowed,
    /// The message is in a thread already and cannot be the root of one.
    #[error("a message of a thread cannot be the root of another")]
    NestedThread,
    /// The message has as many different reactions as it can have.
    #[error("the message has as many different reactions as it can have")]
    TooManyReactions,
    /// Somebody is in as many rooms as one can be.
    #[error("nobody can be in more rooms")]
    TooManyRooms,
    /// So many invitations of the person wait for an answer that one more would not be seen.
    #[error("the person has too many invitations")]
    TooManyInvitations,
    /// There is no such file, or somebody else uploaded it; the two are not told apart, so that nobody learns by trying
    /// which files there are.
    #[error("there is no such file, or it is not yours to attach")]
    MediaNotYours,
    /// The file is in quarantine.
    #[error("the file is in quarantine")]
    MediaQuarantined,
    /// The chat knows no service that keeps files.
    #[error("this server keeps no files")]
    MediaUnsupported,
    /// The service that keeps files does not answer now.
    #[error("files cannot be attached now")]
    MediaUnavailable,
}
