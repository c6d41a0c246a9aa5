//! The bytes of a body, as long as they come.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use bytes::Bytes;
use futures_util::{Stream, TryStreamExt};
use tokio::time::{Instant, Sleep};

use crate::error::MediaError;

/// A body, given up when nothing comes for a while.
#[derive(Debug)]
pub(in crate::service) struct Inbound {
    body: BodyDataStream,
    patience: Duration,
    // Made only when the body is not there yet.
    deadline: Option<Pin<Box<Sleep>>>,
    /// Whether something came since the deadline was set.
    moved: bool,
}

impl Inbound {
    pub(in crate::service) fn new(body: Body, patience: Duration) -> Self {
        Self { body: body.into_data_stream(), patience, deadline: None, moved: false }
    }

    /// Whether nothing comes. If something does, it is lost.
    pub(in crate::service) async fn is_empty(&mut self) -> Result<bool, MediaError> {
        while let Some(bytes) = self.try_next().await? {
            if !bytes.is_empty() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn poll_deadline(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let patience = self.patience;
        let moved = std::mem::take(&mut self.moved);
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        if moved {
            deadline.as_mut().reset(Instant::now() + patience);
        }
        deadline.as_mut().poll(context)
    }
}

impl Stream for Inbound {
    type Item = Result<Bytes, MediaError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match Pin::new(&mut self.body).poll_next(context) {
            Poll::Ready(Some(Ok(bytes))) => {
                self.moved |= !bytes.is_empty();
                Poll::Ready(Some(Ok(bytes)))
            }
            Poll::Ready(Some(Err(_))) => Poll::Ready(Some(Err(MediaError::Incomplete))),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => self.poll_deadline(context).map(|()| Some(Err(MediaError::Stalled))),
        }
    }
}
