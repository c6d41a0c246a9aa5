//! Replays a day of an IRC channel, every line as its speaker, while readers follow; then compares what everyone saw,
//! and the history walked both ways, with the file. Exits non-zero on any difference.
//!
//! ```text
//! cargo run --release --example replay_irc                                   # the excerpt in examples/data
//! cargo run --release --example replay_irc -- DAY.raw.txt                    # and DAY.annotation.txt beside it
//! cargo run --release --example replay_irc -- --concurrent --readers 100     # everybody speaks at once
//! cargo run --release --example replay_irc -- --url http://127.0.0.1:8080    # on a server that runs
//! ```
//!
//! Every line is represented exactly; `posts.rs` says what is done with lines that no chat server takes as they are.
//! Joins, parts and renames are not replayed: everybody is there from the beginning. A line that answers several keeps
//! the link to the latest of them.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use bartab_auth::PasswordConfig;
use bartab_core::{Random as _, SystemRandom};
use bartab_host::dev::{DevOptions, RunningDev};
use clap::Parser;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::Instant;

use client::{Account, Server};
use compare::Differences;
use log::Log;
use read::{Followed, Way, follow, history};
use seen::{Seen, SyncJson};
use speak::{Conversation, speak};

#[path = "replay_irc/client.rs"]
mod client;
#[path = "replay_irc/compare.rs"]
mod compare;
#[path = "replay_irc/log.rs"]
mod log;
#[path = "replay_irc/names.rs"]
mod names;
#[path = "replay_irc/posts.rs"]
mod posts;
#[path = "replay_irc/read.rs"]
mod read;
#[path = "replay_irc/seen.rs"]
mod seen;
#[path = "replay_irc/speak.rs"]
mod speak;

/// What this program ends with.
pub(crate) type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const EXCERPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/ubuntu-2008-04-27.raw.txt");
/// Sign-ups and joins that are under way at once.
const AT_ONCE: usize = 8;
/// Messages in a page of history; no divisor of anything, so that the last page is a short one.
const PAGE: usize = 37;

#[derive(Parser)]
struct Args {
    /// The log; without one the excerpt that comes with the source
    #[arg(default_value = EXCERPT, hide_default_value = true)]
    log: PathBuf,
    /// The annotations; by default `.annotation.txt` instead of the log's `.raw.txt`
    #[arg(long)]
    annotation: Option<PathBuf>,
    /// The base URL of a running server with open registration; without one a server is started for the occasion
    #[arg(long)]
    url: Option<String>,
    /// How many people follow by `/v1/sync`
    #[arg(long, default_value_t = 8)]
    readers: usize,
    /// Everybody speaks at once, each in their own order, instead of one line after the other
    #[arg(long)]
    concurrent: bool,
}

impl Args {
    fn annotation(&self) -> Outcome<PathBuf> {
        if let Some(annotation) = &self.annotation {
            return Ok(annotation.clone());
        }
        let name = self.log.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".raw.txt"));
        let name = name.ok_or("the log is not called `….raw.txt`; say where its annotations are")?;
        Ok(self.log.with_file_name(format!("{name}.annotation.txt")))
    }
}

#[tokio::main]
async fn main() -> Outcome<ExitCode> {
    let args = Args::parse();
    let log = Log::read(&args.log, &args.annotation()?)?;
    let own = if args.url.is_none() { Some(start().await?) } else { None };
    let url = own.as_ref().map(RunningDev::url).or(args.url.as_deref()).unwrap_or_default();

    let differences = replay(&args, &log, Server::new(url)?).await;
    if let Some(server) = own {
        server.shutdown().await;
    }
    let differences = differences?;
    if differences.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("{differences}");
    Ok(ExitCode::FAILURE)
}

/// A server in a temporary folder. Its passwords are hashed as cheaply as may be: nobody has one for long.
async fn start() -> Outcome<RunningDev> {
    let mut options = DevOptions::default();
    options.config.auth.password = PasswordConfig::THROW_AWAY;
    let server = bartab_host::dev::start(options).await?;
    server.seeded().await?;
    Ok(server)
}

