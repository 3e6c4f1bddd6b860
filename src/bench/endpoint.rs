//! A customer's endpoint on loopback that lists the same orders at each request.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

const ETAG: &str = "\"v1\"";
/// Longest request that is read.
const REQUEST_MAX_BYTES: usize = 16 * 1024;

/// Listens until it is dropped.
pub(super) struct Endpoint {
    address: SocketAddr,
    answers: Arc<Answers>,
    task: JoinHandle<()>,
}

struct Answers {
    body: Vec<u8>,
    /// Whether the list has an `ETag`, and 304 answers whoever knows it.
    is_tagged: AtomicBool,
}

impl Endpoint {
    pub async fn start(body: Vec<u8>) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("no port is free on loopback")?;
        let address = listener.local_addr()?;
        let answers = Arc::new(Answers { body, is_tagged: AtomicBool::new(false) });
        let task = TaskTracker::new().spawn(serve(listener, Arc::clone(&answers)));
        Ok(Self { address, answers, task })
    }

    pub fn url(&self) -> String {
        format!("http://{}/pending", self.address)
    }

    /// Answers with or without an `ETag` from now on.
    pub fn set_tagged(&self, is_tagged: bool) {
        self.answers.is_tagged.store(is_tagged, Ordering::Relaxed);
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, answers: Arc<Answers>) {
    let connections = TaskTracker::new();
    while let Ok((stream, _)) = listener.accept().await {
        let answers = Arc::clone(&answers);
        connections.spawn(async move {
            // Whoever hangs up is not asked why; the poll that misses its answer says so.
            let _ = converse(stream, &answers).await;
        });
    }
}

/// Answers one request after another until the client hangs up.
async fn converse(mut stream: TcpStream, answers: &Answers) -> std::io::Result<()> {
    while let Some(head) = read_head(&mut stream).await? {
        let is_tagged = answers.is_tagged.load(Ordering::Relaxed);
        if is_tagged && head.to_ascii_lowercase().contains(&format!("if-none-match: {ETAG}")) {
            stream.write_all(b"HTTP/1.1 304 Not Modified\r\n\r\n").await?;
            continue;
        }
        let tag = if is_tagged { format!("ETag: {ETAG}\r\n") } else { String::new() };
        let length = answers.body.len();
        let head =
            format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{tag}Content-Length: {length}\r\n\r\n");
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(&answers.body).await?;
    }
    Ok(())
}

/// The head of the next request, which is a GET; `None` when the client has no more.
async fn read_head(stream: &mut TcpStream) -> std::io::Result<Option<String>> {
    let mut head = Vec::new();
    let mut buffer = [0; 4096];
    while !head.ends_with(b"\r\n\r\n") {
        let count = stream.read(&mut buffer).await?;
        if count == 0 || head.len() > REQUEST_MAX_BYTES {
            return Ok(None);
        }
        head.extend_from_slice(&buffer[..count]);
    }
    Ok(Some(String::from_utf8_lossy(&head).into_owned()))
}
