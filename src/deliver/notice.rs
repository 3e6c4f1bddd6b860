//! The bodies of operational notifications: what a customer is told about the reading itself. Pure.

use serde::Serialize;

use super::payload::{milliseconds, to_bytes};
use crate::domain::account::NotificationEvent;
use crate::domain::assistance::{Charset, CodeShape};
use crate::domain::ids::{AccountId, AssistanceId};
use crate::domain::run::{Outcome, RetryClass};
use crate::domain::time::Instant;

/// A scrape that failed.
#[derive(Debug, Clone, Copy)]
pub struct Notice {
    pub account_id: AccountId,
    pub event: NotificationEvent,
    pub outcome: Outcome,
    pub occurred_at: Instant,
}

/// The event by which a customer hears of a scrape's outcome; `None` when there is nothing to tell.
#[must_use]
pub fn event_of(outcome: Outcome) -> Option<NotificationEvent> {
    match outcome.retry_class() {
        RetryClass::None => None,
        // Whatever waits for a person is between the bank and its user: the login.
        RetryClass::Park | RetryClass::Person => Some(NotificationEvent::LoginFailed),
        RetryClass::Later | RetryClass::Maintainer => Some(NotificationEvent::ScrapeFailed),
    }
}

/// A one-time code that a login waits for.
#[derive(Debug, Clone, Copy)]
pub struct CodeWanted {
    pub account_id: AccountId,
    pub request: AssistanceId,
    pub shape: CodeShape,
    /// Codes that this login has tried before.
    pub attempts: u32,
    /// When the login gives up.
    pub expires_at: Instant,
    pub occurred_at: Instant,
}

/// What every notification says.
#[derive(Serialize)]
struct Body<D> {
    account_id: AccountId,
    #[serde(rename = "type")]
    event: NotificationEvent,
    status: &'static str,
    data: D,
    occurred_at: String,
}

impl<D> Body<D> {
    fn new(account_id: AccountId, event: NotificationEvent, data: D, occurred_at: Instant) -> Self {
        Self { account_id, event, status: status(event), data, occurred_at: milliseconds(occurred_at) }
    }
}

/// What a code looks like, in the words that customers know.
#[derive(Debug, Serialize)]
pub struct Descriptor {
    pub length: usize,
    /// `numeric` or `alphanumeric`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub purpose: &'static str,
}

impl From<CodeShape> for Descriptor {
    fn from(shape: CodeShape) -> Self {
        let kind = match shape.charset {
            Charset::Digits => "numeric",
            Charset::Alphanumeric => "alphanumeric",
        };
        Self { length: shape.length, kind, purpose: "login" }
    }
}

/// The body of the notification that a code is wanted. Never the code, nor where the bank sent it.
#[must_use]
pub fn code_wanted(wanted: CodeWanted) -> Vec<u8> {
    #[derive(Serialize)]
    struct Data {
        request_id: AssistanceId,
        descriptor: Descriptor,
        attempts: u32,
        expires_at: String,
    }
    let data = Data {
        request_id: wanted.request,
        descriptor: wanted.shape.into(),
        attempts: wanted.attempts,
        expires_at: milliseconds(wanted.expires_at),
    };
    to_bytes(&Body::new(wanted.account_id, NotificationEvent::AssistanceRequired, data, wanted.occurred_at))
}

/// The body of the notification that a scrape failed.
#[must_use]
pub fn body(notice: Notice) -> Vec<u8> {
    #[derive(Serialize)]
    struct Data {
        category: &'static str,
        reason: &'static str,
    }
    let data = Data { category: notice.outcome.word(), reason: reason(notice.outcome) };
    to_bytes(&Body::new(notice.account_id, notice.event, data, notice.occurred_at))
}

/// The documented second name of an event.
fn status(event: NotificationEvent) -> &'static str {
    match event {
        NotificationEvent::AssistanceRequired => "assistance.requested",
        NotificationEvent::LoginFailed => "login.failed",
        NotificationEvent::ScrapeFailed => "scrape.failed",
    }
}

