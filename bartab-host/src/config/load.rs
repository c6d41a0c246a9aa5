//! Reads the file, lays the environment over it, and says where it is wrong.

use std::io;
use std::path::{Path, PathBuf};

use bartab_auth::SealingKeys;
use bartab_media::BlobStorage;
use toml::{Table, Value};

use super::Config;
use crate::registry::Chain;

/// What every variable of ours begins with.
const PREFIX: &str = "BARTAB_";
/// What stands between a section and a value in the name of a variable.
const SEPARATOR: &str = "__";
/// The sections and values at the top of the file.
const TOP: &[&str] = &[
    "data",
    "listen",
    "operator_listen",
    "public_url",
    "root_tenant",
    "trusted_proxies",
    "forwarded",
    "sealing_key_file",
    "log",
    "log_format",
    "server",
    "tenants",
    "limits",
    "auth",
    "chat",
    "media",
];

/// The configuration cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{path} cannot be read")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file says what is not understood.
    #[error("{path}: {error}")]
    File {
        /// The file.
        path: PathBuf,
        /// What, and in which line.
        error: Box<toml::de::Error>,
    },
    /// A variable says what is not understood. Its value is not repeated: it may be a secret.
    #[error("the environment: {error}")]
    Environment {
        /// What.
        error: String,
    },
    /// A value is understood and cannot be used.
    #[error("{0}")]
    Value(String),
}

pub(super) fn load(
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<Config, ConfigError> {
    let mut table = match file {
        Some(path) => read(path)?,
        None => Table::new(),
    };
    for (variable, value) in environment {
        let Some(key) = variable.strip_prefix(PREFIX).map(str::to_ascii_lowercase) else { continue };
        let path: Vec<&str> = key.split(SEPARATOR).collect();
        if !TOP.contains(path.first().unwrap_or(&"")) {
            continue;
        }
        insert(&mut table, &path, parse(&value)).map_err(|()| ConfigError::Environment {
            error: format!("`{variable}` names a value inside something that is no section"),
        })?;
    }
    // Whatever is wrong now was put there by the environment: the file alone has passed. The message of the parser
    // without its excerpt of the source, which is where a value would stand.
    let mut config: Config = table
        .try_into()
        .map_err(|error: toml::de::Error| ConfigError::Environment { error: error.message().to_owned() })?;
    check(&config)?;
    seal(&mut config)?;
    Ok(config)
}

/// Reads the host's keys from the file that is named.
fn seal(config: &mut Config) -> Result<(), ConfigError> {
    let Some(path) = &config.sealing_key_file else { return Ok(()) };
    if !config.auth.sealing_keys.is_empty() {
        let why = "give either `sealing_key_file` or `sealing_keys` of [auth], not both";
        return Err(ConfigError::Value(why.to_owned()));
    }
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.clone(), source })?;
    let wrong = |why: &dyn std::fmt::Display| ConfigError::Value(format!("{}: {why}", path.display()));
    config.auth.sealing_keys = SealingKeys::parse(&text).map_err(|error| wrong(&error))?;
    // An empty file is no wish to store secrets as they are.
    if config.auth.sealing_keys.is_empty() { Err(wrong(&"there is no key in it")) } else { Ok(()) }
}

/// Finds what no tenant could be opened with.
fn check(config: &Config) -> Result<(), ConfigError> {
    if !config.auth.issuer.is_empty() || config.auth.audience.is_some() {
        let why = "`issuer` and `audience` of [auth] are each tenant's own: `public_url` and `base_url` give them";
        return Err(ConfigError::Value(why.to_owned()));
    }
    let of_some_tenant = bartab_auth::Config { issuer: "https://localhost".to_owned(), ..config.auth.clone() };
    of_some_tenant.validate().map_err(|error| ConfigError::Value(format!("[auth]: {error}")))?;
    let storage = BlobStorage::open(&config.media.storage, config.media.file_bytes);
    storage.map(drop).map_err(|error| ConfigError::Value(format!("[media]: {}", Chain(&error))))
}

/// The file as a table, once it has passed as a configuration: only then does an error name line and column.
fn read(path: &Path) -> Result<Table, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    let wrong = |error| ConfigError::File { path: path.to_owned(), error: Box::new(error) };
    let _checked: Config = toml::from_str(&text).map_err(wrong)?;
    toml::from_str(&text).map_err(wrong)
}

/// The value as TOML; what is no TOML is text.
fn parse(value: &str) -> Value {
    let table: Result<Table, _> = toml::from_str(&format!("value = {value}"));
    let parsed = table.ok().filter(|table| table.len() == 1).and_then(|mut table| table.remove("value"));
    parsed.unwrap_or_else(|| Value::String(value.to_owned()))
}

