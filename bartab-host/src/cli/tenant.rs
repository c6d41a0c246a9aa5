//! `bartab tenant`: works on the data folder, also while a server runs on it.
//!
//! A running server finds a new tenant with the next request for it.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Outcome, load, say};
use crate::base_url::BaseUrl;
use crate::folder::DataFolder;
use crate::settings::{HostName, Registration, TenantSettings};
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
        let data = match self.data {
            Some(data) => Some(data),
            None => load(self.config.as_deref())?.data,
        };
        Ok(DataFolder::open(&data.ok_or("no data folder is given; --data names one")?)?)
    }
}

impl Tenant {
    pub(super) fn run(self) -> Outcome {
        match self {
            Self::Create { name, hosts, base_url, registration, folder } => {
                let settings = TenantSettings { hosts, base_url, registration, ..TenantSettings::default() };
                folder.open()?.create(&name, &settings)?;
                say(format_args!("created {name}"));
            }
            Self::List { folder } => list(&folder.open()?)?,
            Self::Remove { name, yes, folder } => {
                if !yes {
                    return Err(
                        format!("this removes everything in `{name}` for ever; say --yes if you mean it").into()
                    );
                }
                folder.open()?.remove(&name)?;
                say(format_args!("removed {name}"));
            }
        }
        Ok(())
    }
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
