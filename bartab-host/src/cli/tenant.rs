//! `bartab tenant`: works on the data folder, also while a server runs on it.
//!
//! A running server finds a new tenant with the next request for it.

use std::path::PathBuf;

use bartab_auth::{RegistrationPolicy, TenantConfig};
use bartab_media::BlobStorage;
use clap::{Args, Subcommand};
use serde_json::Value;

use super::{Outcome, desk, load, row, say};
use crate::base_url::BaseUrl;
use crate::config::Config;
use crate::folder::{DataFolder, FolderError};
use crate::operator::Keeper;
use crate::settings::{HostName, TenantSettings};
use crate::tenant_name::TenantName;

#[derive(Debug, Subcommand)]
pub(super) enum Tenant {
    /// Make a tenant; a running server finds it with the next request for it
    Create {
        /// Its name: 1 to 63 of a-z, 0-9 and `-`; it is reached under `/t/NAME`
        name: TenantName,
        /// A host name that leads to it; may be given several times
        #[arg(long = "host", value_name = "NAME")]
        hosts: Vec<HostName>,
        /// Where clients reach it, when that is not the server's address and `/t/NAME`; it becomes its issuer
        #[arg(long, value_name = "URL")]
        base_url: Option<BaseUrl>,
        /// Who may make an account, when that is not as the server is configured
        #[arg(long, value_name = "WHO")]
        registration: Option<Registration>,
        #[command(flatten)]
        folder: Folder,
    },
    /// List the tenants: name, state, host names
    List {
        #[command(flatten)]
        folder: Folder,
    },
    /// Print a link that makes the first owner of a tenant that nobody runs; the one before is good no more
    SetupLink {
        /// Its name
        name: TenantName,
        #[command(flatten)]
        folder: Folder,
    },
    /// Remove a tenant with everything in it
    Remove {
        /// Its name
        name: TenantName,
        /// Yes, its people, messages and files are gone for ever
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        folder: Folder,
    },
}

/// Who may make an account in a tenant.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(super) enum Registration {
    /// Everyone
    Open,
    /// Whoever has an invite
    Invite,
    /// Nobody
    Closed,
}

impl From<Registration> for RegistrationPolicy {
    fn from(registration: Registration) -> Self {
        match registration {
            Registration::Open => Self::Open,
            Registration::Invite => Self::Invite,
            Registration::Closed => Self::Closed,
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct Folder {
    /// The folder that holds the tenants
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The configuration file, which may name the folder
    #[arg(long, value_name = "FILE", env = "BARTAB_CONFIG")]
    config: Option<PathBuf>,
}

impl Folder {
    fn open(self) -> Outcome<DataFolder> {
        folder_of(&self.config()?)
    }

    /// The configuration with this folder in it.
    fn config(self) -> Outcome<Config> {
        let mut config = load(self.config.as_deref())?;
        config.data = self.data.or(config.data);
        Ok(config)
    }
}

fn folder_of(config: &Config) -> Outcome<DataFolder> {
    let data = config.data.as_deref().ok_or("no data folder is given; --data names one")?;
    Ok(DataFolder::open(data)?)
}

/// What the operator is told of a tenant that nobody runs.
pub(super) fn first_owner(tenant: &TenantName, link: &str) -> String {
    format!("Nobody runs `{tenant}` yet. This link makes its first owner, once and within a day:\n  {link}")
}

/// Prints a link to a first owner. The server that runs makes it, or else the folder is opened.
fn print_setup_link(config: &Config, name: TenantName) -> Outcome {
    let tenant = name.clone();
    desk::at(config, tenant, async |desk| {
        let answer = desk.post("setup", &Value::Null).await?;
        say(first_owner(&name, &row(&answer, &["link"])));
        Ok(())
    })
}

impl Tenant {
    pub(super) fn run(self) -> Outcome {
        match self {
            Self::Create { name, hosts, base_url, registration, folder } => {
                let registration = registration.map(RegistrationPolicy::from);
                let auth = registration.map(TenantConfig::registration).unwrap_or_default();
                let settings = TenantSettings { hosts, base_url, auth, ..TenantSettings::default() };
                let config = folder.config()?;
                let folder = folder_of(&config)?;
                folder.create(&name, &settings)?;
                say(format_args!("created {name}"));
                // A server would make another link when it starts, and this one would be good no more.
                if matches!(Keeper::of(&folder)?, Keeper::Server { .. }) {
                    print_setup_link(&config, name)?;
                } else {
                    say("`bartab serve` will print a link to its first owner; `bartab user create --admin` makes one.");
                }
            }
            Self::SetupLink { name, folder } => print_setup_link(&folder.config()?, name)?,
            Self::List { folder } => list(&folder.open()?)?,
            Self::Remove { name, yes, folder } => {
                if !yes {
                    return Err(
                        format!("this removes everything in `{name}` for ever; say --yes if you mean it").into()
                    );
                }
                remove(&folder.config()?, &name)?;
                say(format_args!("removed {name}"));
            }
        }
        Ok(())
    }
}

/// Removes the tenant's folder, then what it holds elsewhere. Asked again, it goes on where it was stopped.
fn remove(config: &Config, name: &TenantName) -> Outcome {
    let storage = BlobStorage::open(&config.media.storage, config.media.file_bytes)?;
    let removed = folder_of(config)?.remove(name);
    if matches!(removed, Ok(()) | Err(FolderError::Missing(_))) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(storage.remove_tenant(name.as_str()))?;
    }
    Ok(removed?)
}

fn list(folder: &DataFolder) -> Outcome {
    for name in folder.names()? {
        let line = match folder.settings(&name) {
            Ok(settings) => {
                let state = if settings.suspended { "suspended" } else { "active" };
                let hosts: Vec<&str> = settings.hosts.iter().map(HostName::as_str).collect();
                format!("{name}\t{state}\t{}", hosts.join(","))
            }
            Err(error) => format!("{name}\tbroken\t{error}"),
        };
        say(line.trim_end());
    }
    Ok(())
}
