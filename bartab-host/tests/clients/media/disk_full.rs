//! A disk of a few MiB is full in the middle of an upload: the program on a file system of its own.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use bartab_auth::{RegistrationPolicy, TenantConfig};
use bartab_host::{DataFolder, TenantSettings};
use reqwest::{Client, Method};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::{Person, eventually, noise, read};
use crate::{PASSWORD, PERSON, Server, text};

/// Bytes of the disk, and of a file that does not fit.
const DISK: usize = 16 * 1024 * 1024;
const TOO_LARGE: usize = DISK + 4 * 1024 * 1024;

/// Mounts a disk at `$1`, puts into it what was at that place, and becomes the program.
const SCRIPT: &str = r#"set -eu
cp -a "$1" "$1.before"
mount -t tmpfs -o "size=$2,mode=700" none "$1"
cp -a "$1.before/." "$1"
shift 2
exec "$@""#;

/// The program, with a disk that nobody else sees.
struct SmallDisk {
    process: Child,
    base: String,
    token: String,
    /// Where the files are, as this process sees it.
    media: PathBuf,
    _folder: tempfile::TempDir,
}

impl SmallDisk {
    /// `place` of the data folder is the disk.
    async fn at(place: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let settings =
            TenantSettings { auth: TenantConfig::registration(RegistrationPolicy::Open), ..TenantSettings::default() };
        DataFolder::open(&data).unwrap().create(&"acme".parse().unwrap(), &settings).unwrap();
        std::fs::write(folder.path().join("bartab.toml"), "media.sweep_seconds = 1\n").unwrap();
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c", SCRIPT, "sh"]);
        // Without a `.` at its end.
        let place: PathBuf = data.join(place).components().collect();
        command.arg(place).arg(DISK.to_string()).arg(env!("CARGO_BIN_EXE_bartab")).arg("serve");
        command.arg("--data").arg(&data).args(["--listen", "127.0.0.1:0", "--operator-listen", "none", "--log", "off"]);
        command.arg("--config").arg(folder.path().join("bartab.toml"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("BARTAB_") {
                command.env_remove(name);
            }
        }
        let mut process = command.kill_on_drop(true).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let url = loop {
            let line = tokio::time::timeout(Duration::from_secs(60), lines.next_line()).await.unwrap().unwrap();
            let line = line.unwrap_or_else(|| panic!("it does not start: may this user make namespaces?"));
            if let Some(url) = line.strip_prefix("BarTAB listens on ") {
                break url.to_owned();
            }
        };
        let base = format!("{url}/t/acme");
        let server = Server { issuer: &base, client: Client::new() };
        let token = server.post("", "/v1/auth/register", &json!({"username": PERSON, "password": PASSWORD})).await;
        let token = text(&token, "access_token");
        let root = PathBuf::from(format!("/proc/{}/root", process.id().unwrap()));
        let media = root.join(data.strip_prefix("/").unwrap()).join("tenants/acme/media");
        Self { process, base, token, media, _folder: folder }
    }

    fn person(&self) -> Person<'_> {
        Person { base: &self.base, token: &self.token, client: Client::new() }
    }

    async fn room(&self) -> String {
        let server = Server { issuer: &self.base, client: Client::new() };
        text(&server.post(&self.token, "/v1/rooms", &json!({"name": "cellar"})).await, "room_id")
    }

    async fn says(&self, room: &str) -> u16 {
        let message = json!({"text": "is there room?"}).to_string();
        let person = self.person();
        read(person.request(Method::POST, &format!("/v1/rooms/{room}/messages")).body(message)).await.status
    }

    /// Waits until there are so many files, the parts of uploads among them.
    async fn holds(&self, count: usize) {
        eventually(async || {
            let files = files(&self.media);
            if files.len() == count { Ok(()) } else { Err(files) }
        })
        .await;
    }

    /// Sees to it that what was stored is there, that nothing else is, and that there is room for more.
    async fn goes_on(&self, room: &str, kept: &str, bytes: &[u8]) {
        let person = self.person();
        self.holds(1).await;
        person.has_nothing_under_way().await;
        assert!(person.ask(Method::GET, kept).await.body == bytes);
        let other = noise(3 * 1024 * 1024);
        let path = person.upload(&other).await.stored();
        assert!(person.ask(Method::GET, &path).await.body == other);
        assert_eq!(self.says(room).await, 201);
        self.holds(2).await;
    }

    async fn stop(mut self) {
        let id = self.process.id().unwrap().to_string();
        assert!(std::process::Command::new("kill").arg(id).status().unwrap().success());
        assert!(self.process.wait().await.unwrap().success());
    }
}

/// All files below the folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    // What is being deleted meanwhile is passed over.
    let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let below = entries.map(|entry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => files(&entry.path()),
        _ => vec![entry.path()],
    });
    below.flatten().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_does_not_fit_on_the_disk_leaves_nothing_and_stops_nothing() {
    // Everything is on it: what is in the way of chat, too, while it is full.
    let disk = SmallDisk::at(".").await;
    let room = disk.room().await;
    let bytes = noise(100_000);
    let kept = disk.person().upload(&bytes).await.stored();
    disk.person().upload(&noise(TOO_LARGE)).await.is_problem(507, "storage.full");
    disk.goes_on(&room, &kept, &bytes).await;
    disk.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn chat_goes_on_while_the_disk_of_files_is_full() {
    let disk = SmallDisk::at("tenants/acme/media").await;
    let room = disk.room().await;
    let person = disk.person();
    let bytes = noise(100_000);
    let kept = person.upload(&bytes).await.stored();

    // A resumable upload keeps what it has: the disk stays full until it is given up.
    let tus = |method, path: &str| person.request(method, path).header("tus-resumable", "1.0.0");
    let begun = read(tus(Method::POST, "/v1/uploads").header("upload-length", TOO_LARGE)).await;
    assert_eq!(begun.status, 201, "{begun:?}");
    let location = begun.headers["location"].to_str().unwrap();
    let path = &location[location.find("/v1/").unwrap()..];
    let patch = tus(Method::PATCH, path).header("upload-offset", 0);
    let patch = patch.header("content-type", "application/offset+octet-stream").body(noise(TOO_LARGE));
    read(patch).await.is_problem(507, "storage.full");
    let head = read(tus(Method::HEAD, path)).await;
    let offset: usize = head.headers["upload-offset"].to_str().unwrap().parse().unwrap();
    assert!(offset < DISK, "{offset}");
    person.upload(&noise(DISK - offset)).await.is_problem(507, "storage.full");
    assert_eq!(disk.says(&room).await, 201);
    assert_eq!(read(tus(Method::DELETE, path)).await.status, 204);
    assert!([404, 410].contains(&read(tus(Method::HEAD, path)).await.status));
    disk.goes_on(&room, &kept, &bytes).await;
    disk.stop().await;
}
