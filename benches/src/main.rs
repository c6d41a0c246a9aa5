//! `cargo run --release -p bartab-benches -- <what>`: figures of BarTAB and of the bare machine, taken in one run.
//!
//! Every measurement that names a target prints its ratio to a baseline measured right beside it, because machines
//! differ and one machine differs from hour to hour. Servers run as processes of their own, so that their processor
//! time and memory can be read apart from the load generator's.

mod append;
mod baseline;
mod client;
mod fanout;
mod history;
mod load;
mod logins;
mod memory;
mod picture;
mod post;
mod process;
mod stats;
mod tenant;
mod thumbnail;
mod transfer;
mod verify;

use std::error::Error;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// The allocator of the binary `bartab`, so that the figures are its own.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

pub(crate) type BoxError = Box<dyn Error + Send + Sync>;
pub(crate) type Result<T> = std::result::Result<T, BoxError>;

#[derive(Debug, Parser)]
#[command(about)]
struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Durable appends through the sequencer to SQLite, against a bare loop of inserts.
    Append {
        /// Callers that each wait for their answer.
        #[arg(long, default_value_t = 64)]
        callers: usize,
        /// Seconds of each measurement.
        #[arg(long, default_value_t = 5)]
        secs: u64,
    },
    /// `POST` of messages over HTTP, against a handler that does nothing.
    Post {
        /// Keep-alive connections.
        #[arg(long, default_value_t = 64)]
        connections: usize,
        /// Seconds of each measurement.
        #[arg(long, default_value_t = 8)]
        secs: u64,
    },
    /// Events to people on long polls.
    Fanout {
        /// People who wait.
        #[arg(long, default_value_t = 1_000)]
        people: usize,
        /// Events a second.
        #[arg(long, default_value_t = 20)]
        rate: u64,
        /// Seconds.
        #[arg(long, default_value_t = 60)]
        secs: u64,
    },
    /// Memory of waiting polls and of idle tenants, and the time from start to the first good answer.
    Memory {
        /// Polls held.
        #[arg(long, default_value_t = 1_000)]
        polls: usize,
        /// Idle tenants held open.
        #[arg(long, default_value_t = 200)]
        tenants: usize,
    },
    /// Pages of 50 messages from a short room and from a long one.
    History {
        /// Messages in the long room.
        #[arg(long, default_value_t = 1_000_000)]
        messages: u64,
        /// Connections that ask for pages.
        #[arg(long, default_value_t = 4)]
        readers: usize,
        /// Seconds of each measurement.
        #[arg(long, default_value_t = 5)]
        secs: u64,
    },
    /// What verifying a token costs a request.
    Verify {
        /// Requests of each kind.
        #[arg(long, default_value_t = 1_000_000)]
        requests: u32,
        /// Tokens that are seen for the first time.
        #[arg(long, default_value_t = 10_000)]
        tokens: u32,
    },
    /// Messages while many people sign in.
    Logins {
        /// Connections that sign in without a pause.
        #[arg(long, default_value_t = 16)]
        logins: usize,
        /// Messages a second.
        #[arg(long, default_value_t = 100)]
        rate: u32,
        /// Seconds of each measurement.
        #[arg(long, default_value_t = 10)]
        secs: u64,
    },
    /// A large file up and down, against a copy of it on the same disk.
    Transfer {
        /// MiB of the file.
        #[arg(long, default_value_t = 1024)]
        mib: u64,
        /// How often each is measured.
        #[arg(long, default_value_t = 3)]
        rounds: u32,
    },
    /// A thumbnail that is held in memory, against a handler that does nothing.
    Thumbnail {
        /// Keep-alive connections.
        #[arg(long, default_value_t = 64)]
        connections: usize,
        /// Seconds of each measurement.
        #[arg(long, default_value_t = 4)]
        secs: u64,
        /// How often each is measured.
        #[arg(long, default_value_t = 3)]
        rounds: u32,
    },
    /// The first thumbnail of a photo of 12 megapixels, against decoding and resizing it with the same crates.
    FirstThumbnail {
        /// How many photos.
        #[arg(long, default_value_t = 9)]
        photos: u32,
    },
    /// A server that does nothing, or only waits; a child of the measurements.
    #[command(hide = true)]
    ServeNothing,
    /// A BarTAB server; a child of the measurements.
    #[command(hide = true)]
    ServeTenant {
        /// Its data folder.
        #[arg(long)]
        data: PathBuf,
        /// Passwords cost what they cost people.
        #[arg(long)]
        real_passwords: bool,
    },
}

#[tokio::main]
async fn main() -> Result<()> {
    match Args::parse().what {
        What::Append { callers, secs } => append::run(callers, secs).await,
        What::Post { connections, secs } => post::run(connections, secs).await,
        What::Fanout { people, rate, secs } => fanout::run(people, rate, secs).await,
        What::Memory { polls, tenants } => memory::run(polls, tenants).await,
        What::History { messages, readers, secs } => history::run(messages, readers, secs).await,
        What::ServeNothing => baseline::serve().await,
        What::Verify { requests, tokens } => verify::run(requests, tokens).await,
        What::Logins { logins, rate, secs } => logins::run(logins, rate, secs).await,
        What::Transfer { mib, rounds } => transfer::run(mib, rounds).await,
        What::Thumbnail { connections, secs, rounds } => thumbnail::run(connections, secs, rounds).await,
        What::FirstThumbnail { photos } => picture::run(photos).await,
        What::ServeTenant { data, real_passwords } => tenant::serve(data, real_passwords).await,
    }
}
