//! A TCP proxy on this machine that does to connections what networks do to them.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, copy, sink};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

/// What goes wrong. Whatever is carried when that changes, is cut.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    /// Nothing.
    None,
    /// As many connections as [`Proxy::suffer`] says end when they carried so many bytes to the server.
    CutUploads(u64),
    /// The same for bytes that come from the server.
    CutDownloads(u64),
    /// Connections are taken, and nothing comes through.
    Stall,
    /// Every request is answered with this status, and never reaches the server.
    Answer(u16),
}

/// Listens from the start; what it leads to can be told later, and changed.
pub(crate) struct Proxy {
    address: SocketAddr,
    route: watch::Sender<Route>,
    cuts_left: Arc<AtomicU32>,
    listening: AbortHandle,
}

#[derive(Clone, Copy)]
struct Route {
    server: Option<SocketAddr>,
    fault: Fault,
}

impl Proxy {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (route, routes) = watch::channel(Route { server: None, fault: Fault::None });
        let cuts_left = Arc::new(AtomicU32::new(0));
        let cuts = Arc::clone(&cuts_left);
        let listening = tokio::spawn(async move {
            // Dropped with this task, and then every connection ends.
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let (mut routes, cuts) = (routes.clone(), Arc::clone(&cuts));
                connections.spawn(async move {
                    let route = *routes.borrow_and_update();
                    tokio::select! {
                        _ = carry(client, route, &cuts) => {}
                        _ = routes.changed() => {}
                    }
                });
            }
        });
        Self { address, route, cuts_left, listening: listening.abort_handle() }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn lead_to(&self, server: SocketAddr) {
        self.route.send_modify(|route| route.server = Some(server));
    }

    /// From now on; a fault that cuts does so `times` times.
    pub(crate) fn suffer(&self, fault: Fault, times: u32) {
        self.cuts_left.store(times, Ordering::SeqCst);
        self.route.send_modify(|route| route.fault = fault);
    }

    /// How many connections are still to be cut.
    pub(crate) fn cuts_left(&self) -> u32 {
        self.cuts_left.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

/// Carries one connection to its end.
async fn carry(mut client: TcpStream, route: Route, cuts_left: &AtomicU32) -> std::io::Result<()> {
    match route.fault {
        Fault::Stall => std::future::pending().await,
        Fault::Answer(status) => return answer(client, status).await,
        Fault::None | Fault::CutUploads(_) | Fault::CutDownloads(_) => {}
    }
    let Some(server) = route.server else { return Ok(()) };
    let mut server = TcpStream::connect(server).await?;
    let (from_client, mut to_client) = client.split();
    let (from_server, mut to_server) = server.split();
    let cutting = cuts_left.load(Ordering::SeqCst) > 0;
    let (up_to, down_to) = match route.fault {
        Fault::CutUploads(bytes) if cutting => (bytes, u64::MAX),
        Fault::CutDownloads(bytes) if cutting => (u64::MAX, bytes),
        _ => (u64::MAX, u64::MAX),
    };
    let up = async {
        let carried = copy(&mut from_client.take(up_to), &mut to_server).await?;
        if carried < up_to {
            // The client says no more, but waits for an answer.
            to_server.shutdown().await?;
            std::future::pending::<()>().await;
        }
        std::io::Result::Ok(true)
    };
    let down = async { std::io::Result::Ok(copy(&mut from_server.take(down_to), &mut to_client).await? == down_to) };
    let cut = tokio::select! {
        cut = up => cut?,
        cut = down => cut?,
    };
    if cut {
        let _none_left = cuts_left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
    }
    Ok(())
}

/// Answers one request; its body is read, so that the client sees the answer.
async fn answer(client: TcpStream, status: u16) -> std::io::Result<()> {
    let mut client = BufReader::new(client);
    let mut line = String::new();
    while client.read_line(&mut line).await? > 2 {
        line.clear();
    }
    let head = format!("HTTP/1.1 {status} Fault\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    client.write_all(head.as_bytes()).await?;
    client.shutdown().await?;
    copy(&mut client, &mut sink()).await.map(drop)
}

/// What a client that sends this reads until the end, through a proxy that suffers the fault once; the server answers
/// twice as much as it read.
async fn exchanged(fault: Fault, sent: &[u8]) -> (Vec<u8>, u32) {
    let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let proxy = Proxy::start().await;
    proxy.lead_to(server.local_addr().unwrap());
    proxy.suffer(fault, 1);
    let serving = tokio::spawn(async move {
        let (mut stream, _) = server.accept().await.unwrap();
        let mut read = Vec::new();
        stream.read_to_end(&mut read).await.unwrap();
        // Nobody may be there to read it.
        let _cut = stream.write_all(&[&read[..], &read[..]].concat()).await;
    });
    let mut client = TcpStream::connect(proxy.address).await.unwrap();
    client.write_all(sent).await.unwrap();
    client.shutdown().await.unwrap();
    let mut answer = Vec::new();
    // A cut connection may also be reset.
    let _cut = client.read_to_end(&mut answer).await;
    serving.abort();
    (answer, proxy.cuts_left())
}

#[tokio::test]
async fn the_proxy_carries_cuts_and_answers() {
    assert_eq!(exchanged(Fault::None, b"hello").await, (b"hellohello".to_vec(), 1));
    assert_eq!(exchanged(Fault::CutUploads(3), b"hello").await, (Vec::new(), 0));
    assert_eq!(exchanged(Fault::CutUploads(6), b"hello").await, (b"hellohello".to_vec(), 1));
    assert_eq!(exchanged(Fault::CutDownloads(7), b"hello").await, (b"hellohe".to_vec(), 0));
    let proxy = Proxy::start().await;
    proxy.suffer(Fault::Answer(503), 0);
    let answer = reqwest::Client::new().post(proxy.url()).body("hello").send().await.unwrap();
    assert_eq!(answer.status(), 503);
}

#[tokio::test]
async fn a_connection_that_stalls_ends_when_the_fault_does() {
    let proxy = Proxy::start().await;
    proxy.suffer(Fault::Stall, 0);
    let mut client = TcpStream::connect(proxy.address).await.unwrap();
    client.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut read = Box::pin(async move { client.read(&mut [0]).await });
    tokio::select! {
        biased;
        read = &mut read => panic!("{read:?}"),
        () = tokio::task::yield_now() => {}
    }
    proxy.suffer(Fault::None, 0);
    assert!(!matches!(read.await, Ok(read) if read > 0));
}
