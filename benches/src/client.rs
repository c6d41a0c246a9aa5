//! A keep-alive HTTP/1.1 client that costs next to nothing: prepared bytes out, status and body in.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::Result;

/// One connection.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    host: String,
}

impl Connection {
    pub(crate) async fn open(addr: &str) -> Result<Self> {
        let stream = TcpStream::connect(addr).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(4096), host: addr.to_owned() })
    }

    /// Sends a request and reads the answer; gives the status and the body.
    pub(crate) async fn call(
        &mut self,
        method: &str,
        path: &str,
        token: Option<&str>,
        headers: &str,
        body: &[u8],
    ) -> Result<(u16, &[u8])> {
        let authorization = token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\n{authorization}{headers}content-length: {}\r\n\r\n",
            self.host,
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(body);
        self.stream.write_all(&request).await?;
        self.answer().await
    }

    async fn answer(&mut self) -> Result<(u16, &[u8])> {
        self.buffer.clear();
        let (head, length) = loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err("the server closed the connection".into());
            }
            if let Some(head) = find(&self.buffer, b"\r\n\r\n") {
                break (head + 4, content_length(&self.buffer[..head])?);
            }
        };
        while self.buffer.len() < head + length {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err("the server closed the connection".into());
            }
        }
        let status = std::str::from_utf8(self.buffer.get(9..12).ok_or("short answer")?)?.parse()?;
        Ok((status, &self.buffer[head..head + length]))
    }

    /// How long the answer to a prepared request is, head and body.
    pub(crate) async fn measure(&mut self, request: &[u8]) -> Result<usize> {
        self.stream.write_all(request).await?;
        self.answer().await?;
        Ok(self.buffer.len())
    }

    /// The status of the answer to a prepared request, when it is known how long that is: nothing else is read of it, so
    /// that a long head costs what its bytes cost.
    pub(crate) async fn repeat(&mut self, request: &[u8], length: usize) -> Result<u16> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        while self.buffer.len() < length {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err("the server closed the connection".into());
            }
        }
        if self.buffer.len() > length {
            return Err("the answer is longer than the first one".into());
        }
        Ok(std::str::from_utf8(self.buffer.get(9..12).ok_or("short answer")?)?.parse()?)
    }

    /// As [`Connection::call`], for a JSON answer with this status.
    pub(crate) async fn json(
        &mut self,
        status: u16,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: &serde_json::Value,
    ) -> Result<serde_json::Value> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let (got, answer) = self.call(method, path, token, "", body.as_bytes()).await?;
        if got != status {
            return Err(format!("{method} {path}: {got} {}", String::from_utf8_lossy(answer)).into());
        }
        Ok(if answer.is_empty() { serde_json::Value::Null } else { serde_json::from_slice(answer)? })
    }
}

fn content_length(head: &[u8]) -> Result<usize> {
    let head = std::str::from_utf8(head)?;
    let line = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then_some(value)
    });
    Ok(line.map_or(Ok(0), |value| value.trim().parse())?)
}

/// Where `needle` begins.
pub(crate) fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// The text after `key` up to the next quote.
pub(crate) fn text_after<'a>(body: &'a [u8], key: &[u8]) -> Option<&'a str> {
    let start = find(body, key)? + key.len();
    let length = body[start..].iter().position(|byte| *byte == b'"')?;
    std::str::from_utf8(&body[start..start + length]).ok()
}
