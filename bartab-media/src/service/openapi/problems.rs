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
    #[schema(example = "media.not_found")]
    code: String,
    /// The id of the request in the server's logs.
    request_id: Option<String>,
    /// With `quota.exceeded`: so much one may have.
    limit: Option<u64>,
    /// With `quota.exceeded`: so much one has.
    used: Option<u64>,
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
    problem(responses, 400, "`request.invalid` with the wrong field, `request.invalid_id`, `request.incomplete`");
    problem(responses, 401, "`auth.required`, `auth.invalid_token`");
    problem(responses, 403, "`auth.insufficient_scope`; what the caller may not do");
    problem(responses, 429, "`rate.limited`: see `Retry-After`");
    problem(
        responses,
        503,
        "`storage.unavailable`, `store.unavailable`, `overloaded`, `closing`: nothing was written; see `Retry-After`",
    );
}

/// Of a route that reads a file.
pub(in crate::service) struct FindProblems;

impl IntoResponses for FindProblems {
    fn responses() -> Responses {
        let mut responses = Responses::new();
        every(&mut responses);
        problem(&mut responses, 404, "`media.not_found`: it does not exist, or not for this caller");
        problem(&mut responses, 410, "`media.quarantined`: nobody may read it now");
        responses
    }
}

/// Of a route that reads a range of a file, beside [`FindProblems`].
pub(in crate::service) struct RangeProblems;

impl IntoResponses for RangeProblems {
    fn responses() -> Responses {
        let mut responses = Responses::new();
        problem(
            &mut responses,
            401,
            "`auth.required`, `auth.invalid_token`, `media.link_invalid`, `media.link_expired`",
        );
        problem(&mut responses, 412, "`request.precondition_failed`: it is not what `If-Match` names");
        problem(&mut responses, 416, "`request.range_not_satisfiable`; `Content-Range` says how many bytes there are");
        responses
    }
}

/// Of a route that shows a picture small, beside [`FindProblems`].
pub(in crate::service) struct ThumbnailProblems;

impl IntoResponses for ThumbnailProblems {
    fn responses() -> Responses {
        let mut responses = Responses::new();
        problem(
            &mut responses,
            401,
            "`auth.required`, `auth.invalid_token`, `media.link_invalid`, `media.link_expired`",
        );
        problem(&mut responses, 404, "`media.not_found`; `media.no_thumbnail`: of a file that is no such picture");
        problem(&mut responses, 412, "`request.precondition_failed`: it is not what `If-Match` names");
        responses
    }
}

/// Of the route that gives links out.
pub(in crate::service) struct SignProblems;

impl IntoResponses for SignProblems {
    fn responses() -> Responses {
        let mut responses = BodyProblems::responses();
        every(&mut responses);
        responses
    }
}

/// Of a route that takes a file in.
pub(in crate::service) struct WriteProblems;

impl IntoResponses for WriteProblems {
    fn responses() -> Responses {
        let mut responses = Responses::new();
        every(&mut responses);
        problem(
            &mut responses,
            400,
            "`request.invalid` with the wrong field, `media.digest_mismatch`, `request.incomplete`",
        );
        problem(&mut responses, 403, "`quota.exceeded` with `limit` and `used`, `auth.insufficient_scope`");
        problem(&mut responses, 408, "`request.timeout`: nothing came of the body for too long");
        problem(&mut responses, 413, "`media.too_large`");
        problem(&mut responses, 422, "`media.picture_refused`: it is broken, or too large to be looked at");
        problem(&mut responses, 507, "`storage.full`: nothing was written");
        responses
    }
}

/// Of a route that acts upon a file.
pub(in crate::service) struct ActProblems;

impl IntoResponses for ActProblems {
    fn responses() -> Responses {
        let mut responses = FindProblems::responses();
        problem(
            &mut responses,
            403,
            "`media.not_yours`: neither its owner nor an administrator; `media.held`: an administrator keeps it in \
             quarantine; `auth.insufficient_scope`",
        );
        problem(&mut responses, 410, "`media.quarantined`: for who is neither its owner nor an administrator");
        responses
    }
}

/// Of a route that acts upon a file as a body says, beside [`ActProblems`].
pub(in crate::service) struct BodyProblems;

impl IntoResponses for BodyProblems {
    fn responses() -> Responses {
        let mut responses = Responses::new();
        problem(&mut responses, 413, "`request.too_large`");
        responses
    }
}

/// Of a route that tells of one's own files.
pub(in crate::service) struct ListProblems;

impl IntoResponses for ListProblems {
    fn responses() -> Responses {
        let mut responses = Responses::new();
        every(&mut responses);
        problem(&mut responses, 400, "`request.invalid` with the wrong field");
        problem(&mut responses, 403, "`auth.insufficient_scope`");
        responses
    }
}

/// Of a route of resumable uploads.
pub(in crate::service) struct UploadProblems;

impl IntoResponses for UploadProblems {
    fn responses() -> Responses {
        let mut responses = WriteProblems::responses();
        problem(&mut responses, 400, "`request.invalid` with the wrong header, `request.incomplete`");
        problem(&mut responses, 404, "`upload.not_found`: it does not exist, or not for this caller");
        problem(
            &mut responses,
            409,
            "`upload.offset_mismatch`: it goes on elsewhere; `upload.interrupted`: a newer request came",
        );
        problem(&mut responses, 410, "`upload.expired`: it takes nothing more");
        problem(&mut responses, 412, "`upload.unsupported_version`: see `Tus-Version`");
        problem(&mut responses, 415, "`upload.unsupported_type`: a piece is `application/offset+octet-stream`");
        problem(&mut responses, 423, "`upload.locked`: another request goes on with it; see `Retry-After`");
        problem(&mut responses, 460, "`upload.checksum_mismatch`: nothing of the body is kept");
        responses
    }
}
