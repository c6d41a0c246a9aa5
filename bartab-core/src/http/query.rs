//! Queries: each parameter at most once, and none that nobody asked for.

use std::fmt::Display;
use std::str::FromStr;

use crate::problem::Problem;

/// More parameters than any request has.
const MAX_PARAMETERS: usize = 64;

/// The parameters of a query, decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueryParameters(Vec<(String, String)>);

impl QueryParameters {
    /// Reads the query of a URI, without its question mark.
    ///
    /// # Errors
    /// `request.invalid_query` when there are too many parameters, or what they say is no UTF-8.
    pub fn parse(query: Option<&str>) -> Result<Self, Problem> {
        let pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        let pairs: Vec<_> = pairs.into_owned().take(MAX_PARAMETERS + 1).collect();
        // What is no UTF-8 was read with replacement characters in it.
        let broken = |text: &str| text.contains(char::REPLACEMENT_CHARACTER);
        if pairs.len() > MAX_PARAMETERS || pairs.iter().any(|(name, value)| broken(name) || broken(value)) {
            return Err(Problem::bad_request("request.invalid_query"));
        }
        Ok(Self(pairs))
    }

    /// Refuses parameters that are none of `known`, and those that come twice.
    ///
    /// # Errors
    /// `request.invalid` with the parameter named.
    pub fn only(&self, known: &[&str]) -> Result<(), Problem> {
        for (index, (name, _)) in self.0.iter().enumerate() {
            let wrong = |code: &'static str, detail: String| {
                let name: String = name.chars().take(64).collect();
                Err(Problem::invalid_field(format!("?{name}"), code, detail))
            };
            if !known.contains(&name.as_str()) {
                return wrong("unknown_field", format!("known are {}", known.join(", ")));
            }
            if self.0.iter().take(index).any(|(other, _)| other == name) {
                return wrong("duplicate_field", "only once".to_owned());
            }
        }
        Ok(())
    }

    /// The text of a parameter.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A parameter of type `T`.
    ///
    /// # Errors
    /// `request.invalid` with the parameter named, when it is no `T`.
    pub fn get<T: FromStr<Err: Display>>(&self, name: &str) -> Result<Option<T>, Problem> {
        let parsed: Result<Option<T>, T::Err> = self.text(name).map(str::parse).transpose();
        parsed.map_err(|error| Problem::invalid_field(format!("?{name}"), "invalid", error.to_string()))
    }

    /// `?limit=`: a number of items, from 1 to `most`; `default` when nothing is said.
    ///
    /// # Errors
    /// `request.invalid` when it is no such number.
    pub fn limit(&self, default: usize, most: usize) -> Result<usize, Problem> {
        let limit = self.get::<usize>("limit")?.unwrap_or(default);
        if (1..=most).contains(&limit) {
            return Ok(limit);
        }
        Err(Problem::invalid_field("?limit", "out_of_range", format!("from 1 to {most}")))
    }
}

#[cfg(test)]
mod tests {
    use super::QueryParameters;

    #[test]
    fn parameters_are_read_once_and_none_that_is_not_known() {
        let query = QueryParameters::parse(Some("a=1&b=%C3%BC+x")).unwrap();
        assert_eq!(query.get::<u8>("a"), Ok(Some(1)));
        assert_eq!((query.text("b"), query.text("c")), (Some("ü x"), None));
        assert_eq!(query.get::<u8>("b").unwrap_err().errors[0].pointer, "?b");
        assert_eq!(query.only(&["a", "b"]), Ok(()));
        assert_eq!(query.only(&["a"]).unwrap_err().errors[0].code, "unknown_field");
        let twice = QueryParameters::parse(Some("a=1&a=1")).unwrap();
        assert_eq!(twice.only(&["a"]).unwrap_err().errors[0].code, "duplicate_field");
        assert_eq!(QueryParameters::parse(Some("a=%ff")).unwrap_err().code, "request.invalid_query");
        assert_eq!(QueryParameters::parse(Some(&"a&".repeat(65))).unwrap_err().code, "request.invalid_query");
        assert_eq!(QueryParameters::parse(None), Ok(QueryParameters::default()));
    }
}
