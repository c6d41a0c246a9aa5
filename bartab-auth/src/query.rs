//! Queries of the JSON endpoints: each parameter at most once, and none that nobody asked for.

use std::fmt::Display;
use std::str::FromStr;

use axum::extract::FromRequestParts;
use bartab_core::Problem;
use http::request::Parts;

use crate::answer::Failure;

/// How many items a page has when nobody says.
const LIST_DEFAULT: usize = 50;
/// How many items a page has at most.
const LIST_MAX: usize = 200;
/// More parameters than any request has.
const MAX_PARAMETERS: usize = 64;

/// The parameters of a query.
pub(crate) struct Query(Vec<(String, String)>);

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let pairs = form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
        let pairs: Vec<_> = pairs.into_owned().take(MAX_PARAMETERS + 1).collect();
        // What is no UTF-8 was read with replacement characters in it.
        let broken = |text: &str| text.contains(char::REPLACEMENT_CHARACTER);
        if pairs.len() > MAX_PARAMETERS || pairs.iter().any(|(name, value)| broken(name) || broken(value)) {
            return Err(Problem::bad_request("request.invalid_query").into());
        }
        Ok(Self(pairs))
    }
}

impl Query {
    /// Refuses parameters that are none of `known`, and those that come twice.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), Failure> {
        for (index, (name, _)) in self.0.iter().enumerate() {
            let wrong = |code: &'static str, detail: String| {
                let name: String = name.chars().take(64).collect();
                Err(Problem::invalid_field(format!("?{name}"), code, detail).into())
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
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A parameter of type `T`.
    pub(crate) fn get<T: FromStr<Err: Display>>(&self, name: &str) -> Result<Option<T>, Failure> {
        let parsed: Result<Option<T>, T::Err> = self.text(name).map(str::parse).transpose();
        parsed.map_err(|error| Problem::invalid_field(format!("?{name}"), "invalid", error.to_string()).into())
    }

    /// How many items the page has at most: 1 to 200, 50 when nothing is said.
    pub(crate) fn limit(&self) -> Result<usize, Failure> {
        let limit = self.get::<usize>("limit")?.unwrap_or(LIST_DEFAULT);
        if (1..=LIST_MAX).contains(&limit) {
            return Ok(limit);
        }
        Err(Problem::invalid_field("?limit", "out_of_range", format!("from 1 to {LIST_MAX}")).into())
    }
}

/// The page that `query` asks for of a list that is all there, and the cursor of the next page if there is one.
pub(crate) fn page_of<T>(
    all: Vec<T>,
    query: &Query,
    cursor: impl Fn(&T) -> String,
) -> Result<(Vec<T>, Option<String>), Failure> {
    query.only(&["limit", "cursor"])?;
    let limit = query.limit()?;
    let start = match query.text("cursor") {
        None => 0,
        // What the cursor names may be gone since.
        Some(text) => match all.iter().position(|item| cursor(item) == text) {
            Some(place) => place + 1,
            None => return Err(Problem::invalid_field("?cursor", "invalid", "nothing is there any more").into()),
        },
    };
    Ok(page(all.into_iter().skip(start).collect(), limit, cursor))
}

/// The first `limit` of `items`, of which one more was asked for, and the cursor of the next page if there is one.
pub(crate) fn page<T>(mut items: Vec<T>, limit: usize, cursor: impl Fn(&T) -> String) -> (Vec<T>, Option<String>) {
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(cursor);
    (items, next)
}
