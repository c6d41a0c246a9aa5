//! `bartab user`: the accounts of a tenant.

use std::io::{self, BufRead};

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};

use super::desk::{Place, segment};
use super::{Outcome, row, say};

/// The roles, from the least to the most.
pub(super) const ROLES: [&str; 5] = ["guest", "member", "moderator", "administrator", "owner"];
const STATES: [&str; 3] = ["active", "suspended", "erased"];

#[derive(Debug, Subcommand)]
pub(super) enum User {
    /// Make an account; without --password-stdin a link is printed by which its owner sets a password
    Create {
        /// The name to sign in with
        username: String,
        /// The name that others see; the username when not given
        #[arg(long, value_name = "NAME")]
        display_name: Option<String>,
        /// An administrator of the tenant
        #[arg(long, conflicts_with = "role")]
        admin: bool,
        /// The role; member when not given
        #[arg(long, value_parser = PossibleValuesParser::new(ROLES))]
        role: Option<String>,
        /// Read the password from the first line of standard input
        #[arg(long)]
        password_stdin: bool,
        /// Why, for the audit trail
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        #[command(flatten)]
        place: Place,
    },
    /// List accounts, oldest first: username, id, role, state, kind
    List {
        /// Only those whose username begins so
        #[arg(long, value_name = "PREFIX")]
        search: Option<String>,
        /// Only those with this role
        #[arg(long, value_parser = PossibleValuesParser::new(ROLES))]
        role: Option<String>,
        /// Only those in this state
        #[arg(long, value_parser = PossibleValuesParser::new(STATES))]
        state: Option<String>,
        /// Only bots, or only persons
        #[arg(long, value_parser = PossibleValuesParser::new(["person", "bot"]))]
        kind: Option<String>,
        #[command(flatten)]
        place: Place,
    },
    /// Suspend an account: its sessions end, and nobody signs in to it
    Suspend(Deed),
    /// Restore an account that is suspended
    Restore(Deed),
    /// Give an account another role
    Role {
        #[command(flatten)]
        deed: Deed,
        /// The role
        #[arg(value_parser = PossibleValuesParser::new(ROLES))]
        role: String,
    },
    /// Say how much an account may ask, in percent of what everybody may: 1 to 10000
    Rate {
        #[command(flatten)]
        deed: Deed,
        /// 100 is usual
        percent: u32,
    },
    /// Take every way to sign in from somebody, and print a link to a new one
    Reset(Deed),
    /// Erase a person for good: names, password, sessions, and files that no message carries
    Erase {
        /// Also what they wrote, and every file of theirs
        #[arg(long)]
        messages: bool,
        /// Yes, it is gone for ever
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        deed: Deed,
    },
}

/// What is done to whom, why, and where.
#[derive(Debug, Args)]
pub(super) struct Deed {
    /// The username, or the id
    user: String,
    /// Why, for the audit trail
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    place: Place,
}

impl Deed {
    /// Does it with these fields beside the reason, and prints what `tell` makes of the answer.
    fn carry_out(self, method: Method, act: &str, mut body: Value, tell: impl FnOnce(&Value) -> String) -> Outcome {
        body["reason"] = json!(self.reason);
        let path = format!("users/{}{act}", segment(&self.user)?);
        self.place.work(async |desk| {
            let answer = desk.ask(method, &path, &body).await?;
            say(tell(&answer));
            Ok(())
        })
    }
}

impl User {
    pub(super) fn run(self) -> Outcome {
        let account = |answer: &Value| line(answer);
        match self {
            Self::Create { username, display_name, admin, role, password_stdin, reason, place } => {
                let role = if admin { Some("administrator".to_owned()) } else { role };
                let password = if password_stdin { Some(password(io::stdin().lock())?) } else { None };
                let body = json!({
                    "username": username, "display_name": display_name, "role": role, "password": password,
                    "reason": reason,
                });
                place.work(async |desk| {
                    let made = desk.post("users", &body).await?;
                    say(line(&made));
                    if made["link"].is_string() {
                        say(invitation(&made));
                    }
                    Ok(())
                })
            }
            Self::List { search, role, state, kind, place } => {
                let mut query = String::new();
                for (name, value) in [("search", search), ("role", role), ("state", state), ("kind", kind)] {
                    if let Some(value) = value {
                        let separator = if query.is_empty() { '?' } else { '&' };
                        query = format!("{query}{separator}{name}={}", segment(&value)?);
                    }
                }
                place.work(async |desk| desk.list(&format!("users{query}"), |user| say(line(user))).await)
            }
            Self::Suspend(deed) => deed.carry_out(Method::POST, "/suspend", json!({}), account),
            Self::Restore(deed) => deed.carry_out(Method::POST, "/restore", json!({}), account),
            Self::Role { role, deed } => deed.carry_out(Method::PATCH, "", json!({"role": role}), account),
            Self::Rate { percent, deed } => {
                deed.carry_out(Method::PATCH, "", json!({"rate_percent": percent}), account)
            }
            Self::Reset(deed) => deed.carry_out(Method::POST, "/reset", json!({}), invitation),
            Self::Erase { messages, yes, deed } => {
                if !yes {
                    return Err(format!("this erases `{}` for ever; say --yes if you mean it", deed.user).into());
                }
                deed.carry_out(Method::POST, "/erase", json!({"messages": messages}), account)
            }
        }
    }
}

/// An account on a line.
fn line(user: &Value) -> String {
    row(user, &["username", "user_id", "role", "state", "kind"])
}

/// A link on a line, and for how long it is good.
pub(super) fn invitation(answer: &Value) -> String {
    let hours = answer["expires_in"].as_u64().unwrap_or_default() / 3600;
    format!("Good once and for {hours} hours: {}", row(answer, &["link"]))
}

/// The first line, without its end.
fn password(input: impl BufRead) -> Outcome<String> {
    const LONGEST: u64 = 4096;
    let mut line = String::new();
    input.take(LONGEST).read_line(&mut line)?;
    let password = line.strip_suffix('\n').unwrap_or(&line);
    Ok(password.strip_suffix('\r').unwrap_or(password).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_the_first_line() {
        for (input, read) in [("secret\n", "secret"), ("a b \r\nmore", "a b "), ("last", "last"), ("", ""), ("\n", "")]
        {
            assert_eq!(password(input.as_bytes()).unwrap(), read);
        }
        assert!(password(&b"\xff\xfe"[..]).is_err());
    }
}
