//! A BarTAB server for the measurements, and the people who use it.

use std::path::PathBuf;

use bartab_host::dev::{DevOptions, start};
use serde_json::{Value, json};

use crate::Result;
use crate::client::Connection;

/// Serves a tenant from this folder, as `bartab dev` does, until it is ended.
pub(crate) async fn serve(data: PathBuf, real_passwords: bool) -> Result<()> {
    let mut options = DevOptions { data: Some(data), ..DevOptions::default() };
    // A thousand people sign up before some measurements; signing up is not what they measure.
    options.config.auth.password =
        if real_passwords { bartab_auth::PasswordConfig::default() } else { bartab_auth::PasswordConfig::THROW_AWAY };
    // What is measured is a gigabyte; a file may have a quarter of one unless configured.
    options.config.media.file_bytes = 2 << 30;
    let server = start(options).await?;
    println!("listening on {}", server.addr());
    std::future::pending::<()>().await;
    Ok(())
}

/// Somebody who is signed in.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) token: String,
}

/// Signs somebody up, or in.
pub(crate) async fn person(connection: &mut Connection, name: &str) -> Result<Person> {
    let who = json!({ "username": name, "password": format!("{name}-benchmark") });
    let answer = match connection.json(201, "POST", "/v1/auth/register", None, &who).await {
        Ok(answer) => answer,
        Err(register) => match connection.json(200, "POST", "/v1/auth/login", None, &who).await {
            Ok(answer) => answer,
            Err(login) => return Err(format!("{register}; {login}").into()),
        },
    };
    Ok(Person { token: answer["access_token"].as_str().ok_or("no token")?.to_owned() })
}

/// The public room of this name, made when missing.
pub(crate) async fn room(connection: &mut Connection, person: &Person, name: &str) -> Result<String> {
    let token = Some(person.token.as_str());
    let rooms = connection.json(200, "GET", "/v1/rooms?joined=true&limit=100", token, &Value::Null).await?;
    let found = rooms["items"].as_array().and_then(|rooms| rooms.iter().find(|room| room["name"] == name));
    if let Some(id) = found.and_then(|room| room["room_id"].as_str()) {
        return Ok(id.to_owned());
    }
    let draft = json!({ "name": name, "visibility": "public" });
    let room = connection.json(201, "POST", "/v1/rooms", token, &draft).await?;
    Ok(room["room_id"].as_str().ok_or("no id")?.to_owned())
}

/// Joins the room.
pub(crate) async fn join(connection: &mut Connection, person: &Person, room: &str) -> Result<()> {
    let path = format!("/v1/rooms/{room}/join");
    let (status, _) = connection.call("POST", &path, Some(&person.token), "", b"").await?;
    if status == 201 || status == 200 { Ok(()) } else { Err(format!("join: {status}").into()) }
}

/// A fresh random key.
pub(crate) fn key(random: &dyn bartab_core::Random) -> String {
    let mut bytes = [0; 16];
    random.fill(&mut bytes);
    format!("idempotency-key: \"{:032x}\"\r\n", u128::from_be_bytes(bytes))
}
