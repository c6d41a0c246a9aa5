//! `curl` as its users run it: uploads, ranges, downloads that break and go on, conditional requests, links.

use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};
use tokio::process::Command;

use super::{MediaServer, noise, picture};
use crate::install;
use crate::proxy::Fault;

/// More than what fits into buffers on the way; `curl` asks with `Expect: 100-continue` before it sends so much.
const SIZE: usize = 3 * 1024 * 1024 + 77;

/// How a run of `curl` ended.
#[derive(Debug)]
struct Ended {
    /// Its exit status; 0 when all went well, whatever the server answered.
    exit: i32,
    status: u16,
    /// Of the last answer.
    head: String,
}

impl Ended {
    fn header(&self, name: &str) -> Option<&str> {
        let mut fields = self.head.lines().filter_map(|line| line.split_once(':'));
        fields.find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }
}

impl MediaServer {
    /// Runs `curl` in the folder of the test.
    async fn curl(&self, arguments: &[&str]) -> Ended {
        install::curl();
        let mut command = Command::new("curl");
        // `-q`: whoever runs the test may have a configuration.
        command.args(["-q", "--silent", "--show-error", "--max-time", "60", "--dump-header", "-"]).args(arguments);
        command.current_dir(self.folder.path()).stdin(Stdio::null()).kill_on_drop(true);
        let output = command.output().await.unwrap();
        let heads = String::from_utf8(output.stdout).unwrap();
        let head = heads.trim_end().rsplit("\r\n\r\n").next().unwrap_or_default().to_owned();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
        Ended { exit: output.status.code().unwrap(), status, head }
    }

    /// The same as the person who is signed in.
    async fn curl_as_person(&self, arguments: &[&str]) -> Ended {
        let bearer = format!("Authorization: Bearer {}", self.token);
        self.curl(&[&["--header", &bearer], arguments].concat()).await
    }

    /// Uploads; gives what the server says of the file.
    async fn curl_upload(&self, query: &str, arguments: &[&str]) -> Value {
        let url = format!("{}/v1/media{query}", self.base);
        let ended = self.curl_as_person(&[&["--output", "answer.json"], arguments, &[&url]].concat()).await;
        let answer = self.read("answer.json");
        assert_eq!((ended.exit, ended.status), (0, 201), "{ended:?} {}", String::from_utf8_lossy(&answer));
        serde_json::from_slice(&answer).unwrap()
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }
}

