//! The real program as a child process.

use std::fs::{File, OpenOptions};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bartab_core::SeededRandom;

/// How long a start may take.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Server {
    pub(crate) url: String,
    data: PathBuf,
    port: u16,
    child: Child,
    started: Instant,
    kills: u64,
}

impl Server {
    /// Starts it on this folder.
    pub(crate) fn start(folder: &Path, random: &SeededRandom) -> Self {
        let port = free_port(random);
        let data = folder.join("data");
        let child = spawn(&data, port);
        Self { url: format!("http://127.0.0.1:{port}"), data, port, child, started: Instant::now(), kills: 0 }
    }

    /// Waits until it answers; gives how long that took since it was started.
    pub(crate) async fn ready(&mut self) -> Duration {
        let client = reqwest::Client::builder().timeout(Duration::from_secs(5)).build().unwrap();
        loop {
            let answer = client.get(format!("{}/readyz", self.url)).send().await;
            if answer.is_ok_and(|answer| answer.status() == 200) {
                return self.started.elapsed();
            }
            self.is_alive();
            assert!(self.started.elapsed() < PATIENCE, "it does not start:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Ends it without a warning.
    pub(crate) fn kill(&mut self) {
        self.is_alive();
        self.child.kill().unwrap();
        let status = self.child.wait().unwrap();
        #[cfg(unix)]
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9), "{status}\n{}", self.log());
        assert!(!status.success());
        self.kills += 1;
    }

    /// Starts it again on the same folder and port.
    pub(crate) fn restart(&mut self) {
        self.child = spawn(&self.data, self.port);
        self.started = Instant::now();
    }

    /// How often it was killed.
    pub(crate) const fn kills(&self) -> u64 {
        self.kills
    }

    fn is_alive(&mut self) {
        let ended = self.child.try_wait().unwrap();
        assert!(ended.is_none(), "it ended by itself, {ended:?}:\n{}", self.log());
    }

    fn log(&self) -> String {
        std::fs::read_to_string(log_of(&self.data)).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _may_be_dead_already = self.child.kill();
        let _status = self.child.wait();
    }
}

/// Beside the data, not in it.
fn log_of(data: &Path) -> PathBuf {
    data.with_extension("log")
}

fn spawn(data: &Path, port: u16) -> Child {
    let log: File = OpenOptions::new().create(true).append(true).open(log_of(data)).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_bartab"));
    command.arg("dev").arg("--data").arg(data).arg("--listen").arg(format!("127.0.0.1:{port}"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("BARTAB_") || name == "RUST_LOG" {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap()
}

/// A free port below those that the system gives to outgoing connections: a client that tries to connect while the
/// server is down must not be given the server's port, or it would be connected with itself.
fn free_port(random: &SeededRandom) -> u16 {
    let ports = std::iter::repeat_with(|| 20_000 + random.below(10_000) as u16);
    let free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    ports.take(1_000).find(free).unwrap_or_else(|| panic!("no port is free"))
}
