//! Is it alive, is it ready: for load balancers, systemd and people.

use axum::Json;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::State;

#[derive(Serialize, ToSchema)]
pub struct HealthBody {
    ok: bool,
}

/// Liveness, as documented.
#[utoipa::path(get, path = "/health", tag = "Health", responses((status = 200, body = HealthBody)))]
pub(super) async fn health() -> Json<HealthBody> {
    Json(HealthBody { ok: true })
}

/// Liveness: the process answers.
///
/// Says nothing of what it depends on.
#[utoipa::path(get, path = "/livez", tag = "Health", responses((status = 200, body = HealthBody)))]
pub(super) async fn livez() -> Json<HealthBody> {
    Json(HealthBody { ok: true })
}

#[derive(Serialize, ToSchema)]
pub struct ReadyBody {
    ok: bool,
    /// One line per thing that must work.
    checks: Vec<Check>,
}

#[derive(Serialize, ToSchema)]
pub struct Check {
    name: &'static str,
    ok: bool,
    detail: String,
}

/// Readiness: work can be done right now.
#[utoipa::path(get, path = "/readyz", tag = "Health", responses(
    (status = 200, body = ReadyBody), (status = 503, body = ReadyBody)))]
pub(super) async fn readyz(Shared(state): Shared<State>) -> (StatusCode, Json<ReadyBody>) {
    let store = &state.deps.store;
    let database = match store.ping().await {
        Ok(()) => Check { name: "database", ok: true, detail: format!("{} answers", store.engine()) },
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "the database does not answer");
            Check { name: "database", ok: false, detail: format!("{}: {error}", store.engine()) }
        }
    };
    let problems = state.deps.catalogue.problems();
    let recipes = Check {
        name: "recipes",
        // A broken recipe takes only its own bank down.
        ok: true,
        detail: match problems.len() {
            0 => "all recipes load".to_owned(),
            count => format!("{count} recipe(s) do not load; the log names them at every start"),
        },
    };
    let checks = vec![database, recipes];
    let ok = checks.iter().all(|check| check.ok);
    let status = if ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(ReadyBody { ok, checks }))
}
