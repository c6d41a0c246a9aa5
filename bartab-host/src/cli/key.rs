//! `bartab key`: the signing keys of a tenant.

use clap::Subcommand;
use serde_json::{Value, json};

use super::desk::{Place, segment};
use super::{Outcome, row, say};

#[derive(Debug, Subcommand)]
pub(super) enum Key {
    /// List the keys, oldest first: name, algorithm, state, since when, when it goes on by itself
    List {
        #[command(flatten)]
        place: Place,
    },
    /// Put other keys in the place of those that sign: published now, in use when everybody can know them
    Rotate {
        /// Only the key for this algorithm: EdDSA, ES256 or RS256
        #[arg(long, value_name = "ALG")]
        algorithm: Option<String>,
        /// At once, for an emergency
        #[arg(long)]
        now: bool,
        /// Why, for the audit trail
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        place: Place,
    },
    /// Remove a key at once, for an emergency: what it has signed is refused from now on
    Retire {
        /// Its name
        // Which may begin with a hyphen.
        #[arg(allow_hyphen_values = true)]
        kid: String,
        /// Why, for the audit trail
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        place: Place,
    },
}

impl Key {
    pub(super) fn run(self) -> Outcome {
        let (path, body, place) = match self {
            Self::List { place } => return place.work(async |desk| desk.list("keys", |key| say(line(key))).await),
            Self::Rotate { algorithm, now, reason, place } => {
                ("keys/rotate".to_owned(), json!({"algorithm": algorithm, "now": now, "reason": reason}), place)
            }
            Self::Retire { kid, reason, place } => {
                (format!("keys/{}/retire", segment(&kid)?), json!({"reason": reason}), place)
            }
        };
        place.work(async |desk| {
            let keys = desk.post(&path, &body).await?;
            keys["items"].as_array().into_iter().flatten().for_each(|key| say(line(key)));
            Ok(())
        })
    }
}

/// A key on a line.
fn line(key: &Value) -> String {
    row(key, &["kid", "algorithm", "state", "state_since", "changes_at"])
}
