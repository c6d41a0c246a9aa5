//! Files on their way in: raw, by a form, and by tus.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;

use bartab_core::store::{MediaStore, MemoryMedia, UploadStore};
use bartab_core::{Actor, ManualClock, SeededRandom, Timestamp, UserId};
use bartab_media::{Blobs, Config, Media, MediaService, MediaStores, PicturePool};
use bytes::Bytes;
use futures_util::{TryStreamExt as _, stream};
use http::Request;
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use object_store::memory::InMemory;
use object_store::{ObjectStore, ObjectStoreExt as _};
use serde_json::Value;
use tower::ServiceExt as _;

/// As many requests as one input may make.
const REQUESTS: usize = 8;
/// More records than that many requests make.
const ALL: usize = 100;

/// Nothing that brings a file is answered 500, every refusal is a problem of the API; what is stored in the end belongs to an
/// upload or a file, and every file has all of its bytes.
///
/// The input is requests by lines of `%%`: a line of the method, the path and the size of the pieces that the body comes in;
/// lines of headers; an empty line; and the body. `{upload}` stands for the path of the last upload.
pub fn uploads(data: &[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime starts");
    runtime.block_on(async {
        let (records, bytes) = (Arc::new(MemoryMedia::new()), Arc::new(InMemory::new()));
        let stores = MediaStores::of(Arc::clone(&records), Blobs::new(bytes.clone()));
        let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_700_000_000)));
        let config = Config { file_bytes: 4096, part_bytes: 16, person_uploads: 4, ..Config::default() };
        let random = Arc::new(SeededRandom::new(1));
        let media = Media::open(stores, config, PicturePool::shared(), clock, random);
        let service = MediaService::new(media);
        let mut upload = String::new();
        for text in split(data, b"\n%%\n").into_iter().take(REQUESTS) {
            if let Some(request) = request(text, &upload) {
                answer(service.clone(), request, &mut upload).await;
            }
        }
        service.media().close().await;
        whole(&records, &bytes).await;
    });
}

fn split<'a>(data: &'a [u8], mark: &[u8]) -> Vec<&'a [u8]> {
    let (mut pieces, mut rest) = (Vec::new(), data);
    while let Some(at) = rest.windows(mark.len()).position(|window| window == mark) {
        pieces.push(&rest[..at]);
        rest = &rest[at + mark.len()..];
    }
    pieces.push(rest);
    pieces
}

type Pieces = StreamBody<stream::Iter<std::vec::IntoIter<Result<Frame<Bytes>, Infallible>>>>;

fn request(text: &[u8], upload: &str) -> Option<Request<Pieces>> {
    let end = text.windows(2).position(|window| window == b"\n\n");
    let (head, body) = end.map_or((text, &b""[..]), |end| (&text[..end], &text[end + 2..]));
    let mut lines = head.split(|byte| *byte == b'\n');
    let first = String::from_utf8_lossy(lines.next()?).replace("{upload}", upload);
    let mut words = first.split(' ');
    let (method, path, piece) = (words.next()?, words.next()?, words.next().unwrap_or_default());
    let mut request = Request::builder().method(method).uri(path);
    for line in lines.filter(|line| !line.is_empty()) {
        let at = line.iter().position(|byte| *byte == b':')?;
        request = request.header(line[..at].trim_ascii(), line[at + 1..].trim_ascii());
    }
    let robin = Actor::person(UserId::from_external("fuzz", "robin"), "Robin");
    let piece = piece.parse().unwrap_or(usize::MAX).max(1);
    let pieces: Vec<_> = body.chunks(piece).map(|piece| Ok(Frame::data(Bytes::copy_from_slice(piece)))).collect();
    request.extension(Arc::new(robin)).body(StreamBody::new(stream::iter(pieces))).ok()
}

async fn answer(service: MediaService, request: Request<Pieces>, upload: &mut String) {
    let what = format!("{} {}", request.method(), request.uri());
    let resumable = request.uri().path().starts_with("/v1/uploads/");
    let Ok(response) = service.oneshot(request).await;
    let (parts, body) = response.into_parts();
    let status = parts.status.as_u16();
    assert!((200..500).contains(&status), "{what}: {status}");
    assert!(!resumable || parts.headers.contains_key("tus-resumable"), "{what}: {status}");
    let body = body.collect().await.unwrap_or_else(|error| panic!("{what}: {error}")).to_bytes();
    if let Some(path) = parts.headers.get("location") {
        path.to_str().expect("a path is ASCII").clone_into(upload);
    }
    if status >= 400 {
        let problem: Value = serde_json::from_slice(&body).unwrap_or_else(|error| panic!("{what}: {status}: {error}"));
        assert_eq!(problem["status"], status, "{what}");
        assert!(problem["code"].as_str().is_some_and(|code| code.contains('.')), "{what}: {problem}");
    }
}

async fn whole(records: &MemoryMedia, bytes: &InMemory) {
    let stored: Vec<_> = bytes.list(None).try_collect().await.expect("the bytes are listed");
    let stored: BTreeSet<String> = stored.iter().map(|meta| meta.location.to_string()).collect();
    let files = MediaStore::list(records, None, None, ALL).await.expect("the files are listed");
    let owner = UserId::from_external("fuzz", "robin");
    let uploads = UploadStore::list(records, owner, None, ALL).await.expect("the uploads are listed");
    let mut expected = BTreeSet::new();
    for file in &files {
        let hash: String = file.blob.sha256.iter().map(|byte| format!("{byte:02x}")).collect();
        let side = if file.blob.public { "public" } else { "private" };
        let path = format!("{side}/{}/{}/{hash}", &hash[..2], &hash[2..4]);
        let size = bytes.head(&path.as_str().into()).await.map(|meta| meta.size).ok();
        assert_eq!(size, Some(file.size), "a file has its bytes");
        expected.insert(path);
    }
    for name in stored.difference(&expected) {
        let id = name.strip_prefix("uploads/").and_then(|rest| rest.split('/').next());
        let unfinished = uploads.iter().filter(|upload| upload.media_id.is_none());
        let mut known = unfinished.map(|upload| upload.upload_id.to_string());
        assert!(id.is_some_and(|id| known.any(|known| known == id)), "{name} belongs to nothing");
    }
}
