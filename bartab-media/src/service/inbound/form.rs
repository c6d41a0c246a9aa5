//! `multipart/form-data` with one file (RFC 7578), as it comes.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use http::{HeaderMap, header};
use multer::{Field, Multipart};

use super::disposition::Disposition;
use crate::error::MediaError;
use crate::upload::NewUpload;

/// What a form may have beside the content of its file between two of its parts: their headers, other fields, the rest.
const BESIDE: usize = 64 << 10;
/// The most that is taken in at a time.
const PIECE: usize = 32 << 10;
/// The longest value of a field.
const VALUE: usize = 4 << 10;
/// What RFC 2046 allows.
const BOUNDARY: usize = 70;

fn invalid(detail: &'static str) -> MediaError {
    MediaError::invalid("multipart/form-data", "invalid", detail)
}

/// The boundary, when the body says that it is a form.
pub(in crate::service) fn boundary(headers: &HeaderMap) -> Result<Option<String>, MediaError> {
    let Some(kind) = headers.get(header::CONTENT_TYPE).map(|kind| kind.as_bytes()) else { return Ok(None) };
    let essence = kind.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    if !essence.eq_ignore_ascii_case(b"multipart/form-data") {
        return Ok(None);
    }
    let wrong = || MediaError::invalid("Content-Type", "invalid", "`multipart/form-data` has a boundary");
    let kind = std::str::from_utf8(kind).map_err(|_| wrong())?;
    let boundary = multer::parse_boundary(kind).map_err(|_| wrong())?;
    if (1..=BOUNDARY).contains(&boundary.len()) { Ok(Some(boundary)) } else { Err(wrong()) }
}

/// A form that was read up to its file.
pub(in crate::service) struct Form<'a> {
    body: Metered<'a>,
    parts: Multipart<'a>,
    file: Field<'a>,
}

impl<'a> Form<'a> {
    /// Reads what stands before the file. What `new` says already is not said by the form.
    pub(in crate::service) async fn open(
        body: impl Stream<Item = Result<Bytes, MediaError>> + Send + 'a,
        boundary: String,
        mut new: NewUpload,
        mut public: Option<bool>,
    ) -> Result<(NewUpload, Self), MediaError> {
        let body = Metered::new(body.boxed());
        let mut parts = Multipart::new(body.clone(), boundary);
        let (mut named, mut shared) = (false, false);
        loop {
            body.allow();
            let field = parts.next_field().await.map_err(form_error)?;
            let Some(field) = field else { return Err(invalid("the form has no `file`")) };
            let Disposition { name, filename } = disposition(&field)?;
            match name.as_str() {
                "file" => {
                    new.filename = new.filename.or(filename);
                    new.public = public.unwrap_or_default();
                    return Ok((new, Self { body, parts, file: field }));
                }
                "public" if !std::mem::replace(&mut shared, true) => {
                    let value = match text(field).await?.as_str() {
                        "true" => true,
                        "false" => false,
                        _ => return Err(MediaError::invalid("public", "invalid", "`true` or `false`")),
                    };
                    public = public.or(Some(value));
                }
                "filename" if !std::mem::replace(&mut named, true) => {
                    let value = text(field).await?;
                    new.filename = new.filename.or(Some(value));
                }
                "public" | "filename" => return Err(invalid("a field comes once")),
                _ => return Err(invalid("known fields are `public`, `filename` and, after them, `file`")),
            }
        }
    }

    /// The content of the file. It ends well only where the body does, and nothing follows the file.
    pub(in crate::service) fn content(self) -> impl Stream<Item = Result<Bytes, MediaError>> + Send + 'a {
        let Self { body, parts, file } = self;
        stream::try_unfold((body, parts, Some(file)), async |(mut body, mut parts, mut file)| {
            body.allow();
            if let Some(content) = &mut file
                && let Some(bytes) = content.try_next().await.map_err(form_error)?
            {
                return Ok(Some((bytes, (body, parts, file))));
            }
            drop(file);
            if let Some(field) = parts.next_field().await.map_err(form_error)? {
                let again = disposition(&field)?.name == "file";
                return Err(invalid(if again { "the form has one `file`" } else { "nothing follows the `file`" }));
            }
            // To its end: a digest is of all of it.
            while body.try_next().await?.is_some() {}
            Ok(None)
        })
    }
}

fn disposition(field: &Field<'_>) -> Result<Disposition, MediaError> {
    let said = field.headers().get(header::CONTENT_DISPOSITION);
    let said = said.and_then(|said| Disposition::parse(std::str::from_utf8(said.as_bytes()).ok()?));
    said.ok_or_else(|| invalid("each part has a `Content-Disposition: form-data` with a name"))
}

async fn text(mut field: Field<'_>) -> Result<String, MediaError> {
    let mut value = Vec::new();
    while let Some(bytes) = field.try_next().await.map_err(form_error)? {
        value.extend_from_slice(&bytes);
        if value.len() > VALUE {
            return Err(invalid("the value of a field is too long"));
        }
    }
    String::from_utf8(value).map_err(|_| invalid("the value of a field is no UTF-8"))
}

fn form_error(error: multer::Error) -> MediaError {
    match error {
        multer::Error::StreamReadFailed(cause) => match cause.downcast::<MediaError>() {
            Ok(error) => *error,
            Err(_) => MediaError::Incomplete,
        },
        multer::Error::IncompleteFieldData { .. }
        | multer::Error::IncompleteHeaders
        | multer::Error::IncompleteStream => invalid("the form ends before its last boundary"),
        _ => invalid("the headers of a part cannot be read"),
    }
}

/// A body as `multer` may have it: that one reads all that is there into memory, and looks for a boundary or for the end
/// of headers in any amount.
#[derive(Clone)]
struct Metered<'a>(Arc<Mutex<Meter<'a>>>);

struct Meter<'a> {
    body: BoxStream<'a, Result<Bytes, MediaError>>,
    /// Came, and was not taken yet.
    rest: Bytes,
    allowed: usize,
    /// Whether a piece was just taken: what it was for is looked at before the next.
    taken: bool,
}

impl<'a> Metered<'a> {
    fn new(body: BoxStream<'a, Result<Bytes, MediaError>>) -> Self {
        Self(Arc::new(Mutex::new(Meter { body, rest: Bytes::new(), allowed: 0, taken: false })))
    }

    /// Lets more be taken.
    fn allow(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).allowed = BESIDE;
    }
}

impl Stream for Metered<'_> {
    type Item = Result<Bytes, MediaError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut meter = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::take(&mut meter.taken) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if meter.rest.is_empty() {
            match ready!(meter.body.poll_next_unpin(context)) {
                Some(Ok(bytes)) => meter.rest = bytes,
                end => return Poll::Ready(end),
            }
        }
        let length = meter.rest.len().min(PIECE);
        let Some(allowed) = meter.allowed.checked_sub(length) else {
            return Poll::Ready(Some(Err(invalid("there is too much beside the file"))));
        };
        meter.allowed = allowed;
        meter.taken = true;
        Poll::Ready(Some(Ok(meter.rest.split_to(length))))
    }
}
