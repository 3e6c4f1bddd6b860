//! A customer's endpoint that answers byte for byte what a test says.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

/// What is sent, and what follows it.
#[derive(Debug, Clone)]
pub enum Reply {
    /// These bytes; then the connection is closed.
    Close(Vec<u8>),
    /// These bytes; then nothing, until the client gives up.
    Hold(Vec<u8>),
}

struct State {
    reply: Reply,
    requests: Vec<String>,
}

/// Listens until it is stopped or dropped.
pub struct Endpoint {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

impl Endpoint {
    /// Answers `[]` until told otherwise.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let reply = Reply::Close(http("200 OK", &[], b"[]"));
        let state = Arc::new(Mutex::new(State { reply, requests: Vec::new() }));
        let task = TaskTracker::new().spawn(serve(listener, Arc::clone(&state)));
        Self { address, state, task }
    }

    pub fn url(&self) -> String {
        format!("http://{}/pending", self.address)
    }

    /// Decides how requests are answered from now on.
    pub fn answer(&self, reply: Reply) {
        self.state.lock().expect("no holder of this lock can panic").reply = reply;
    }

    /// Returns when nobody listens at its address any more.
    pub async fn stop(mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
    }

    /// Forgets the requests so far.
    pub fn forget(&self) {
        self.state.lock().expect("no holder of this lock can panic").requests.clear();
    }

    /// The heads of the requests so far.
    pub fn requests(&self) -> Vec<String> {
        self.state.lock().expect("no holder of this lock can panic").requests.clone()
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// An answer of known length.
pub fn http(status: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut lines = vec![format!("HTTP/1.1 {status}")];
    lines.extend(headers.iter().map(|(name, value)| format!("{name}: {value}")));
    lines.extend([format!("Content-Length: {}", body.len()), "Connection: close\r\n\r\n".to_owned()]);
    let head = lines.join("\r\n");
    [head.as_bytes(), body].concat()
}

async fn serve(listener: TcpListener, state: Arc<Mutex<State>>) {
    let connections = TaskTracker::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(answer(stream, Arc::clone(&state)));
    }
}

async fn answer(mut stream: TcpStream, state: Arc<Mutex<State>>) {
    let request = read_head(&mut stream).await;
    let reply = {
        let mut state = state.lock().expect("no holder of this lock can panic");
        state.requests.push(request);
        state.reply.clone()
    };
    // The client may hang up at any time: what it makes of the answer is the test's business.
    match reply {
        Reply::Close(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
        }
        Reply::Hold(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.read(&mut [0]).await;
        }
    }
}

async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut buffer = [0; 4096];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(count) => head.extend_from_slice(&buffer[..count]),
        }
    }
    String::from_utf8_lossy(&head).into_owned()
}
