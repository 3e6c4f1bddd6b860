//! The description of this API: OpenAPI 3.1, and an explorer that asks nothing from outside.

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::response::IntoResponse;
use axum::routing::get;
use serde_json::json;
use tower_http::set_header::SetResponseHeaderLayer;
use utoipa::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};

use super::State;

#[derive(OpenApi)]
#[openapi(info(
    title = "Reconbanker",
    description = "Bank reconciliation for businesses paid by bank transfer. Lists are bare arrays; money is decimal \
                   text; instants are UTC. Errors are `{\"error\": \"<sentence>\", \"code\": \"<word>\"}`; under `/v1` \
                   they are `{\"error\": {\"code\": \"<WORD>\", \"message\": \"<sentence>\"}}`. \
                   Each answer has `RateLimit-Policy` and `RateLimit`; beyond the limit it is 429 with `Retry-After`.",
))]
struct Head;

/// Title and security schemes; the routes add themselves.
pub(super) fn head() -> utoipa::openapi::OpenApi {
    let mut document = Head::openapi();
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    let key =
        ApiKeyValue::with_description("x-api-key", "A key of POST /me/api-keys; also `Authorization: Api-Key …`.");
    components.add_security_scheme("api_key", SecurityScheme::ApiKey(ApiKey::Header(key)));
    document
}

/// The document as `docs/openapi.json` holds it.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    super::api().into_openapi()
}

/// What the explorer may do: its own script and styles, and calls to this server.
const EXPLORER_POLICY: &str = "default-src 'none'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; \
    style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; \
    worker-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(super) fn routes(document: &utoipa::openapi::OpenApi) -> Router<State> {
    let as_json = document.to_pretty_json().expect("the document is plain data");
    let as_yaml = document.to_yaml().expect("the document is plain data");
    let explorer = scalar_api_reference::axum::router(
        "/docs",
        &json!({
            "url": "/openapi.json",
            "withDefaultFonts": false,
            "telemetry": false,
            "hideClientButton": true,
            "proxyUrl": "",
            "agent": { "disabled": true },
        "showDeveloperTools": "never",
        "metaData": { "title": "Reconbanker API" },
        }),
    );
    let policy =
        SetResponseHeaderLayer::overriding(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(EXPLORER_POLICY));
    Router::new()
        .route(
            "/openapi.json",
            get(|| async { ([(header::CONTENT_TYPE, "application/json")], as_json).into_response() }),
        )
        .route(
            "/openapi.yaml",
            get(|| async { ([(header::CONTENT_TYPE, "application/yaml")], as_yaml).into_response() }),
        )
        .merge(explorer.layer(policy).with_state(()))
}
