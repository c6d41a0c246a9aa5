//! What failed requests are answered with.

use std::collections::BTreeMap;

use bartab_core::PROBLEM_JSON;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

/// RFC 9457 problem details. Clients switch on `code`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a description, never a value")]
pub(in crate::service) struct Problem {
    /// What kind of problem it is: `urn:bartab:problem:` and the code.
    #[schema(format = "uri")]
    r#type: String,
    /// The same for every occurrence of the kind.
    title: String,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What happened this time.
    detail: Option<String>,
    /// The path of the request.
    instance: Option<String>,
    /// The stable dotted name.
    #[schema(example = "room.not_found")]
    code: String,
    /// The id of the request in the server's logs.
    request_id: Option<String>,
    /// The fields that were wrong.
    errors: Option<Vec<FieldProblem>>,
}

/// One wrong field of a request.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a description, never a value")]
pub(in crate::service) struct FieldProblem {
    /// A JSON Pointer (RFC 6901) into the body; `?name` for a query parameter, `{name}` for a part of the path.
    pointer: String,
    /// The stable name of what is wrong.
    #[schema(example = "unknown_field")]
    code: String,
    /// The same for people.
    detail: String,
}

type Responses = BTreeMap<String, RefOr<Response>>;

fn problem(responses: &mut Responses, status: u16, description: &str) {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    let response = ResponseBuilder::new().description(description).content(PROBLEM_JSON, content).build();
    responses.insert(status.to_string(), response.into());
}

fn every(responses: &mut Responses) {
    problem(responses, 400, "`request.invalid` with the wrong field, `request.invalid_id`, `request.invalid_path`");
    problem(responses, 401, "`auth.required`, `auth.invalid_token`");
    problem(responses, 403, "`auth.insufficient_scope`; what the caller may not do, such as `room.not_member`");
    problem(responses, 429, "`rate.limited`: see `Retry-After`");
    problem(responses, 503, "`store.unavailable`, `overloaded`, `closing`: nothing was written; see `Retry-After`");
}

/// Of a route that reads.
pub(in crate::service) struct ReadProblems;

impl IntoResponses for ReadProblems {
    fn responses() -> Responses {
        let mut responses = Responses::new();
        every(&mut responses);
        responses
    }
}

/// Of a route that reads what may not be there for the caller.
pub(in crate::service) struct FindProblems;

impl IntoResponses for FindProblems {
    fn responses() -> Responses {
        let mut responses = ReadProblems::responses();
        problem(
            &mut responses,
            404,
            "`room.not_found`, `message.not_found`, `member.not_found`, `user.not_found`: it does not exist, or not for \
             this caller",
        );
        responses
    }
}

/// Of a route that writes.
pub(in crate::service) struct WriteProblems;

impl IntoResponses for WriteProblems {
    fn responses() -> Responses {
        let mut responses = FindProblems::responses();
        problem(&mut responses, 409, "The present state does not allow it: `message.deleted`, `member.banned`, …");
        problem(&mut responses, 413, "`request.too_large`");
        problem(
            &mut responses,
            504,
            "`write.unknown`: it may have been written; ask again, with the same Idempotency-Key where the route takes \
             one",
        );
        responses
    }
}

/// Of a route that writes and takes an `Idempotency-Key`.
pub(in crate::service) struct KeyedProblems;

impl IntoResponses for KeyedProblems {
    fn responses() -> Responses {
        let mut responses = WriteProblems::responses();
        problem(&mut responses, 422, "`idempotency.mismatch`: the key was used for another request");
        responses
    }
}

/// Of the route that posts messages, which may carry files.
pub(in crate::service) struct PostProblems;

impl IntoResponses for PostProblems {
    fn responses() -> Responses {
        let mut responses = KeyedProblems::responses();
        problem(
            &mut responses,
            403,
            "`auth.insufficient_scope`; `room.not_member`; `media.not_yours`: there is no such file, or somebody else \
             uploaded it",
        );
        problem(&mut responses, 410, "`media.quarantined`: nobody may read the file");
        problem(&mut responses, 501, "`media.unsupported`: this server keeps no files");
        problem(
            &mut responses,
            503,
            "`store.unavailable`, `media.unavailable`, `overloaded`, `closing`: nothing was written; see `Retry-After`",
        );
        responses
    }
}
