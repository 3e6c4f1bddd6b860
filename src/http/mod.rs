//! The admin API. One file per resource; a handler extracts, makes one call, and answers.

pub mod auth;
pub mod error;
pub mod users;

mod accounts;
mod answer;
mod api_keys;
mod banks;
mod conciliation;
mod config;
mod deletion;
mod extract;
mod health;
mod limit;
mod metrics;
mod movements;
mod openapi;
mod options;
mod otp;
mod polls;
mod runs;
mod scrapes;
mod v1;

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Uri, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::trace::TraceLayer;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::auth::Tokens;
use self::error::{ApiError, in_words_of};
use self::health::Readiness;
use self::limit::{AttemptLimit, RequestLimit};
use self::otp::CodeLimit;
use crate::config::ServerSettings;
use crate::jobs::Deps;

pub use self::openapi::document as openapi_document;

/// No request of ours takes longer; long work is a job.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// What handlers share.
pub struct Shared {
    pub deps: Arc<Deps>,
    pub server: ServerSettings,
    place: Place,
    readiness: Readiness,
    tokens: Tokens,
    log_in_limit: AttemptLimit,
    registration_limit: AttemptLimit,
    request_limit: RequestLimit,
    code_limit: CodeLimit,
}

/// Where the daemon keeps its files.
pub struct Place {
    pub data_dir: PathBuf,
    /// Less room on its disk than this is too little.
    pub room_min_bytes: u64,
}

/// Cheap to clone; axum clones it per request.
pub type State = Arc<Shared>;

impl Shared {
    #[must_use]
    pub fn new(deps: Arc<Deps>, server: ServerSettings, place: Place, token_key: &[u8; 32]) -> State {
        let per_minute = |count: u32| NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN);
        Arc::new(Self {
            tokens: Tokens::new(token_key),
            log_in_limit: AttemptLimit::per_minute("log-in", per_minute(server.login_attempts_per_minute)),
            registration_limit: AttemptLimit::per_minute("registration", per_minute(server.login_attempts_per_minute)),
            request_limit: RequestLimit::per_minute(per_minute(server.requests_per_minute)),
            deps,
            server,
            place,
            readiness: Readiness::default(),
            code_limit: CodeLimit::default(),
        })
    }
}

/// The whole surface on one screen.
fn api() -> OpenApiRouter<State> {
    OpenApiRouter::with_openapi(openapi::head())
        .routes(routes!(users::register))
        .routes(routes!(users::login))
        .routes(routes!(users::me))
        .routes(routes!(users::set_operation_mode))
        .routes(routes!(api_keys::list, api_keys::create))
        .routes(routes!(api_keys::revoke))
        .routes(routes!(banks::list))
        .routes(routes!(accounts::list, accounts::create))
        .routes(routes!(accounts::get, deletion::delete))
        .routes(routes!(accounts::webhook_secret))
        .routes(routes!(config::get, config::put))
        .routes(routes!(options::get, options::put))
        .routes(routes!(movements::list))
        .routes(routes!(movements::notify))
        .routes(routes!(polls::list))
        .routes(routes!(scrapes::scrape))
        .routes(routes!(scrapes::restart))
        .routes(routes!(runs::list))
        .routes(routes!(runs::get))
        .routes(routes!(conciliation::list))
        .routes(routes!(conciliation::get))
        .routes(routes!(conciliation::run))
        .routes(routes!(conciliation::notify))
        .routes(routes!(conciliation::poll))
        .routes(routes!(otp::get, otp::submit))
        .routes(routes!(v1::submit_code))
        .routes(routes!(v1::status))
        .routes(routes!(health::health))
        .routes(routes!(health::livez))
        .routes(routes!(health::readyz))
        .routes(routes!(metrics::metrics))
}

/// The answer at a path that does not exist, or not for whoever asks.
fn nothing_here() -> ApiError {
    ApiError::not_found("there is nothing at this path; the API is described at /docs")
}

/// Ends a request that takes too long in our own words.
async fn time_limit(request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    match tokio::time::timeout(REQUEST_TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => in_words_of(&path, ApiError::unavailable("the request took too long; try again")),
    }
}

/// The router with everything around it: ids, traces, limits, headers.
pub fn router(state: State) -> Router {
    let (router, document) = api().split_for_parts();
    let document = openapi::complete(document);
    let request_id = HeaderName::from_static("x-request-id");
    router
        .merge(openapi::routes(&document))
        .fallback(|uri: Uri| async move { in_words_of(uri.path(), nothing_here()) })
        .method_not_allowed_fallback(|uri: Uri| async move { in_words_of(uri.path(), ApiError::method_not_allowed()) })
        .layer(from_fn(time_limit))
        .layer(CatchPanicLayer::custom(|_panic: Box<dyn std::any::Any + Send>| {
            ApiError::internal(&std::io::Error::other("a handler panicked")).into_response()
        }))
        .layer(from_fn_with_state(Arc::clone(&state), limit::limit_requests))
        .layer(from_fn_with_state(Arc::clone(&state), metrics::count_requests))
        .layer(SetResponseHeaderLayer::if_not_present(header::CACHE_CONTROL, HeaderValue::from_static("no-store")))
        .layer(SetResponseHeaderLayer::if_not_present(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ))
        .layer(TraceLayer::new_for_http().make_span_with(|request: &Request| {
            // The path without its query: a query may hold what does not belong into a log.
            tracing::info_span!(
                "request",
                method = %request.method(),
                path = request.uri().path(),
                request_id = request.headers().get("x-request-id").and_then(|id| id.to_str().ok()),
            )
        }))
        .layer(PropagateRequestIdLayer::new(request_id.clone()))
        .layer(SetRequestIdLayer::new(request_id, MakeRequestUuid))
        .with_state(state)
}
