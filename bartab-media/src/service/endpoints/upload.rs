//! `POST /v1/media?public=&filename=`

use axum::extract::Request;
use bartab_core::MediaId;
use bartab_core::store::MediaRecord;
use http::{StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;

use crate::digest::checked;
use crate::service::inbound::{Form, Inbound, boundary, content_digest};
use crate::service::openapi::WriteProblems;
use crate::service::request::{Answer, Base, Caller, Query, json_of};
use crate::service::tus;
use crate::sniff::Kind;
use crate::upload::NewUpload;

/// A stored file.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::service) struct Stored {
    /// Its id.
    #[schema(value_type = String, example = "media_01jd7v3k5n8q2r4t6w8y0a2c4e")]
    media_id: MediaId,
    /// Where its bytes are.
    url: String,
    /// Where its thumbnails are; of a picture that has some.
    thumbnail_url: Option<String>,
    /// SHA-256 of the stored bytes, in hexadecimal.
    #[schema(min_length = 64, max_length = 64)]
    sha256: String,
    /// How many bytes are stored.
    size: u64,
    /// What sort of file it is, found from its bytes.
    #[schema(example = "image/jpeg")]
    mime: String,
    /// The width in pixels as it is shown, of a picture.
    width: Option<u32>,
    /// The height in pixels as it is shown, of a picture.
    height: Option<u32>,
    /// A blurred impression, of a picture: see <https://blurha.sh>.
    blurhash: Option<String>,
    /// Whether everybody may read it.
    public: bool,
}

impl Stored {
    pub(in crate::service) fn new(record: MediaRecord, base: &Base) -> Self {
        let path = format!("/v1/media/{}", record.media_id);
        let has_thumbnail = Kind::from_mime(&record.mime).has_thumbnail();
        Self {
            thumbnail_url: has_thumbnail.then(|| base.url(&format!("{path}/thumbnail"))),
            url: base.url(&path),
            media_id: record.media_id,
            sha256: record.blob.sha256.iter().map(|byte| format!("{byte:02x}")).collect(),
            size: record.size,
            mime: record.mime,
            width: record.width,
            height: record.height,
            blurhash: record.blurhash,
            public: record.blob.public,
        }
    }
}

/// A form with one file.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a description, never a value")]
pub(in crate::service) struct FileForm {
    /// Whether everybody may read it, unless the query says so; before the file.
    public: Option<bool>,
    /// What it is called, unless the query says so; before the file.
    filename: Option<String>,
    /// Its bytes, under its name.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
}

/// Upload a file: its bytes as they are, or one `file` of `multipart/form-data`.
#[utoipa::path(
    post, path = "/v1/media", tag = "media", operation_id = "upload_media",
    params(
        ("public" = Option<bool>, Query, description = "Whether everybody may read it, also without an account"),
        ("filename" = Option<String>, Query, description = "What it is called"),
        ("Content-Digest" = Option<String>, Header, description = "RFC 9530; checked against what is received"),
    ),
    request_body(content(("application/octet-stream"), (FileForm = "multipart/form-data"))),
    responses((status = 201, description = "The file", body = Stored), WriteProblems),
    security(("bearer" = [])),
)]
pub(in crate::service) async fn handle(caller: Caller, base: Base, query: Query, request: Request) -> Answer {
    query.only(&["public", "filename"])?;
    let (parts, body) = request.into_parts();
    let Caller { media, actor } = caller;
    let body = Inbound::new(body, media.config().idle_time());
    let public = query.get("public")?;
    let filename = query.text("filename").map(str::to_owned);
    let length = tus::number(&parts.headers, &header::CONTENT_LENGTH, "Content-Length")?;
    let new = NewUpload { filename, public: public.unwrap_or(false), length };
    let body = checked(body, content_digest(&parts.headers)?);
    let record = match boundary(&parts.headers)? {
        None => media.upload(&actor, new, body).await?,
        Some(boundary) => {
            // How long the file is, is not known before its end.
            let new = NewUpload { length: None, ..new };
            media.may_upload(&actor, &new)?;
            let (new, form) = Form::open(body, boundary, new, public).await?;
            media.upload(&actor, new, form.content()).await?
        }
    };
    json_of(StatusCode::CREATED, &Stored::new(record, &base))
}
