//! Many connections that ask without a pause, for a time.

use std::time::{Duration, Instant};

use crate::Result;
use crate::client::Connection;
use crate::stats::Latencies;

/// What is not counted in the beginning.
pub(crate) const WARM_UP: Duration = Duration::from_secs(1);

/// The same request for `time` on so many connections; gives the answers a second, each with status 200 and the same
/// length.
pub(crate) async fn repeated(
    addr: &str,
    request: &str,
    connections: usize,
    time: Duration,
) -> Result<(f64, Latencies)> {
    let mut tasks = Vec::new();
    for _ in 0..connections {
        let mut connection = Connection::open(addr).await?;
        let request = request.to_owned().into_bytes();
        tasks.push(tokio::spawn(async move {
            let length = connection.measure(&request).await?;
            let mut load = Load::new(time);
            while load.running() {
                let status = connection.repeat(&request, length).await?;
                load.done(status, 200)?;
            }
            Ok::<_, crate::BoxError>(load.latencies)
        }));
    }
    collect(tasks, time).await
}

pub(crate) type Task = tokio::task::JoinHandle<std::result::Result<Latencies, crate::BoxError>>;

pub(crate) async fn collect(tasks: Vec<Task>, time: Duration) -> Result<(f64, Latencies)> {
    let mut all = Latencies::default();
    for task in tasks {
        all.extend(task.await??);
    }
    Ok((all.len() as f64 / time.as_secs_f64(), all))
}

/// One connection's share: a warm-up that is not counted, then the measured time.
pub(crate) struct Load {
    start: Instant,
    asked: Instant,
    end: Instant,
    pub(crate) latencies: Latencies,
}

impl Load {
    pub(crate) fn new(time: Duration) -> Self {
        let now = Instant::now();
        Self { start: now + WARM_UP, asked: now, end: now + WARM_UP + time, latencies: Latencies::default() }
    }

    pub(crate) fn running(&mut self) -> bool {
        self.asked = Instant::now();
        self.asked < self.end
    }

    pub(crate) fn done(&mut self, status: u16, expected: u16) -> Result<()> {
        if status != expected {
            return Err(format!("status {status}").into());
        }
        if self.asked >= self.start {
            self.latencies.push(self.asked.elapsed());
        }
        Ok(())
    }
}
