//! Extractors whose refusals speak our error language.

use std::str::FromStr;

use axum::body::to_bytes;
use axum::extract::{ConnectInfo, FromRequest, FromRequestParts, Query, RawPathParams, Request};
use axum::http::header;
use axum::http::request::Parts;
use serde::de::{DeserializeOwned, IgnoredAny};
use std::error::Error as _;
use std::net::{IpAddr, SocketAddr};

use super::State;
use super::error::{ApiError, Issue};
use crate::domain::ids::{AccountId, ExpectedPaymentId, MovementId, RunId};

/// A JSON body: bounded, and a mistake in it is named by field.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned> FromRequest<State> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &State) -> Result<Self, ApiError> {
        let is_json =
            request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(|value| {
                value.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
            });
        let limit = state.server.body_max_bytes;
        let bytes = to_bytes(request.into_body(), limit).await.map_err(|_| ApiError::too_large(limit))?;
        if bytes.is_empty() {
            // Nothing was said: which field is missing is for the route to say.
            return parse(b"{}").map(Self);
        }
        if !is_json {
            let message = "send the body as JSON, with the header Content-Type: application/json";
            return Err(ApiError::bad_request("not_json", message));
        }
        parse(&bytes).map(Self)
    }
}

/// Reads a JSON object into a type. Syntax errors name the position, type errors the field.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    // Left to itself, the reader of a struct would also take an array, its fields by their order.
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|first| *first != b'{') {
        serde_json::from_slice::<IgnoredAny>(bytes).map_err(|error| malformed(&error))?;
        return Err(ApiError::bad_request("not_an_object", "the body must be a JSON object"));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let field = error.path().to_string();
        let cause = error.into_inner();
        match cause.classify() {
            serde_json::error::Category::Data => {
                let text = without_position(&cause.to_string());
                let message = match (field.as_str(), in_words(&text)) {
                    (".", Some(words)) => format!("the body {words}"),
                    (".", None) => text,
                    (_, Some(words)) => format!("{field} {words}"),
                    (_, None) => format!("{field}: {text}"),
                };
                ApiError::invalid(vec![Issue { field, message }])
            }
            serde_json::error::Category::Io
            | serde_json::error::Category::Syntax
            | serde_json::error::Category::Eof => malformed(&cause),
        }
    })?;
    deserializer.end().map_err(|error| malformed(&error))?;
    Ok(value)
}

fn malformed(error: &serde_json::Error) -> ApiError {
    ApiError::bad_request("malformed_json", format!("the body is not valid JSON: {error}"))
}

/// The JSON reader ends its messages with " at line 1 column 17", which a field name makes superfluous.
fn without_position(text: &str) -> String {
    text.rsplit_once(" at line ").map_or(text, |(message, _)| message).to_owned()
}

/// How the JSON reader calls the types of whole numbers.
const WHOLE_NUMBERS: [&str; 8] = ["i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64"];

/// What a value of the wrong type should have been, to be said behind its field's name; `None` where the trouble is
/// another. The value itself may be a secret (a password sent as a number): it is never repeated.
fn in_words(text: &str) -> Option<String> {
    let is_of_wrong_type = text.starts_with("invalid type: ");
    if !is_of_wrong_type && !text.starts_with("invalid value: ") {
        return None;
    }
    let (_, expected) = text.rsplit_once(", expected ")?;
    let kind = match expected {
        "a string" => "text",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "a map" => "an object",
        number if WHOLE_NUMBERS.contains(&number) && is_of_wrong_type => "a whole number",
        number if WHOLE_NUMBERS.contains(&number) => return Some("is out of range".to_owned()),
        other => other,
    };
    Some(format!("must be {kind}"))
}

/// Parameters after the question mark.
pub struct Params<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<State> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, ApiError> {
        let Query(params) = Query::<T>::from_request_parts(parts, state).await.map_err(|rejection| {
            let cause = rejection.source().map_or_else(|| rejection.to_string(), ToString::to_string);
            ApiError::bad_request("invalid_query", format!("the query cannot be read: {cause}"))
        })?;
        Ok(Self(params))
    }
}

/// Longest name of a person or an account, in characters.
const NAME_CHARS_MAX: usize = 200;

/// What is wrong with a name, if anything. PostgreSQL could not store a NUL, and no list shows a line break well.
pub fn name_problem(name: &str) -> Option<Issue> {
    let message = if name.chars().count() > NAME_CHARS_MAX {
        format!("name must have at most {NAME_CHARS_MAX} characters")
    } else if name.contains(char::is_control) {
        "name must not contain control characters".to_owned()
    } else {
        return None;
    };
    Some(Issue { field: "name".to_owned(), message })
}

/// An account's id in the path. Not a UUID means: no such account.
pub struct AccountPath(pub AccountId);

impl FromRequestParts<State> for AccountPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, ApiError> {
        id_in_path(parts, state, "accountId", "Account not found").await.map(Self)
    }
}

