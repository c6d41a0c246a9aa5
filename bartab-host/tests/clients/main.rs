//! Stock clients that nobody here wrote, unchanged: PyPI's authlib and PyJWT, npm's openid-client and jose sign in,
//! refresh, verify and act; PyPI's tuspy, npm's tus-js-client, `curl` and Chromium upload and show files, and PyPI's moto
//! keeps them. Each runs as a program of its own against a server on this machine; what they need is installed below the
//! build's own folder. The guide's commands are run here too.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod guide;
mod install;
mod media;
mod proxy;
mod script;

use std::sync::Arc;

use bartab_auth::{NewAccount, RegistrationPolicy, TenantConfig};
use bartab_core::{SystemClock, SystemRandom, TenantRole};
use bartab_host::{Config, DataFolder, OptionalAddr, Running, TenantSettings, start};
use reqwest::Client;
use serde_json::{Value, json};

use self::script::Language;

const PERSON: &str = "robin";
const PASSWORD: &str = "correct horse battery";
/// Nobody listens there: the browser stops before it goes there.
const REDIRECT_URI: &str = "http://127.0.0.1:1/callback";

/// A server whose tenant has a person, an administrator, a room, an application and a bot.
struct World {
    running: Option<Running>,
    environment: Vec<(&'static str, String)>,
    _data: tempfile::TempDir,
}

impl World {
    async fn open() -> Self {
        let data = tempfile::tempdir().unwrap();
        let folder = DataFolder::open(data.path()).unwrap();
        let settings =
            TenantSettings { auth: TenantConfig::registration(RegistrationPolicy::Open), ..TenantSettings::default() };
        folder.create(&"acme".parse().unwrap(), &settings).unwrap();
        let mut config = Config { data: Some(data.path().to_owned()), ..Config::default() };
        config.listen.set_port(0);
        config.operator_listen = OptionalAddr(None);
        config.auth.password = bartab_auth::PasswordConfig::THROW_AWAY;
        config.limits.enabled = false;
        let running = start(&config, Arc::new(SystemClock), Arc::new(SystemRandom)).await.unwrap();
        // Below a path, where the issuer is not the server's root.
        let issuer = format!("{}/t/acme", running.url());

        let tenant = running.host().tenant("acme").await.unwrap();
        let admin = NewAccount { role: TenantRole::Administrator, ..NewAccount::member("admin-of-acme", PASSWORD) };
        let admin = tenant.auth().create_account(admin).await.unwrap();
        let admin = tenant.auth().sign_in(admin.user_id, None).await.unwrap().access_token;
        drop(tenant);

        let server = Server { issuer: &issuer, client: Client::new() };
        let person = json!({"username": PERSON, "password": PASSWORD});
        let person = server.post("", "/v1/auth/register", &person).await;
        let person = text(&person, "access_token");
        let room = server.post(&person, "/v1/rooms", &json!({"name": "kitchen", "visibility": "public"})).await;
        let application = json!({
            "name": "Stock client",
            "reason": "to be tested",
            "redirect_uris": [REDIRECT_URI],
            "confidential": true,
            "scopes": ["openid", "profile", "offline_access", "chat:read", "chat:write"],
            "grant_types": [
                "authorization_code",
                "refresh_token",
                "urn:ietf:params:oauth:grant-type:device_code",
            ],
        });
        let application = server.post(&admin, "/v1/admin/clients", &application).await;
        let bot = server.post(&person, "/v1/bots", &json!({"name": "beeper"})).await;
        let environment = vec![
            ("PERSON", PERSON.to_owned()),
            ("PASSWORD", PASSWORD.to_owned()),
            ("REDIRECT_URI", REDIRECT_URI.to_owned()),
            ("ADMIN_TOKEN", admin),
            ("ROOM", text(&room, "room_id")),
            ("CLIENT_ID", text(&application, "client_id")),
            ("CLIENT_SECRET", text(&application, "client_secret")),
            ("BOT_CLIENT_ID", text(&bot, "client_id")),
            ("BOT_CLIENT_SECRET", text(&bot, "client_secret")),
            // authlib asks for this where the server is not behind TLS.
            ("AUTHLIB_INSECURE_TRANSPORT", "1".to_owned()),
            ("ISSUER", issuer),
        ];
        Self { running: Some(running), environment, _data: data }
    }

    /// Runs the script to its end; it prints that all went well, or fails.
    async fn run(mut self, language: Language, script: &str) {
        script::run(language, script, &self.environment).await;
        if let Some(running) = self.running.take() {
            running.shutdown().await;
        }
    }
}

struct Server<'a> {
    issuer: &'a str,
    client: Client,
}

impl Server<'_> {
    async fn post(&self, token: &str, path: &str, body: &Value) -> Value {
        let mut request = self.client.post(format!("{}{path}", self.issuer)).body(body.to_string());
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        let answer = request.send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert_eq!(status, 201, "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    }
}

fn text(answer: &Value, field: &str) -> String {
    answer[field].as_str().unwrap_or_else(|| panic!("no {field}: {answer}")).to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn authlib_signs_people_in_and_bots_too() {
    World::open().await.run(Language::Python, "authlib_flow.py").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pyjwt_verifies_with_the_published_keys() {
    World::open().await.run(Language::Python, "pyjwt_jwks.py").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn openid_client_goes_through_every_flow() {
    World::open().await.run(Language::Node, "openid_client.mjs").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn jose_verifies_with_the_published_keys() {
    World::open().await.run(Language::Node, "jose_jwks.mjs").await;
}
