//! The body of a request on its way in: no larger and no slower than the configuration allows.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, header};
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
    /// Whether the time begins anew with each piece: for what is large, and comes as fast as it can.
    pub(crate) per_piece: bool,
}

/// A request's body that ends with an error when it grows too large or takes too long.
///
/// Past the limit the error is `http_body_util::LengthLimitError`, which the services' extractors answer 413.
pub(crate) type Inbound<B> = Limited<Timed<Source<B>>>;

impl Bounds {
    /// What the body of an upload may be: the media service knows how large, and refuses it in its own words.
    ///
    /// It also knows how long one may stand still; `timeout` is for what it does not read.
    pub(crate) const fn of_upload(self, timeout: Duration) -> Self {
        Self { max_bytes: u64::MAX, per_piece: true, timeout }
    }

    /// Whether the headers announce a body that is too large.
    pub(crate) fn announced_too_large(self, headers: &HeaderMap) -> bool {
        let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
        length.and_then(|length| length.parse::<u64>().ok()).is_some_and(|length| length > self.max_bytes)
    }

    pub(crate) fn apply<B>(self, request: Request<B>) -> Request<Inbound<B>>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        // Who waits for `100 Continue` sends nothing before the body is asked for.
        let asked = !request.headers().contains_key(header::EXPECT);
        request.map(|body| {
            // An upload may be refused with much of it still to come.
            let body = if self.per_piece {
                Source::Drained { body: Drained { body: Some(Box::pin(body)), asked } }
            } else {
                Source::Plain { body }
            };
            self.limited(body)
        })
    }

    fn limited<B>(self, body: B) -> Limited<Timed<B>> {
        let limit = usize::try_from(self.max_bytes).unwrap_or(usize::MAX);
        Limited::new(Timed { body, bounds: self, deadline: None }, limit)
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
    /// Where a body comes from.
    #[project = SourceProjection]
    pub(crate) enum Source<B>
    where
        B: Body<Data = Bytes>,
        B: Send,
        B: 'static,
        B::Error: Into<BoxError>,
    {
        Plain { #[pin] body: B },
        Drained { body: Drained<B> },
    }
}

/// A body whose rest is read and thrown away when nobody wants it any more.
pub(crate) struct Drained<B>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    body: Option<Pin<Box<B>>>,
    /// Whether the client sends it.
    asked: bool,
}

impl<B> Drop for Drained<B>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    fn drop(&mut self) {
        if let Some(body) = self.body.take().filter(|_| self.asked) {
            drain(body);
        }
    }
}

impl<B> Body for Source<B>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match self.project() {
            SourceProjection::Plain { body } => body.poll_frame(cx),
            SourceProjection::Drained { body: Drained { body: Some(body), asked } } => {
                *asked = true;
                body.as_mut().poll_frame(cx)
            }
            SourceProjection::Drained { .. } => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Plain { body } => body.is_end_stream(),
            Self::Drained { body } => body.body.as_ref().is_none_or(|body| body.is_end_stream()),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Plain { body } => body.size_hint(),
            Self::Drained { body } => body.body.as_ref().map_or_else(SizeHint::default, |body| body.size_hint()),
        }
    }
}

pin_project! {
    /// A body that must have come within a time, whole or piece by piece.
    pub(crate) struct Timed<B> {
        #[pin]
        body: B,
        bounds: Bounds,
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
            if this.bounds.per_piece {
                *this.deadline = None;
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let deadline = this.deadline.get_or_insert_with(|| Box::pin(tokio::time::sleep(this.bounds.timeout)));
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
    use futures_util::StreamExt as _;
    use http_body_util::{Full, LengthLimitError, StreamBody};

    fn bounds() -> Bounds {
        Bounds { max_bytes: 4, timeout: Duration::from_secs(30), per_piece: false }
    }

    #[tokio::test]
    async fn a_body_past_the_limit_ends_with_the_error_that_extractors_know() {
        let body = |text: &'static str| bounds().limited(Full::new(Bytes::from_static(text.as_bytes())));
        assert_eq!(body("four").collect().await.unwrap().to_bytes(), "four");
        assert!(body("fives").collect().await.unwrap_err().is::<LengthLimitError>());
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_never_ends_is_cut() {
        let never = futures_util::stream::pending::<Result<Frame<Bytes>, BoxError>>();
        let error = bounds().limited(StreamBody::new(never)).collect().await.unwrap_err();
        assert!(error.is::<TooSlow>());
    }

    #[tokio::test(start_paused = true)]
    async fn an_upload_may_take_long_but_not_stand_still() {
        let slow = |pieces: u64, pause: u64| {
            let pieces = futures_util::stream::iter(0..pieces).then(move |_| async move {
                tokio::time::sleep(Duration::from_secs(pause)).await;
                Ok::<_, BoxError>(Frame::data(Bytes::from_static(b"large")))
            });
            bounds().of_upload(Duration::from_secs(30)).limited(StreamBody::new(Box::pin(pieces)))
        };
        assert_eq!(slow(100, 29).collect().await.unwrap().to_bytes().len(), 500);
        assert!(slow(2, 31).collect().await.unwrap_err().is::<TooSlow>());
    }

    #[tokio::test]
    async fn what_is_left_of_a_refused_upload_is_read() {
        for (expects, read) in [(false, 3), (true, 0)] {
            let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
            let pieces = futures_util::stream::iter(0..3).map(move |piece| {
                sender.send(piece).unwrap();
                Ok::<_, BoxError>(Frame::data(Bytes::from_static(b"more")))
            });
            let mut request = Request::new(StreamBody::new(pieces));
            if expects {
                request.headers_mut().insert(header::EXPECT, "100-continue".parse().unwrap());
            }
            drop(bounds().of_upload(Duration::from_secs(30)).apply(request));
            // It ends when the body is dropped, read or not.
            let mut found = 0;
            while receiver.recv().await.is_some() {
                found += 1;
            }
            assert_eq!(found, read);
        }
    }

    #[test]
    fn the_announced_length_is_believed_when_it_is_too_large() {
        let headers = |length: &str| HeaderMap::from_iter([(header::CONTENT_LENGTH, length.parse().unwrap())]);
        assert!(bounds().announced_too_large(&headers("5")));
        assert!(!bounds().announced_too_large(&headers("4")));
        assert!(!bounds().announced_too_large(&HeaderMap::new()));
    }
}
