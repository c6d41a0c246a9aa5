//! What comes next for a person whom a client has sent here, decided without I/O.

use std::time::Duration;

use bartab_core::{Scopes, Timestamp};

use crate::browser::request::{Asked, Refusal};

/// Somebody who is signed in, as far as it matters here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Present {
    /// When they signed in.
    pub(crate) since: Timestamp,
    /// They did so for this very request.
    pub(crate) fresh: bool,
    /// What of the request their account may have.
    pub(crate) scopes: Scopes,
    /// What they have allowed the client before; nothing when another program may answer in its place.
    pub(crate) allowed: Scopes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    SignIn,
    /// Ask whether the client may have what is asked for.
    Ask,
    /// The client gets it.
    Grant,
    Refuse(Refusal),
}

/// Decides what comes next.
pub(crate) fn next(asked: &Asked, present: Option<&Present>, now: Timestamp) -> Step {
    let is_enough = |present: &&Present| {
        // An age of 0 asks for a sign-in now, as `login` does.
        let young = |age: u64| age > 0 && now.since(present.since) <= Duration::from_secs(age);
        present.fresh || (!asked.prompt.login && asked.max_age.is_none_or(young))
    };
    let Some(present) = present.filter(is_enough) else {
        return if asked.prompt.none {
            Step::Refuse(Refusal::new("login_required", "nobody is signed in"))
        } else {
            Step::SignIn
        };
    };
    if present.scopes == Scopes::NONE {
        return Step::Refuse(Refusal::new("access_denied", "the account may have nothing of that scope"));
    }
    if present.scopes.is_subset(present.allowed) && !asked.prompt.consent {
        return Step::Grant;
    }
    if asked.prompt.none {
        return Step::Refuse(Refusal::new("consent_required", "the person has not allowed that scope"));
    }
    Step::Ask
}

#[cfg(test)]
mod tests {
    use bartab_core::Scope;

    use super::*;
    use crate::browser::request::Prompt;

    const READ: Scopes = Scopes::NONE.with(Scope::ChatRead);
    const BOTH: Scopes = READ.with(Scope::ChatWrite);

    fn asked(prompt: Prompt, max_age: Option<u64>) -> Asked {
        Asked { scopes: BOTH, challenge: String::new(), nonce: None, prompt, max_age, login_hint: None }
    }

    fn present(scopes: Scopes, allowed: Scopes) -> Present {
        Present { since: Timestamp::from_secs(1_000), fresh: false, scopes, allowed }
    }

    fn refused(step: Step) -> Option<&'static str> {
        if let Step::Refuse(refusal) = step { Some(refusal.error) } else { None }
    }

    #[test]
    fn a_sign_in_counts_as_long_as_the_request_says() {
        let now = Timestamp::from_secs(1_060);
        let there = present(BOTH, BOTH);
        let fresh = Present { fresh: true, ..there };
        let login = Prompt { login: true, ..Prompt::default() };
        for (prompt, max_age, enough) in [
            (Prompt::default(), None, true),
            (Prompt::default(), Some(60), true),
            (Prompt::default(), Some(59), false),
            (Prompt::default(), Some(0), false),
            (login, None, false),
            (login, Some(60), false),
        ] {
            let asked = asked(prompt, max_age);
            let step = if enough { Step::Grant } else { Step::SignIn };
            assert_eq!(next(&asked, Some(&there), now), step, "{asked:?}");
            assert_eq!(next(&asked, Some(&fresh), now), Step::Grant, "{asked:?}");
            assert_eq!(next(&asked, None, now), Step::SignIn, "{asked:?}");
        }
        let at_once = asked(Prompt::default(), Some(0));
        assert_eq!(next(&at_once, Some(&there), Timestamp::from_secs(1_000)), Step::SignIn);
    }

    #[test]
    fn consent_is_asked_for_what_is_new_and_when_the_client_wants_it() {
        let now = Timestamp::from_secs(1_000);
        let plain = asked(Prompt::default(), None);
        assert_eq!(next(&plain, Some(&present(BOTH, Scopes::NONE)), now), Step::Ask);
        assert_eq!(next(&plain, Some(&present(BOTH, READ)), now), Step::Ask);
        assert_eq!(next(&plain, Some(&present(READ, BOTH)), now), Step::Grant);
        let again = asked(Prompt { consent: true, ..Prompt::default() }, None);
        assert_eq!(next(&again, Some(&present(BOTH, BOTH)), now), Step::Ask);
        let nothing = next(&plain, Some(&present(Scopes::NONE, BOTH)), now);
        assert_eq!(refused(nothing), Some("access_denied"));
    }

    #[test]
    fn nobody_is_asked_anything_when_the_client_wants_that() {
        let now = Timestamp::from_secs(1_060);
        let silent = Prompt { none: true, ..Prompt::default() };
        assert_eq!(refused(next(&asked(silent, None), None, now)), Some("login_required"));
        assert_eq!(refused(next(&asked(silent, Some(59)), Some(&present(BOTH, BOTH)), now)), Some("login_required"));
        assert_eq!(refused(next(&asked(silent, None), Some(&present(BOTH, READ)), now)), Some("consent_required"));
        assert_eq!(next(&asked(silent, None), Some(&present(BOTH, BOTH)), now), Step::Grant);
    }
}
