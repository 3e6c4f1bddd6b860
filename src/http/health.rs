//! Is it alive, is it ready: for load balancers, systemd and people.

mod judge;
mod look;

use axum::Json;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::State;

pub(super) use self::look::Readiness;

#[derive(Serialize, ToSchema)]
pub struct HealthBody {
    ok: bool,
}

/// Liveness, as documented.
#[utoipa::path(get, path = "/health", operation_id = "getHealth",
    tag = "Health", responses((status = 200, body = HealthBody)))]
pub(super) async fn health() -> Json<HealthBody> {
    Json(HealthBody { ok: true })
}

/// Liveness: the process answers.
///
/// Says nothing of what it depends on.
#[utoipa::path(get, path = "/livez", operation_id = "getLiveness",
    tag = "Health", responses((status = 200, body = HealthBody)))]
pub(super) async fn livez() -> Json<HealthBody> {
    Json(HealthBody { ok: true })
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ReadyBody {
    ok: bool,
    /// One line per thing that must work.
    checks: Vec<Check>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Check {
    name: &'static str,
    ok: bool,
    detail: String,
}

impl ReadyBody {
    fn of(checks: Vec<Check>) -> Self {
        Self { ok: checks.iter().all(|check| check.ok), checks }
    }
}

/// Readiness: work can be done right now.
#[utoipa::path(get, path = "/readyz", operation_id = "getReadiness", tag = "Health", responses(
    (status = 200, body = ReadyBody),
    (status = 503, body = ReadyBody, description = "Something that must work does not")))]
pub(super) async fn readyz(Shared(state): Shared<State>) -> (StatusCode, Json<ReadyBody>) {
    let body = if state.deps.stopping.has_begun() {
        ReadyBody::of(vec![judge::stopping()])
    } else {
        state.readiness.report(&state.deps, &state.place).await
    };
    let status = if body.ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(body))
}
