//! `bartab config`: the configuration, and what it names.

use std::path::{Path, PathBuf};
use std::{fs, io};

use bartab_auth::SealingKeys;
use bartab_core::{Random, SystemRandom};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Subcommand;

use super::{Outcome, load, say};
use crate::folder::write_whole;

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Read the configuration file and the environment, and say what is wrong with them
    Check {
        /// The configuration file
        #[arg(long, value_name = "FILE", env = "BARTAB_CONFIG")]
        config: Option<PathBuf>,
    },
    /// Make a key of the host's, by which private keys and other secrets are sealed, for `sealing_key_file`
    ///
    /// Keep it apart from the data and from its backups, and do not lose it: what is sealed with it opens with nothing
    /// else.
    InitSealingKey {
        /// The file, which only its owner can read
        file: PathBuf,
        /// Put a new key before those that stand in the file already; what they have sealed they still open
        #[arg(long)]
        add: bool,
    },
}

impl ConfigCommand {
    pub(super) fn run(self) -> Outcome {
        match self {
            Self::Check { config } => {
                load(config.as_deref())?;
                say("the configuration is good");
            }
            Self::InitSealingKey { file, add } => {
                init_sealing_key(&file, add, &SystemRandom)?;
                say(format_args!("made a key in {}", file.display()));
            }
        }
        Ok(())
    }
}

/// Makes the file, or puts a new key in front of those that stand in it: all of it or nothing.
fn init_sealing_key(file: &Path, add: bool, random: &dyn Random) -> Outcome {
    let before = match fs::read_to_string(file) {
        Ok(_) if !add => return Err(format!("{} is there already; --add puts a new key first", file.display()).into()),
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound && !add => String::new(),
        Err(error) => return Err(error.into()),
    };
    let mut key = [0; 32];
    random.fill(&mut key);
    let text = format!("{}\n{before}", STANDARD.encode(key));
    SealingKeys::parse(&text)?;
    write_whole(file, text.trim_end())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use bartab_core::SeededRandom;

    #[test]
    fn a_key_is_made_once_and_further_ones_come_first() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("host.key");
        let random = SeededRandom::new(1);
        assert!(init_sealing_key(&file, true, &random).is_err(), "there is nothing to add to");
        init_sealing_key(&file, false, &random).unwrap();
        let first = fs::read_to_string(&file).unwrap();
        assert!(init_sealing_key(&file, false, &random).is_err());
        assert_eq!(fs::read_to_string(&file).unwrap(), first);
        init_sealing_key(&file, true, &random).unwrap();
        let both = fs::read_to_string(&file).unwrap();
        assert!(both.ends_with(&first) && both.len() == 2 * first.len(), "{both}");
        assert!(SealingKeys::parse(&both).is_ok());
        #[cfg(unix)]
        {
            let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&file).unwrap().permissions());
            assert_eq!(mode & 0o777, 0o600);
        }
        fs::write(&file, "no key").unwrap();
        assert!(init_sealing_key(&file, true, &random).is_err());
        assert_eq!(fs::read_to_string(&file).unwrap(), "no key");
    }
}
