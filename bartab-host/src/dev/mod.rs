//! A server to try things on: one tenant at the root, open registration, no rate limits, people and rooms to begin with.
//!
//! ```no_run
//! # async fn try_it() -> Result<(), bartab_host::dev::DevError> {
//! use bartab_host::dev::{DevOptions, start};
//!
//! let server = start(DevOptions::default()).await?;
//! println!("{}", server.url());
//! println!("{}", server.seeded().await?);
//! server.shutdown().await;
//! # Ok(())
//! # }
//! ```

mod seed;

use std::fmt;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bartab_auth::{RegistrationPolicy, TenantConfig};
use bartab_core::{RoomId, SystemClock, SystemRandom};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::config::{Config, OptionalAddr};
use crate::folder::{DataFolder, FolderError};
use crate::host::Host;
use crate::registry::Chain;
use crate::server::{self, Running, StartError};
use crate::settings::TenantSettings;
use crate::tenant_name::{TenantName, TenantNameError};

/// The tenant at the root.
const TENANT: &str = "dev";
/// In the data folder: what was put into it. It is made empty before the tenant and filled last, so tenants in a folder
/// without it are somebody else's, and a folder where it is empty is seeded.
const SEEDED: &str = "dev.json";

/// What a server to try things on should be like.
#[derive(Clone, Debug)]
pub struct DevOptions {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The data folder; without one a temporary folder, which is removed at the end.
    pub data: Option<PathBuf>,
    /// Where the operator's tools connect; nowhere by default.
    pub operator_listen: Option<SocketAddr>,
    /// Everything else; limits, registration and the root tenant are set by [`start`].
    pub config: Config,
}

impl Default for DevOptions {
    /// A free port of this machine, a temporary folder.
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            data: None,
            operator_listen: None,
            config: Config::default(),
        }
    }
}

/// The server could not start, or its folder could not be filled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DevError {
    /// The server could not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The data folder cannot be used.
    #[error("the data folder cannot be used")]
    Data(#[from] FolderError),
    /// A file of the data folder cannot be used.
    #[error("{path}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The folder has tenants that another server has made; here everyone could sign in to them.
    #[error("{path} has tenants that `bartab dev` has not made; give it a folder of its own")]
    Foreign {
        /// The folder.
        path: PathBuf,
    },
    /// The name of the tenant is none.
    #[error(transparent)]
    Name(#[from] TenantNameError),
    /// The people and rooms could not be made; the log says why.
    #[error("the data folder could not be filled with people and rooms")]
    Seed,
}

/// What stands in a data folder from the beginning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seeded {
    /// The first of the accounts.
    pub username: String,
    /// The password of all of them.
    pub password: String,
    /// The other accounts.
    pub others: Vec<String>,
    /// A room that everyone is in.
    pub room_id: RoomId,
}

/// A server to try things on.
#[derive(Debug)]
pub struct RunningDev {
    running: Running,
    url: String,
    seeded: watch::Receiver<Option<Result<Seeded, ()>>>,
    /// Removed when this is dropped.
    _temporary: Option<tempfile::TempDir>,
}

/// Starts a server to try things on; it listens when this returns. A new folder is filled while it answers already.
///
/// # Errors
/// An address or the data folder cannot be used.
pub async fn start(options: DevOptions) -> Result<RunningDev, DevError> {
    let temporary = match &options.data {
        Some(_) => None,
        None => {
            let folder = tempfile::Builder::new().prefix("bartab-dev-").tempdir();
            Some(folder.map_err(|source| DevError::File { path: std::env::temp_dir(), source })?)
        }
    };
    let data = options.data.clone().or_else(|| temporary.as_ref().map(|folder| folder.path().to_owned()));
    let data = data.ok_or(StartError::NoData)?;
    let name: TenantName = TENANT.parse()?;
    let folder = DataFolder::open(&data)?;
    claim(&data, &folder)?;
    let settings =
        TenantSettings { auth: TenantConfig::registration(RegistrationPolicy::Open), ..TenantSettings::default() };
    match folder.create(&name, &settings) {
        Ok(()) | Err(FolderError::Exists(_)) => {}
        Err(error) => return Err(error.into()),
    }

    let mut config = options.config;
    config.data = Some(data.clone());
    config.listen = options.listen;
    config.operator_listen = OptionalAddr(options.operator_listen);
    config.root_tenant = Some(name);
    config.limits.enabled = false;
    let running = server::start(&config, Arc::new(SystemClock), Arc::new(SystemRandom)).await?;
    let url = config.public_url.map_or_else(|| running.url().to_string(), |url| url.to_string());

    let (tell, seeded) = watch::channel(None);
    let host = running.host().clone();
    tokio::spawn(async move {
        let outcome = seed_once(&host, &data).await;
        let outcome = outcome.map_err(|error| tracing::error!(error = %Chain(&*error), "seeding failed"));
        tell.send_replace(Some(outcome));
    });
    Ok(RunningDev { running, url, seeded, _temporary: temporary })
}

