//! `bartab dev`

use std::net::SocketAddr;
use std::path::PathBuf;

use bartab_auth::PasswordConfig;
use clap::Args;

use super::stop::Stop;
use super::{Common, Outcome, on_all_cores, say};
use crate::config::OptionalAddr;
use crate::dev::{DevOptions, start};

#[derive(Debug, Args)]
pub(super) struct Dev {
    /// Where to listen
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// The data folder; without one a temporary folder, which is removed at the end
    // Not from the environment, where the folder of a real server may be named.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Where metrics and probes are served for the operator; nowhere when not given or `none`
    #[arg(long, value_name = "ADDR", env = "BARTAB_OPERATOR_LISTEN")]
    operator_listen: Option<OptionalAddr>,
    #[command(flatten)]
    common: Common,
}

impl Dev {
    pub(super) fn run(self) -> Outcome {
        let mut config = self.common.begin()?;
        if self.data.is_none() && config.auth.password == PasswordConfig::default() {
            // Nobody's real password outlives a temporary folder, and a thousand people sign up in seconds.
            config.auth.password = PasswordConfig::THROW_AWAY;
        }
        let temporary = self.data.is_none();
        let operator_listen = self.operator_listen.and_then(|address| address.0);
        let options = DevOptions { listen: self.listen, data: self.data, operator_listen, config };
        on_all_cores(async move {
            let stop = Stop::listen()?;
            let server = start(options).await?;
            say(format_args!("BarTAB listens on {}", server.url()));
            if let Some(operator) = server.operator_addr() {
                say(format_args!("Metrics are on http://{operator}/metrics"));
            }
            if !server.addr().ip().is_loopback() {
                tracing::warn!("everyone who reaches this address can sign up");
            }
            if temporary {
                say("Everything is gone when it ends; --data DIR keeps it.");
            }
            let serving = async {
                say(format_args!("\n{}", server.seeded().await?));
                std::future::pending::<Outcome>().await
            };
            tokio::select! {
                never_seeded = serving => never_seeded?,
                () = stop.asked() => {}
            }
            server.shutdown().await;
            Ok(())
        })
    }
}
