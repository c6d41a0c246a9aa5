//! The binary as people run it.

use std::path::Path;

use serde_json::Value;
use tokio::process::Command;

#[cfg(unix)]
use crate::program::stop;
use crate::program::{bartab, ended, lines_until};

#[cfg(unix)]
#[tokio::test]
async fn dev_prints_lines_that_work_as_they_stand() {
    let mut server = bartab(&["dev", "--listen", "127.0.0.1:0"]).spawn().unwrap();
    let printed = lines_until(&mut server, "/v1/sync").await;
    let url = printed.iter().find_map(|line| line.strip_prefix("BarTAB listens on ")).unwrap();
    assert!(printed.iter().any(|line| line.contains("alice") && line.contains("password")), "{printed:#?}");
    let [sign_in, post, sync] = printed.last_chunk().unwrap();
    assert!(sign_in.starts_with("TOKEN=$(curl"), "{sign_in}");
    let script = format!("{sign_in}\n{post}\necho\n{sync}\n");
    let output = Command::new("sh").args(["-ec", &script]).output().await.unwrap();
    assert!(output.status.success(), "is curl installed? {output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers[0]["content"]["text"], "Hello!");
    assert_eq!(answers[1]["snapshot"]["rooms"][0]["timeline"].as_array().unwrap().last().unwrap()["text"], "Hello!");
    assert_eq!(reqwest::get(format!("{url}/readyz")).await.unwrap().status(), 200);
    assert_eq!(reqwest::get(format!("{url}/metrics")).await.unwrap().status(), 404);
    stop(server).await;
}

#[cfg(unix)]
#[tokio::test]
async fn serve_finds_tenants_that_are_made_and_logs_no_secret() {
    let data = tempfile::tempdir().unwrap();
    let data = data.path().to_str().unwrap();
    let mut server = bartab(&[
        "serve",
        "--data",
        data,
        "--listen",
        "127.0.0.1:0",
        "--operator-listen",
        "127.0.0.1:0",
        "--log",
        "debug",
        "--log-format",
        "json",
    ])
    .spawn()
    .unwrap();
    let printed = lines_until(&mut server, "/metrics").await;
    let url = printed[0].strip_prefix("BarTAB listens on ").unwrap().to_owned();
    assert_eq!(reqwest::get(format!("{url}/t/acme/v1/me")).await.unwrap().status(), 404);
    let (made, said) = ended(&["tenant", "create", "acme", "--data", data, "--registration", "open"]).await;
    let setup = said.trim_end().rsplit("token=").next().unwrap().to_owned();
    assert!(made && said.starts_with("created acme\n") && setup.len() == 43, "{said}");
    let client = reqwest::Client::new();
    let body = r#"{"username":"alice","password":"a-secret-password"}"#;
    let registered = client.post(format!("{url}/t/acme/v1/auth/register")).body(body).send().await.unwrap();
    assert_eq!(registered.status(), 201);
    let answer: Value = serde_json::from_str(&registered.text().await.unwrap()).unwrap();
    let token = answer["access_token"].as_str().unwrap();
    let me = client.get(format!("{url}/t/acme/v1/me?ticket=a-secret-ticket")).bearer_auth(token).send().await.unwrap();
    assert!(me.status().is_success() || me.status() == 400);
    let (removed, refusal) = ended(&["tenant", "remove", "acme", "--yes", "--data", data]).await;
    assert!(!removed && refusal.contains("in use"), "{refusal}");

    let mut log = server.stderr.take().unwrap();
    stop(server).await;
    let mut text = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut log, &mut text).await.unwrap();
    assert!(text.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{text}");
    assert!(text.contains("/v1/auth/register"), "requests are logged at debug: {text}");
    for secret in ["a-secret-password", "a-secret-ticket", token, &setup] {
        assert!(!text.contains(secret), "a secret is in the log");
    }
    assert_eq!(
        ended(&["tenant", "remove", "acme", "--yes", "--data", data]).await,
        (true, "removed acme\n".to_owned())
    );
}

#[tokio::test]
async fn tenants_are_made_listed_and_removed() {
    let data = tempfile::tempdir().unwrap();
    let data = data.path().to_str().unwrap();
    let create =
        ["tenant", "create", "acme", "--data", data, "--host", "Chat.Example", "--base-url", "https://chat.example"];
    assert!(ended(&create).await.0);
    let (again, refusal) = ended(&create).await;
    assert!(!again && refusal.contains("already"), "{refusal}");
    assert!(!ended(&["tenant", "create", "../x", "--data", data]).await.0);
    assert_eq!(ended(&["tenant", "list", "--data", data]).await, (true, "acme\tactive\tchat.example\n".to_owned()));
    let (removed, refusal) = ended(&["tenant", "remove", "acme", "--data", data]).await;
    assert!(!removed && refusal.contains("--yes"), "{refusal}");
    assert!(ended(&["tenant", "remove", "acme", "--yes", "--data", data]).await.0);
    assert_eq!(ended(&["tenant", "list", "--data", data]).await, (true, String::new()));
    assert!(!Path::new(data).join("tenants/acme").exists());
}

#[tokio::test]
async fn a_configuration_is_checked_before_it_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bartab.toml");
    let path = file.to_str().unwrap();
    std::fs::write(&file, "public_url = 'https://chat.example'\n[chat]\nmessage_chars = 100\n").unwrap();
    assert!(ended(&["config", "check", "--config", path]).await.0);
    std::fs::write(&file, "[chat]\nmessage_chars = 100\nmesage = 1\n").unwrap();
    let (good, text) = ended(&["config", "check", "--config", path]).await;
    assert!(!good && text.contains("mesage") && text.contains("line 3"), "{text}");
    let mut command = bartab(&["config", "check"]);
    let output = command.env("BARTAB_CHAT__MESSAGE_CHARS", "many").output().await.unwrap();
    assert!(!output.status.success());
}
