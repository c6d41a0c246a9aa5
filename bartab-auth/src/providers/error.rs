//! Why a sign-in with another provider does not work, as the person may know it.

use bartab_core::Problem;

/// Why somebody could not sign in with another OpenID provider.
///
/// What exactly a provider has answered is in the log, and in no answer of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProviderError {
    /// The tenant has no such provider.
    #[error("there is no such provider")]
    NotFound,
    /// The provider does not answer, or not in time, or too many sign-ins with it are under way.
    #[error("the provider cannot be reached now; try again in a moment")]
    Unavailable,
    /// The sign-in was not begun in this browser, is over, or took too long.
    #[error("this sign-in took too long or is over already; begin again")]
    Stale,
    /// The person or the provider did not want to.
    #[error("the provider has not signed you in")]
    Refused,
    /// The provider's answer proves nothing.
    #[error("the provider's answer is not one that can be trusted")]
    BadAnswer,
    /// The person's address is not of an allowed domain, or the provider has not verified it.
    #[error("people of this address may not sign in here")]
    DomainNotAllowed,
    /// Nobody here is this person at the provider, and nobody gets an account by it.
    #[error("no account here belongs to you at this provider")]
    NoAccount,
    /// Somebody else is this person at the provider.
    #[error("you at this provider are somebody else here already")]
    Taken,
    /// The account is nobody at the provider.
    #[error("you are nobody at this provider")]
    NotLinked,
    /// Nobody could sign in to the account any more.
    #[error("it is the only way that you sign in: set a password first")]
    LastSignIn,
}

impl ProviderError {
    pub(crate) fn to_problem(self) -> Problem {
        let detail = self.to_string();
        match self {
            Self::NotFound => Problem::not_found("provider.not_found"),
            Self::Unavailable => Problem::unavailable("provider.unavailable").detail(detail),
            Self::Stale => Problem::bad_request("provider.stale").detail(detail),
            Self::Refused => Problem::forbidden("provider.refused").detail(detail),
            Self::BadAnswer => {
                Problem::new(502, "provider.bad_answer", "The provider's answer is refused").detail(detail)
            }
            Self::DomainNotAllowed => Problem::forbidden("provider.domain_not_allowed").detail(detail),
            Self::NoAccount => Problem::forbidden("provider.no_account").detail(detail),
            Self::Taken => Problem::conflict("provider.taken").detail(detail),
            Self::NotLinked => Problem::not_found("provider.not_linked").detail(detail),
            Self::LastSignIn => Problem::conflict("provider.last_sign_in").detail(detail),
        }
    }
}
