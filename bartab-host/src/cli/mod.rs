//! The command line.

mod client;
mod config;
mod desk;
mod dev;
mod invite;
mod key;
mod media;
mod serve;
mod stop;
mod tenant;
mod user;

use std::future::Future;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::config::{Config, LogFormat};
use crate::log;
use crate::registry::Chain;

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// A durable chat server: identity, rooms, messages and sync over HTTP.
#[derive(Debug, Parser)]
#[command(name = "bartab", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a server to try things on, with people and rooms in it and nothing to configure
    Dev(dev::Dev),
    /// Run a server for the tenants of a data folder
    Serve(serve::Serve),
    /// Make, list and remove tenants
    #[command(subcommand)]
    Tenant(tenant::Tenant),
    /// Make, list and administer the accounts of a tenant
    #[command(subcommand)]
    User(user::User),
    /// Make, list and take back the invites of a tenant
    #[command(subcommand)]
    Invite(invite::Invite),
    /// List, rotate and retire the signing keys of a tenant
    #[command(subcommand)]
    Key(key::Key),
    /// Register, list and remove the OAuth clients of a tenant
    #[command(subcommand)]
    Client(client::Client),
    /// Check the files of a tenant, and tell what they take
    #[command(subcommand)]
    Media(media::Media),
    /// Look at the configuration
    #[command(subcommand)]
    Config(config::ConfigCommand),
}

/// What every command that runs a server takes.
#[derive(Debug, Args)]
struct Common {
    /// The configuration file; environment variables `BARTAB_…` replace its values
    #[arg(long, value_name = "FILE", env = "BARTAB_CONFIG")]
    config: Option<PathBuf>,
    /// What is logged, such as `info` or `info,bartab_chat=debug`; `RUST_LOG` is read when this is not given
    #[arg(long, value_name = "FILTER", env = "BARTAB_LOG")]
    log: Option<String>,
    /// How it is logged
    #[arg(long, value_name = "FORMAT", env = "BARTAB_LOG_FORMAT")]
    log_format: Option<LogFormat>,
}

impl Common {
    /// The configuration, and from now on log lines.
    fn begin(&self) -> Outcome<Config> {
        let config = load(self.config.as_deref())?;
        let filter = self.log.clone().or_else(|| std::env::var("RUST_LOG").ok());
        log::init(filter.as_deref().unwrap_or(&config.log), self.log_format.unwrap_or(config.log_format))?;
        Ok(config)
    }
}

fn load(file: Option<&std::path::Path>) -> Outcome<Config> {
    let environment =
        std::env::vars_os().filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)));
    Ok(Config::load(file, environment)?)
}

/// Runs the command line of this process, and gives the status to end it with.
pub fn run() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Dev(dev) => dev.run(),
        Command::Serve(serve) => serve.run(),
        Command::Tenant(tenant) => tenant.run(),
        Command::User(user) => user.run(),
        Command::Invite(invite) => invite.run(),
        Command::Key(key) => key.run(),
        Command::Client(client) => client.run(),
        Command::Media(media) => media.run(),
        Command::Config(config) => config.run(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", Chain(&*error));
            ExitCode::FAILURE
        }
    }
}

/// Runs `work` on as many threads as the machine has cores.
fn on_all_cores(work: impl Future<Output = Outcome>) -> Outcome {
    open_many_files();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("bartab").build()?;
    runtime.block_on(work)
}

/// Writes to standard output. Whoever reads it may be gone, which is no reason to stop serving.
fn say(text: impl std::fmt::Display) {
    let mut out = std::io::stdout().lock();
    let _reader_may_be_gone = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// Fields of a JSON object with tabs between, for a line of a list; control characters cannot break it.
fn row(object: &serde_json::Value, fields: &[&str]) -> String {
    use serde_json::Value;
    let text = |value: &Value| match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect(),
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    };
    fields.iter().map(|field| text(&object[*field])).collect::<Vec<_>>().join("\t")
}

/// Raises the number of files that may be open to what the system allows: each connection is one, and the usual
/// thousand is soon reached.
fn open_many_files() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
            tracing::warn!(%error, "the number of open files stays as it is");
        }
    }
}
