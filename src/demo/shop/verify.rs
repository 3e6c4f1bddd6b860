//! The customer's side of a signed webhook, by the library that customers use.

use axum::http::HeaderMap;
use standardwebhooks::{HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP, Webhook, WebhookError};

use crate::domain::time::Instant;

/// How far a timestamp may be off, as in the library.
const TOLERANCE_S: u64 = 5 * 60;

/// Says whether a webhook is signed with the secret (`whsec_…`) and fresh at `now`.
pub(super) fn verify(secret: Option<&str>, headers: &HeaderMap, body: &[u8], now: Instant) -> Result<(), String> {
    let secret = secret.ok_or("the shop has no webhook secret yet; give it the account's")?;
    let webhook = Webhook::new(secret).map_err(|error| error.to_string())?;
    match webhook.verify(body, headers) {
        // The library reads the computer's clock; the world's own may stand elsewhere.
        Err(WebhookError::TimestampTooOldError | WebhookError::FutureTimestampError) => {
            verify_at(&webhook, headers, body, now)
        }
        verdict => verdict.map_err(|error| error.to_string()),
    }
}

/// The library's check with the clock as an argument.
fn verify_at(webhook: &Webhook, headers: &HeaderMap, body: &[u8], now: Instant) -> Result<(), String> {
    let header = |name: &str| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value.ok_or_else(|| format!("missing header {name}"))
    };
    let sent_at: i64 = header(HEADER_WEBHOOK_TIMESTAMP)?.parse().map_err(|_| "failed to parse timestamp".to_owned())?;
    if now.timestamp().abs_diff(sent_at) > TOLERANCE_S {
        return Err("signature timestamp is more than 5 minutes off".to_owned());
    }
    let expected = webhook.sign(header(HEADER_WEBHOOK_ID)?, sent_at, body).map_err(|error| error.to_string())?;
    let is_good = header(HEADER_WEBHOOK_SIGNATURE)?.split(' ').any(|signature| signature == expected);
    if is_good { Ok(()) } else { Err(WebhookError::InvalidSignature.to_string()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

    /// A webhook signed at a second of the year 2026, judged so many seconds later.
    fn judge(secret: Option<&str>, body: &[u8], later_s: i64) -> Result<(), String> {
        let now: Instant = "2026-05-13T15:00:00Z".parse().expect("instant");
        let sent_at = now.timestamp() - later_s;
        let signature = Webhook::new(SECRET).expect("secret").sign("event-1", sent_at, b"{}").expect("signature");
        let mut headers = HeaderMap::new();
        headers.insert(HEADER_WEBHOOK_ID, "event-1".parse().expect("header"));
        headers.insert(HEADER_WEBHOOK_TIMESTAMP, sent_at.to_string().parse().expect("header"));
        headers.insert(HEADER_WEBHOOK_SIGNATURE, format!("v1,AAAA {signature}").parse().expect("header"));
        verify(secret, &headers, body, now)
    }

    #[test]
    fn freshness_is_judged_by_the_clock_of_the_world() {
        let check = |later_s: i64, expected: Result<(), &str>| {
            assert_eq!(judge(Some(SECRET), b"{}", later_s), expected.map_err(str::to_owned), "{later_s} s");
        };
        check(0, Ok(()));
        check(300, Ok(()));
        check(-300, Ok(()));
        check(301, Err("signature timestamp is more than 5 minutes off"));
        check(-301, Err("signature timestamp is more than 5 minutes off"));
    }

    #[test]
    fn another_body_another_secret_or_none_is_refused() {
        assert_eq!(judge(Some(SECRET), b"{ }", 0), Err("signature invalid".to_owned()));
        assert_eq!(judge(Some("whsec_AAAA"), b"{}", 0), Err("signature invalid".to_owned()));
        assert!(judge(None, b"{}", 0).expect_err("refused").contains("no webhook secret"));
    }
}