async fn replay(args: &Args, log: &Log, server: Server) -> Outcome<Differences> {
    let posts = posts::posts(log, server.message_chars().await?);
    let tag = hex(4);
    let readers: Vec<String> = (0..args.readers).map(|reader| format!("Reader {reader}")).collect();
    let everyone = [&log.speakers[..], &readers].concat();
    let bar = progress(everyone.len(), "signing up")?;
    let mut people = sign_up(&server, &everyone, &tag, &bar).await?;
    bar.finish();
    let readers: Vec<Arc<Account>> = people.split_off(log.speakers.len()).into_iter().map(Arc::new).collect();
    let host = server.register(&format!("host.{tag}"), &hex(16), "Host").await?;

    let room = json!({"name": file_name(&args.log), "visibility": "public"});
    let room: Value = host.post("/v1/rooms", Some("room"), &room).await?;
    let room = room["room_id"].as_str().ok_or("a room has an id")?.to_owned();
    let bar = progress(everyone.len(), "joining")?;
    join(people.iter().chain(readers.iter().map(Arc::as_ref)), &room, &bar).await?;
    bar.finish();

    let (tell, said) = watch::channel(None);
    let mut following = Vec::new();
    for reader in &readers {
        let start: SyncJson = reader.get("/v1/sync").await?;
        following.push(tokio::spawn(follow(Arc::clone(reader), room.clone(), start.next, said.clone())));
    }
    let bar = progress(posts.len(), "talking")?;
    let names: Vec<String> = people.iter().map(|account| account.name.clone()).collect();
    let ids: Vec<String> = people.iter().map(|account| account.user_id.clone()).collect();
    let talk = Arc::new(Conversation { room, posts, people });
    let began = Instant::now();
    let answers = speak(&talk, args.concurrent, &bar).await?;
    let ended = Instant::now();
    bar.finish();
    tell.send_replace(Some(answers.len()));

    let mut differences = Differences::default();
    let expected = compare::expected(&talk.posts, &ids, &answers, args.concurrent, &mut differences);
    differences.compare_lines(log, &talk.posts, &answers.iter().collect::<Vec<_>>());
    let mut last = ended;
    for (reader, following) in following.into_iter().enumerate() {
        let Followed { messages, at } = following.await??;
        differences.compare(&format!("reader {reader}"), &messages, &expected);
        last = last.max(at);
    }
    let walker = readers.first().map_or(&host, Arc::as_ref);
    for way in [Way::Forward, Way::Backward] {
        let walked = history(walker, &talk.room, way, PAGE).await?;
        differences.compare(&format!("history, {way:?}"), walked.iter().map(|(seen, _)| seen), &expected);
        check_names(&walked, &ids, &names, &mut differences);
    }
    report(args, log, &talk, ended - began, last - ended);
    Ok(differences)
}

/// Makes an account for everybody, in their order.
async fn sign_up(server: &Server, names: &[String], tag: &str, bar: &ProgressBar) -> Outcome<Vec<Account>> {
    // One for all, known to nobody: the accounts are of no use after the replay.
    let password = hex(16);
    let usernames = names::usernames(names, tag);
    let accounts = usernames.iter().zip(names).map(async |(username, name)| {
        let account = server.register(username, &password, name).await;
        bar.inc(1);
        account
    });
    stream::iter(accounts).buffered(AT_ONCE).try_collect().await
}

async fn join(people: impl Iterator<Item = &Account>, room: &str, bar: &ProgressBar) -> Outcome<()> {
    let path = format!("/v1/rooms/{room}/join");
    let joins = people.map(async |account| {
        let joined: Outcome<Value> = account.post(&path, None, &json!({})).await;
        bar.inc(1);
        joined.map(|_| ())
    });
    stream::iter(joins).buffer_unordered(AT_ONCE).try_collect().await
}

/// Notes where history shows a message under another name than the log's.
fn check_names(walked: &[(Seen, String)], ids: &[String], names: &[String], differences: &mut Differences) {
    for (seen, name) in walked {
        let expected = ids.iter().position(|id| *id == seen.sender).map(|speaker| &names[speaker]);
        if expected != Some(name) {
            differences.add(format!("message {} is shown as of {name:?} instead of {expected:?}", seen.number));
        }
    }
}

fn report(args: &Args, log: &Log, talk: &Conversation, took: Duration, behind: Duration) {
    let links = talk.posts.iter().filter(|post| post.reply_to.is_some()).count();
    let beside = &log.beside;
    println!(
        "{}: {} lines of {} people in {} messages with {links} reply links, to {} readers",
        file_name(&args.log),
        log.lines.len(),
        talk.people.len(),
        talk.posts.len(),
        args.readers,
    );
    println!(
        "  beside: {} notices, {} lines that were no UTF-8, {} second links of a line, {} links to notices",
        beside.notices, beside.lossy, beside.further_links, beside.links_to_notices,
    );
    println!(
        "  said in {:.2} s, {:.0} a second; the last reader had it all {:.1} ms later",
        took.as_secs_f64(),
        talk.posts.len() as f64 / took.as_secs_f64(),
        behind.as_secs_f64() * 1e3,
    );
}

fn progress(length: usize, what: &'static str) -> Outcome<ProgressBar> {
    let style = ProgressStyle::with_template("{msg:>11} [{bar:40}] {pos}/{len} {per_sec} {eta}")?.progress_chars("=> ");
    Ok(ProgressBar::new(length as u64).with_style(style).with_message(what))
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// So many random bytes as text.
fn hex(bytes: usize) -> String {
    let mut random = vec![0; bytes];
    SystemRandom.fill(&mut random);
    random.iter().map(|byte| format!("{byte:02x}")).collect()
}
