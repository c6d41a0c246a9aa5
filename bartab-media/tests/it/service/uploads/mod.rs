//! Resumable uploads, as <https://tus.io/protocols/resumable-upload> says.

mod checksums;
mod creation;
mod faults;
mod lasting;
mod pieces;
mod protocol;

use bartab_core::{Actor, MediaId};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Method, request};
use http_body_util::Full;

use super::support::{Answer, World, as_, person};

const PIECE: &str = "application/offset+octet-stream";

fn tus(actor: &Actor, method: Method, path: &str) -> request::Builder {
    as_(actor, method, path).header("tus-resumable", "1.0.0")
}

fn robin() -> Actor {
    person(1)
}

/// Begins an upload of Robin's; gives its path.
async fn create(world: &World, length: usize, metadata: &str) -> String {
    let request = tus(&robin(), Method::POST, "/v1/uploads").header("upload-length", length);
    let answer = world.send(request.header("upload-metadata", metadata).body(Full::default()).unwrap()).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.header("location").unwrap().to_owned()
}

fn piece(path: &str, offset: usize) -> request::Builder {
    tus(&robin(), Method::PATCH, path).header("upload-offset", offset).header("content-type", PIECE)
}

async fn patch(world: &World, path: &str, offset: usize, bytes: impl Into<Bytes>) -> Answer {
    world.send(piece(path, offset).body(Full::new(bytes.into())).unwrap()).await
}

async fn head(world: &World, path: &str) -> Answer {
    world.send(tus(&robin(), Method::HEAD, path).body(Full::default()).unwrap()).await
}

/// Where the upload stands.
async fn offset(world: &World, path: &str) -> usize {
    let answer = head(world, path).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.header("upload-offset").unwrap().parse().unwrap()
}

/// The file that it made.
fn made(answer: &Answer) -> Option<MediaId> {
    answer.header("content-location").map(|path| path.strip_prefix("/v1/media/").unwrap().parse().unwrap())
}

fn encode(text: impl AsRef<[u8]>) -> String {
    STANDARD.encode(text)
}
