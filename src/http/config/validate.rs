//! What a settings request must satisfy: a pure function from the request to valid settings, or to
//! every issue at once.

use secrecy::{ExposeSecret, SecretString};
use serde_json::value::RawValue;

use super::ConfigRequest;
use crate::domain::account::{
    AuthType, LoginMode, NotificationEvent, OperationMode, PollingMethod, RESERVED_WEBHOOK_KEYS, SECRET_PRESENT,
    SessionType,
};
use crate::domain::json::LiteralObject;
use crate::http::error::Issue;
use crate::outbound::Guard;

/// Documented default of `retry_limit`.
const RETRY_LIMIT_DEFAULT: i64 = 3;
const RETRY_LIMIT_MAX: i64 = 100;
/// Longest secret or user name, in bytes: no bank or customer comes near.
const SECRET_BYTES_MAX: usize = 4_096;

/// Settings that satisfy every rule.
#[derive(Debug)]
pub(super) struct Valid {
    pub pending_orders_endpoint: Option<String>,
    pub webhook_url: String,
    pub retry_limit: i64,
    pub polling_method: PollingMethod,
    /// JSON text, as it was typed.
    pub polling_body: Option<String>,
    pub auth_type: AuthType,
    pub auth_token: Token,
    pub webhook_auth_type: Option<AuthType>,
    pub webhook_auth_token: Token,
    pub notification_endpoint_url: Option<String>,
    pub notification_auth_type: Option<AuthType>,
    pub notification_token: Token,
    pub notification_events: Vec<NotificationEvent>,
    pub notify_on_expired: bool,
    /// The text of a JSON object, as it was typed.
    pub webhook_extra_fields: Option<String>,
    pub silent_ingestion: bool,
    pub session_type: SessionType,
    pub login_mode: LoginMode,
    pub credentials: Credentials,
}

/// A token as sent: left out, the answer's sentinel, or a new one.
#[derive(Debug)]
pub(super) enum Token {
    None,
    Keep,
    New(SecretString),
}

/// Which of the two bank credentials came along.
#[derive(Debug)]
pub(super) enum Credentials {
    Keep,
    UsernameOnly(String),
    PasswordOnly(SecretString),
    Both(String, SecretString),
}

/// Collects issues while fields are read one by one.
struct Check<'a> {
    issues: Vec<Issue>,
    guard: &'a Guard,
}

pub(super) fn check(request: ConfigRequest, mode: Option<OperationMode>, guard: &Guard) -> Result<Valid, Vec<Issue>> {
    let mut check = Check { issues: Vec::new(), guard };
    let webhook_url = check.required_url("webhook_url", request.webhook_url);
    let pending_orders_endpoint = match mode {
        // Nobody calls it, so nobody judges it: a poll does both, should the mode change.
        Some(OperationMode::Passthrough) => check.typed("pending_orders_endpoint", request.pending_orders_endpoint),
        Some(OperationMode::Reconcile) | None => check.url("pending_orders_endpoint", request.pending_orders_endpoint),
    };
    if pending_orders_endpoint.is_none() && mode == Some(OperationMode::Reconcile) {
        check
            .missing("pending_orders_endpoint", "pending_orders_endpoint is required when operation mode is reconcile");
    }
    let extra = check.object("webhook_extra_fields", request.webhook_extra_fields);
    if let Some((_, extra)) = &extra {
        check.reserved_keys(extra);
    }
    let retry_limit = check.retry_limit(request.retry_limit);
    let polling_method = check
        .word("polling_method", request.polling_method, PollingMethod::ALL, PollingMethod::word)
        .unwrap_or(PollingMethod::Get);
    let polling_body = match polling_method {
        PollingMethod::Get => not_sent(request.polling_body),
        PollingMethod::Post => check.object("polling_body", request.polling_body).map(|(text, _)| text),
    };
    let valid = Valid {
        pending_orders_endpoint,
        webhook_url: webhook_url.unwrap_or_default(),
        retry_limit,
        polling_method,
        polling_body,
        auth_type: check.auth_type("auth_type", request.auth_type).unwrap_or(AuthType::Bearer),
        auth_token: check.token("auth_token", request.auth_token),
        webhook_auth_type: check.auth_type("webhook_auth_type", request.webhook_auth_type),
        webhook_auth_token: check.token("webhook_auth_token", request.webhook_auth_token),
        notification_endpoint_url: check.url("notification_endpoint_url", request.notification_endpoint_url),
        notification_auth_type: check.auth_type("notification_auth_type", request.notification_auth_type),
        notification_token: check.token("notification_auth_token", request.notification_auth_token),
        notification_events: check.events(request.notification_events),
        notify_on_expired: request.notify_on_expired.unwrap_or(false),
        webhook_extra_fields: extra.map(|(text, _)| text),
        silent_ingestion: request.silent_ingestion.unwrap_or(false),
        session_type: check
            .word("session_type", request.session_type, SessionType::ALL, SessionType::word)
            .unwrap_or(SessionType::OneShot),
        login_mode: check
            .word("login_mode", request.login_mode, LoginMode::ALL, LoginMode::word)
            .unwrap_or(LoginMode::Simple),
        credentials: check.credentials(request.bank_username, request.bank_password),
    };
    if check.issues.is_empty() { Ok(valid) } else { Err(check.issues) }
}