/// What coreutils says that the file's SHA-256 is.
fn sha256(path: &Path) -> String {
    let output = std::process::Command::new("sha256sum").arg(path).output().unwrap();
    String::from_utf8(output.stdout).unwrap().split(' ').next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_uploads_raw_bytes_streams_and_forms() {
    let server = MediaServer::open().await;
    let noise = noise(SIZE);
    let path = server.file("noise.bin", &noise);
    let binary = "Content-Type: application/octet-stream";

    let raw = ["--header", binary, "--data-binary", "@noise.bin"];
    let whole = server.curl_upload("?filename=noise.bin", &raw).await;
    assert_eq!(whole["size"], SIZE);
    assert_eq!(whole["sha256"], sha256(&path));
    assert_eq!(whole["public"], false);
    // Without a length: chunked.
    let chunked = ["--header", binary, "--header", "Transfer-Encoding: chunked", "--data-binary", "@noise.bin"];
    let streamed = server.curl_upload("", &chunked).await;
    assert_eq!(streamed["sha256"], whole["sha256"]);
    assert_ne!(streamed["media_id"], whole["media_id"]);
    let ended = server.curl_as_person(&["--output", "back.bin", &server.link(&whole, "url")]).await;
    assert_eq!((ended.exit, ended.status), (0, 200), "{ended:?}");
    assert!(server.read("back.bin") == noise);

    server.file("picture.png", &picture());
    let form = server.curl_upload("", &["--form", "file=@picture.png"]).await;
    assert_eq!((&form["mime"], &form["width"], &form["height"]), (&json!("image/png"), &json!(640), &json!(480)));
    assert!(form["blurhash"].is_string(), "{form}");
    let thumbnail = server.link(&form, "thumbnail_url");
    let ended = server.curl_as_person(&["--output", "small", &thumbnail]).await;
    assert_eq!((ended.status, ended.header("content-type")), (200, Some("image/jpeg")), "{ended:?}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_is_told_that_a_digest_does_not_match() {
    let server = MediaServer::open().await;
    server.file("hello", b"hello");
    let url = format!("{}/v1/media", server.base);
    let upload = ["--data-binary", "@hello", "--output", "answer.json", &url];
    // By `openssl dgst -sha256 -binary | base64`: of `hello`, and of nothing.
    let right = "Content-Digest: sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:";
    let wrong = "Content-Digest: sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:";
    let ended = server.curl_as_person(&[&["--header", wrong], &upload[..]].concat()).await;
    let answer: Value = serde_json::from_slice(&server.read("answer.json")).unwrap();
    assert_eq!((ended.status, answer["code"].as_str()), (400, Some("media.digest_mismatch")), "{answer}");
    let ended = server.curl_as_person(&[&["--header", right], &upload[..]].concat()).await;
    assert_eq!(ended.status, 201, "{ended:?}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_reads_ranges() {
    let server = MediaServer::open().await;
    let noise = noise(SIZE);
    server.file("noise.bin", &noise);
    let url = server.link(&server.curl_upload("", &["--data-binary", "@noise.bin"]).await, "url");
    let tail = SIZE - 5;
    let ranges = [("0-99", 0..100), ("100-", 100..SIZE), ("-5", tail..SIZE), ("1048570-1048589", 1_048_570..1_048_590)];
    for (asked, expected) in ranges {
        let ended = server.curl_as_person(&["--range", asked, "--output", "part", &url]).await;
        let said = format!("bytes {}-{}/{SIZE}", expected.start, expected.end - 1);
        assert_eq!((ended.status, ended.header("content-range")), (206, Some(&*said)), "{asked}: {ended:?}");
        assert!(server.read("part") == noise[expected], "{asked}");
    }
    let ended = server.curl_as_person(&["--range", "99999999-", "--output", "part", &url]).await;
    let said = format!("bytes */{SIZE}");
    assert_eq!((ended.status, ended.header("content-range")), (416, Some(&*said)), "{ended:?}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_goes_on_with_a_download_that_broke() {
    let server = MediaServer::open().await;
    let noise = noise(SIZE);
    server.file("noise.bin", &noise);
    let url = server.link(&server.curl_upload("", &["--data-binary", "@noise.bin"]).await, "url");
    server.proxy.suffer(Fault::CutDownloads(1024 * 1024), 2);
    let go_on = ["--continue-at", "-", "--output", "back.bin", &url];
    let mut lengths = Vec::new();
    for exit in [18, 18, 0] {
        let ended = server.curl_as_person(&go_on).await;
        assert_eq!(ended.exit, exit, "{ended:?}");
        assert_eq!(ended.status, if lengths.is_empty() { 200 } else { 206 }, "{ended:?}");
        lengths.push(server.read("back.bin").len());
    }
    assert!(lengths.is_sorted_by(|before, after| before < after), "{lengths:?}");
    assert!(server.read("back.bin") == noise);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_does_not_download_again_what_it_has() {
    let server = MediaServer::open().await;
    let noise = noise(SIZE);
    let path = server.file("noise.bin", &noise);
    let url = server.link(&server.curl_upload("?filename=noise.bin", &["--data-binary", "@noise.bin"]).await, "url");

    let head = server.curl_as_person(&["--head", &url]).await;
    assert_eq!((head.exit, head.status), (0, 200), "{head:?}");
    let etag = format!("\"{}\"", sha256(&path));
    let length = SIZE.to_string();
    let expected = [
        ("etag", &*etag),
        ("content-length", &length),
        ("accept-ranges", "bytes"),
        ("x-content-type-options", "nosniff"),
        ("content-type", "application/octet-stream"),
    ];
    for (name, value) in expected {
        assert_eq!(head.header(name), Some(value), "{head:?}");
    }
    let contains = [
        ("cache-control", "immutable"),
        ("cache-control", "private"),
        ("content-security-policy", "sandbox"),
        ("content-disposition", "noise.bin"),
        ("repr-digest", "sha-256=:"),
    ];
    for (name, part) in contains {
        assert!(head.header(name).is_some_and(|value| value.contains(part)), "{name}: {head:?}");
    }

    let ended = server.curl_as_person(&["--etag-save", "etag", "--output", "back.bin", &url]).await;
    assert_eq!((ended.exit, ended.status), (0, 200), "{ended:?}");
    assert_eq!(String::from_utf8(server.read("etag")).unwrap().trim(), etag);
    let ended = server.curl_as_person(&["--etag-compare", "etag", "--output", "again.bin", &url]).await;
    assert_eq!((ended.exit, ended.status, ended.header("etag")), (0, 304, Some(&*etag)), "{ended:?}");
    assert!(!server.path("again.bin").exists() || server.read("again.bin").is_empty());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_saves_what_a_link_gives_under_a_name_without_a_path() {
    let server = MediaServer::open().await;
    server.file("hello", b"hello");
    // `../../up "é` and a mark that turns the direction of what follows.
    let uploaded =
        server.curl_upload("?filename=..%2F..%2Fup%20%22%C3%A9%E2%80%AEgpj.exe", &["--data-binary", "@hello"]);
    let id = uploaded.await["media_id"].as_str().unwrap().to_owned();
    let link = server.sign(&id).await;
    let folder = server.path("a/b/downloads");
    std::fs::create_dir_all(&folder).unwrap();
    let saved = ["--remote-name", "--remote-header-name", "--output-dir", "a/b/downloads", &link];
    let ended = server.curl(&saved).await;
    assert_eq!((ended.exit, ended.status), (0, 200), "{ended:?}");
    let names: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 1, "{names:?}");
    assert!(!names[0].to_string_lossy().contains(['/', '"', '\u{202e}']), "{names:?}");
    assert_eq!(std::fs::read(folder.join(&names[0])).unwrap(), b"hello");
    assert_eq!(std::fs::read_dir(server.path("a")).unwrap().count(), 1);
    // Any other byte in the link, and it is none.
    let forged = server.curl(&["--output", "answer", &format!("{link}A")]).await;
    assert!([401, 403, 404].contains(&forged.status), "{forged:?}");
    server.stop().await;
}