/// Marks the folder as one to try things on, unless it is another server's.
fn claim(data: &Path, folder: &DataFolder) -> Result<(), DevError> {
    let path = data.join(SEEDED);
    if path.exists() {
        return Ok(());
    }
    if !folder.names()?.is_empty() {
        return Err(DevError::Foreign { path: data.to_owned() });
    }
    fs::write(&path, "").map_err(|source| DevError::File { path, source })
}

/// What stands in the folder; when nothing stands there yet, it is put there first.
async fn seed_once(host: &Host, data: &Path) -> Result<Seeded, Box<dyn std::error::Error + Send + Sync>> {
    let path = data.join(SEEDED);
    if let Ok(text) = fs::read(&path)
        && !text.is_empty()
    {
        return Ok(serde_json::from_slice(&text)?);
    }
    let tenant = host.tenant(TENANT).await.ok_or(DevError::Seed)?;
    let seeded = seed::fill(tenant.auth(), tenant.chat()).await?;
    let making = tempfile::NamedTempFile::new_in(data)?;
    fs::write(making.path(), serde_json::to_vec_pretty(&seeded)?)?;
    making.persist(&path)?;
    Ok(seeded)
}

impl RunningDev {
    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.running.address()
    }

    /// Where the operator's tools connect.
    pub fn operator_addr(&self) -> Option<SocketAddr> {
        self.running.operator_address()
    }

    /// Its base URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The host that answers.
    pub fn host(&self) -> &Host {
        self.running.host()
    }

    /// Waits until people and rooms are there, and tells how to begin.
    ///
    /// # Errors
    /// [`DevError::Seed`].
    pub async fn seeded(&self) -> Result<Guide, DevError> {
        let mut seeded = self.seeded.clone();
        let seeded = seeded.wait_for(Option::is_some).await.map_err(|_| DevError::Seed)?;
        let seeded = seeded.clone().and_then(Result::ok).ok_or(DevError::Seed)?;
        Ok(Guide { url: self.url.clone(), seeded })
    }

    /// Stops it; waiting polls are let go, and a temporary folder is removed.
    pub async fn shutdown(self) {
        self.running.shutdown().await;
    }
}

/// How to begin: its text is an account and three `curl` lines that work as they stand.
#[derive(Clone, Debug)]
pub struct Guide {
    /// The base URL.
    pub url: String,
    /// The accounts and the room.
    pub seeded: Seeded,
}

impl fmt::Display for Guide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url, seeded: Seeded { username, password, others, room_id } } = self;
        writeln!(f, "Sign in as {username} with the password {password}; so can {}.", others.join(" and "))?;
        writeln!(f, "Three lines to begin with:\n")?;
        writeln!(
            f,
            "TOKEN=$(curl -s {url}/v1/auth/login -H 'Content-Type: application/json' \
             -d '{{\"username\":\"{username}\",\"password\":\"{password}\"}}' \
             | sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/')"
        )?;
        writeln!(
            f,
            "curl -s {url}/v1/rooms/{room_id}/messages -H \"Authorization: Bearer $TOKEN\" \
             -H 'Content-Type: application/json' -d '{{\"text\":\"Hello!\"}}'"
        )?;
        writeln!(f, "curl -s {url}/v1/sync -H \"Authorization: Bearer $TOKEN\"")
    }
}
