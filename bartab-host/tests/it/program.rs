//! The binary, started by a test.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};

pub(crate) fn bartab(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bartab"));
    command.args(arguments).kill_on_drop(true).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("BARTAB_") {
            command.env_remove(name);
        }
    }
    command
}

/// Runs a command that ends by itself; gives what it wrote, and whether it succeeded.
pub(crate) async fn ended(arguments: &[&str]) -> (bool, String) {
    let output = bartab(arguments).output().await.unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

/// Reads lines until one contains `last`.
pub(crate) async fn lines_until(child: &mut Child, last: &str) -> Vec<String> {
    let mut lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    let mut read = Vec::new();
    let reading = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            read.push(line);
            if read.last().is_some_and(|line| line.contains(last)) {
                return true;
            }
        }
        false
    };
    let found = tokio::time::timeout(Duration::from_secs(60), reading).await;
    assert!(found.unwrap_or(false), "no line with {last:?} in {read:#?}");
    read
}

#[cfg(unix)]
pub(crate) async fn stop(mut child: Child) {
    let id = child.id().unwrap().to_string();
    assert!(std::process::Command::new("kill").arg(id).status().unwrap().success());
    let status = tokio::time::timeout(Duration::from_secs(30), child.wait()).await.unwrap().unwrap();
    assert!(status.success(), "{status}");
}

/// Runs a command that reads `input`; gives what it wrote, and whether it succeeded.
pub(crate) async fn ended_with_input(arguments: &[&str], input: &str) -> (bool, String) {
    let mut child = bartab(arguments).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).await.unwrap();
    let output = child.wait_with_output().await.unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

/// A server on a data folder, as a process of its own.
pub(crate) struct Serving {
    pub(crate) child: Child,
    pub(crate) url: String,
    pub(crate) operator: String,
}

impl Serving {
    pub(crate) async fn on(data: &str) -> Self {
        let listen = ["--listen", "127.0.0.1:0", "--operator-listen", "127.0.0.1:0"];
        let mut child = bartab(&[&["serve", "--data", data], &listen[..]].concat()).spawn().unwrap();
        let printed = lines_until(&mut child, "/metrics").await;
        let said = |before: &str| printed.iter().find_map(|line| line.strip_prefix(before)).unwrap().to_owned();
        let url = said("BarTAB listens on ");
        let operator = said("Metrics are on ").strip_suffix("/metrics").unwrap().to_owned();
        Self { child, url, operator }
    }

    #[cfg(unix)]
    pub(crate) async fn stop(self) {
        stop(self.child).await;
    }
}
