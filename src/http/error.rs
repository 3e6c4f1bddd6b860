//! The only place where a status code is chosen.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::limit::Policy;
use crate::domain::account::AuthType;
use crate::jobs::resend::ResendError;
use crate::store::StoreError;
use crate::vault::VaultError;

/// An answer that is no success: `{"error": "<sentence>", "code": "<stable code>", "issues": […]?}`.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    code: &'static str,
    /// For a person. Says nothing of the inside for 5xx.
    message: String,
    issues: Vec<Issue>,
    retry_after_s: Option<u64>,
    /// The limit that refused the request.
    exceeded: Option<Policy>,
}

/// One field that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Issue {
    /// Name of the field as the client sent it.
    pub field: String,
    pub message: String,
}

#[derive(Serialize, utoipa::ToSchema)]
pub struct ErrorBody {
    /// A sentence for a person.
    error: String,
    /// A stable word for a program.
    code: &'static str,
    /// Every field that is wrong, where more than one can be.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    issues: Vec<Issue>,
}

impl ApiError {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), issues: Vec::new(), retry_after_s: None, exceeded: None }
    }

    /// 400: the request cannot be understood or breaks a rule.
    pub fn bad_request(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// 400 with every field that is wrong; the sentence is the first one's.
    pub fn invalid(issues: Vec<Issue>) -> Self {
        let message =
            issues.first().map_or_else(|| "the request is not valid".to_owned(), |issue| issue.message.clone());
        Self { issues, ..Self::new(StatusCode::BAD_REQUEST, "invalid_request", message) }
    }

    pub fn unauthorized(message: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
    }

    pub fn forbidden(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, message)
    }

    /// 404: absent, or someone else's. The two must look alike.
    pub fn not_found(message: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    pub fn method_not_allowed() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "this path does not answer to this method")
    }

    pub fn conflict(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, message)
    }

    pub fn too_large(limit_bytes: usize) -> Self {
        let message = format!("the body is larger than {limit_bytes} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", message)
    }

    /// 429: `policy` lets nothing through for so many seconds.
    pub fn too_many_requests(policy: Policy, retry_after_s: u64) -> Self {
        Self {
            retry_after_s: Some(retry_after_s),
            exceeded: Some(policy),
            ..Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", "Too many requests")
        }
    }

    /// 503: our database is away, busy or takes nothing more; the same request may succeed later.
    pub fn unavailable(message: &str) -> Self {
        Self { retry_after_s: Some(5), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message) }
    }

    /// 500. The cause is logged here, once, and goes no further.
    pub fn internal(cause: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error = cause, "a request failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "something went wrong on our side; it has been logged")
    }
}

/// The same problem as the paths under `/v1` say it: `{"error": {"code": "NOT_FOUND", "message": "<sentence>"}}`.
#[derive(Debug)]
pub struct MachineError(ApiError);

#[derive(Serialize, utoipa::ToSchema)]
pub struct MachineErrorBody {
    error: MachineErrorDetail,
}

#[derive(Serialize, utoipa::ToSchema)]
pub struct MachineErrorDetail {
    /// A stable word for a program.
    #[schema(example = "INVALID_API_KEY")]
    code: String,
    /// A sentence for a person.
    message: String,
}

impl MachineError {
    pub fn no_key() -> Self {
        Self(ApiError::unauthorized("Unauthorized"))
    }

    /// 401: unknown, malformed or revoked; nobody learns which.
    pub fn invalid_key() -> Self {
        Self(ApiError::new(StatusCode::UNAUTHORIZED, "invalid_api_key", "Invalid API key"))
    }

    /// 403: the key lacks the scope, or the account is not on its list.
    pub fn not_permitted() -> Self {
        Self(ApiError::forbidden("forbidden", "Forbidden"))
    }
}

/// Whether a path's clients expect problems in the form of [`MachineError`].
pub fn is_for_machines(path: &str) -> bool {
    path == "/v1" || path.starts_with("/v1/")
}

/// Says a problem as the path's clients expect it.
pub fn in_words_of(path: &str, problem: ApiError) -> Response {
    if is_for_machines(path) { MachineError(problem).into_response() } else { problem.into_response() }
}

impl From<ApiError> for MachineError {
    fn from(problem: ApiError) -> Self {
        Self(problem)
    }
}

impl From<StoreError> for MachineError {
    fn from(error: StoreError) -> Self {
        Self(error.into())
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let message = match &error {
            StoreError::Full => "the database cannot be written right now (its disk is full); try again later",
            StoreError::ReadOnly => "the database cannot be written right now (it is read-only); try again later",
            StoreError::Disk(_) => "the database cannot be written right now (its disk fails); try again later",
            StoreError::Busy => "the database cannot be written right now (it is busy); try again",
            StoreError::Connect(_) | StoreError::Silent { .. } => {
                "the database cannot be reached right now; try again later"
            }
            StoreError::Duplicate { .. }
            | StoreError::Migrate(_)
            | StoreError::Database(_)
            | StoreError::Fenced
            | StoreError::Corrupt { .. } => return Self::internal(&error),
        };
        tracing::warn!(error = &error as &dyn std::error::Error, "the database is not available");
        Self::unavailable(message)
    }
}

impl From<ResendError> for ApiError {
    fn from(error: ResendError) -> Self {
        match error {
            ResendError::NothingToTell(_) | ResendError::NoPayment | ResendError::NoSettings => {
                Self::bad_request("nothing_to_send", error.to_string())
            }
            ResendError::Store(error) => error.into(),
        }
    }
}

impl From<VaultError> for ApiError {
    fn from(error: VaultError) -> Self {
        Self::internal(&error)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = ErrorBody { error: self.message, code: self.code, issues: self.issues };
        let response = (self.status, Json(body)).into_response();
        with_headers(response, AuthType::Bearer, self.retry_after_s, self.exceeded)
    }
}

impl IntoResponse for MachineError {
    fn into_response(self) -> Response {
        let Self(problem) = self;
        let code = match problem.status {
            StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE => "VALIDATION_ERROR".to_owned(),
            _ => problem.code.to_ascii_uppercase(),
        };
        let body = MachineErrorBody { error: MachineErrorDetail { code, message: problem.message } };
        let response = (problem.status, Json(body)).into_response();
        with_headers(response, AuthType::ApiKey, problem.retry_after_s, problem.exceeded)
    }
}

/// Says what the body does not: with which scheme to come, when to come back, and which limit it was.
fn with_headers(
    mut response: Response,
    scheme: AuthType,
    retry_after_s: Option<u64>,
    exceeded: Option<Policy>,
) -> Response {
    let lacks_credentials = response.status() == StatusCode::UNAUTHORIZED;
    let headers = response.headers_mut();
    if lacks_credentials {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(scheme.scheme()));
    }
    if let Some(seconds) = retry_after_s {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if let Some(policy) = exceeded {
        policy.describe(0, headers);
    }
    response
}
