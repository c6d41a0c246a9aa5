//! Readers that follow by `/v1/sync`, and pages of history.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use crate::Outcome;
use crate::client::Account;
use crate::seen::{PageJson, Seen, SyncJson};

/// How long a reader may stay behind once everything is said.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a reader waits for what must not come: a message too many.
const AFTERWARDS_MS: u64 = 500;

/// What a reader has seen, and when the last message came.
#[derive(Debug)]
pub(crate) struct Followed {
    pub(crate) messages: Vec<Seen>,
    pub(crate) at: Instant,
}

/// Follows from `since` until as many messages were seen as `said` tells, and a moment longer.
///
/// `said` holds nothing while people still speak.
pub(crate) async fn follow(
    reader: Arc<Account>,
    room: String,
    mut since: String,
    mut said: watch::Receiver<Option<usize>>,
) -> Outcome<Followed> {
    let mut messages = Vec::new();
    let mut at = Instant::now();
    let path = format!("/v1/sync?rooms={room}&types=message.created");
    loop {
        let all = *said.borrow();
        if all.is_some_and(|all| messages.len() >= all) {
            break;
        }
        let poll = format!("{path}&timeout=25000&since={since}");
        let answer: SyncJson = tokio::select! {
            answer = reader.get(&poll) => answer?,
            // Everything is said: maybe this reader has it all already.
            _ = said.changed(), if all.is_none() => continue,
            () = tokio::time::sleep(PATIENCE), if all.is_some() => break,
        };
        since = take(answer, &mut messages)?;
        at = Instant::now();
    }
    let poll = format!("{path}&timeout={AFTERWARDS_MS}&since={since}");
    take(timeout(PATIENCE, reader.get(&poll)).await??, &mut messages)?;
    Ok(Followed { messages, at })
}

fn take(answer: SyncJson, messages: &mut Vec<Seen>) -> Outcome<String> {
    if answer.reset {
        return Err("the server says that the token is of another history".into());
    }
    messages.extend(answer.events.into_iter().map(Seen::from));
    Ok(answer.next)
}

/// Which way history is walked.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Way {
    /// Oldest first.
    Forward,
    /// Newest first.
    Backward,
}

/// Walks the whole history of a room page by page, and gives it oldest first, each message with the sender's name.
pub(crate) async fn history(reader: &Account, room: &str, way: Way, limit: usize) -> Outcome<Vec<(Seen, String)>> {
    let dir = match way {
        Way::Forward => 'f',
        Way::Backward => 'b',
    };
    let first = format!("/v1/rooms/{room}/messages?dir={dir}&limit={limit}");
    let mut path = first.clone();
    let mut walked = Vec::new();
    loop {
        let page: PageJson = reader.get(&path).await?;
        for message in page.items {
            let name = page.users.get(&message.sender).map(|user| user.display_name.clone()).unwrap_or_default();
            walked.push((message.into(), name));
        }
        match page.end {
            Some(end) if page.has_more => path = format!("{first}&from={end}"),
            _ => break,
        }
    }
    if matches!(way, Way::Backward) {
        walked.reverse();
    }
    Ok(walked)
}
