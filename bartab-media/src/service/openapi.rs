//! The OpenAPI document of this service, made from the code that serves it.

mod problems;

use std::sync::LazyLock;

use serde_json::Value;
use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};

use super::endpoints::uploads::{append, cancel, create, options, progress};
use super::endpoints::{delete, download, list, quarantine, restore, sign, thumbnail, upload, usage};

pub(super) use problems::{
    ActProblems, BodyProblems, FindProblems, ListProblems, RangeProblems, SignProblems, ThumbnailProblems,
    UploadProblems, WriteProblems,
};

#[derive(OpenApi)]
#[openapi(
    info(title = "BarTAB media", version = "1"),
    tags((name = "media", description = "Files: uploads, delivery, thumbnails, links")),
    paths(
        upload::handle,
        list::handle,
        usage::handle,
        sign::handle,
        download::handle,
        download::head,
        thumbnail::handle,
        thumbnail::head,
        delete::handle,
        quarantine::handle,
        restore::handle,
        options::handle,
        create::handle,
        progress::handle,
        append::handle,
        cancel::handle,
    ),
    components(schemas(problems::Problem)),
    security(("bearer" = [])),
)]
struct Document;

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let mut document = Document::openapi();
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
    document.components.get_or_insert_default().add_security_scheme("bearer", SecurityScheme::Http(bearer));
    let mut document = serde_json::to_value(document).unwrap_or_default();
    let paths = document.get_mut("paths").and_then(Value::as_object_mut).into_iter().flat_map(|it| it.values_mut());
    let operations = paths.filter_map(Value::as_object_mut).flat_map(|path| path.values_mut());
    let parameters = operations.filter_map(|it| it.get_mut("parameters")?.as_array_mut()).flatten();
    parameters.filter_map(|parameter| parameter.get_mut("schema")).for_each(never_null);
    document
});

/// A parameter is there or not, but never null.
fn never_null(schema: &mut Value) {
    let is_null = |option: &Value| option == "null" || option["type"] == "null";
    for word in ["type", "oneOf"] {
        let Some(options) = schema.get_mut(word).and_then(Value::as_array_mut) else { continue };
        options.retain(|option| !is_null(option));
        match (options.pop(), options.is_empty()) {
            (Some(only), true) if word == "type" => schema[word] = only,
            (Some(only), true) => *schema = only,
            (Some(last), false) => options.push(last),
            (None, _) => {}
        }
    }
}

/// The OpenAPI 3.1 document of [`MediaService`](crate::MediaService), to be served or merged with others.
pub fn openapi() -> Value {
    DOCUMENT.clone()
}