/// What stands for a body that is not sent: any JSON, as it was typed.
fn not_sent(value: Option<Box<RawValue>>) -> Option<String> {
    let value = value?;
    let is_empty = text_in(&value).is_some_and(|text| text.trim().is_empty());
    (!is_empty).then(|| value.get().to_owned())
}

/// The text that a JSON string holds; `None` for other values.
fn text_in(value: &RawValue) -> Option<String> {
    serde_json::from_str(value.get()).ok()
}

impl Check<'_> {
    fn missing(&mut self, field: &str, message: &str) {
        // A field that is there but wrong has been reported already.
        if !self.issues.iter().any(|issue| issue.field == field) {
            self.issue(field, message.to_owned());
        }
    }

    fn issue(&mut self, field: &str, message: String) {
        self.issues.push(Issue { field: field.to_owned(), message });
    }

    fn required_url(&mut self, field: &str, text: Option<String>) -> Option<String> {
        let url = self.url(field, text);
        if url.is_none() {
            self.missing(field, &format!("{field} is required"));
        }
        url
    }

    /// Empty counts as left out: forms send empty fields.
    fn url(&mut self, field: &str, text: Option<String>) -> Option<String> {
        let text = text.filter(|text| !text.trim().is_empty())?;
        match self.guard.check_url(text.trim()) {
            Ok(url) => Some(url.into()),
            Err(problem) => {
                self.issue(field, format!("{field}: {problem}"));
                None
            }
        }
    }

    /// A text that is kept as it was typed. PostgreSQL could not store a NUL.
    fn typed(&mut self, field: &str, text: Option<String>) -> Option<String> {
        let text = text.filter(|text| !text.trim().is_empty())?;
        if text.contains(char::is_control) {
            self.issue(field, format!("{field} must not contain control characters"));
        }
        Some(text)
    }

    fn word<T: Copy>(
        &mut self,
        field: &str,
        text: Option<String>,
        all: &[T],
        word: fn(T) -> &'static str,
    ) -> Option<T> {
        let text = text?;
        let found = all.iter().copied().find(|value| word(*value) == text);
        if found.is_none() {
            let choices: Vec<_> = all.iter().map(|value| format!("\"{}\"", word(*value))).collect();
            self.issue(field, format!("{field} must be one of {}", choices.join(", ")));
        }
        found
    }

    fn auth_type(&mut self, field: &str, text: Option<String>) -> Option<AuthType> {
        self.word(field, text, AuthType::ALL, AuthType::word)
    }

    fn token(&mut self, field: &str, token: Option<SecretString>) -> Token {
        match token {
            None => Token::None,
            Some(token) if token.expose_secret().is_empty() => Token::None,
            Some(token) if token.expose_secret() == SECRET_PRESENT => Token::Keep,
            Some(token) => {
                self.secret_length(field, token.expose_secret());
                // It goes into a header: visible ASCII only.
                if !token.expose_secret().bytes().all(|byte| (0x21..=0x7e).contains(&byte)) {
                    self.issue(field, format!("{field} may hold visible ASCII characters only"));
                }
                Token::New(token)
            }
        }
    }

    fn secret_length(&mut self, field: &str, text: &str) {
        if text.len() > SECRET_BYTES_MAX {
            self.issue(field, format!("{field} must have at most {SECRET_BYTES_MAX} bytes"));
        }
    }

    /// An object, or the text of one; what counts is how it was typed. `null` and empty text count as left out.
    fn object(&mut self, field: &str, value: Option<Box<RawValue>>) -> Option<(String, LiteralObject)> {
        let value = value?;
        let text = text_in(&value).unwrap_or_else(|| value.get().to_owned());
        if text.trim().is_empty() {
            return None;
        }
        match LiteralObject::parse(&text) {
            Ok(object) => Some((text, object)),
            Err(problem) => {
                self.issue(field, format!("{field} {problem}"));
                None
            }
        }
    }

    fn reserved_keys(&mut self, extra: &LiteralObject) {
        let is_taken = |reserved: &str| extra.fields().any(|(key, _)| key == reserved);
        let taken: Vec<_> = RESERVED_WEBHOOK_KEYS.into_iter().filter(|key| is_taken(key)).collect();
        if !taken.is_empty() {
            let message = format!("webhook_extra_fields cannot override reserved keys: {}", taken.join(", "));
            self.issue("webhook_extra_fields", message);
        }
    }

    fn retry_limit(&mut self, limit: Option<i64>) -> i64 {
        let limit = limit.unwrap_or(RETRY_LIMIT_DEFAULT);
        if !(0..=RETRY_LIMIT_MAX).contains(&limit) {
            self.issue("retry_limit", format!("retry_limit must be between 0 and {RETRY_LIMIT_MAX}"));
        }
        limit
    }

    fn events(&mut self, names: Option<Vec<String>>) -> Vec<NotificationEvent> {
        let mut events = Vec::new();
        for name in names.unwrap_or_default() {
            if let Some(event) =
                self.word("notification_events", Some(name), NotificationEvent::ALL, NotificationEvent::word)
                && !events.contains(&event)
            {
                events.push(event);
            }
        }
        events
    }

    fn credentials(&mut self, username: Option<String>, password: Option<SecretString>) -> Credentials {
        let username = username.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        // The sentinel that stands for secrets in answers means "keep" here too; it is never typed at a bank.
        let password =
            password.filter(|secret| !secret.expose_secret().is_empty() && secret.expose_secret() != SECRET_PRESENT);
        if let Some(username) = &username {
            self.secret_length("bank_username", username);
        }
        if let Some(password) = &password {
            self.secret_length("bank_password", password.expose_secret());
        }
        match (username, password) {
            (None, None) => Credentials::Keep,
            (Some(username), None) => Credentials::UsernameOnly(username),
            (None, Some(password)) => Credentials::PasswordOnly(password),
            (Some(username), Some(password)) => Credentials::Both(username, password),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn issues(body: Value, mode: Option<OperationMode>) -> Vec<String> {
        let request: ConfigRequest = serde_json::from_value(body).expect("a request");
        let guard = Guard::new(Vec::new());
        let issues = check(request, mode, &guard).err().unwrap_or_default();
        issues.into_iter().map(|issue| issue.message).collect()
    }

    #[test]
    fn each_rule_has_its_sentence() {
        let check = |body: Value, expected: &[&str]| assert_eq!(issues(body.clone(), None), expected, "{body}");
        let with = |field: &str, value: Value| {
            let mut body = json!({ "webhook_url": "https://shop.example/hook" });
            body[field] = value;
            body
        };
        check(json!({}), &["webhook_url is required"]);
        check(with("retry_limit", json!(-1)), &["retry_limit must be between 0 and 100"]);
        check(with("polling_method", json!("PATCH")), &["polling_method must be one of \"GET\", \"POST\""]);
        let posted = |body: Value| {
            let mut settings = with("polling_method", json!("POST"));
            settings["polling_body"] = body;
            settings
        };
        check(posted(json!("{")), &["polling_body must be valid JSON (or empty)"]);
        check(posted(json!("{\"a\": 1}")), &[]);
        check(posted(json!([1])), &["polling_body must be a JSON object"]);
        check(posted(json!("{\"a\": 1, \"a\": 2}")), &["polling_body has the key \"a\" twice"]);
        check(posted(json!(" ")), &[]);
        for unsent in [json!("{"), json!([1]), json!(5)] {
            check(with("polling_body", unsent), &[]);
        }
        check(
            with("webhook_extra_fields", json!({ "tenant": "acme", "name": "x", "amount": 1 })),
            &["webhook_extra_fields cannot override reserved keys: amount, name"],
        );
        check(
            with("notification_events", json!(["login_failed", "sunrise"])),
            &["notification_events must be one of \"assistance_required\", \"login_failed\", \"scrape_failed\""],
        );
        check(with("auth_token", json!("two words")), &["auth_token may hold visible ASCII characters only"]);
        check(with("session_type", json!("forever")), &["session_type must be one of \"one-shot\", \"persistent\""]);
    }

    #[test]
    fn what_is_passed_on_stays_as_it_was_typed() {
        let check = |settings: &str, body: Option<&str>, extra: Option<&str>| {
            let text = format!(r#"{{"webhook_url": "https://shop.example/hook", {settings}}}"#);
            let request = serde_json::from_str::<ConfigRequest>(&text).expect("a request");
            let valid = super::check(request, None, &Guard::new(Vec::new())).expect("no issue");
            let found = (valid.polling_body.as_deref(), valid.webhook_extra_fields.as_deref());
            assert_eq!(found, (body, extra), "{text}");
        };
        let post = r#""polling_method": "POST", "polling_body": "#;
        check(&format!(r#"{post}{{"z": 1500.00, "a": 1E2}}"#), Some(r#"{"z": 1500.00, "a": 1E2}"#), None);
        check(&format!(r#"{post}"{{\"z\": 1500.00}}""#), Some(r#"{"z": 1500.00}"#), None);
        check(r#""polling_body": 1500.00"#, Some("1500.00"), None);
        check(r#""polling_body": "tenant=acme""#, Some("\"tenant=acme\""), None);
        check(r#""polling_body": null, "webhook_extra_fields": null"#, None, None);
        check(r#""polling_body": "", "webhook_extra_fields": " ""#, None, None);
        let extra = r#"{"z": 99999999999999999999, "a": {"n": 0.10}}"#;
        check(&format!(r#""webhook_extra_fields": {extra}"#), None, Some(extra));
    }

    #[test]
    fn an_endpoint_that_is_not_called_is_not_judged() {
        let with =
            |endpoint: &str| json!({ "webhook_url": "https://shop.example/hook", "pending_orders_endpoint": endpoint });
        let mode = Some(OperationMode::Passthrough);
        for typed in ["nonsense", "ftp://shop.example", "http://10.0.0.1/orders", " https://shop.example#x "] {
            assert!(issues(with(typed), mode).is_empty(), "{typed}");
            let request = serde_json::from_value::<ConfigRequest>(with(typed)).expect("a request");
            let valid = check(request, mode, &Guard::new(Vec::new())).expect("no issue");
            assert_eq!(valid.pending_orders_endpoint.as_deref(), Some(typed));
        }
        assert_eq!(issues(with("a\0b"), mode), ["pending_orders_endpoint must not contain control characters"]);
        assert_eq!(issues(with("nonsense"), None).len(), 1);
    }

    #[test]
    fn every_issue_is_reported_at_once() {
        let found = issues(json!({ "retry_limit": 500, "auth_type": "basic" }), Some(OperationMode::Reconcile));
        assert_eq!(
            found,
            [
                "webhook_url is required",
                "pending_orders_endpoint is required when operation mode is reconcile",
                "retry_limit must be between 0 and 100",
                "auth_type must be one of \"bearer\", \"api_key\"",
            ]
        );
    }
}
