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
    /// What passwords, short codes and one-time links can be guessed by, and what makes accounts.
    SignIn,
    /// What begins or ends at another program: tokens, codes for devices, providers. Many people behind one address do
    /// that, and its secrets are too long to be guessed.
    Token,
}

impl Class {
    pub(crate) const ALL: [Self; 5] = [Self::Read, Self::Write, Self::Sync, Self::SignIn, Self::Token];

    /// The class of a request for `path`, without the tenant's prefix.
    pub(crate) fn of(method: &http::Method, path: &str) -> Self {
        if matches!(*method, http::Method::GET | http::Method::HEAD | http::Method::OPTIONS) {
            return match path {
                "/v1/sync" | "/v1/accounts/feed" => Self::Sync,
                // The link that a device shows carries the code that a person would type.
                "/v1/oauth2/device" => Self::SignIn,
                _ if path.starts_with("/v1/auth/providers/") => Self::Token,
                _ => Self::Read,
            };
        }
        let below =
            |prefix| path.strip_prefix(prefix).is_some_and(|rest: &str| rest.is_empty() || rest.starts_with('/'));
        match path {
            "/v1/auth/register" | "/v1/auth/login" | "/v1/me/password" => Self::SignIn,
            "/v1/oauth2/authorize" | "/v1/oauth2/device" => Self::SignIn,
            "/v1/oauth2/token" | "/v1/oauth2/device_authorization" => Self::Token,
            _ if below("/v1/auth/setup") || below("/v1/auth/reset") || below("/v1/me/mfa") => Self::SignIn,
            _ => Self::Write,
        }
    }

    /// Whether everybody is told what is left of the address's limit: it is the one that they meet.
    pub(crate) const fn tells_address(self) -> bool {
        matches!(self, Self::SignIn | Self::Token)
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Sync => "sync",
            Self::SignIn => "sign_in",
            Self::Token => "token",
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
    fn what_can_be_guessed_is_a_sign_in() {
        let [get, post] = [http::Method::GET, http::Method::POST].map(|method| move |path| Class::of(&method, path));
        for path in [
            "/v1/auth/login",
            "/v1/auth/register",
            "/v1/auth/setup",
            "/v1/auth/reset/x",
            "/v1/oauth2/authorize",
            "/v1/oauth2/device",
            "/v1/me/password",
            "/v1/me/mfa/totp",
            "/v1/me/mfa/totp/confirm",
        ] {
            assert_eq!(post(path), Class::SignIn, "{path}");
        }
        for path in ["/v1/oauth2/token", "/v1/oauth2/device_authorization"] {
            assert_eq!(post(path), Class::Token, "{path}");
        }
        for path in ["/v1/sync", "/v1/rooms", "/v1/me", "/v1/me/mfahh", "/v1/auth/logout", "/v1/oauth2/introspect"] {
            assert_eq!(post(path), Class::Write, "{path}");
        }
        assert_eq!(
            (get("/v1/sync"), get("/v1/me"), get("/v1/auth/providers")),
            (Class::Sync, Class::Read, Class::Read)
        );
        assert_eq!((get("/v1/auth/providers/a/start"), get("/v1/oauth2/device")), (Class::Token, Class::SignIn));
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
