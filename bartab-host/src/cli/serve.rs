//! `bartab serve`

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use bartab_core::{SystemClock, SystemRandom};
use clap::Args;

use super::stop::Stop;
use super::tenant::first_owner;
use super::{Common, Outcome, on_all_cores, say};
use crate::config::OptionalAddr;
use crate::registry::Chain;
use crate::server::start;

#[derive(Debug, Args)]
pub(super) struct Serve {
    /// The folder that holds the tenants
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Where clients connect, 127.0.0.1:8080 unless configured; TLS is left to a proxy
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Where metrics and probes are served for the operator, 127.0.0.1:9464 unless configured; `none`: nowhere
    #[arg(long, value_name = "ADDR")]
    operator_listen: Option<OptionalAddr>,
    #[command(flatten)]
    common: Common,
}

impl Serve {
    pub(super) fn run(self) -> Outcome {
        let mut config = self.common.begin()?;
        config.data = self.data.or(config.data);
        config.listen = self.listen.unwrap_or(config.listen);
        config.operator_listen = self.operator_listen.unwrap_or(config.operator_listen);
        on_all_cores(async move {
            let stop = Stop::listen()?;
            let server = start(&config, Arc::new(SystemClock), Arc::new(SystemRandom)).await?;
            say(format_args!("BarTAB listens on {}", server.url()));
            if let Some(operator) = server.operator_address() {
                say(format_args!("Metrics are on http://{operator}/metrics"));
            }
            if config.public_url.is_none() {
                tracing::warn!("no public_url is configured: tokens and links carry the address of the listener");
            }
            let serving = async {
                let announced = server.host().announce_setup(|tenant, link| say(first_owner(tenant, link))).await;
                announced
                    .unwrap_or_else(|error| tracing::error!(error = %Chain(&error), "the tenants cannot be listed"));
                std::future::pending::<()>().await;
            };
            tokio::select! {
                () = serving => {}
                () = stop.asked() => {}
            }
            server.shutdown().await;
            Ok(())
        })
    }
}
