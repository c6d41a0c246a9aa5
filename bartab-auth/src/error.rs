//! What can go wrong, and what the client is told of it.

use bartab_core::store::{BoxError, StoreError};
use bartab_core::{FieldProblem, Problem, Quota, Scope};
use http::HeaderValue;

use crate::acts::ActRefusal;
#[cfg(feature = "openid-providers")]
use crate::providers::ProviderError;
use crate::rights::Permission;
use crate::seal::SealError;
use crate::throttle::SlowDown;
use crate::token::TokenError;

/// Why identity did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// Some fields of the request break a rule.
    #[error("the request breaks a rule")]
    Invalid(Vec<FieldProblem>),
    /// Nobody may make an account.
    #[error("registration is closed")]
    RegistrationClosed,
    /// Nobody makes an account without an invite.
    #[error("an invite is needed")]
    InviteRequired,
    /// The invite is unknown, used up, expired or taken back.
    #[error("the invite cannot be used")]
    InviteInvalid,
    /// There is no such invite, or not for the caller.
    #[error("there is no such invite")]
    InviteNotFound,
    /// The caller has so many usable invites already.
    #[error("there are {0} usable invites already")]
    TooManyInvites(u64),
    /// Somebody else has this username.
    #[error("the username is taken")]
    UsernameTaken,
    /// There is no such user, or the password is another one.
    #[error("username or password is wrong")]
    BadCredentials,
    /// Too many sign-ins have failed; this one was not looked at.
    #[error("too many sign-ins have failed")]
    SlowDown(SlowDown),
    /// The password is right, and a code of the second factor is asked for.
    #[error("a code of the second factor is needed")]
    OtpRequired,
    /// Administrators need a second factor here, and the caller has none, or did not sign in with it.
    #[error("administrators need a second factor")]
    OtpSetupRequired,
    /// There is a second factor already.
    #[error("there is a second factor already")]
    SecondFactorOn,
    /// There is no second factor.
    #[error("there is no second factor")]
    SecondFactorOff,
    /// The sign-in is too long ago for this, or was for another client.
    #[error("a new sign-in is needed")]
    SignInAgain,
    /// The one-time link is unknown, used, over, or replaced by a newer one.
    #[error("the link is not good")]
    LinkInvalid,
    /// Nobody signs in to this account: it is a bot's.
    #[error("nobody signs in to this account")]
    NoSignIn,
    /// The account may not be used for now.
    #[error("the account is suspended")]
    Suspended,
    /// Nobody is signed in.
    #[error("nobody is signed in")]
    Unauthenticated,
    /// The access token is refused.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The access token does not carry this scope.
    #[error("the token lacks the scope `{}`", .0.name())]
    InsufficientScope(Scope),
    /// The caller has not got this permission.
    #[error("the caller has not got the permission `{}`", .0.name())]
    PermissionDenied(Permission),
    /// An app asks, which somebody lets act for them, for what only our own client does.
    #[error("only a sign-in of our own client does this")]
    OwnClientOnly,
    /// The account feed is for other services of the tenant.
    #[error("only a service of the tenant follows its accounts")]
    ServicesOnly,
    /// So many wait for news of accounts that nobody else can.
    #[error("too many wait for news of accounts")]
    TooManyWaiting,
    /// The caller may do such things, but not this to this account.
    #[error(transparent)]
    ActRefused(#[from] ActRefusal),
    /// The account is erased, and nothing can be done to it any more.
    #[error("the account is erased")]
    AccountErased,
    /// The caller has no such bot.
    #[error("there is no such bot")]
    BotNotFound,
    /// The bot is deleted and cannot be restored.
    #[error("the bot is deleted")]
    BotDeleted,
    /// The caller has as many as anybody may have.
    #[error("{used} of {limit} are used")]
    QuotaExceeded {
        /// So many one may have.
        limit: u64,
        /// So many one has.
        used: u64,
    },
    /// The caller's credentials belong to no session of ours.
    #[error("the caller has no session")]
    NoSession,
    /// The caller has no such session.
    #[error("there is no such session")]
    SessionNotFound,
    /// There is no such account.
    #[error("there is no such account")]
    AccountNotFound,
    /// There is no such signing key, or none for the algorithm.
    #[error("there is no such key")]
    KeyNotFound,
    /// There is no such client, or it is a bot's.
    #[error("there is no such client")]
    ClientNotFound,
    /// The refresh token is not one, is spent, or its session has ended.
    #[error("the refresh token is not valid")]
    InvalidGrant,
    /// The scope that was asked for is more than was granted.
    #[error("the scope exceeds what was granted")]
    InvalidScope,
    /// Too many passwords are being checked already.
    #[error("too many passwords are being checked")]
    Busy,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A sign-in with another OpenID provider does not work.
    #[cfg(feature = "openid-providers")]
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// A stored secret cannot be opened.
    #[error(transparent)]
    Sealed(#[from] SealError),
    /// The program failed.
    #[error("identity failed")]
    Internal(#[source] BoxError),
}

impl AuthError {
    pub(crate) fn internal(source: impl Into<BoxError>) -> Self {
        Self::Internal(source.into())
    }

    /// What the client is told.
    pub fn to_problem(&self) -> Problem {
        match self {
            Self::Invalid(errors) => Problem { errors: errors.clone(), ..Problem::bad_request("request.invalid") },
            Self::RegistrationClosed => {
                Problem::forbidden("registration.closed").detail("the operator has not opened registration")
            }
            Self::InviteRequired => {
                Problem::forbidden("registration.invite_required").detail("only who has an invite makes an account")
            }
            Self::InviteInvalid => {
                Problem::forbidden("registration.invite_invalid").detail("nobody can come by this invite")
            }
            Self::InviteNotFound => Problem::not_found("invite.not_found"),
            Self::TooManyInvites(limit) => Problem {
                quota: Some(Quota { limit: *limit, used: *limit }),
                ..Problem::forbidden("quota.exceeded").detail("take some invites back first")
            },
            Self::UsernameTaken => Problem::conflict("username.taken").detail("somebody else has this username"),
            Self::BadCredentials => {
                Problem::new(401, "auth.bad_credentials", "Sign-in failed").detail("username or password is wrong")
            }
            Self::SlowDown(slow_down) => Problem::new(429, "auth.too_many_attempts", "Too many sign-ins have failed")
                .detail("wait before you try again")
                .retry_after(slow_down.retry_after),
            Self::OtpRequired => Problem::new(401, "auth.otp_required", "Sign-in needs a second factor")
                .detail("send a code of the second factor, or a recovery code, as `otp`"),
            Self::OtpSetupRequired => Problem::forbidden("auth.otp_setup_required")
                .detail("administrators need a second factor here: set one up, and sign in with it"),
            Self::SecondFactorOn => Problem::conflict("mfa.on").detail(self.to_string()),
            Self::SecondFactorOff => Problem::conflict("mfa.off").detail(self.to_string()),
            Self::SignInAgain => Problem::forbidden("auth.sign_in_again")
                .detail("this takes a sign-in of the last ten minutes, of your own, by our own client"),
            Self::LinkInvalid => Problem::not_found("link.invalid")
                .detail("it was used, its time is over, or a newer one took its place"),
            Self::NoSignIn => Problem::conflict("account.no_sign_in").detail("it is a bot's account"),
            Self::Suspended => Problem::forbidden("account.suspended").detail("the account may not be used for now"),
            Self::Unauthenticated => Problem::unauthenticated(),
            Self::Token(TokenError::Repeated) => {
                Problem::bad_request("auth.invalid_request").detail(TokenError::Repeated.to_string())
            }
            Self::Token(error @ TokenError::KeysUnavailable) => {
                Problem::unavailable("auth.keys_unavailable").detail(error.to_string())
            }
            Self::Token(error) => {
                Problem::new(401, "auth.invalid_token", "The access token is refused").detail(error.to_string())
            }
            Self::InsufficientScope(_) => Problem::forbidden("auth.insufficient_scope").detail(self.to_string()),
            Self::PermissionDenied(permission) => Problem::forbidden("permission.denied")
                .detail(format!("this takes the permission `{}`", permission.name())),
            Self::OwnClientOnly => Problem::forbidden("permission.denied")
                .detail("no app does this for somebody: it takes a sign-in with our own client, `bartab`"),
            Self::ServicesOnly => Problem::forbidden("account_feed.services_only").detail(self.to_string()),
            Self::TooManyWaiting => Problem::unavailable("account_feed.too_many_waiting").detail(self.to_string()),
            Self::ActRefused(refusal) => refusal.to_problem(),
            Self::AccountErased => Problem::conflict("account.erased").detail("the account is erased for good"),
            Self::BotNotFound => Problem::not_found("bot.not_found"),
            Self::BotDeleted => Problem::conflict("bot.deleted").detail("the bot is deleted for good"),
            Self::QuotaExceeded { limit, used } => {
                let quota = Some(Quota { limit: *limit, used: *used });
                Problem { quota, ..Problem::forbidden("quota.exceeded") }
            }
            Self::NoSession => Problem::conflict("session.none").detail("the credentials belong to no session"),
            Self::SessionNotFound => Problem::not_found("session.not_found"),
            Self::KeyNotFound => Problem::not_found("key.not_found"),
            Self::AccountNotFound => Problem::not_found("account.not_found"),
            Self::ClientNotFound => Problem::not_found("client.not_found"),
            Self::InvalidGrant => Problem::new(401, "auth.invalid_grant", "The refresh token is refused"),
            Self::InvalidScope => Problem::bad_request("auth.invalid_scope"),
            Self::Busy => Problem::unavailable("auth.busy").detail("too many passwords are being checked; try again"),
            Self::Store(StoreError::Unavailable(_)) => Problem::unavailable("store.unavailable"),
            Self::Store(StoreError::OutcomeUnknown(_)) => {
                Problem::new(504, "write.unknown", "It is not known whether this was written")
            }
            #[cfg(feature = "openid-providers")]
            Self::Provider(error) => error.to_problem(),
            Self::Store(_) | Self::Sealed(_) | Self::Internal(_) => Problem::internal(),
        }
    }

    /// The `WWW-Authenticate` that goes with the answer (RFC 9110 section 11.6.1, RFC 6750 section 3).
    pub(crate) fn challenge(&self) -> Option<HeaderValue> {
        Some(match self {
            Self::Token(TokenError::KeysUnavailable) => return None,
            Self::Token(TokenError::Repeated) => HeaderValue::from_static("Bearer error=\"invalid_request\""),
            Self::Token(error) => {
                let text = format!("Bearer error=\"invalid_token\", error_description=\"{error}\"");
                // The descriptions are ours, and plain ASCII.
                HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("Bearer error=\"invalid_token\""))
            }
            Self::InsufficientScope(scope) => {
                let text = format!("Bearer error=\"insufficient_scope\", scope=\"{}\"", scope.name());
                HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("Bearer error=\"insufficient_scope\""))
            }
            Self::BadCredentials | Self::OtpRequired | Self::Unauthenticated => {
                HeaderValue::from_static("Bearer realm=\"bartab\"")
            }
            _ => return None,
        })
    }

    /// Writes into the log what the client is not told.
    pub(crate) fn log(&self) {
        if let Self::Store(_) | Self::Sealed(_) | Self::Internal(_) = self {
            let source = std::error::Error::source(self).map(ToString::to_string).unwrap_or_default();
            tracing::error!(error = %self, source, "identity failed");
        }
    }
}

/// What an error says, and the errors that it comes from: for the log.
#[cfg(feature = "openid-providers")]
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