fn insert(table: &mut Table, path: &[&str], value: Value) -> Result<(), ()> {
    match path {
        [] => Err(()),
        [last] => {
            table.insert((*last).to_owned(), value);
            Ok(())
        }
        [section, rest @ ..] => {
            let section = table.entry(*section).or_insert_with(|| Value::Table(Table::new()));
            insert(section.as_table_mut().ok_or(())?, rest, value)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ForwardedHeaders;
    use std::collections::BTreeSet;

    fn from_env(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        load(None, variables.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())))
    }

    fn from_file(text: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        load(Some(file.path()), variables.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn a_variable_replaces_a_value_of_the_file() {
        let text = "listen = '127.0.0.1:1'\n[server]\nmax_connections = 7\nshutdown_seconds = 1\n";
        let config = from_file(text, &[("BARTAB_SERVER__MAX_CONNECTIONS", "8")]).unwrap();
        assert_eq!(config.listen.port(), 1);
        assert_eq!((config.server.max_connections, config.server.shutdown_seconds), (8, 1));
    }

    #[test]
    fn values_of_variables_are_toml_or_text() {
        let config = from_env(&[
            ("BARTAB_LISTEN", "0.0.0.0:80"),
            ("BARTAB_TRUSTED_PROXIES", "['10.0.0.0/8']"),
            ("BARTAB_LIMITS__ENABLED", "false"),
            ("BARTAB_FORWARDED", "rfc7239"),
            ("BARTAB_LOG", "info,bartab_chat=debug"),
            ("BARTAB_OPERATOR_LISTEN", "none"),
            ("BARTAB_LIMITS__ADDRESS__SIGN_IN", "none"),
        ])
        .unwrap();
        assert_eq!(config.listen.port(), 80);
        assert_eq!((config.trusted_proxies.len(), config.forwarded), (1, ForwardedHeaders::Rfc7239));
        assert!(!config.limits.enabled && config.operator_listen.0.is_none());
        assert_eq!(config.log, "info,bartab_chat=debug");
        assert!(config.limits.address.sign_in.is_none() && config.limits.address.writes.is_some());
    }

    #[test]
    fn mistakes_are_named_and_strangers_left_alone() {
        assert!(from_env(&[("BARTAB_BENCH_RUNS", "3"), ("HOME", "/")]).is_ok());
        let error = from_env(&[("BARTAB_SERVER__MAX_CONECTIONS", "8")]).unwrap_err().to_string();
        assert!(error.contains("max_conections"), "{error}");
        let error = from_env(&[("BARTAB_LISTEN__PORT", "8"), ("BARTAB_LISTEN", "8")]).unwrap_err();
        assert!(matches!(error, ConfigError::Environment { .. }));
        let error = from_file("[server]\nmax_conections = 8", &[]).unwrap_err().to_string();
        assert!(error.contains("max_conections") && error.contains("line 2"), "{error}");
    }

    #[test]
    fn what_no_tenant_could_be_opened_with_is_refused() {
        for text in ["[auth]\nissuer = 'https://a'", "[auth]\naccess_token_seconds = 0"] {
            assert!(matches!(from_file(text, &[]), Err(ConfigError::Value(_))), "{text}");
        }
    }

    #[test]
    fn the_hosts_keys_are_read_from_their_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().to_str().unwrap();
        let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
        std::fs::write(file.path(), format!("{key}\n")).unwrap();
        let read = from_env(&[("BARTAB_SEALING_KEY_FILE", path)]).unwrap();
        assert_eq!(read.auth.sealing_keys, SealingKeys::parse(key).unwrap());
        let both = [("BARTAB_SEALING_KEY_FILE", path), ("BARTAB_AUTH__SEALING_KEYS", key)];
        assert!(matches!(from_env(&both), Err(ConfigError::Value(_))));
        for wrong in ["", "not a key", &key[1..]] {
            std::fs::write(file.path(), wrong).unwrap();
            let error = from_env(&[("BARTAB_SEALING_KEY_FILE", path)]).unwrap_err().to_string();
            assert!(error.contains(path) && !error.contains("AECAw"), "{error}");
        }
        assert!(matches!(from_env(&[("BARTAB_SEALING_KEY_FILE", "/nowhere/x")]), Err(ConfigError::Read { .. })));
    }

    #[test]
    fn every_section_can_be_reached_from_the_environment() {
        let error = toml::from_str::<Config>("unheard_of = 1").unwrap_err().to_string();
        let names = error.split_once("expected one of").map(|(_, names)| names).unwrap_or_default();
        let fields: BTreeSet<&str> = names.split('`').skip(1).step_by(2).collect();
        assert_eq!(fields, TOP.iter().copied().collect());
    }
}
