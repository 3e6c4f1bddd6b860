//! The one HTTP client for every URL that a tenant sets.
//!
//! Whoever may choose a URL may point it at the machine's own network. So the address is judged
//! where it is used: the resolver hands the connector only addresses that the [`Guard`] permits,
//! which makes the checked address the connected one, and a name that changes its mind between
//! check and call gains nothing. Redirects are answers like any other and never followed, proxies
//! from the environment are ignored, and every call ends at its deadline and its size limit.

mod guard;
#[cfg(test)]
pub(crate) mod testing;

use std::error::Error as StdError;
use std::io;
use std::iter::successors;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Method, Response};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::timeout_at;
use url::{Position, Url};

use crate::domain::account::AuthType;
use crate::domain::checkpoint::{Checkpoints, Crossing, Side};

pub use self::guard::{Guard, Refused, URL_CHARS_MAX, UrlProblem};

/// How long name look-up, TCP and TLS may take together; a call's own deadline may be shorter.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A client whose every connection goes to a permitted address. Cheap to clone; clones share connections.
#[derive(Clone)]
pub struct Outbound {
    client: reqwest::Client,
    guard: Guard,
    checkpoints: Option<Arc<dyn Checkpoints>>,
}

/// One request. Not printable: its body and headers are the customer's.
pub struct Call<'a> {
    pub method: Method,
    pub url: &'a Url,
    pub headers: HeaderMap,
    pub body: Option<Vec<u8>>,
    /// From the first packet to the last byte of the answer.
    pub timeout: Duration,
    /// How much of the answer's body is kept, counted after decompression.
    pub body_max_bytes: usize,
}

/// What came back, whatever its status.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    pub ending: Ending,
    /// The address that answered; `None` where the transport does not say.
    pub remote: Option<SocketAddr>,
}

/// How the body of an answer ended. The status stands in each case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    Complete,
    /// Cut at the limit of the call; the rest was not read.
    Cut,
    /// Shorter than announced, damaged, or late.
    Broken {
        reason: String,
    },
}

/// Why there is no answer. The sentences name the host, never a path, a query or a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    #[error("the URL cannot be called: {0}")]
    Url(UrlProblem),
    #[error("{host} is not called: {refused}")]
    Refused { host: String, refused: Refused },
    #[error("the name of {host} could not be resolved ({reason}); check its spelling and the DNS of this server")]
    Dns { host: String, reason: String },
    #[error("could not connect to {host} ({reason}); check that it is up and reachable from this server")]
    Connect { host: String, reason: String },
    #[error("no trusted TLS connection with {host} ({reason}); check its certificate")]
    Tls { host: String, reason: String },
    #[error("{host} did not answer within {seconds} s")]
    Timeout { host: String, seconds: u64 },
    #[error("the call to {host} failed ({reason})")]
    Other { host: String, reason: String },
}

/// Why the client could not be set up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("could not set up outgoing HTTPS: {0}; check that the package ca-certificates is installed")]
pub struct SetupError(String);

/// A saved token that cannot stand in a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the saved token contains a line break or another character that HTTP headers cannot carry; save it again")]
pub struct UnusableToken;

impl Outbound {
    /// Sets up the client. `user_agent` is what every request says of itself.
    pub fn new(guard: Guard, user_agent: &str) -> Result<Self, SetupError> {
        install_tls_provider();
        let client = reqwest::Client::builder()
            .user_agent(user_agent)
            .dns_resolver(GuardedResolver { guard: guard.clone() })
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT)
            .build()
            .map_err(|error| SetupError(root_cause(&error)))?;
        Ok(Self { client, guard, checkpoints: None })
    }

    /// Has every request announced.
    #[must_use]
    pub fn watched_by(self, checkpoints: Option<Arc<dyn Checkpoints>>) -> Self {
        Self { checkpoints, ..self }
    }

    /// The judge of this client's addresses.
    #[must_use]
    pub fn guard(&self) -> &Guard {
        &self.guard
    }

    /// Sends one request and reads the answer up to the limits of the call.
    pub async fn call(&self, call: Call<'_>) -> Result<Answer, CallError> {
        if let Some(checkpoints) = &self.checkpoints {
            checkpoints.pass(Crossing::Call, Side::Before);
        }
        let answer = self.send(call).await;
        if let Some(checkpoints) = &self.checkpoints {
            checkpoints.pass(Crossing::Call, Side::After);
        }
        answer
    }

    async fn send(&self, call: Call<'_>) -> Result<Answer, CallError> {
        let host = call.url[Position::BeforeHost..Position::AfterPort].to_owned();
        // A literal address never reaches the resolver, so it is judged here, at every call.
        match self.guard.check(call.url) {
            Ok(()) => {}
            Err(UrlProblem::Refused(refused)) => return Err(CallError::Refused { host, refused }),
            Err(problem) => return Err(CallError::Url(problem)),
        }
        let deadline = tokio::time::Instant::now() + call.timeout;
        let mut request = self.client.request(call.method, call.url.clone()).headers(call.headers);
        if let Some(body) = call.body {
            request = request.body(body);
        }
        let mut response = match timeout_at(deadline, request.send()).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(classify(host, error)),
            Err(_elapsed) => return Err(CallError::Timeout { host, seconds: call.timeout.as_secs() }),
        };
        let mut body = Vec::new();
        let ending = match timeout_at(deadline, read_body(&mut response, &mut body, call.body_max_bytes)).await {
            Ok(ending) => ending,
            Err(_elapsed) => Ending::Broken { reason: format!("not complete after {} s", call.timeout.as_secs()) },
        };
        Ok(Answer {
            status: response.status().as_u16(),
            remote: response.remote_addr(),
            headers: std::mem::take(response.headers_mut()),
            body,
            ending,
        })
    }
}

