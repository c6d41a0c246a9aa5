//! `bartab invite`: the invites of a tenant.

use bartab_core::{Clock, SystemClock};
use clap::Subcommand;
use clap::builder::PossibleValuesParser;
use http::Method;
use serde_json::json;

use super::desk::{Place, segment};
use super::user::ROLES;
use super::{Outcome, row, say};

#[derive(Debug, Subcommand)]
pub(super) enum Invite {
    /// Make an invite; its code is shown this once
    Create {
        /// How many people may come by it; any number when not given
        #[arg(long, value_name = "NUMBER")]
        max_uses: Option<u32>,
        /// For how many days it is good; for ever when not given
        #[arg(long, value_name = "DAYS")]
        days: Option<u32>,
        /// A room that they join; may be given several times
        #[arg(long = "room", value_name = "ROOM_ID")]
        rooms: Vec<String>,
        /// Their role; member when not given
        #[arg(long, value_parser = PossibleValuesParser::new(ROLES))]
        role: Option<String>,
        /// Why, for the audit trail
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        #[command(flatten)]
        place: Place,
    },
    /// List the invites, newest first: id, role, uses, the most uses, end, when it was taken back
    List {
        #[command(flatten)]
        place: Place,
    },
    /// Take an invite back; who came by it stays
    Revoke {
        /// Its id
        invite_id: String,
        /// Why, for the audit trail
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        place: Place,
    },
}

impl Invite {
    pub(super) fn run(self) -> Outcome {
        match self {
            Self::Create { max_uses, days, rooms, role, reason, place } => {
                const DAY: std::time::Duration = std::time::Duration::from_secs(24 * 60 * 60);
                let expires_at = days.map(|days| SystemClock.now().after(DAY * days));
                let body = json!({
                    "max_uses": max_uses, "expires_at": expires_at, "rooms": rooms, "role": role,
                    "reason": reason.unwrap_or_default(),
                });
                place.work(async |desk| {
                    let invite = desk.post("invites", &body).await?;
                    say(format_args!("invite_id\t{}", row(&invite, &["invite_id"])));
                    say(format_args!("code\t{}", row(&invite, &["code"])));
                    Ok(())
                })
            }
            Self::List { place } => place.work(async |desk| {
                let fields = ["invite_id", "role", "uses", "max_uses", "expires_at", "revoked_at"];
                desk.list("invites", |invite| say(row(invite, &fields))).await
            }),
            Self::Revoke { invite_id, reason, place } => {
                let path = format!("invites/{}", segment(&invite_id)?);
                place.work(async |desk| {
                    desk.ask(Method::DELETE, &path, &json!({"reason": reason})).await?;
                    say(format_args!("revoked {invite_id}"));
                    Ok(())
                })
            }
        }
    }
}
