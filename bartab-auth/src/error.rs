//! What can go wrong, and what the client is told of it.

use bartab_core::store::{BoxError, StoreError};
use bartab_core::{FieldProblem, Problem, Scope};
use http::HeaderValue;

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
    /// Somebody else has this username.
    #[error("the username is taken")]
    UsernameTaken,
    /// There is no such user, or the password is another one.
    #[error("username or password is wrong")]
    BadCredentials,
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
    /// The caller's credentials belong to no session of ours.
    #[error("the caller has no session")]
    NoSession,
    /// The caller has no such session.
    #[error("there is no such session")]
    SessionNotFound,
    /// There is no such account.
    #[error("there is no such account")]
    AccountNotFound,
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
            Self::UsernameTaken => Problem::conflict("username.taken").detail("somebody else has this username"),
            Self::BadCredentials => {
                Problem::new(401, "auth.bad_credentials", "Sign-in failed").detail("username or password is wrong")
            }
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
            Self::NoSession => Problem::conflict("session.none").detail("the credentials belong to no session"),
            Self::SessionNotFound => Problem::not_found("session.not_found"),
            Self::AccountNotFound => Problem::not_found("account.not_found"),
            Self::InvalidGrant => Problem::new(401, "auth.invalid_grant", "The refresh token is refused"),
            Self::InvalidScope => Problem::bad_request("auth.invalid_scope"),
            Self::Busy => Problem::unavailable("auth.busy").detail("too many passwords are being checked; try again"),
            Self::Store(StoreError::Unavailable(_)) => Problem::unavailable("store.unavailable"),
            Self::Store(StoreError::OutcomeUnknown(_)) => {
                Problem::new(504, "write.unknown", "It is not known whether this was written")
            }
            Self::Store(_) | Self::Internal(_) => Problem::internal(),
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
            Self::BadCredentials | Self::Unauthenticated => HeaderValue::from_static("Bearer realm=\"bartab\""),
            _ => return None,
        })
    }

    /// Writes into the log what the client is not told.
    pub(crate) fn log(&self) {
        if let Self::Store(_) | Self::Internal(_) = self {
            let source = std::error::Error::source(self).map(ToString::to_string).unwrap_or_default();
            tracing::error!(error = %self, source, "identity failed");
        }
    }
}
