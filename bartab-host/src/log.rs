//! Where log lines go: to standard error, as text for people or as JSON for machines.

use tracing_subscriber::EnvFilter;

use crate::config::LogFormat;

/// Sends log lines to standard error for the rest of the process. Only a program may do this, never a library.
///
/// # Errors
/// `filter` is not understood, or the process has a subscriber already.
pub(crate) fn init(filter: &str, format: LogFormat) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let filter = EnvFilter::try_new(filter)?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => lines.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).try_init(),
        LogFormat::Json => lines.json().try_init(),
    }
}
