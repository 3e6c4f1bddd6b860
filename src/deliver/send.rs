//! One attempt to deliver a body.

use std::fmt::Write;
use std::time::Duration;

use chrono::DateTime;
use reqwest::Method;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use secrecy::SecretString;

use super::sign::SigningSecret;
use crate::domain::account::AuthType;
use crate::domain::ids::EventId;
use crate::domain::time::Instant;
use crate::outbound::{Answer, Call, Outbound, authorization};

/// How long a receiver may take to answer; the standard asks for 15 to 30 s.
const TIMEOUT: Duration = Duration::from_secs(15);
/// What is read of an answer's body, and dropped: enough to use the connection again.
const ANSWER_MAX_BYTES: usize = 4 * 1024;
/// Longest account name that is sent along, in bytes after encoding.
const ACCOUNT_NAME_MAX_BYTES: usize = 1_000;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const WEBHOOK_ID: HeaderName = HeaderName::from_static("webhook-id");
const WEBHOOK_TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const WEBHOOK_SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");
const ACCOUNT: HeaderName = HeaderName::from_static("x-reconbanker-account");

/// A body on its way to an account's webhook URL.
pub struct Delivery<'a> {
    pub url: &'a str,
    /// The same at every attempt and resend, so that a receiver can tell a repetition.
    pub webhook_id: EventId,
    pub body: &'a [u8],
    pub secret: &'a SigningSecret,
    /// `None` sends no `Authorization` header.
    pub auth: Option<(AuthType, &'a SecretString)>,
    /// Sent as `X-Reconbanker-Account`, percent-encoded where it is not ASCII.
    pub account_name: &'a str,
    /// The instant of this attempt, which is signed.
    pub at: Instant,
}

/// What came of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// `None` when no answer came.
    pub status: Option<u16>,
    /// What went wrong and what to check, in a sentence; `None` when delivered.
    pub error: Option<String>,
    /// How long the receiver asks us to wait, in seconds (429 and 503 only).
    pub retry_after_s: Option<u64>,
    pub verdict: Verdict,
}

/// What to do after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Delivered,
    /// Try again as [`super::retry::next_attempt`] says.
    Retry,
    /// The receiver answered 410: it wants this no more, ever.
    Gone,
}

/// Signs and sends a body once. Whatever happens is an [`Attempt`]; nothing is repeated here.
pub async fn send(outbound: &Outbound, delivery: Delivery<'_>) -> Attempt {
    let url = match outbound.guard().check_url(delivery.url) {
        Ok(url) => url,
        Err(problem) => return failed(format!("the saved webhook URL cannot be called: {problem}")),
    };
    let mut headers = match signed_headers(&delivery) {
        Ok(headers) => headers,
        Err(error) => return failed(error),
    };
    headers.extend([(ACCEPT, JSON), (CONTENT_TYPE, JSON)]);
    let call = Call {
        method: Method::POST,
        url: &url,
        headers,
        body: Some(delivery.body.to_vec()),
        timeout: TIMEOUT,
        body_max_bytes: ANSWER_MAX_BYTES,
    };
    match outbound.call(call).await {
        Ok(answer) => judge(&answer, delivery.at),
        Err(error) => failed(error.to_string()),
    }
}

/// The headers that differ from delivery to delivery.
fn signed_headers(delivery: &Delivery<'_>) -> Result<HeaderMap, String> {
    let id = delivery.webhook_id.to_string();
    let timestamp_s = delivery.at.timestamp();
    let signature = delivery.secret.sign(&id, timestamp_s, delivery.body);
    let texts = [
        (WEBHOOK_ID, id),
        (WEBHOOK_TIMESTAMP, timestamp_s.to_string()),
        (WEBHOOK_SIGNATURE, signature),
        (ACCOUNT, percent_encoded(delivery.account_name)),
    ];
    let mut headers: HeaderMap =
        texts.into_iter().map(|(name, text)| (name, HeaderValue::try_from(text).expect("printable ASCII"))).collect();
    if let Some((auth_type, token)) = delivery.auth {
        headers.insert(AUTHORIZATION, authorization(auth_type, token).map_err(|error| error.to_string())?);
    }
    Ok(headers)
}

fn failed(error: String) -> Attempt {
    Attempt { status: None, error: Some(error), retry_after_s: None, verdict: Verdict::Retry }
}

/// The status decides alone: a receiver that has said 200 has the message, however its answer goes on.
fn judge(answer: &Answer, at: Instant) -> Attempt {
    let (verdict, advice) = match answer.status {
        200..=299 => (Verdict::Delivered, None),
        410 => (Verdict::Gone, Some("the receiver wants no more of it")),
        300..=399 => (Verdict::Retry, Some("redirects are not followed: save the final URL")),
        401 | 403 => (Verdict::Retry, Some("check the webhook token and its type")),
        404 => (Verdict::Retry, Some("check the path of the webhook URL")),
        405 => (Verdict::Retry, Some("the webhook URL must accept POST")),
        _ => (Verdict::Retry, Some("check the receiver's log")),
    };
    let error = advice.map(|advice| format!("the receiver answered with status {}; {advice}", answer.status));
    let retry_after_s = match answer.status {
        429 | 503 => answer.headers.get(RETRY_AFTER).and_then(|value| retry_after(value.to_str().ok()?, at)),
        _ => None,
    };
    Attempt { status: Some(answer.status), error, retry_after_s, verdict }
}

/// `Retry-After`: a count of seconds, or a date (RFC 9110, section 10.2.3).
fn retry_after(text: &str, at: Instant) -> Option<u64> {
    let text = text.trim();
    text.parse().ok().or_else(|| {
        let date = DateTime::parse_from_rfc2822(text).ok()?.to_utc();
        Some(u64::try_from((date - at).num_seconds()).unwrap_or(0))
    })
}

