//! The guides do what they say: their commands are run as they stand, one after another.

use std::process::Stdio;
use std::time::Duration;

use bartab_host::dev::{DevOptions, start};
use bartab_host::{DataFolder, TenantSettings};
use tokio::process::Command;

use crate::install::curl;

const IDENTITY: &str = include_str!("../../../docs/guide/auth.md");
const FILES: &str = include_str!("../../../docs/guide/media.md");

/// Tells on standard error how each request was answered; those that print something else of the answer do not.
const PRELUDE: &str = r#"set -euo pipefail
curl() { command curl -w '%{stderr}status %{http_code} %{method} %{url}\n' "$@"; }
"#;

/// Every block of a guide that can be run as it is.
fn script(guide: &str) -> String {
    let mut script = PRELUDE.to_owned();
    let mut inside = false;
    for line in guide.lines() {
        match (inside, line) {
            (false, "```sh") => inside = true,
            (true, "```") => inside = false,
            (true, command) => script.extend([command, "\n"]),
            (false, _) => {}
        }
    }
    script
}

/// What a guide printed, and how its requests were answered.
struct Told {
    out: String,
    err: String,
}

impl Told {
    /// The answers that were no 2xx.
    fn refusals(&self) -> Vec<&str> {
        self.answers().filter(|line| !line.starts_with("status 2")).collect()
    }

    fn answers(&self) -> impl Iterator<Item = &str> {
        self.err.lines().filter(|line| line.starts_with("status "))
    }
}

/// Runs the guide against a server of its own, from top to bottom.
async fn run(guide: &str) -> Told {
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
    command.arg("-c").arg(script(guide)).env("url", server.url()).env("setup_link", setup_link);
    command.env("TMPDIR", folder.path()).current_dir(folder.path()).stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(Duration::from_secs(120), command.output()).await;
    let output = output.unwrap_or_else(|_| panic!("the guide does not end")).unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let told = Told { out: text(&output.stdout), err: text(&output.stderr) };
    assert!(output.status.success(), "{}\n{}", told.out, told.err);
    server.shutdown().await;
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guide_to_identity_does_what_it_says() {
    let told = run(IDENTITY).await;
    assert_eq!(told.refusals(), [""; 0], "{}\n{}", told.out, told.err);
    assert!(told.out.contains("https://tea.example/callback?code="), "{}", told.out);
    assert!(told.answers().count() > 50, "{}", told.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guide_to_files_does_what_it_says() {
    let told = run(FILES).await;
    // Who may not read a file any more, at the end.
    let [refusal] = told.refusals()[..] else { panic!("{}\n{}", told.out, told.err) };
    assert!(refusal.starts_with("status 404 GET ") && told.out.contains("media.not_found"), "{}", told.out);
    assert!(told.answers().count() > 25, "{}", told.err);
}
