//! A web server of one answer, and a client that may call it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;

use url::Url;

use super::{Guard, Outbound};

/// A client for which loopback is permitted.
pub(crate) fn outbound() -> Outbound {
    let loopback = ["127.0.0.0/8", "::1/128"].map(|network| network.parse().expect("network"));
    Outbound::new(Guard::new(loopback.to_vec()), "reconbanker-test").expect("client")
}

/// Serves `wire` once, byte for byte; an empty one stands for a server that never answers.
///
/// The handle returns the request as it arrived.
pub(crate) fn answer_once(wire: &str) -> (Url, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("port");
    let address = listener.local_addr().expect("address");
    let url = Url::parse(&format!("http://{address}/")).expect("url");
    let wire = wire.to_owned();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("connection");
        let request = read_request(&mut stream);
        if wire.is_empty() {
            // Until the client hangs up.
            let _ = stream.read(&mut [0]);
        } else {
            // The client may have hung up: what it makes of that is the test's business.
            let _ = stream.write_all(wire.as_bytes());
        }
        request
    });
    (url, server)
}

fn read_request(stream: &mut TcpStream) -> String {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    while !is_complete(&request) {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => break,
            Ok(count) => request.extend_from_slice(&buffer[..count]),
        }
    }
    String::from_utf8_lossy(&request).into_owned()
}

fn is_complete(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    // A TLS hello is no HTTP request and has no end to wait for.
    if request.first() == Some(&0x16) {
        return true;
    }
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map_or(0, |(_, value)| value.trim().parse().expect("length"));
    body.len() >= length
}
