//! `bartab client`: the OAuth clients of a tenant.

use clap::Subcommand;
use http::Method;
use serde_json::{Value, json};

use super::desk::{Place, segment};
use super::{Outcome, row, say};

#[derive(Debug, Subcommand)]
pub(super) enum Client {
    /// Register a program that people sign in to, or another service; its secret is shown this once
    Create {
        /// What people are shown
        name: String,
        /// Another service, which signs in as itself
        #[arg(long)]
        service: bool,
        /// It cannot keep a secret: a program in a browser, or one that people install
        #[arg(long, conflicts_with = "service")]
        public: bool,
        /// Where codes may be sent; may be given several times
        #[arg(long = "redirect-uri", value_name = "URI")]
        redirect_uris: Vec<String>,
        /// The most that it is given; may be given several times
        #[arg(long = "scope", value_name = "SCOPE")]
        scopes: Vec<String>,
        /// A way to tokens that it may take, when not the usual ones; may be given several times
        #[arg(long = "grant-type", value_name = "NAME")]
        grant_types: Vec<String>,
        /// What its ID tokens are signed with: RS256, ES256 or EdDSA
        #[arg(long = "id-token-alg", value_name = "ALG")]
        id_token_alg: Option<String>,
        /// Why, for the audit trail
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        place: Place,
    },
    /// List the clients: id, kind, name, redirect URIs
    List {
        #[command(flatten)]
        place: Place,
    },
    /// Remove a client and end its sessions
    Remove {
        /// Its id
        client_id: String,
        /// Why, for the audit trail
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        place: Place,
    },
}

impl Client {
    pub(super) fn run(self) -> Outcome {
        match self {
            Self::Create { name, service, public, redirect_uris, scopes, grant_types, id_token_alg, reason, place } => {
                let given = |list: Vec<String>| if list.is_empty() { Value::Null } else { json!(list) };
                let body = json!({
                    "name": name,
                    "kind": if service { "service" } else { "app" },
                    "confidential": !public,
                    "redirect_uris": redirect_uris,
                    "scopes": given(scopes),
                    "grant_types": given(grant_types),
                    "id_token_signed_response_alg": id_token_alg,
                    "reason": reason,
                });
                place.work(async |desk| {
                    let client = desk.post("clients", &body).await?;
                    say(format_args!("client_id\t{}", row(&client, &["client_id"])));
                    if let Some(secret) = client["client_secret"].as_str() {
                        say(format_args!("client_secret\t{secret}"));
                    }
                    Ok(())
                })
            }
            Self::List { place } => place.work(async |desk| {
                desk.list("clients", |client| say(row(client, &["client_id", "kind", "name", "redirect_uris"]))).await
            }),
            Self::Remove { client_id, reason, place } => {
                let path = format!("clients/{}", segment(&client_id)?);
                place.work(async |desk| {
                    desk.ask(Method::DELETE, &path, &json!({"reason": reason})).await?;
                    say(format_args!("removed {client_id}"));
                    Ok(())
                })
            }
        }
    }
}