/// Chooses the cryptography behind TLS for the whole process. Calling it again changes nothing.
pub fn install_tls_provider() {
    // Refused when a provider is installed already, which is all we want.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// The value of an `Authorization` header, marked so that no log prints it.
pub fn authorization(auth_type: AuthType, token: &SecretString) -> Result<HeaderValue, UnusableToken> {
    let text = format!("{} {}", auth_type.scheme(), token.expose_secret().trim());
    let mut value = HeaderValue::try_from(text).map_err(|_| UnusableToken)?;
    value.set_sensitive(true);
    Ok(value)
}

/// Reads up to `max_bytes`; what was read before something went wrong stays in `body`.
async fn read_body(response: &mut Response, body: &mut Vec<u8>, max_bytes: usize) -> Ending {
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => {
                let room = max_bytes - body.len();
                body.extend_from_slice(&chunk[..chunk.len().min(room)]);
                if chunk.len() > room {
                    return Ending::Cut;
                }
            }
            Ok(None) => return Ending::Complete,
            Err(error) => return Ending::Broken { reason: root_cause(&error.without_url()) },
        }
    }
}

/// Resolves names to permitted addresses only.
struct GuardedResolver {
    guard: Guard,
}

/// Why a name leads nowhere. Travels through the HTTP client as a boxed error and is found again in [`classify`].
#[derive(Debug, Clone, thiserror::Error)]
enum LookupProblem {
    #[error("{0}")]
    Unresolved(String),
    #[error(transparent)]
    Refused(Refused),
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.guard.clone();
        Box::pin(async move { permitted_addresses(&guard, name.as_str()).await })
    }
}

/// Every address of a name that may be called; an error when there is none.
async fn permitted_addresses(guard: &Guard, name: &str) -> Result<Addrs, Box<dyn StdError + Send + Sync>> {
    // Port 0 stands for "the port of the URL".
    let found: Vec<SocketAddr> = tokio::net::lookup_host((name, 0_u16))
        .await
        .map_err(|error| LookupProblem::Unresolved(error.to_string()))?
        .collect();
    let mut permitted = Vec::with_capacity(found.len());
    let mut problem = LookupProblem::Unresolved("the name has no address".to_owned());
    for address in found {
        match guard.check_address(address.ip()) {
            Ok(()) => permitted.push(address),
            Err(refused) => problem = LookupProblem::Refused(refused),
        }
    }
    if permitted.is_empty() {
        return Err(Box::new(problem));
    }
    Ok(Box::new(permitted.into_iter()))
}

/// Turns the client's error into what the caller must know, without the URL it carries.
fn classify(host: String, error: reqwest::Error) -> CallError {
    let error = error.without_url();
    for cause in causes(&error) {
        match cause.downcast_ref::<LookupProblem>() {
            Some(LookupProblem::Refused(refused)) => return CallError::Refused { host, refused: refused.clone() },
            Some(LookupProblem::Unresolved(reason)) => return CallError::Dns { host, reason: reason.clone() },
            None => {}
        }
        if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
            return CallError::Tls { host, reason: tls.to_string() };
        }
    }
    if error.is_timeout() {
        return CallError::Connect { host, reason: format!("no connection within {} s", CONNECT_TIMEOUT.as_secs()) };
    }
    let reason = root_cause(&error);
    if error.is_connect() { CallError::Connect { host, reason } } else { CallError::Other { host, reason } }
}

/// An error and what lies under it, outermost first.
///
/// `io::Error` answers `source()` with the source of what it wraps and so hides the wrapped error
/// itself, which is where TLS problems sit.
fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    successors(Some(error), |&error| match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(wrapped) => {
            let wrapped: &(dyn StdError + 'static) = wrapped;
            Some(wrapped)
        }
        None => error.source(),
    })
}

