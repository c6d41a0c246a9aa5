//! The server's configuration: one TOML file, every value of which an environment variable can replace.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use serde::Deserialize;

use crate::base_url::BaseUrl;
use crate::tenant_name::TenantName;

mod limits;
mod load;

pub use limits::{ClassLimits, Limit, LimitOverrides, LimitSetting, Limits};
pub use load::ConfigError;

/// All that can be configured. Each service's section is that service's own `Config`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The folder that holds the tenants.
    pub data: Option<PathBuf>,
    /// Where clients connect.
    pub listen: SocketAddr,
    /// Where the operator's tools connect: metrics and probes, without a password. Empty: nowhere.
    pub operator_listen: OptionalAddr,
    /// How clients reach the server from outside, `https://chat.example.org`. It begins every issuer: after a change
    /// access tokens of the old one fail, and the next refresh carries on. Without it: `http://` and the address that it
    /// listens on.
    pub public_url: Option<BaseUrl>,
    /// The tenant that answers under every host name that is no tenant's own.
    pub root_tenant: Option<TenantName>,
    /// The proxies whose forwarding headers are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Which headers these proxies write. The others are ignored: a proxy lets through what it does not write, and then
    /// the client has written it.
    pub forwarded: ForwardedHeaders,
    /// The file with the host's keys, by which each tenant's private keys and other secrets are sealed before they are
    /// stored: keys as base64 of 32 random bytes, a line each, the one that seals first. [`Config::load`] reads it into
    /// `auth.sealing_keys`. Whoever loses it loses what is sealed with it, so it is kept, but not beside the data.
    pub sealing_key_file: Option<PathBuf>,
    /// What is logged, as `tracing-subscriber`'s `EnvFilter` reads it: `info`, `info,bartab_chat=debug`.
    pub log: String,
    /// How it is logged.
    pub log_format: LogFormat,
    /// Connections and requests.
    pub server: ServerConfig,
    /// How many tenants are open, and for how long.
    pub tenants: TenantsConfig,
    /// How often one may ask.
    pub limits: Limits,
    /// The auth service.
    pub auth: bartab_auth::Config,
    /// The chat service.
    pub chat: bartab_chat::Config,
    /// The media service.
    pub media: bartab_media::Config,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data: None,
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            operator_listen: OptionalAddr(Some(SocketAddr::from(([127, 0, 0, 1], 9464)))),
            public_url: None,
            root_tenant: None,
            trusted_proxies: Vec::new(),
            forwarded: ForwardedHeaders::default(),
            sealing_key_file: None,
            log: "info".to_owned(),
            log_format: LogFormat::Text,
            server: ServerConfig::default(),
            tenants: TenantsConfig::default(),
            limits: Limits::default(),
            auth: bartab_auth::Config::default(),
            chat: bartab_chat::Config::default(),
            media: bartab_media::Config::default(),
        }
    }
}

impl Config {
    /// The configuration that `file` and the environment give, the environment's values before the file's.
    ///
    /// A variable `BARTAB_SERVER__MAX_CONNECTIONS` replaces `max_connections` of `[server]`; its value is read as TOML
    /// and, when it is none, as text. Variables whose first part is no section or value of the file are not ours.
    ///
    /// # Errors
    /// The file cannot be read, or either says what is not understood.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        load::load(file, environment)
    }
}

/// An address, or with the text `none` no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptionalAddr(pub Option<SocketAddr>);

impl std::str::FromStr for OptionalAddr {
    type Err = std::net::AddrParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "none" { Ok(Self(None)) } else { text.parse().map(|addr| Self(Some(addr))) }
    }
}

impl<'de> Deserialize<'de> for OptionalAddr {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// How a proxy tells who asked it, and for what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum ForwardedHeaders {
    /// `X-Forwarded-For`, `X-Forwarded-Proto` and `X-Forwarded-Host`.
    #[default]
    #[serde(rename = "x-forwarded")]
    XForwarded,
    /// `Forwarded`, as RFC 7239 has it.
    #[serde(rename = "rfc7239")]
    Rfc7239,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Connections and requests.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServerConfig {
    /// Connections at once; further ones wait in the system's queue.
    pub max_connections: usize,
    /// Connections at once from one address, where an IPv6 network of 64 bits counts as one; further ones are closed.
    /// Trusted proxies may have more. Without it: a quarter of `max_connections`, 1024 at least.
    pub max_connections_per_address: Option<usize>,
    /// How long a client may take for the headers of a request, which is also how long a connection may lie idle
    /// between two requests.
    pub header_timeout_seconds: u64,
    /// How long a client may take for the body of a request.
    pub body_timeout_seconds: u64,
    /// Bytes of a request's head, and about what a connection buffers.
    pub max_head_bytes: usize,
    /// Bytes of a request's body; a larger one is answered 413.
    pub max_body_bytes: u64,
    /// How long requests that are under way may take to end when the server stops.
    pub shutdown_seconds: u64,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            max_connections: 65_536,
            max_connections_per_address: None,
            header_timeout_seconds: 60,
            body_timeout_seconds: 30,
            max_head_bytes: 16 * 1024,
            max_body_bytes: 1024 * 1024,
            shutdown_seconds: 10,
        }
    }
}

/// How many tenants are open, and for how long.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TenantsConfig {
    /// Tenants open at once. A further one takes the place of the one that has been idle the longest; when none is
    /// idle, it is answered 503.
    pub max_open: usize,
    /// How long nobody asks or waits before a tenant is closed.
    pub idle_seconds: u64,
    /// How long a request waits for its tenant to open.
    pub open_timeout_seconds: u64,
}

impl Default for TenantsConfig {
    fn default() -> Self {
        Self { max_open: 1000, idle_seconds: 300, open_timeout_seconds: 10 }
    }
}

impl TenantsConfig {
    pub(crate) fn idle(&self) -> Duration {
        Duration::from_secs(self.idle_seconds)
    }

    pub(crate) fn open_timeout(&self) -> Duration {
        Duration::from_secs(self.open_timeout_seconds)
    }
}
