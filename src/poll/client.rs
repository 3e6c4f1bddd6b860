//! The request to a customer's endpoint.

use std::time::Duration;

use reqwest::Method;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH};
use secrecy::SecretString;

use crate::domain::account::{AuthType, PollingMethod};
use crate::outbound::{Call, CallError, Ending, Outbound, UnusableToken, UrlProblem, authorization};

/// Largest answer that is read: 50,000 payments of 160 bytes.
const ANSWER_MAX_BYTES: usize = 8 * 1024 * 1024;
/// Longest `ETag` that is kept; an answer with a longer one counts as one without.
const ETAG_MAX_BYTES: usize = 256;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// What an account's settings say about its endpoint.
pub struct PollCall<'a> {
    pub url: &'a str,
    pub method: PollingMethod,
    /// JSON text, sent as it is, with POST only; `None` is sent as `{}`.
    pub body: Option<&'a str>,
    /// `None` sends no `Authorization` header.
    pub auth: Option<(AuthType, &'a SecretString)>,
    /// Of the last good answer; sent as `If-None-Match`, with GET only.
    pub etag: Option<&'a str>,
    /// How long the endpoint may take for its whole answer.
    pub timeout: Duration,
}

/// What a usable answer brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetched {
    /// Status 200.
    List { body: Vec<u8>, etag: Option<String> },
    /// Status 304 to a request that had an `ETag` to compare.
    NotModified,
}