/// Printable ASCII stays as it is, but for the percent sign; so decoding gives back the name, always.
fn percent_encoded(name: &str) -> String {
    let mut encoded = String::with_capacity(name.len());
    for character in name.chars() {
        let start = encoded.len();
        if matches!(character, ' '..='~') && character != '%' {
            encoded.push(character);
        } else {
            for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                write!(encoded, "%{byte:02X}").expect("writing to a String cannot fail");
            }
        }
        if encoded.len() > ACCOUNT_NAME_MAX_BYTES {
            encoded.truncate(start);
            break;
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbound::testing::{answer_once, outbound};

    fn at() -> Instant {
        "2026-05-13T15:30:00Z".parse().expect("instant")
    }

    fn secret() -> SigningSecret {
        SigningSecret::parse("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX").expect("secret")
    }

    async fn deliver(url: &str, token: Option<&str>) -> Attempt {
        let token = token.map(SecretString::from);
        let delivery = Delivery {
            url,
            webhook_id: "018f7b3c-4f3a-7c21-9a55-3f2a5c7e9d10".parse().expect("id"),
            body: br#"{"status":"matched"}"#,
            secret: &secret(),
            auth: token.as_ref().map(|token| (AuthType::ApiKey, token)),
            account_name: "Caja Ñ",
            at: at(),
        };
        send(&outbound(), delivery).await
    }

    #[tokio::test]
    async fn a_delivery_carries_the_body_untouched_and_all_its_headers() {
        let (url, server) = answer_once("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n");
        let attempt = deliver(url.as_str(), Some("t0ken")).await;
        let delivered = Attempt { status: Some(202), error: None, retry_after_s: None, verdict: Verdict::Delivered };
        assert_eq!(attempt, delivered);

        let request = server.join().expect("server");
        let id = "018f7b3c-4f3a-7c21-9a55-3f2a5c7e9d10";
        let signature = secret().sign(id, 1_778_686_200, br#"{"status":"matched"}"#);
        for part in [
            "POST / HTTP/1.1\r\n",
            "content-type: application/json\r\n",
            "accept: application/json\r\n",
            &format!("webhook-id: {id}\r\n"),
            "webhook-timestamp: 1778686200\r\n",
            &format!("webhook-signature: {signature}\r\n"),
            "authorization: Api-Key t0ken\r\n",
            "x-reconbanker-account: Caja %C3%91\r\n",
            "\r\n\r\n{\"status\":\"matched\"}",
        ] {
            assert!(request.contains(part), "no {part} in {request}");
        }
    }

    #[tokio::test]
    async fn the_status_alone_decides() {
        let check = async |head: &str, verdict: Verdict, retry_after_s: Option<u64>| {
            let (url, _server) = answer_once(&format!("HTTP/1.1 {head}\r\nContent-Length: 3\r\n\r\n"));
            let attempt = deliver(url.as_str(), None).await;
            assert_eq!((attempt.verdict, attempt.retry_after_s), (verdict, retry_after_s), "{head}");
            assert_eq!(attempt.error.is_none(), verdict == Verdict::Delivered, "{head}");
            assert_eq!(attempt.status.map(|status| status.to_string()).as_deref(), head.get(..3), "{head}");
        };
        // Each of these bodies is shorter than announced, and nobody minds.
        check("200 OK", Verdict::Delivered, None).await;
        check("301 Moved\r\nLocation: http://127.0.0.1/", Verdict::Retry, None).await;
        check("400 Bad Request\r\nRetry-After: 9", Verdict::Retry, None).await;
        check("410 Gone", Verdict::Gone, None).await;
        check("429 Too Many Requests\r\nRetry-After: 120", Verdict::Retry, Some(120)).await;
        check("503 Service Unavailable", Verdict::Retry, None).await;
        check("503 Service Unavailable\r\nRetry-After: Wed, 13 May 2026 15:31:00 GMT", Verdict::Retry, Some(60)).await;
    }

    #[tokio::test]
    async fn a_url_or_a_token_that_cannot_be_used_is_a_failed_attempt() {
        let check = async |url: &str, token: Option<&str>, expected: &str| {
            let attempt = deliver(url, token).await;
            assert_eq!((attempt.status, attempt.verdict), (None, Verdict::Retry));
            let error = attempt.error.expect("a reason");
            assert!(error.contains(expected), "{error}");
        };
        check("http://10.0.0.1/hook", None, "10.0.0.1 is a private address").await;
        check("mailto:ops@shop.example", None, "only https:// and http:// are called").await;
        check("https://shop.example/hook", Some("a\nb"), "save it again").await;
    }

    #[test]
    fn retry_after_is_read_in_both_forms() {
        let check = |text: &str, expected: Option<u64>| assert_eq!(retry_after(text, at()), expected, "{text}");
        check("0", Some(0));
        check(" 3600 ", Some(3600));
        check("Wed, 13 May 2026 15:32:05 GMT", Some(125));
        check("Wed, 13 May 2026 15:00:00 GMT", Some(0));
        check("-5", None);
        check("soon", None);
    }

    #[test]
    fn an_account_name_is_always_decodable_ascii() {
        let check = |name: &str, expected: &str| assert_eq!(percent_encoded(name), expected);
        check("Main UYU", "Main UYU");
        check("Peña & Cía 50%", "Pe%C3%B1a & C%C3%ADa 50%25");
        check("a\r\nX-Admin: 1", "a%0D%0AX-Admin: 1");
        check(&"ñ".repeat(300), &"%C3%B1".repeat(166));
    }
}
