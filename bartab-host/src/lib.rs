//! Composes BarTAB's services into one instance per tenant.
//!
//! [`Host`] is a `tower::Service`: it finds the tenant by host name or by the path prefix `/t/{tenant}`, opens it when
//! it is asked for, and hands the request to its services. [`start`] puts a host behind a listener, which is what the
//! binary `bartab` does; [`dev`] makes a throw-away server with people and rooms in it.
//!
//! It is no reverse proxy: TLS is left to one, and the headers of one are believed only where the configuration says so.

mod base_url;
mod body;
mod cli;
mod client;
mod config;
mod crowd;
pub mod dev;
mod dispatch;
mod documents;
mod folder;
mod host;
mod inbound;
mod limited;
mod log;
mod metrics;
mod openapi;
mod operator;
mod page;
mod probes;
mod rate;
mod registry;
mod remembered;
mod request_id;
mod routing;
mod server;
mod settings;
mod setup;
mod stack;
mod tenant;
mod tenant_name;

pub use base_url::{BaseUrl, BaseUrlError};
pub use body::{Body, BodyError};
pub use cli::run;
pub use client::Peer;
pub use config::{
    ClassLimits, Config, ConfigError, ForwardedHeaders, Limit, LimitOverrides, LimitSetting, Limits, LogFormat,
    OptionalAddr, ServerConfig, TenantsConfig,
};
pub use folder::{DataFolder, FolderError};
pub use host::Host;
pub use registry::{InUse, OpenError, Opener, Registry};
pub use server::{Running, StartError, start};
pub use settings::{HostName, HostNameError, TenantSettings};
pub use tenant::{Tenant, TenantOpener};
pub use tenant_name::{TenantName, TenantNameError};
