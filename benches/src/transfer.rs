//! A large file up and down over HTTP, against a copy of it on the same disk.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bartab_core::{Random as _, SeededRandom};

use crate::Result;
use crate::client::{Connection, find, text_after};
use crate::process::Server;
use crate::stats::{figure, ratio, ratios};
use crate::tenant::person;

const MIB: u64 = 1 << 20;
/// Bytes of one request of a resumable upload.
const TUS_PIECE: u64 = 8 << 20;
/// What the client reads at a time.
const BUFFER: usize = 512 << 10;

pub(crate) async fn run(mib: u64, rounds: u32) -> Result<()> {
    let folder = tempfile::tempdir_in(".")?;
    let tenant = Server::tenant(&folder.path().join("data")).await?;
    let token = person(&mut Connection::open(&tenant.addr).await?, "sender").await?.token;
    let (source, copy) = (folder.path().join("source"), folder.path().join("copy"));
    let began_with = tenant.peak_kib()?;
    tokio::task::spawn_blocking(move || {
        fill(&source, mib * MIB)?;
        measure(&tenant, &Transfer { addr: tenant.addr.clone(), token, source, copy, length: mib * MIB }, rounds)?;
        figure("server memory before, MiB", began_with / 1024);
        Ok::<_, crate::BoxError>(tenant)
    })
    .await??
    .stop()
    .await
}

/// Times of one round, in seconds.
struct Round {
    synced_copy: f64,
    upload: f64,
    resumable: f64,
    copy: f64,
    download: f64,
    synced_download: f64,
}

fn measure(tenant: &Server, transfer: &Transfer, rounds: u32) -> Result<()> {
    let mut measured = Vec::new();
    let (mut up, mut down) = (0, 0);
    for number in 0..rounds {
        transfer.renew(u64::from(number) * 2)?;
        let synced_copy = transfer.copied(true)?;
        tenant.forget_peak()?;
        let (upload, id) = transfer.upload()?;
        up = up.max(tenant.peak_kib()?);
        let copy = transfer.copied(false)?;
        tenant.forget_peak()?;
        let download = transfer.download(&id, false)?;
        let synced_download = transfer.download(&id, true)?;
        down = down.max(tenant.peak_kib()?);
        transfer.delete(&id)?;
        transfer.renew(u64::from(number) * 2 + 1)?;
        let (resumable, id) = transfer.upload_in_pieces()?;
        transfer.delete(&id)?;
        let round = Round { synced_copy, upload, resumable, copy, download, synced_download };
        let speed = |seconds: f64| format!("{:.0}", (transfer.length / MIB) as f64 / seconds);
        figure("copy and sync, MiB/s", speed(round.synced_copy));
        figure("upload, MiB/s", speed(round.upload));
        figure("resumable upload in pieces of 8 MiB, MiB/s", speed(round.resumable));
        figure("copy without sync, MiB/s", speed(round.copy));
        figure("download to a file, MiB/s", speed(round.download));
        figure("download to a file and sync, MiB/s", speed(round.synced_download));
        measured.push(round);
    }
    let of = |ratio: fn(&Round) -> f64| measured.iter().map(ratio).collect();
    ratios("upload / copy and sync", of(|round| round.synced_copy / round.upload), ">= 0.60");
    ratios("resumable upload / copy and sync", of(|round| round.synced_copy / round.resumable), "none");
    ratios("download and sync / copy and sync", of(|round| round.synced_copy / round.synced_download), ">= 0.60");
    ratios("download / copy, neither synced", of(|round| round.copy / round.download), "none");
    ratio("server memory while a file comes, MiB", up as f64 / 1024.0, "< 64");
    ratio("server memory while a file goes, MiB", down as f64 / 1024.0, "< 64");
    Ok(())
}

/// Bytes that nothing makes smaller, on the disk.
fn fill(path: &Path, length: u64) -> Result<()> {
    let (random, mut file) = (SeededRandom::new(1), File::create(path)?);
    let mut block = vec![0; MIB as usize];
    for _ in 0..length / MIB {
        random.fill(&mut block);
        file.write_all(&block)?;
    }
    Ok(file.sync_all()?)
}

/// One file, and where it goes.
struct Transfer {
    addr: String,
    token: String,
    source: PathBuf,
    copy: PathBuf,
    length: u64,
}

impl Transfer {
    /// Makes another file of it: what a tenant has already is not stored twice.
    fn renew(&self, number: u64) -> Result<()> {
        let file = File::options().write(true).open(&self.source)?;
        file.write_all_at(&number.to_le_bytes(), 0)?;
        Ok(file.sync_all()?)
    }

    /// What `cp` does, whose bytes do not come into a program: the source is in the page cache.
    fn copied(&self, sync: bool) -> Result<f64> {
        let began = Instant::now();
        std::fs::copy(&self.source, &self.copy)?;
        if sync {
            File::open(&self.copy)?.sync_all()?;
        }
        let took = began.elapsed();
        std::fs::remove_file(&self.copy)?;
        Ok(took.as_secs_f64())
    }

