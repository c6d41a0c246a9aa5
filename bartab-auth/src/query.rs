//! Queries of the JSON endpoints: each parameter at most once, and none that nobody asked for.

use std::ops::Deref;

use axum::extract::FromRequestParts;
use bartab_core::Problem;
use bartab_core::http::QueryParameters;
use http::request::Parts;

use crate::answer::Failure;

/// How many items a page has when nobody says.
const LIST_DEFAULT: usize = 50;
/// How many items a page has at most.
const LIST_MAX: usize = 200;

/// The parameters of a query.
pub(crate) struct Query(QueryParameters);

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        Ok(Self(QueryParameters::parse(parts.uri.query())?))
    }
}

impl Deref for Query {
    type Target = QueryParameters;

    fn deref(&self) -> &QueryParameters {
        &self.0
    }
}

impl Query {
    /// How many items the page has at most: 1 to 200, 50 when nothing is said.
    pub(crate) fn limit(&self) -> Result<usize, Failure> {
        Ok(self.0.limit(LIST_DEFAULT, LIST_MAX)?)
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