/// Why a poll has no answer to read: what happened, and what the customer should check.
///
/// None of these says anything about the orders: a failed poll never cancels one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PollError {
    #[error("the saved pending_orders_endpoint cannot be called: {0}")]
    Url(UrlProblem),
    #[error(transparent)]
    Token(#[from] UnusableToken),
    #[error(transparent)]
    Call(#[from] CallError),
    #[error("the endpoint answered with status {status} instead of 200; {advice}")]
    Status { status: u16, advice: &'static str },
    #[error("the answer is larger than {} MiB; list only payments still expected", ANSWER_MAX_BYTES / (1024 * 1024))]
    TooLarge,
    #[error("the answer ended early ({reason}); check that the endpoint sends all that it announces")]
    Incomplete { reason: String },
}

/// Asks the endpoint once and returns the body of a complete answer with status 200, or that it is as before.
pub async fn fetch(outbound: &Outbound, call: PollCall<'_>) -> Result<Fetched, PollError> {
    let url = outbound.guard().check_url(call.url).map_err(PollError::Url)?;
    let mut headers = HeaderMap::from_iter([(ACCEPT, JSON)]);
    if let Some((auth_type, token)) = call.auth {
        headers.insert(AUTHORIZATION, authorization(auth_type, token)?);
    }
    let (method, body) = match call.method {
        PollingMethod::Get => (Method::GET, None),
        PollingMethod::Post => {
            headers.insert(CONTENT_TYPE, JSON);
            (Method::POST, Some(call.body.unwrap_or("{}").as_bytes().to_vec()))
        }
    };
    // Only GET has a 304; what came from a header can stand in one.
    let known = call.etag.filter(|_| method == Method::GET).and_then(|etag| HeaderValue::try_from(etag).ok());
    let is_conditional = known.is_some();
    headers.extend(known.map(|known| (IF_NONE_MATCH, known)));
    let call = Call { method, url: &url, headers, body, timeout: call.timeout, body_max_bytes: ANSWER_MAX_BYTES };
    let answer = outbound.call(call).await?;
    if answer.status == 304 && is_conditional {
        return Ok(Fetched::NotModified);
    }
    if answer.status != 200 {
        return Err(PollError::Status { status: answer.status, advice: advice(answer.status) });
    }
    match answer.ending {
        Ending::Complete => Ok(Fetched::List { etag: etag(&answer.headers), body: answer.body }),
        Ending::Cut => Err(PollError::TooLarge),
        Ending::Broken { reason } => Err(PollError::Incomplete { reason }),
    }
}

fn etag(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(ETAG)?.to_str().ok()?;
    (!text.is_empty() && text.len() <= ETAG_MAX_BYTES).then(|| text.to_owned())
}

/// What a customer should look at after an answer that is not a list.
fn advice(status: u16) -> &'static str {
    match status {
        201..=299 => "answer 200 with a JSON list, [] when no payment is expected",
        304 => "answer 304 only to a request with If-None-Match",
        300..=399 => "redirects are not followed: save the final URL",
        401 | 403 => "check the polling token and its type",
        404 | 410 => "check the path of the URL",
        405 => "check the polling method, GET or POST",
        415 | 422 => "check the body saved for POST",
        429 => "allow a request every few minutes",
        500..=599 => "check the log of your server",
        _ => "check the URL and what the endpoint expects",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbound::testing::{answer_once, outbound};

    const TIMEOUT: Duration = Duration::from_secs(15);

    fn get(url: &str) -> PollCall<'_> {
        PollCall { url, method: PollingMethod::Get, body: None, auth: None, etag: None, timeout: TIMEOUT }
    }

    #[tokio::test]
    async fn the_request_carries_what_the_settings_say() {
        let token: SecretString = "t0ken".into();
        let check = async |method, body: Option<&str>, auth, wanted: &[&str], unwanted: &[&str]| {
            let (url, server) = answer_once("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]");
            let fetched = fetch(&outbound(), PollCall { method, body, auth, ..get(url.as_str()) }).await;
            assert_eq!(fetched, Ok(Fetched::List { body: b"[]".to_vec(), etag: None }));
            let request = server.join().expect("server");
            for part in wanted {
                assert!(request.contains(part), "no {part} in {request}");
            }
            for part in unwanted {
                assert!(!request.contains(part), "{part} in {request}");
            }
        };
        let filter = r#"{"z": 1500.00, "account": "main-uyu"}"#;
        let get = ["GET / HTTP/1.1\r\n", "accept: application/json\r\n", "authorization: Bearer t0ken\r\n"];
        check(PollingMethod::Get, Some(filter), Some((AuthType::Bearer, &token)), &get, &["main-uyu", "content-type"])
            .await;
        let post = ["POST / HTTP/1.1\r\n", "content-type: application/json\r\n", "authorization: Api-Key t0ken\r\n"];
        check(PollingMethod::Post, None, Some((AuthType::ApiKey, &token)), &post, &[]).await;
        check(PollingMethod::Post, None, None, &["\r\n\r\n{}"], &["authorization"]).await;
        check(PollingMethod::Post, Some(filter), None, &["\r\n\r\n{\"z\": 1500.00, \"account\": \"main-uyu\"}"], &[])
            .await;
    }

    #[tokio::test]
    async fn anything_but_a_complete_200_is_an_error_that_says_what_to_check() {
        let check = async |wire: &str, expected: &str| {
            let (url, _server) = answer_once(wire);
            let error = fetch(&outbound(), get(url.as_str())).await.expect_err("not usable").to_string();
            assert!(error.starts_with(expected), "{error}");
        };
        check(
            "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n",
            "the endpoint answered with status 401 instead of 200; check the polling token",
        )
        .await;
        check(
            "HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n",
            "the endpoint answered with status 302 instead of 200; redirects are not followed",
        )
        .await;
        check("HTTP/1.1 204 No Content\r\n\r\n", "the endpoint answered with status 204 instead of 200").await;
        check("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n[]", "the answer ended early").await;
        let bulk = " ".repeat(ANSWER_MAX_BYTES + 1);
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", bulk.len());
        check(&(head + &bulk), "the answer is larger than 8 MiB").await;
    }

    #[tokio::test]
    async fn an_etag_travels_both_ways_and_304_answers_only_who_sent_one() {
        let check = async |method, etag: Option<&str>, wire: &str, expected: Result<Fetched, &str>| {
            let (url, server) = answer_once(wire);
            let fetched = fetch(&outbound(), PollCall { method, etag, ..get(url.as_str()) }).await;
            let request = server.join().expect("server");
            let is_sent = method == PollingMethod::Get && etag.is_some();
            assert_eq!(request.contains("if-none-match: \"v1\"\r\n"), is_sent, "{request}");
            match (fetched, expected) {
                (Err(error), Err(start)) => assert!(error.to_string().starts_with(start), "{error}"),
                (fetched, expected) => assert_eq!(fetched.ok(), expected.ok()),
            }
        };
        let list = |etag: Option<&str>| Ok(Fetched::List { body: b"[]".to_vec(), etag: etag.map(str::to_owned) });
        let tagged = "HTTP/1.1 200 OK\r\nETag: W/\"v2\"\r\nContent-Length: 2\r\n\r\n[]";
        let as_before = "HTTP/1.1 304 Not Modified\r\n\r\n";
        let refused: Result<Fetched, &str> =
            Err("the endpoint answered with status 304 instead of 200; answer 304 only to");
        check(PollingMethod::Get, None, tagged, list(Some("W/\"v2\""))).await;
        check(PollingMethod::Get, Some("\"v1\""), tagged, list(Some("W/\"v2\""))).await;
        check(PollingMethod::Get, Some("\"v1\""), as_before, Ok(Fetched::NotModified)).await;
        check(PollingMethod::Get, None, as_before, refused.clone()).await;
        check(PollingMethod::Post, Some("\"v1\""), as_before, refused).await;
        let long = format!("HTTP/1.1 200 OK\r\nETag: \"{}\"\r\nContent-Length: 2\r\n\r\n[]", "x".repeat(255));
        check(PollingMethod::Get, None, &long, list(None)).await;
    }

    #[tokio::test]
    async fn a_url_that_slipped_into_the_settings_is_judged_again() {
        let fetched = fetch(&outbound(), get("http://10.0.0.1/pending")).await;
        assert!(matches!(fetched, Err(PollError::Url(UrlProblem::Refused(_)))));
        let error = fetched.expect_err("not called").to_string();
        assert!(error.starts_with("the saved pending_orders_endpoint cannot be called: 10.0.0.1 is"), "{error}");
    }
}
