//! `text/event-stream`: the same answers, one a frame, for clients that stay.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::response::Response;
use bytes::Bytes;
use futures_core::Stream;
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};

use crate::chat::SyncStream;
use crate::error::ChatError;

type Next = (SyncStream, Result<Option<(String, Bytes, bool)>, ChatError>);

/// Frames of one reader. An error ends the stream; the client resumes from its last token.
struct Frames {
    next: Pin<Box<dyn Future<Output = Next> + Send>>,
}

async fn advance(mut stream: SyncStream) -> Next {
    let answer = stream.next().await;
    (stream, answer)
}

impl Stream for Frames {
    type Item = Result<Bytes, ChatError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let (stream, answer) = ready!(self.next.as_mut().poll(context));
        self.next = Box::pin(advance(stream));
        Poll::Ready(match answer {
            Ok(Some((token, json, empty))) => Some(Ok(frame(&token, &json, empty))),
            Ok(None) => None,
            Err(error) => Some(Err(error)),
        })
    }
}

/// A frame; an answer that says nothing becomes a comment, which keeps proxies from closing the connection.
fn frame(token: &str, json: &[u8], empty: bool) -> Bytes {
    if empty {
        return Bytes::from_static(b": still here\n\n");
    }
    let mut frame = Vec::with_capacity(json.len() + token.len() + 16);
    frame.extend_from_slice(b"id: ");
    frame.extend_from_slice(token.as_bytes());
    frame.extend_from_slice(b"\ndata: ");
    // One `data` line carries it: a line break in JSON text stands between values, in the content of a custom event,
    // where a space says the same.
    frame.extend(json.iter().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte }));
    frame.extend_from_slice(b"\n\n");
    frame.into()
}

/// The answer that stays open.
pub(super) fn answer(stream: SyncStream) -> Response {
    let frames = Frames { next: Box::pin(advance(stream)) };
    let mut response = Response::new(axum::body::Body::from_stream(frames));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Proxies that buffer would hold events back.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}
