//! The guide to identity does what it says: its commands are run as they stand, one after another.

use std::process::Stdio;
use std::time::Duration;

use bartab_host::dev::{DevOptions, start};
use bartab_host::{DataFolder, TenantSettings};
use tokio::process::Command;

use crate::install::curl;

const GUIDE: &str = include_str!("../../../docs/guide/auth.md");

/// Tells on standard error how each request was answered; those that print something else of the answer do not.
const PRELUDE: &str = r#"set -euo pipefail
curl() { command curl -w '%{stderr}status %{http_code} %{method} %{url}\n' "$@"; }
"#;

/// Every block of the guide that can be run as it is.
fn script() -> String {
    let mut script = PRELUDE.to_owned();
    let mut inside = false;
    for line in GUIDE.lines() {
        match (inside, line) {
            (false, "```sh") => inside = true,
            (true, "```") => inside = false,
            (true, command) => script.extend([command, "\n"]),
            (false, _) => {}
        }
    }
    script
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guide_does_what_it_says() {
    curl();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut options = DevOptions { data: Some(data.clone()), ..DevOptions::default() };
    options.config.auth.password = bartab_auth::PasswordConfig::THROW_AWAY;
    let server = start(options).await.unwrap();
    server.seeded().await.unwrap();
    // A tenant that nobody runs yet.
    DataFolder::open(&data).unwrap().create(&"new".parse().unwrap(), &TenantSettings::default()).unwrap();
    let setup_link = server.host().tenant("new").await.unwrap().auth().setup_link().await.unwrap().unwrap();
    let mut command = Command::new("bash");
    command.arg("-c").arg(script()).env("url", server.url()).env("setup_link", setup_link).env("TMPDIR", folder.path());
    command.current_dir(folder.path()).stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(Duration::from_secs(120), command.output()).await;
    let output = output.unwrap_or_else(|_| panic!("the guide does not end")).unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    let failed: Vec<&str> =
        err.lines().filter(|line| line.starts_with("status ") && !line.starts_with("status 2")).collect();
    assert!(failed.is_empty(), "{failed:?}\n{out}\n{err}");
    assert!(out.contains("https://tea.example/callback?code="), "{out}");
    assert!(err.lines().filter(|line| line.starts_with("status 2")).count() > 50, "{err}");
    server.shutdown().await;
}
