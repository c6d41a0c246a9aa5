//! A log of one's own: a file of JSON lines, one for each batch, that passes BarTAB's conformance suite.
//!
//! ```text
//! cargo run -p bartab-examples --bin own_store
//! ```
//!
//! Reading is left to the memory store, which is filled from the file when the log is opened; what is added here is
//! that an append is on disk before anybody sees it. Good for a bot or a small team: a batch costs one `fdatasync`,
//! an erasure writes the file anew, and memory holds the whole log.

use std::error::Error;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bartab_core::event::{Digest, KeyHash, Record};
use bartab_core::store::conformance::log::{CLAUSES, LogFactory, LogStores};
use bartab_core::store::{
    Audience, Batch, EventLog, Head, HeadStream, MemoryLog, MemoryMarkers, MemorySnapshots, MessageRow, PageQuery,
    StoreError,
};
use bartab_core::{EventId, Random as _, RoomId, SystemRandom, UserId};
use tempfile::TempDir;

use row::Row;

#[path = "own_store/row.rs"]
mod row;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// A log in one file: a line with the log's own id, then a line for each batch.
struct JsonLog(Arc<Inner>);

struct Inner {
    path: PathBuf,
    log_id: [u8; 16],
    memory: MemoryLog,
    /// None after a write that failed: what the file ends with is unknown then, so nothing more is written to it.
    file: Mutex<Option<File>>,
}

impl JsonLog {
    async fn open(path: &Path) -> Outcome<Self> {
        if !path.exists() {
            let mut log_id = [0; 16];
            SystemRandom.fill(&mut log_id);
            replace(path, &log_id, &[])?;
        }
        let mut lines = BufReader::new(File::open(path)?);
        let mut line = Vec::new();
        let mut whole = lines.read_until(b'\n', &mut line)?;
        let log_id: [u8; 16] = serde_json::from_slice(&line)?;
        let memory = MemoryLog::new(&log_id);
        loop {
            line.clear();
            let read = lines.read_until(b'\n', &mut line)?;
            // A batch was acknowledged after its line was whole; half a line is one that never was.
            if line.last() != Some(&b'\n') {
                break;
            }
            whole += read;
            let rows: Vec<Row> = serde_json::from_slice(&line)?;
            let events = rows.into_iter().map(Record::try_from).collect::<Result<_, _>>()?;
            memory.append(memory.head().await?.seq, Batch { events, ..Batch::default() }).await?;
        }
        // Views, reactions and mentions follow from the events, so the file does without them.
        memory.rebuild_views().await?;
        let file = OpenOptions::new().append(true).open(path)?;
        file.set_len(whole as u64)?;
        let file = Mutex::new(Some(file));
        Ok(Self(Arc::new(Inner { path: path.to_owned(), log_id, memory, file })))
    }
}

impl Inner {
    fn append(&self, expected_head: u64, batch: Batch) -> Result<(), StoreError> {
        let runtime = tokio::runtime::Handle::current();
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if runtime.block_on(self.memory.head())?.seq != expected_head {
            return Err(StoreError::Conflict);
        }
        if !batch.events.iter().map(Record::seq).eq((expected_head + 1..).take(batch.events.len())) {
            return Err(StoreError::backend("the events of a batch do not follow one another"));
        }
        let mut open = file.take().ok_or(StoreError::Unavailable(None))?;
        let written = if batch.erase.is_empty() {
            write_line(&mut open, &batch.events).and_then(|()| open.sync_data()).map(|()| open)
        } else {
            let mut all = runtime.block_on(self.memory.scan(0, usize::MAX))?;
            all.extend(batch.events.iter().cloned());
            all.iter_mut().filter(|record| batch.erase.contains(&record.seq())).for_each(Record::erase);
            replace(&self.path, &self.log_id, &all)
        };
        *file = Some(written.map_err(|error| StoreError::OutcomeUnknown(error.into()))?);
        runtime.block_on(self.memory.append(expected_head, batch))
    }
}

/// Puts a file with these rows in the place of the old one: after a crash the one or the other is there.
fn replace(path: &Path, log_id: &[u8; 16], records: &[Record]) -> io::Result<File> {
    let new = path.with_extension("new");
    let mut lines = BufWriter::new(File::create(&new)?);
    serde_json::to_writer(&mut lines, log_id)?;
    lines.write_all(b"\n")?;
    write_line(&mut lines, records)?;
    lines.into_inner()?.sync_all()?;
    fs::rename(&new, path)?;
    File::open(path.parent().unwrap_or(path))?.sync_all()?;
    OpenOptions::new().append(true).open(path)
}

