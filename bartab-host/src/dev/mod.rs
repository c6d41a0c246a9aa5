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
use bartab_core::{Random as _, RoomId, SystemClock, SystemRandom};
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
/// In the data folder: what was put into it. It is made with the password alone, or empty for the well-known one, before
/// the tenant and filled last, so tenants in a folder without it are somebody else's, and a folder where it is not full
/// is seeded.
const SEEDED: &str = "dev.json";
/// One for all who are in a server that only this machine reaches: it guards nothing but a folder to try things on.
const WELL_KNOWN: &str = "open-sesame";

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
    /// The people in the folder have a password that everybody knows, and not only this machine reaches the address.
    #[error(
        "{address} can be reached from elsewhere, and the people in {path} have a well-known password; \
             give it a folder of its own"
    )]
    WellKnown {
        /// Where the server was to listen.
        address: SocketAddr,
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

/// A folder that was claimed and not filled yet.
#[derive(Serialize, Deserialize)]
struct Claimed {
    /// What all accounts get.
    password: String,
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
    let password = claim(&data, &folder, options.listen)?;
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
        let outcome = seed_once(&host, &data, &password).await;
        let outcome = outcome.map_err(|error| tracing::error!(error = %Chain(&*error), "seeding failed"));
        tell.send_replace(Some(outcome));
    });
    Ok(RunningDev { running, url, seeded, _temporary: temporary })
}

/// Marks the folder as one to try things on, unless it is another server's, and gives the password of those in it: a
/// random one where others than this machine reach them.
fn claim(data: &Path, folder: &DataFolder, listen: SocketAddr) -> Result<String, DevError> {
    let path = data.join(SEEDED);
    let here = listen.ip().is_loopback();
    let file = |source| DevError::File { path: path.clone(), source };
    let password = if path.exists() {
        let text = fs::read(&path).map_err(file)?;
        let claimed: Option<Claimed> = if text.is_empty() {
            None
        } else {
            Some(serde_json::from_slice(&text).map_err(|error| file(error.into()))?)
        };
        claimed.map_or_else(|| WELL_KNOWN.to_owned(), |claimed| claimed.password)
    } else if !folder.names()?.is_empty() {
        return Err(DevError::Foreign { path: data.to_owned() });
    } else if here {
        fs::write(&path, "").map_err(file)?;
        WELL_KNOWN.to_owned()
    } else {
        let mut password = [0; 16];
        SystemRandom.fill(&mut password);
        let password = format!("{:032x}", u128::from_be_bytes(password));
        put(data, &Claimed { password: password.clone() }).map_err(file)?;
        password
    };
    if password == WELL_KNOWN && !here {
        return Err(DevError::WellKnown { address: listen, path: data.to_owned() });
    }
    Ok(password)
}

/// Writes the whole file that says what stands in the folder; nobody else on the machine may read it.
fn put(data: &Path, content: &impl Serialize) -> io::Result<()> {
    let making = tempfile::NamedTempFile::new_in(data)?;
    fs::write(making.path(), serde_json::to_vec_pretty(content)?)?;
    making.persist(data.join(SEEDED))?;
    Ok(())
}

/// What stands in the folder; when nothing stands there yet, it is put there first.
async fn seed_once(
    host: &Host,
    data: &Path,
    password: &str,
) -> Result<Seeded, Box<dyn std::error::Error + Send + Sync>> {
    if let Ok(text) = fs::read(data.join(SEEDED))
        && let Ok(seeded) = serde_json::from_slice(&text)
    {
        return Ok(seeded);
    }
    let tenant = host.tenant(TENANT).await.ok_or(DevError::Seed)?;
    let seeded = seed::fill(tenant.auth(), tenant.chat(), password).await?;
    put(data, &seeded)?;
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

#[cfg(test)]
mod tests {
    use bartab_auth::Login;

    use super::*;

    const EVERYWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED), 0);

    async fn start_in(data: &Path, listen: SocketAddr) -> Result<RunningDev, DevError> {
        let mut options = DevOptions { listen, data: Some(data.to_owned()), ..DevOptions::default() };
        options.config.auth.password = bartab_auth::PasswordConfig::THROW_AWAY;
        start(options).await
    }

    #[tokio::test]
    async fn people_whom_others_can_reach_have_a_password_that_nobody_knows() {
        let mut passwords = Vec::new();
        for _ in 0..2 {
            let data = tempfile::tempdir().unwrap();
            let password = claim(data.path(), &DataFolder::open(data.path()).unwrap(), EVERYWHERE).unwrap();
            // The start was cut short there; another one goes on with the same.
            let server = start_in(data.path(), DevOptions::default().listen).await.unwrap();
            let seeded = server.seeded().await.unwrap().seeded;
            assert_eq!(seeded.password, password);
            let tenant = server.host().tenant(TENANT).await.unwrap();
            for username in [&seeded.username].into_iter().chain(&seeded.others) {
                assert!(tenant.auth().login(Login::new(username, WELL_KNOWN)).await.is_err(), "{username}");
                assert!(tenant.auth().login(Login::new(username, &password)).await.is_ok(), "{username}");
            }
            drop(tenant);
            server.shutdown().await;
            let again = claim(data.path(), &DataFolder::open(data.path()).unwrap(), EVERYWHERE).unwrap();
            assert_eq!(again, password);
            passwords.push(password);
        }
        assert!(passwords[0] != passwords[1] && passwords[0].len() == 32, "{passwords:?}");
    }

    #[tokio::test]
    async fn people_with_the_well_known_password_are_not_let_out() {
        let data = tempfile::tempdir().unwrap();
        let server = start_in(data.path(), DevOptions::default().listen).await.unwrap();
        assert_eq!(server.seeded().await.unwrap().seeded.password, WELL_KNOWN);
        server.shutdown().await;
        let refused = start_in(data.path(), EVERYWHERE).await.map(drop);
        assert!(matches!(refused, Err(DevError::WellKnown { .. })), "{refused:?}");
    }
}