/// An outcome in a short sentence. Never what stood on the bank's page: that may repeat what was typed.
#[must_use]
pub fn reason(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Ok => "all is well",
        Outcome::InvalidCredentials => "the bank refused the user name or the password",
        Outcome::AccountBlocked => "the bank says that this user is locked",
        Outcome::PasswordChangeRequired => "the bank asks for a new password",
        Outcome::ActionNeeded => "the bank asks for something only a person can do on its site",
        Outcome::SecondFactorRequired => "the bank asks for a second factor",
        Outcome::OtpRejected => "the bank refused the one-time code",
        Outcome::OtpExpired => "the one-time code expired",
        Outcome::OtpExhausted => "the bank accepts no more one-time codes for now",
        Outcome::ApprovalDenied => "the login was denied on the telephone",
        Outcome::ApprovalExpired => "nobody approved the login on the telephone in time",
        Outcome::CaptchaRequired => "the bank asks for a captcha",
        Outcome::HumanTimeout => "nobody helped with the login in time",
        Outcome::SessionConflict => "this user is logged in elsewhere",
        Outcome::SessionExpired => "the bank ended the session",
        Outcome::BankUnavailable => "the bank's site is not available",
        Outcome::RateLimited => "the bank asks to come back later",
        Outcome::WafBlocked => "the bank's site turned the browser away",
        Outcome::Network => "the bank's site could not be reached",
        Outcome::Timeout => "the bank's site took too long",
        Outcome::LayoutChanged => "the bank's page has changed",
        Outcome::ParseFailed => "something on the bank's page could not be read",
        Outcome::CoverageGap => "the bank's list of movements has a gap",
        Outcome::BalanceMismatch => "the movements do not add up to the balance",
        Outcome::OriginDenied => "the bank's site led to an unknown address",
        Outcome::SecretMisplaced => "the page that asked for the password was not the bank's login page",
        Outcome::BrowserCrashed | Outcome::DriverLost => "the browser ended unexpectedly",
        Outcome::RecipeInvalid => "the description of the bank's site cannot be used with this account",
        Outcome::Internal => "something went wrong inside Reconbanker",
        Outcome::EndpointFailed => "the endpoint could not be used",
        Outcome::Interrupted => "the reading was interrupted",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_names_the_account_the_event_and_the_cause() {
        let check = |outcome: Outcome, occurred_at: &str, expected: &str| {
            let notice = Notice {
                account_id: "018f7b3c-4f3a-7c21-9a55-3f2a5c7e9d10".parse().expect("id"),
                event: event_of(outcome).expect("something to tell"),
                outcome,
                occurred_at: occurred_at.parse().expect("instant"),
            };
            assert_eq!(String::from_utf8(body(notice)).expect("text"), expected);
        };
        check(
            Outcome::InvalidCredentials,
            "2026-05-13T15:30:00Z",
            r#"{"account_id":"018f7b3c-4f3a-7c21-9a55-3f2a5c7e9d10","type":"login_failed","status":"login.failed","data":{"category":"invalid_credentials","reason":"the bank refused the user name or the password"},"occurred_at":"2026-05-13T15:30:00.000Z"}"#,
        );
        check(
            Outcome::LayoutChanged,
            "2026-05-13T12:30:00.123456-03:00",
            r#"{"account_id":"018f7b3c-4f3a-7c21-9a55-3f2a5c7e9d10","type":"scrape_failed","status":"scrape.failed","data":{"category":"layout_changed","reason":"the bank's page has changed"},"occurred_at":"2026-05-13T15:30:00.123Z"}"#,
        );
    }

    #[test]
    fn a_wanted_code_is_described_and_not_told() {
        let wanted = CodeWanted {
            account_id: "018f7b3c-4f3a-7c21-9a55-3f2a5c7e9d10".parse().expect("id"),
            request: "018f7b3c-4f3a-7c21-9a55-3f2a5c7e9d11".parse().expect("id"),
            shape: CodeShape { length: 6, charset: Charset::Digits },
            attempts: 1,
            expires_at: "2026-05-13T15:33:00Z".parse().expect("instant"),
            occurred_at: "2026-05-13T15:30:00Z".parse().expect("instant"),
        };
        assert_eq!(
            String::from_utf8(code_wanted(wanted)).expect("text"),
            r#"{"account_id":"018f7b3c-4f3a-7c21-9a55-3f2a5c7e9d10","type":"assistance_required","status":"assistance.requested","data":{"request_id":"018f7b3c-4f3a-7c21-9a55-3f2a5c7e9d11","descriptor":{"length":6,"type":"numeric","purpose":"login"},"attempts":1,"expires_at":"2026-05-13T15:33:00.000Z"},"occurred_at":"2026-05-13T15:30:00.000Z"}"#
        );
    }

    #[test]
    fn what_waits_for_a_person_is_a_failed_login_and_the_rest_a_failed_scrape() {
        let told = |event: NotificationEvent| -> Vec<&str> {
            Outcome::ALL
                .iter()
                .copied()
                .filter(|outcome| event_of(*outcome) == Some(event))
                .map(Outcome::word)
                .collect()
        };
        let logins = [
            "invalid_credentials",
            "account_blocked",
            "password_change_required",
            "action_needed",
            "second_factor_required",
            "otp_rejected",
            "otp_expired",
            "otp_exhausted",
            "approval_denied",
            "approval_expired",
            "captcha_required",
            "human_timeout",
        ];
        assert_eq!(told(NotificationEvent::LoginFailed), logins);
        // All but `ok` and the twelve above.
        assert_eq!(told(NotificationEvent::ScrapeFailed).len(), Outcome::ALL.len() - 13);
        assert_eq!(event_of(Outcome::Ok), None);
    }
}