    fn upload(&self) -> Result<(f64, String)> {
        let began = Instant::now();
        let mut source = File::open(&self.source)?;
        let answer = self.ask("POST", "/v1/media", "", Some((&mut source, self.length)), 201)?;
        Ok((began.elapsed().as_secs_f64(), media_id(&answer)?))
    }

    fn upload_in_pieces(&self) -> Result<(f64, String)> {
        let began = Instant::now();
        let mut source = File::open(&self.source)?;
        let length = format!("tus-resumable: 1.0.0\r\nupload-length: {}\r\n", self.length);
        let answer = self.ask("POST", "/v1/uploads", &length, None, 201)?;
        let path = header(&answer, "location").ok_or("no upload")?;
        let path = path.find("/v1/").and_then(|start| path.get(start..)).ok_or("no path")?.to_owned();
        let mut offset = 0;
        let mut answer = Vec::new();
        while offset < self.length {
            let headers = format!(
                "tus-resumable: 1.0.0\r\nupload-offset: {offset}\r\ncontent-type: application/offset+octet-stream\r\n"
            );
            let more = TUS_PIECE.min(self.length - offset);
            answer = self.ask("PATCH", &path, &headers, Some((&mut source, more)), 204)?;
            offset += more;
        }
        let file = header(&answer, "content-location").ok_or("no file was made")?;
        let id = file.rsplit('/').next().unwrap_or_default().to_owned();
        Ok((began.elapsed().as_secs_f64(), id))
    }

    fn download(&self, id: &str, sync: bool) -> Result<f64> {
        let began = Instant::now();
        let mut stream = self.send("GET", &format!("/v1/media/{id}"), "", 0)?;
        let mut file = File::create(&self.copy)?;
        let mut buffer = vec![0; BUFFER];
        let (head, start) = read_head(&mut stream)?;
        expect(&head, 200)?;
        file.write_all(&start)?;
        let mut got = start.len() as u64;
        while got < self.length {
            let count = stream.read(&mut buffer)?;
            if count == 0 {
                return Err("the download ended early".into());
            }
            file.write_all(buffer.get(..count).unwrap_or_default())?;
            got += count as u64;
        }
        if sync {
            file.sync_all()?;
        }
        let took = began.elapsed();
        std::fs::remove_file(&self.copy)?;
        Ok(took.as_secs_f64())
    }

    /// Deletes the file, and waits until its bytes are gone: the disk should have nothing else to do.
    fn delete(&self, id: &str) -> Result<()> {
        self.ask("DELETE", &format!("/v1/media/{id}"), "", None, 204)?;
        std::thread::sleep(Duration::from_secs(1));
        Ok(())
    }

    fn send(&self, method: &str, path: &str, headers: &str, length: u64) -> Result<TcpStream> {
        let mut stream = TcpStream::connect(&self.addr)?;
        stream.set_nodelay(true)?;
        let (addr, token) = (&self.addr, &self.token);
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {addr}\r\nauthorization: Bearer {token}\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes())?;
        Ok(stream)
    }

    /// The answer to a request whose body is the next bytes of a file, which go from the page cache to the socket.
    fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &str,
        body: Option<(&mut File, u64)>,
        status: u16,
    ) -> Result<Vec<u8>> {
        let mut stream = self.send(method, path, headers, body.as_ref().map_or(0, |(_, length)| *length))?;
        if let Some((file, length)) = body {
            io::copy(&mut file.take(length), &mut stream)?;
        }
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        expect(&answer, status)?;
        Ok(answer)
    }
}

/// The head of an answer, and what came of its body with it.
fn read_head(stream: &mut TcpStream) -> Result<(Vec<u8>, Vec<u8>)> {
    let mut head = Vec::new();
    let mut buffer = vec![0; 4096];
    loop {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Err("the server closed the connection".into());
        }
        head.extend_from_slice(buffer.get(..count).unwrap_or_default());
        if let Some(end) = find(&head, b"\r\n\r\n") {
            let body = head.split_off(end + 4);
            return Ok((head, body));
        }
    }
}

fn expect(answer: &[u8], status: u16) -> Result<()> {
    let got: u16 = std::str::from_utf8(answer.get(9..12).ok_or("short answer")?)?.parse()?;
    if got == status { Ok(()) } else { Err(format!("status {got}: {}", String::from_utf8_lossy(answer)).into()) }
}

fn media_id(answer: &[u8]) -> Result<String> {
    Ok(text_after(answer, b"\"media_id\":\"").ok_or("no id")?.to_owned())
}

fn header<'a>(answer: &'a [u8], name: &str) -> Option<&'a str> {
    let end = find(answer, b"\r\n\r\n")?;
    let head = std::str::from_utf8(answer.get(..end)?).ok()?;
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then_some(value.trim())
    })
}
