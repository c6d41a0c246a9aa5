//! The parameters of OAuth requests, read from a form body or a query alike (RFC 6749 section 3).

use std::collections::BTreeSet;
use std::fmt;

use zeroize::Zeroizing;

/// More parameters than any request has.
const MAX_PARAMETERS: usize = 64;
/// Those that may come more than once (RFC 8693 section 2.1); all values are kept.
const REPEATABLE: [&str; 2] = ["audience", "resource"];

/// The parameters of one request. One without a value counts as left out, unknown ones do no harm, and none may come
/// twice unless a standard says that it may.
///
/// `Debug` shows the names alone, and the values are wiped when they are dropped: passwords and secrets are among them.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Parameters(Vec<(String, Zeroizing<String>)>);

/// Why parameters cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ParameterError {
    /// There are more than 64.
    #[error("there are too many parameters")]
    TooMany,
    /// One comes twice.
    #[error("a parameter is there twice")]
    Repeated,
}

impl Parameters {
    /// Reads `application/x-www-form-urlencoded` text: the body of a form, or the query of a URL without its `?`.
    ///
    /// # Errors
    /// [`ParameterError`].
    pub(crate) fn parse(text: &[u8]) -> Result<Self, ParameterError> {
        let mut parameters: Vec<(String, Zeroizing<String>)> = Vec::new();
        for (name, value) in form_urlencoded::parse(text) {
            if parameters.len() == MAX_PARAMETERS {
                return Err(ParameterError::TooMany);
            }
            if parameters.iter().any(|(seen, _)| *seen == name) && !REPEATABLE.contains(&&*name) {
                return Err(ParameterError::Repeated);
            }
            parameters.push((name.into_owned(), Zeroizing::new(value.into_owned())));
        }
        Ok(Self(parameters))
    }

    /// The value of the parameter; `None` when it is left out or empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(known, value)| known == name && !value.is_empty())?;
        Some(value)
    }

    /// Every value of a parameter that may come more than once, without the empty ones.
    pub(crate) fn get_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let values = self.0.iter().filter(move |(known, value)| known == name && !value.is_empty());
        values.map(|(_, value)| value.as_str())
    }
}

impl fmt::Debug for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

/// For the fuzzer alone: every value that is told, with its name, and what `Debug` shows; `None` when the text is refused.
#[doc(hidden)]
pub fn fuzz_parameters(text: &[u8]) -> Option<(Vec<(String, String)>, String)> {
    let read = Parameters::parse(text).ok()?;
    let names: BTreeSet<&str> = read.0.iter().map(|(name, _)| &**name).collect();
    let told = names.iter().flat_map(|name| read.get_all(name).map(|value| ((*name).to_owned(), value.to_owned())));
    Some((told.collect(), format!("{read:?}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_parameters_do_no_harm_and_empty_ones_count_as_left_out() {
        let form = Parameters::parse(b"grant_type=refresh_token&x=1&scope=&refresh_token=a%2Bb+c&y").unwrap();
        assert_eq!(form.get("grant_type"), Some("refresh_token"));
        assert_eq!(form.get("refresh_token"), Some("a+b c"));
        assert_eq!([form.get("scope"), form.get("y"), form.get("token")], [None; 3]);
    }

    #[test]
    fn a_parameter_may_not_come_twice() {
        for body in ["scope=a&scope=b", "x=1&x=1", "scope=&scope=a", "scope=a&sc%6Fpe=b"] {
            assert_eq!(Parameters::parse(body.as_bytes()), Err(ParameterError::Repeated), "{body}");
        }
        let form = Parameters::parse(b"audience=a&resource=r&audience=b&audience=").unwrap();
        assert_eq!(form.get_all("audience").collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn there_are_no_more_than_any_request_needs() {
        let many = |most: usize| (0..most).map(|n| format!("p{n}=1")).collect::<Vec<_>>().join("&");
        assert!(Parameters::parse(many(64).as_bytes()).is_ok());
        assert_eq!(Parameters::parse(many(65).as_bytes()), Err(ParameterError::TooMany));
        assert_eq!(Parameters::parse("audience=a&".repeat(65).as_bytes()), Err(ParameterError::TooMany));
    }

    #[test]
    fn debug_shows_names_alone() {
        let form = Parameters::parse(b"client_secret=hush").unwrap();
        assert_eq!(format!("{form:?}"), r#"{"client_secret"}"#);
    }
}
