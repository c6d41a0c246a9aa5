//! What a client is told when a request fails: RFC 9457 problem details.
//!
//! A service's own error enum maps to a [`Problem`] once. What the log says is never what the client reads, so a
//! problem holds nothing but what the client may know.

use std::borrow::Cow;

use serde::Serialize;

/// The media type of an encoded problem.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// A failed request, as the client sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// The stable dotted name that clients switch on: `room.not_found`.
    pub code: &'static str,
    /// What kind of problem it is, the same for every occurrence.
    pub title: &'static str,
    /// What happened this time.
    pub detail: Option<Cow<'static, str>>,
    /// The fields that were wrong.
    pub errors: Vec<FieldProblem>,
    /// Seconds after which asking again makes sense; also sent as `Retry-After`.
    pub retry_after: Option<u64>,
    /// With `quota.exceeded`: the limit and what is used.
    pub quota: Option<Quota>,
}

/// One wrong field of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldProblem {
    /// Where it is, as a JSON Pointer (RFC 6901); `?name` for a query parameter.
    pub pointer: String,
    /// The stable name of what is wrong: `unknown_field`, `too_long`, `invalid`.
    pub code: Cow<'static, str>,
    /// The same for people.
    pub detail: String,
}

/// A limit that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// The limit.
    pub limit: u64,
    /// What is used.
    pub used: u64,
}

#[derive(Serialize)]
struct Encoded<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<&'a str>,
    code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldProblem],
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    used: Option<u64>,
}

impl Problem {
    /// A problem without detail.
    pub const fn new(status: u16, code: &'static str, title: &'static str) -> Self {
        Self { status, code, title, detail: None, errors: Vec::new(), retry_after: None, quota: None }
    }

    /// The problem with a sentence on this occurrence.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// The problem with one more wrong field.
    #[must_use]
    pub fn field(
        mut self,
        pointer: impl Into<String>,
        code: impl Into<Cow<'static, str>>,
        detail: impl Into<String>,
    ) -> Self {
        self.errors.push(FieldProblem { pointer: pointer.into(), code: code.into(), detail: detail.into() });
        self
    }

    /// The problem with the seconds after which to ask again.
    #[must_use]
    pub const fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// 400: the request is malformed.
    pub const fn bad_request(code: &'static str) -> Self {
        Self::new(400, code, "The request is not valid")
    }

    /// 400 `request.invalid` that names one wrong field.
    pub fn invalid_field(
        pointer: impl Into<String>,
        code: impl Into<Cow<'static, str>>,
        detail: impl Into<String>,
    ) -> Self {
        Self::bad_request("request.invalid").field(pointer, code, detail)
    }

    /// 401 `auth.required`: nobody is signed in.
    pub const fn unauthenticated() -> Self {
        Self::new(401, "auth.required", "Sign in first")
    }

    /// 403: the caller may not do this.
    pub const fn forbidden(code: &'static str) -> Self {
        Self::new(403, code, "You may not do this")
    }

    /// 404: it does not exist, or not for this caller.
    pub const fn not_found(code: &'static str) -> Self {
        Self::new(404, code, "There is no such thing, or not for you")
    }

    /// 409: the present state does not allow it.
    pub const fn conflict(code: &'static str) -> Self {
        Self::new(409, code, "The present state does not allow this")
    }

    /// 503: nothing was written; ask again.
    pub const fn unavailable(code: &'static str) -> Self {
        Self::new(503, code, "The service cannot do this now").retry_after(1)
    }

    /// 500: a fault of the program. It says nothing of the cause; the log does.
    pub const fn internal() -> Self {
        Self::new(500, "internal", "Something went wrong on our side")
    }

    /// The body: JSON of [`PROBLEM_JSON`].
    pub fn to_json(&self, instance: Option<&str>, request_id: Option<&str>) -> Vec<u8> {
        let encoded = Encoded {
            r#type: format!("urn:bartab:problem:{}", self.code),
            title: self.title,
            status: self.status,
            detail: self.detail.as_deref(),
            instance,
            code: self.code,
            request_id,
            errors: &self.errors,
            limit: self.quota.map(|quota| quota.limit),
            used: self.quota.map(|quota| quota.used),
        };
        // Strings and numbers always encode.
        serde_json::to_vec(&encoded).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_has_the_members_of_rfc_9457_and_ours() {
        let problem = Problem::invalid_field("/text", "too_long", "at most 16384 bytes").detail("one field is wrong");
        let json: serde_json::Value = serde_json::from_slice(&problem.to_json(Some("/v1/rooms"), Some("r1"))).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "type": "urn:bartab:problem:request.invalid", "title": "The request is not valid", "status": 400,
                "detail": "one field is wrong", "instance": "/v1/rooms", "code": "request.invalid",
                "request_id": "r1",
                "errors": [{"pointer": "/text", "code": "too_long", "detail": "at most 16384 bytes"}],
            })
        );
    }
}
