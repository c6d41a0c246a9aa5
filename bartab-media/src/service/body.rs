//! The body of an answer.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

/// Any error.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The body of an answer; what is inside is not part of the interface.
#[derive(Debug)]
pub struct Body(axum::body::Body);

impl Body {
    pub(super) const fn new(body: axum::body::Body) -> Self {
        Self(body)
    }
}

impl From<Bytes> for Body {
    /// So that a layer in front can answer in the service's place.
    fn from(bytes: Bytes) -> Self {
        Self(axum::body::Body::from(bytes))
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Pin::new(&mut self.0).poll_frame(context).map_err(Into::into)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}
