//! Making an account with BarTAB's own identity service.

use reqwest::Client;
use reqwest::header::AUTHORIZATION;
use serde_json::{Value, json};

use crate::conversation::{Outcome, Person};

/// Makes an account and signs it in.
pub(crate) async fn register(base: &str, username: &str) -> Outcome<Person> {
    let body = json!({"username": username, "password": "correct horse battery staple"});
    let answer = Client::new().post(format!("{base}/v1/auth/register")).json(&body).send().await?;
    let tokens: Value = answer.error_for_status()?.json().await?;
    let token = tokens["access_token"].as_str().ok_or("no access token")?;
    Ok(Person::new(base, AUTHORIZATION, format!("Bearer {token}")))
}
