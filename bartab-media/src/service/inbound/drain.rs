//! What is left of a body that nobody wants.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::TryStreamExt;
use http::{HeaderMap, header};
use http_body::{Frame, SizeHint};
use tokio::runtime::Handle;

/// The most that is read of a body that nobody wants, and for how long.
const DRAINED_BYTES: u64 = 16 << 20;
const DRAINED_FOR: Duration = Duration::from_secs(10);

/// A body whose rest is read and thrown away when it is dropped, in the background and within bounds.
///
/// A client that is still sending would otherwise see its connection reset, and might never read the answer that says
/// why it was refused.
#[derive(Debug)]
pub(in crate::service) struct Drained {
    body: Body,
    /// Whether the client sends it: who waits to be asked for it and never was sends nothing.
    coming: bool,
}

impl Drained {
    pub(in crate::service) fn new(headers: &HeaderMap, body: Body) -> Self {
        let coming = !http_body::Body::is_end_stream(&body) && !headers.contains_key(header::EXPECT);
        Self { body, coming }
    }
}

impl http_body::Body for Drained {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        self.coming = !matches!(frame, Poll::Ready(None | Some(Err(_)))) && !self.body.is_end_stream();
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Drained {
    fn drop(&mut self) {
        if !self.coming {
            return;
        }
        let mut body = std::mem::take(&mut self.body).into_data_stream();
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(tokio::time::timeout(DRAINED_FOR, async move {
                let mut read = 0;
                while let Ok(Some(bytes)) = body.try_next().await {
                    read += bytes.len() as u64;
                    if read > DRAINED_BYTES {
                        break;
                    }
                }
            }));
        }
    }
}
