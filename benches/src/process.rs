//! Servers as processes of their own, and what the kernel says of them.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::Result;

/// Clock ticks a second, as Linux has reported them to programs for decades.
const TICKS: f64 = 100.0;

/// A server that ends with its handle.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    pub(crate) addr: String,
}

impl Server {
    /// The server that answers without doing anything.
    pub(crate) async fn nothing() -> Result<Self> {
        Self::start(&["serve-nothing"]).await
    }

    /// A BarTAB server on this folder.
    pub(crate) async fn tenant(data: &Path) -> Result<Self> {
        let data = data.to_str().ok_or("the folder's name is no text")?;
        Self::start(&["serve-tenant", "--data", data]).await
    }

    /// The same, with passwords hashed as for people.
    pub(crate) async fn tenant_with_real_passwords(data: &Path) -> Result<Self> {
        let data = data.to_str().ok_or("the folder's name is no text")?;
        Self::start(&["serve-tenant", "--real-passwords", "--data", data]).await
    }

    async fn start(args: &[&str]) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        let mut child = command.args(args).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
        let stdout = child.stdout.take().ok_or("no output")?;
        let mut lines = BufReader::new(stdout).lines();
        while let Some(line) = lines.next_line().await? {
            if let Some(addr) = line.strip_prefix("listening on ") {
                let addr = addr.to_owned();
                // The pipe stays open, so that the server can go on printing.
                tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
                return Ok(Self { child, addr });
            }
        }
        Err("the server ended at once".into())
    }

    /// Processor time used so far, by user and kernel together.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.id()?))?;
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
        Ok(Duration::from_secs_f64((ticks(11) + ticks(12)) / TICKS))
    }

    /// Memory in use, in KiB.
    pub(crate) fn memory_kib(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/smaps_rollup", self.id()?))?;
        let line = status.lines().find_map(|line| line.strip_prefix("Pss:")).ok_or("no figure")?;
        Ok(line.trim().trim_end_matches("kB").trim().parse()?)
    }

    /// The most memory that was in use at a time since [`Server::forget_peak`], files that are mapped included, in KiB.
    pub(crate) fn peak_kib(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id()?))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no figure")?;
        Ok(line.trim().trim_end_matches("kB").trim().parse()?)
    }

    /// Has the peak be what is in use now.
    pub(crate) fn forget_peak(&self) -> Result<()> {
        Ok(std::fs::write(format!("/proc/{}/clear_refs", self.id()?), "5")?)
    }

    fn id(&self) -> Result<u32> {
        Ok(self.child.id().ok_or("the server has ended")?)
    }

    /// Ends the server.
    pub(crate) async fn stop(mut self) -> Result<()> {
        self.child.kill().await?;
        Ok(())
    }
}
