//! PyPI's moto: an S3 server, in a process of its own.

use std::net::SocketAddr;
use std::process::Stdio;

use reqwest::{Client, Method, Response};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::install::python;

pub(super) const BUCKET: &str = "files";

pub(super) struct Moto {
    /// Ended when it is dropped.
    _process: Child,
    pub(super) address: SocketAddr,
    client: Client,
}

impl Moto {
    /// A server with an empty bucket.
    pub(super) async fn start() -> Self {
        let mut command = Command::new(python().with_file_name("moto_server"));
        command.args(["--host", "127.0.0.1", "--port", "0"]).stdin(Stdio::null()).stdout(Stdio::null());
        let mut process = command.stderr(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let address = loop {
            let line = lines.next_line().await.unwrap().unwrap_or_else(|| panic!("moto does not start"));
            if let Some((_, address)) = line.split_once("Running on http://") {
                break address.trim().parse().unwrap();
            }
        };
        // It says a line of each request, and would wait for somebody to read them.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let moto = Self { _process: process, address, client: Client::new() };
        moto.ask(Method::PUT, "").await;
        moto
    }

    async fn ask(&self, method: Method, query: &str) -> Response {
        let request = self.client.request(method, format!("http://{}/{BUCKET}{query}", self.address));
        // It reads of the signature which service is meant, and nothing else.
        let signed =
            "AWS4-HMAC-SHA256 Credential=id/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0";
        let response = request.header("authorization", signed).send().await.unwrap();
        assert!(response.status().is_success(), "{response:?}");
        response
    }

    /// The names of all objects, and of all uploads in parts that are under way.
    pub(super) async fn objects(&self) -> Vec<String> {
        let objects = self.ask(Method::GET, "?list-type=2").await.text().await.unwrap();
        let uploads = self.ask(Method::GET, "?uploads").await.text().await.unwrap();
        let keys = |xml: String| -> Vec<String> {
            let keys =
                xml.split("<Key>").skip(1).map(|rest| rest.split("</Key>").next().unwrap_or_default().to_owned());
            keys.collect()
        };
        [keys(objects), keys(uploads)].concat()
    }
}
