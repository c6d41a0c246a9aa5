//! The body of a request on its way in: no larger and no slower than the configuration allows.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Limited};
use pin_project_lite::pin_project;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The most that is read of a body that nobody wants, and for how long.
const DRAINED_BYTES: u64 = 16 * 1024 * 1024;
const DRAINED_FOR: Duration = Duration::from_secs(10);

/// What the body of a request may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) max_bytes: u64,
    pub(crate) timeout: Duration,
}

/// A request's body that ends with an error when it grows too large or takes too long.
///
/// Past the limit the error is `http_body_util::LengthLimitError`, which the services' extractors answer 413.
pub(crate) type Inbound<B> = Limited<Timed<B>>;

impl Bounds {
    /// Whether the headers announce a body that is too large.
    pub(crate) fn announced_too_large(self, headers: &HeaderMap) -> bool {
        let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
        length.and_then(|length| length.parse::<u64>().ok()).is_some_and(|length| length > self.max_bytes)
    }

    pub(crate) fn apply<B>(self, body: B) -> Inbound<B> {
        let limit = usize::try_from(self.max_bytes).unwrap_or(usize::MAX);
        Limited::new(Timed { body, timeout: self.timeout, deadline: None }, limit)
    }
}

/// Reads what is left of a body and throws it away, in the background and within bounds.
///
/// A client that is still sending would otherwise see its connection reset and might never read the answer that says
/// why.
pub(crate) fn drain<B>(body: B)
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    if body.is_end_stream() {
        return;
    }
    tokio::spawn(tokio::time::timeout(DRAINED_FOR, async move {
        let mut body = std::pin::pin!(body);
        let mut read = 0;
        while let Some(Ok(frame)) = body.as_mut().frame().await {
            read += frame.data_ref().map_or(0, |data| data.len() as u64);
            if read > DRAINED_BYTES {
                break;
            }
        }
    }));
}

pin_project! {
    /// A body that must have come whole within a time.
    pub(crate) struct Timed<B> {
        #[pin]
        body: B,
        timeout: Duration,
        // Made only when the body is not there yet: most are, and then no timer is needed.
        deadline: Option<Pin<Box<tokio::time::Sleep>>>,
    }
}

/// The client took too long to send the body.
#[derive(Debug)]
pub(crate) struct TooSlow;

impl fmt::Display for TooSlow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the body did not come in time")
    }
}

impl std::error::Error for TooSlow {}

impl<B> Body for Timed<B>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.project();
        if let Poll::Ready(frame) = this.body.poll_frame(cx) {
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let deadline = this.deadline.get_or_insert_with(|| Box::pin(tokio::time::sleep(*this.timeout)));
        ready!(deadline.as_mut().poll(cx));
        Poll::Ready(Some(Err(TooSlow.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::{Full, LengthLimitError, StreamBody};

    fn bounds() -> Bounds {
        Bounds { max_bytes: 4, timeout: Duration::from_secs(30) }
    }

    #[tokio::test]
    async fn a_body_past_the_limit_ends_with_the_error_that_extractors_know() {
        let body = |text: &'static str| bounds().apply(Full::new(Bytes::from_static(text.as_bytes())));
        assert_eq!(body("four").collect().await.unwrap().to_bytes(), "four");
        assert!(body("fives").collect().await.unwrap_err().is::<LengthLimitError>());
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_never_ends_is_cut() {
        let never = futures_util::stream::pending::<Result<Frame<Bytes>, BoxError>>();
        let error = bounds().apply(StreamBody::new(never)).collect().await.unwrap_err();
        assert!(error.is::<TooSlow>());
    }

    #[test]
    fn the_announced_length_is_believed_when_it_is_too_large() {
        let headers = |length: &str| HeaderMap::from_iter([(header::CONTENT_LENGTH, length.parse().unwrap())]);
        assert!(bounds().announced_too_large(&headers("5")));
        assert!(!bounds().announced_too_large(&headers("4")));
        assert!(!bounds().announced_too_large(&HeaderMap::new()));
    }
}
