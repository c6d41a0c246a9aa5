//! `bartab config`

use std::path::PathBuf;

use clap::Subcommand;

use super::{Outcome, load, say};

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Read the configuration file and the environment, and say what is wrong with them
    Check {
        /// The configuration file
        #[arg(long, value_name = "FILE", env = "BARTAB_CONFIG")]
        config: Option<PathBuf>,
    },
}

impl ConfigCommand {
    pub(super) fn run(self) -> Outcome {
        let Self::Check { config } = self;
        load(config.as_deref())?;
        say("the configuration is good");
        Ok(())
    }
}