fn write_line(to: &mut impl Write, records: &[Record]) -> io::Result<()> {
    let rows: Vec<Row> = records.iter().map(Row::from).collect();
    let mut line = serde_json::to_vec(&rows)?;
    line.push(b'\n');
    to.write_all(&line)
}

#[async_trait]
impl EventLog for JsonLog {
    async fn append(&self, expected_head: u64, batch: Batch) -> Result<(), StoreError> {
        let inner = Arc::clone(&self.0);
        // On a thread of its own: files block, and a caller that hangs up must not leave an append half done.
        let written = tokio::task::spawn_blocking(move || inner.append(expected_head, batch)).await;
        written.map_err(|error| StoreError::OutcomeUnknown(error.into()))?
    }

    async fn head(&self) -> Result<Head, StoreError> {
        self.0.memory.head().await
    }

    async fn genesis(&self) -> Result<Digest, StoreError> {
        self.0.memory.genesis().await
    }

    async fn get(&self, seqs: &[u64]) -> Result<Vec<Option<Record>>, StoreError> {
        self.0.memory.get(seqs).await
    }

    async fn scan(&self, after: u64, limit: usize) -> Result<Vec<Record>, StoreError> {
        self.0.memory.scan(after, limit).await
    }

    async fn read(&self, after: u64, until: u64, audience: &Audience, limit: usize) -> Result<Vec<Record>, StoreError> {
        self.0.memory.read(after, until, audience, limit).await
    }

    async fn related(&self, target: EventId, after: u64, limit: usize) -> Result<Vec<Record>, StoreError> {
        self.0.memory.related(target, after, limit).await
    }

    async fn room_page(&self, query: PageQuery) -> Result<Vec<MessageRow>, StoreError> {
        self.0.memory.room_page(query).await
    }

    async fn messages(&self, seqs: &[u64]) -> Result<Vec<Option<MessageRow>>, StoreError> {
        self.0.memory.messages(seqs).await
    }

    async fn reacted(&self, user: UserId, targets: &[u64]) -> Result<Vec<(u64, String)>, StoreError> {
        self.0.memory.reacted(user, targets).await
    }

    async fn mention_counts(&self, user: UserId, rooms: &[(RoomId, u64)]) -> Result<Vec<u64>, StoreError> {
        self.0.memory.mention_counts(user, rooms).await
    }

    async fn find_keys(&self, keys: &[KeyHash]) -> Result<Vec<Option<u64>>, StoreError> {
        self.0.memory.find_keys(keys).await
    }

    async fn rebuild_views(&self) -> Result<(), StoreError> {
        self.0.memory.rebuild_views().await
    }

    fn watch(&self) -> HeadStream {
        self.0.memory.watch()
    }
}

/// Gives the clauses logs in a folder that is gone with it; the other two ports stay those in memory.
struct Folder(TempDir);

impl Folder {
    fn new() -> Outcome<Self> {
        Ok(Self(TempDir::new()?))
    }

    #[expect(clippy::panic, reason = "a clause fails by panicking, as a test does")]
    async fn log(&self, name: &str) -> Arc<dyn EventLog> {
        let log = JsonLog::open(&self.0.path().join(format!("{name}.json"))).await;
        Arc::new(log.unwrap_or_else(|error| panic!("the log `{name}` does not open: {error}")))
    }
}

#[async_trait]
impl LogFactory for Folder {
    async fn open(&self, name: &str) -> LogStores {
        LogStores {
            log: self.log(name).await,
            markers: Arc::new(MemoryMarkers::new()),
            snapshots: Arc::new(MemorySnapshots::new()),
        }
    }

    async fn reopen_after_abort(&self, name: &str, stores: LogStores) -> LogStores {
        LogStores { log: self.log(name).await, ..stores }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    for clause in CLAUSES {
        (clause.run)(&Folder::new()?).await;
        println!("{} ok", clause.name);
    }
    println!("{} clauses hold", CLAUSES.len());
    Ok(())
}

#[cfg(test)]
#[path = "own_store/tests.rs"]
mod tests;