/// A movement's id in the path, below its account's.
pub struct MovementPath(pub MovementId);

impl FromRequestParts<State> for MovementPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, ApiError> {
        id_in_path(parts, state, "movementId", MOVEMENT_NOT_FOUND).await.map(Self)
    }
}

/// The documented sentence.
pub const MOVEMENT_NOT_FOUND: &str = "Movement not found for this account";

/// A run's id in the path, below its account's.
pub struct RunPath(pub RunId);

impl FromRequestParts<State> for RunPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, ApiError> {
        id_in_path(parts, state, "runId", RUN_NOT_FOUND).await.map(Self)
    }
}

pub const RUN_NOT_FOUND: &str = "Run not found for this account";

/// The id of a conciliation request in the path.
pub struct RequestPath(pub ExpectedPaymentId);

impl FromRequestParts<State> for RequestPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, ApiError> {
        id_in_path(parts, state, "requestId", REQUEST_NOT_FOUND).await.map(Self)
    }
}

/// The documented sentence.
pub const REQUEST_NOT_FOUND: &str = "Not found";

/// The path's parameter of this name. What is no UUID is the id of nothing.
async fn id_in_path<T: FromStr>(parts: &mut Parts, state: &State, name: &str, not_found: &str) -> Result<T, ApiError> {
    let parameters = RawPathParams::from_request_parts(parts, state).await.ok();
    let text = parameters.iter().flatten().find_map(|(key, value)| (key == name).then_some(value));
    text.and_then(|text| T::from_str(text).ok()).ok_or_else(|| ApiError::not_found(not_found))
}

/// Address of the client: the peer's, or what a trusted proxy says.
pub struct ClientIp(pub IpAddr);

impl FromRequestParts<State> for ClientIp {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, ApiError> {
        let peer = parts
            .extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map_or(IpAddr::from([0, 0, 0, 0]), |ConnectInfo(address)| address.ip().to_canonical());
        // A proxy may append a line of its own instead of extending the client's: read them all.
        let lines: Vec<_> =
            parts.headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok()).collect();
        let forwarded = (!lines.is_empty()).then(|| lines.join(","));
        let trusted = |address: &IpAddr| state.server.trusted_proxies.iter().any(|net| net.contains(address));
        Ok(Self(client_of(peer, forwarded.as_deref(), trusted)))
    }
}

/// Walks `X-Forwarded-For` from the right while the hop that wrote it is trusted.
fn client_of(peer: IpAddr, forwarded: Option<&str>, trusted: impl Fn(&IpAddr) -> bool) -> IpAddr {
    let mut client = peer;
    for hop in forwarded.unwrap_or_default().rsplit(',') {
        if !trusted(&client) {
            break;
        }
        let Ok(address) = hop.trim().parse() else { break };
        client = address;
    }
    client
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_cannot_choose_its_own_address() {
        let proxy: IpAddr = "10.0.0.1".parse().expect("address");
        let check = |peer: &str, forwarded: Option<&str>, expected: &str| {
            let client = client_of(peer.parse().expect("peer"), forwarded, |address| *address == proxy);
            assert_eq!(client.to_string(), expected);
        };
        check("203.0.113.9", Some("1.2.3.4"), "203.0.113.9");
        check("10.0.0.1", Some("1.2.3.4"), "1.2.3.4");
        check("10.0.0.1", Some("9.9.9.9, 1.2.3.4"), "1.2.3.4");
        check("10.0.0.1", Some("1.2.3.4, 10.0.0.1"), "1.2.3.4");
        check("10.0.0.1", Some("nonsense"), "10.0.0.1");
        check("10.0.0.1", None, "10.0.0.1");
    }

    #[test]
    fn a_mistake_in_a_body_is_named_by_its_field() {
        #[derive(Debug, serde::Deserialize)]
        #[expect(dead_code, reason = "only the refusal is looked at")]
        struct Sample {
            name: String,
            retry_limit: i64,
        }
        let check = |text: &str, expected: &str| {
            let error = parse::<Sample>(text.as_bytes()).expect_err(text);
            assert!(format!("{error:?}").contains(expected), "{error:?}");
        };
        check(r#"{"name": 5, "retry_limit": 1}"#, "\"name must be text\"");
        check(r#"{"name": "a", "retry_limit": "x"}"#, "\"retry_limit must be a whole number\"");
        check(r#"{"name": "a", "retry_limit": 1.5}"#, "\"retry_limit must be a whole number\"");
        check(r#"{"name": "a", "retry_limit": 9223372036854775808}"#, "\"retry_limit is out of range\"");
        check(r#"{"name": "a"}"#, "\"missing field `retry_limit`\"");
        check(r#"{"name": "#, "the body is not valid JSON");
        check(r#"{"name": "a", "retry_limit": 1} trailing"#, "the body is not valid JSON");
        check(r#"["a", 1]"#, "the body must be a JSON object");
        check("[1", "the body is not valid JSON");
    }
}
