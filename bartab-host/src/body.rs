//! The body of every answer of the host.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::registry::InUse;
use crate::tenant::Tenant;

pin_project! {
    /// The body of an answer: the host's own bytes, or what a tenant's service gives.
    ///
    /// It holds its tenant open until it has been sent or the client is gone.
    pub struct Body {
        #[pin]
        kind: Kind,
        tenant: Option<InUse<Tenant>>,
    }
}

pin_project! {
    #[project = KindProjection]
    enum Kind {
        Full { bytes: Option<Bytes> },
        Auth { #[pin] body: bartab_auth::Body },
        Chat { #[pin] body: bartab_chat::Body },
        Media { #[pin] body: bartab_media::Body },
    }
}

/// Why the rest of a body could not be given.
pub type BodyError = Box<dyn std::error::Error + Send + Sync>;

impl Body {
    /// All of the body.
    pub fn full(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self::of(Kind::Full { bytes: (!bytes.is_empty()).then_some(bytes) })
    }

    /// No body.
    pub fn empty() -> Self {
        Self::of(Kind::Full { bytes: None })
    }

    fn of(kind: Kind) -> Self {
        Self { kind, tenant: None }
    }

    /// The body, which now holds the tenant open until its end.
    pub(crate) fn holding(mut self, tenant: InUse<Tenant>) -> Self {
        self.tenant = Some(tenant);
        self
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::full(bytes)
    }
}

impl From<bartab_auth::Body> for Body {
    fn from(body: bartab_auth::Body) -> Self {
        Self::of(Kind::Auth { body })
    }
}

impl From<bartab_chat::Body> for Body {
    fn from(body: bartab_chat::Body) -> Self {
        Self::of(Kind::Chat { body })
    }
}

impl From<bartab_media::Body> for Body {
    fn from(body: bartab_media::Body) -> Self {
        Self::of(Kind::Media { body })
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.project().kind.project() {
            KindProjection::Full { bytes } => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            KindProjection::Auth { body } => body.poll_frame(cx).map_err(Into::into),
            KindProjection::Chat { body } => body.poll_frame(cx).map_err(Into::into),
            KindProjection::Media { body } => body.poll_frame(cx).map_err(Into::into),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Full { bytes } => bytes.is_none(),
            Kind::Auth { body } => body.is_end_stream(),
            Kind::Chat { body } => body.is_end_stream(),
            Kind::Media { body } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Full { bytes } => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Kind::Auth { body } => body.size_hint(),
            Kind::Chat { body } => body.size_hint(),
            Kind::Media { body } => body.size_hint(),
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").field("size", &self.size_hint()).finish_non_exhaustive()
    }
}
