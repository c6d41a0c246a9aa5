//! `/admin/v1/tenants/{tenant}/media/…`: what the operator does with a tenant's files.

use bartab_core::Problem;
use bartab_core::http::parse_json;
use bartab_media::{CheckOptions, Media, MediaError};
use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::BodyExt;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::body::Body;
use crate::inbound::Inbound;
use crate::probes::json_answer;
use crate::registry::Chain;
use crate::stack::problem;

/// The body of `POST …/media/check`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Check {
    /// Whether what can be repaired is.
    repair: bool,
    /// Whether all bytes are read and their hashes compared.
    contents: bool,
}

/// Answers `what`, which is below the tenant's `media/`. `alone`: nobody but this command uses the media.
pub(super) async fn answer<B>(media: &Media, what: &str, alone: bool, request: Request<Inbound<B>>) -> Response<Body>
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (parts, body) = request.into_parts();
    let answer = match (&parts.method, what) {
        (&Method::GET, "usage") => usage(media).await,
        (&Method::POST, "check") => match body.collect().await {
            Ok(body) => check(media, alone, &body.to_bytes()).await,
            Err(_) => Err(Problem::bad_request("request.incomplete")),
        },
        (_, "usage" | "check") => Err(Problem::new(405, "route.method_not_allowed", "This path has no such method")),
        _ => Err(Problem::not_found("route.not_found")),
    };
    match answer {
        Ok(value) => json_answer(&value),
        Err(refused) => problem(&refused, &parts),
    }
}

/// What the tenant's files take.
async fn usage(media: &Media) -> Result<Value, Problem> {
    let usage = media.tenant_usage().await.map_err(|error| failed(&error))?;
    Ok(json!({
        "files": usage.files,
        "bytes": usage.bytes,
        "uploads": usage.uploads,
        "reserved": usage.reserved,
        "limit": media.config().tenant_bytes,
    }))
}

/// Compares records with bytes. It takes as long as there are files; whoever asks waits.
async fn check(media: &Media, alone: bool, body: &[u8]) -> Result<Value, Problem> {
    let Check { repair, contents } = parse_json(body)?;
    let options = CheckOptions { repair, hashes: contents, offline: alone };
    let told = |report: &bartab_media::CheckReport| {
        tracing::info!(files = report.files, names = report.names, "the check goes on");
    };
    let report = media.check(options, told).await.map_err(|error| failed(&error))?;
    let mut answer = serde_json::to_value(&report).map_err(|_| Problem::internal())?;
    answer["sound"] = json!(report.is_sound());
    Ok(answer)
}

/// The operator is told why.
fn failed(error: &MediaError) -> Problem {
    error.to_problem().detail(Chain(error).to_string())
}
