//! Posts the messages as their speakers.

use std::sync::Arc;

use indicatif::ProgressBar;
use serde_json::json;
use tokio::sync::{Semaphore, SetOnce};
use tokio::task::JoinSet;

use crate::Outcome;
use crate::client::Account;
use crate::posts::Post;
use crate::seen::{EventJson, Seen};

/// Requests under way at once, when everybody speaks at once.
const AT_ONCE: usize = 64;
/// Every so many messages are sent twice under one key: they are there once all the same.
const TWICE_EVERY: usize = 25;

/// What is said, where and by whom.
#[derive(Debug)]
pub(crate) struct Conversation {
    pub(crate) room: String,
    pub(crate) posts: Vec<Post>,
    /// As the log's speakers.
    pub(crate) people: Vec<Account>,
}

/// Posts everything and gives the answers, in the order of the posts.
///
/// With `concurrent` everybody speaks at once, each in their own order and no answer before what it answers; else one
/// message follows the other as in the file.
pub(crate) async fn speak(talk: &Arc<Conversation>, concurrent: bool, bar: &ProgressBar) -> Outcome<Vec<Seen>> {
    let said: Arc<Vec<SetOnce<Seen>>> = Arc::new(talk.posts.iter().map(|_| SetOnce::new()).collect());
    let permits = Arc::new(Semaphore::new(AT_ONCE));
    // One task for everybody, or one for each; dropped on the first failure, which ends the others.
    let mut tasks = JoinSet::new();
    for speaker in 0..if concurrent { talk.people.len() } else { 1 } {
        let (talk, said, permits, bar) = (Arc::clone(talk), Arc::clone(&said), Arc::clone(&permits), bar.clone());
        tasks.spawn(async move {
            let mine = |index: &usize| !concurrent || talk.posts[*index].speaker == speaker;
            for index in (0..talk.posts.len()).filter(mine) {
                let reply_to = match talk.posts[index].reply_to {
                    Some(earlier) => Some(said[earlier].wait().await.event_id.clone()),
                    None => None,
                };
                let permit = permits.acquire().await?;
                let seen = post(&talk, index, reply_to).await?;
                drop(permit);
                said[index].set(seen)?;
                bar.inc(1);
            }
            Outcome::Ok(())
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(said.iter().filter_map(|seen| seen.get().cloned()).collect())
}

async fn post(talk: &Conversation, index: usize, reply_to: Option<String>) -> Outcome<Seen> {
    let post = &talk.posts[index];
    let account = &talk.people[post.speaker];
    let path = format!("/v1/rooms/{}/messages", talk.room);
    let key = format!("line-{}", post.nonce);
    let body = json!({"text": post.text, "reply_to": reply_to, "nonce": post.nonce});
    let event: EventJson = account.post(&path, Some(&key), &body).await?;
    if event.nonce.as_deref() != Some(&post.nonce) {
        return Err(format!("line {} was answered with the nonce {:?}", post.nonce, event.nonce).into());
    }
    if index % TWICE_EVERY == TWICE_EVERY - 1 {
        let again: EventJson = account.post(&path, Some(&key), &body).await?;
        if again.event_id != event.event_id {
            let (first, second) = (event.event_id, again.event_id);
            return Err(format!("line {} was written twice: {first} and {second}", post.nonce).into());
        }
    }
    Ok(event.into())
}
