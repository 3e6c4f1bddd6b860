//! The description of this API: OpenAPI 3.1, and an explorer that asks nothing from outside.
//!
//! Each route says beside its handler what it takes and gives. What holds for many of them is added here, once:
//! [`answers`] has what any route may answer, [`examples`] shows every body, [`webhooks`] what goes out.

mod answers;
mod examples;
mod webhooks;

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::response::IntoResponse;
use axum::routing::get;
use serde_json::json;
use tower_http::set_header::SetResponseHeaderLayer;
use utoipa::OpenApi;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::schema::Schema;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, RefOr};

use super::State;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Reconbanker",
        description = "Bank reconciliation for businesses paid by bank transfer. Lists are bare arrays; money is \
                       decimal text; instants are UTC. Errors are `{\"error\": \"<sentence>\", \"code\": \
                       \"<word>\"}`; under `/v1` they are `{\"error\": {\"code\": \"<WORD>\", \"message\": \
                       \"<sentence>\"}}`. A path that does not exist is 404, a method that a path does not know 405. \
                       Each answer has `RateLimit-Policy` and `RateLimit`; beyond the limit it is 429 with \
                       `Retry-After`. What Reconbanker sends to you stands under webhooks.",
        contact(name = "The operator of this installation"),
    ),
    servers((url = "/", description = "This installation")),
    tags(
        (name = "Authentication", description = "Registering, and signing in for a token."),
        (name = "User", description = "The person behind the token, the operation mode, and keys for machines."),
        (name = "Banks", description = "The banks that can be read."),
        (name = "Accounts", description = "Enrolled accounts: settings, movements, scrapes, polls and one-time codes."),
        (name = "Conciliation", description = "What was expected, and which movement pays it."),
        (name = "External API", description = "For programs, with an API key instead of a token."),
        (name = "Health", description = "For load balancers and supervisors; never limited."),
        (name = "Webhooks", description = "What Reconbanker sends to the URLs of an account's settings."),
    )
)]
struct Head;

/// What the ids in paths are of.
const PATH_PARAMETERS: &[(&str, &str)] = &[
    ("accountId", "An account, by its id in `GET /accounts`."),
    ("movementId", "A movement of the account, by its id in `GET /accounts/{accountId}/movements`."),
    ("runId", "A run of the account: the `jobId` of an answer, or an id in `GET /accounts/{accountId}/runs`."),
    ("requestId", "A request, by its id in `GET /conciliation`."),
    ("keyId", "A key, by its id in `GET /me/api-keys`."),
];

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
    complete(super::api().into_openapi())
}

/// Adds to what the routes say of themselves what holds for many of them, the webhooks, and the examples.
pub(super) fn complete(mut document: utoipa::openapi::OpenApi) -> utoipa::openapi::OpenApi {
    let examples = examples::read();
    let components = document.components.get_or_insert_default();
    leave_nothing_out(components);
    answers::add_components(components);
    webhooks::add_schemas(components);
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations(item) {
            describe_parameters(operation);
            answers::add(path, operation);
            examples::add(&examples, &format!("{method} {path}"), operation);
        }
    }
    let mut webhooks = webhooks::paths();
    for (name, item) in &mut webhooks.paths {
        for (_, operation) in operations(item) {
            examples::add(&examples, name, operation);
        }
    }
    document.webhooks = Some(webhooks);
    document
}

/// The operations of a path, with their methods.
fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let PathItem { get, put, post, delete, .. } = item;
    let all = [("GET", get), ("PUT", put), ("POST", post), ("DELETE", delete)];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

fn describe_parameters(operation: &mut Operation) {
    for parameter in operation.parameters.iter_mut().flatten() {
        if let RefOr::T(parameter) = parameter
            && parameter.description.is_none()
        {
            let described = PATH_PARAMETERS.iter().find(|(name, _)| *name == parameter.name);
            parameter.description = described.map(|(_, description)| (*description).to_owned());
        }
    }
}

/// Says of every field of an answer that it is always there: what is not known is `null`.
fn leave_nothing_out(components: &mut Components) {
    for (name, schema) in &mut components.schemas {
        // A request may leave fields out; an error leaves out `issues` where no field is to blame; a schedule has
        // either `every` or `cron`.
        if !name.ends_with("Request") && name != "ErrorBody" && name != "ScrapeSettings" {
            require_all(schema);
        }
    }
}

fn require_all(schema: &mut RefOr<Schema>) {
    match schema {
        RefOr::T(Schema::Object(object)) => object.required = object.properties.keys().cloned().collect(),
        // A body that holds the fields of another one beside its own.
        RefOr::T(Schema::AllOf(parts)) => parts.items.iter_mut().for_each(require_all),
        _ => {}
    }
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
