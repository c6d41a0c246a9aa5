//! Which tenant a path names, and what is left of the path for the tenant's services.

/// Where a request goes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Destination<'a> {
    /// To the tenant of the host name, with the whole path.
    ByHost,
    /// To the tenant of that name.
    ByName {
        /// The name, as the client wrote it.
        name: &'a str,
        /// The path without the prefix; `/` at least.
        rest: Rest<'a>,
    },
}

/// What is left of a path.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Rest<'a> {
    /// The end of the path, which begins with a slash.
    Tail(&'a str),
    /// A well-known document, which was asked for in the inserted form.
    WellKnown(&'static str),
}

/// The documents for which the host also routes RFC 8414's inserted form, where the tenant's path follows the name of
/// the document (RFC 8414 section 3.1, RFC 9728 section 3.1).
const INSERTED: [&str; 2] = ["/.well-known/oauth-authorization-server", "/.well-known/oauth-protected-resource"];

pub(crate) fn destination(path: &str) -> Destination<'_> {
    if let Some(after) = path.strip_prefix("/t/") {
        let (name, rest) = after.find('/').map_or((after, "/"), |slash| after.split_at(slash));
        return Destination::ByName { name, rest: Rest::Tail(rest) };
    }
    if path.starts_with("/.well-known/oauth-") {
        for document in INSERTED {
            if let Some(name) = path.strip_prefix(document).and_then(|rest| rest.strip_prefix("/t/")) {
                return Destination::ByName { name, rest: Rest::WellKnown(document) };
            }
        }
    }
    Destination::ByHost
}

/// The path as the tenant's services see it.
pub(crate) fn without_prefix(path: &str) -> &str {
    match destination(path) {
        Destination::ByHost => path,
        Destination::ByName { rest: Rest::Tail(rest), .. } => rest,
        Destination::ByName { rest: Rest::WellKnown(document), .. } => document,
    }
}

/// What sort of request it is, for rate limits and metrics: few, so that no client can add to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Read,
    Write,
    Sync,
    SignIn,
}

impl Class {
    pub(crate) const ALL: [Self; 4] = [Self::Read, Self::Write, Self::Sync, Self::SignIn];

    /// The class of a request for `path`, without the tenant's prefix.
    pub(crate) fn of(method: &http::Method, path: &str) -> Self {
        if matches!(*method, http::Method::GET | http::Method::HEAD | http::Method::OPTIONS) {
            return if path == "/v1/sync" { Self::Sync } else { Self::Read };
        }
        // Not `/v1/oauth2/token`: many people behind one address refresh there, and its secrets are not to be guessed.
        let sign_in = matches!(path, "/v1/auth/register" | "/v1/auth/login");
        if sign_in { Self::SignIn } else { Self::Write }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Sync => "sync",
            Self::SignIn => "sign_in",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by_name<'a>(name: &'a str, rest: &'a str) -> Destination<'a> {
        Destination::ByName { name, rest: Rest::Tail(rest) }
    }

    #[test]
    fn prefixes_are_taken_off() {
        assert_eq!(destination("/v1/rooms"), Destination::ByHost);
        assert_eq!(destination("/t/acme/v1/rooms"), by_name("acme", "/v1/rooms"));
        assert_eq!(destination("/t/acme"), by_name("acme", "/"));
        assert_eq!(destination("/t/acme/"), by_name("acme", "/"));
        assert_eq!(destination("/t/../x"), by_name("..", "/x"));
        assert_eq!(destination("/t//x"), by_name("", "/x"));
        assert_eq!(destination("/tea"), Destination::ByHost);
    }

    #[test]
    fn only_passwords_and_new_accounts_are_sign_ins() {
        let class = |path| Class::of(&http::Method::POST, path);
        assert_eq!((class("/v1/auth/login"), class("/v1/auth/register")), (Class::SignIn, Class::SignIn));
        assert_eq!((class("/v1/oauth2/token"), class("/v1/sync")), (Class::Write, Class::Write));
    }

    #[test]
    fn the_inserted_form_of_rfc_8414_is_known() {
        for document in INSERTED {
            let path = format!("{document}/t/acme");
            let expected = Destination::ByName { name: "acme", rest: Rest::WellKnown(document) };
            assert_eq!(destination(&path), expected);
            assert_eq!(destination(document), Destination::ByHost);
        }
        assert_eq!(destination("/.well-known/openid-configuration/t/acme"), Destination::ByHost);
    }
}