/// The innermost error in words: the outer ones only say that something failed.
fn root_cause(error: &reqwest::Error) -> String {
    causes(error).last().map_or_else(|| error.to_string(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::testing::{answer_once, outbound};
    use super::*;

    const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

    fn get(url: &Url) -> Call<'_> {
        Call {
            method: Method::GET,
            url,
            headers: HeaderMap::new(),
            body: None,
            timeout: Duration::from_secs(5),
            body_max_bytes: 100,
        }
    }

    #[tokio::test]
    async fn loopback_is_refused_by_address_and_by_name_unless_permitted() {
        let strict = Outbound::new(Guard::default(), "test").expect("client");
        for url in ["http://127.0.0.1:9/", "http://localhost:9/"] {
            let url = Url::parse(url).expect("url");
            let error = strict.call(get(&url)).await.expect_err("refused");
            assert!(matches!(error, CallError::Refused { .. }), "{error}");
        }

        let (url, server) = answer_once(OK);
        let answer = outbound().call(get(&url)).await.expect("answer");
        assert_eq!((answer.status, answer.body.as_slice(), answer.ending), (200, &b"hello"[..], Ending::Complete));
        assert_eq!(answer.remote.map(|remote| remote.port()), url.port());
        assert!(server.join().expect("server").starts_with("GET / HTTP/1.1\r\n"));
    }

    #[tokio::test]
    async fn the_resolver_itself_refuses_what_a_name_leads_to() {
        let resolver = GuardedResolver { guard: Guard::default() };
        let error = resolver.resolve("localhost".parse().expect("name")).await.err().expect("refused");
        assert!(matches!(error.downcast_ref(), Some(LookupProblem::Refused(_))), "{error}");

        let resolver = GuardedResolver { guard: outbound().guard().clone() };
        let addresses = resolver.resolve("localhost".parse().expect("name")).await.expect("permitted");
        assert!(addresses.map(|address| address.ip()).all(|ip| ip.is_loopback()));
    }

    #[tokio::test]
    async fn a_redirect_is_an_answer_and_is_not_followed() {
        let (url, _server) =
            answer_once("HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(outbound().call(get(&url)).await.expect("answer").status, 302);
    }

    #[tokio::test]
    async fn a_body_is_cut_at_the_limit_and_a_short_one_is_broken() {
        let check = async |limit: usize, wire: &str, body: &str, ending: Option<Ending>| {
            let (url, _server) = answer_once(wire);
            let call = Call { body_max_bytes: limit, ..get(&url) };
            let answer = outbound().call(call).await.expect("answer");
            assert_eq!(answer.body, body.as_bytes());
            match ending {
                Some(ending) => assert_eq!(answer.ending, ending),
                None => assert!(matches!(answer.ending, Ending::Broken { .. }), "{:?}", answer.ending),
            }
        };
        check(5, OK, "hello", Some(Ending::Complete)).await;
        check(4, OK, "hell", Some(Ending::Cut)).await;
        check(0, OK, "", Some(Ending::Cut)).await;
        check(100, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello", "hello", None).await;
    }

    #[tokio::test]
    async fn errors_name_the_host_and_nothing_of_the_path() {
        let (url, _server) = answer_once("");
        let url = url.join("/orders?token=s3cret").expect("url");
        let call = Call { timeout: Duration::from_millis(200), ..get(&url) };
        let error = outbound().call(call).await.expect_err("nobody answers");
        assert!(matches!(error, CallError::Timeout { .. }), "{error}");

        // A port that was free a moment ago.
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("port").local_addr().expect("address");
        let url = Url::parse(&format!("http://{free}/orders?token=s3cret")).expect("url");
        let error = outbound().call(get(&url)).await.expect_err("nobody listens");
        assert!(matches!(error, CallError::Connect { .. }), "{error}");
        assert!(error.to_string().contains(&free.to_string()) && !format!("{error:?}").contains("s3cret"), "{error}");

        let (url, _server) = answer_once("HTTP/1.1 200 OK\r\n\r\n");
        let url = Url::parse(&format!("https://127.0.0.1:{}/", url.port().expect("port"))).expect("url");
        let error = outbound().call(get(&url)).await.expect_err("that is not TLS");
        assert!(matches!(error, CallError::Tls { .. }), "{error}");
    }

    #[test]
    fn a_token_becomes_a_header_that_is_not_printed() {
        let check = |auth_type, token: &str, expected: Result<&str, UnusableToken>| {
            let value = authorization(auth_type, &token.into());
            if let Ok(value) = &value {
                assert_eq!(format!("{value:?}"), "Sensitive");
            }
            assert_eq!(value.as_ref().map(HeaderValue::as_bytes), expected.as_ref().map(|text| text.as_bytes()));
        };
        check(AuthType::Bearer, "abc", Ok("Bearer abc"));
        check(AuthType::ApiKey, "abc\n", Ok("Api-Key abc"));
        check(AuthType::Bearer, "a\r\nX-Admin: 1", Err(UnusableToken));
    }
}
