//! What became of scrapes and polls: the `jobId` of an answer is the id of a run.

use axum::Json;
use axum::extract::State as Shared;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::State;
use super::accounts::owned;
use super::answer::limit_in_query;
use super::auth::Session;
use super::error::{ApiError, ErrorBody};
use super::extract::{AccountPath, Params, RUN_NOT_FOUND, RunPath};
use super::movements::text;
use crate::domain::ids::RunId;
use crate::domain::run::{Outcome, RunKind, RunState, Trigger};
use crate::store::run_history::PastRun;

const LIMIT_DEFAULT: i64 = 50;

#[derive(Serialize, ToSchema)]
pub struct RunBody {
    #[schema(value_type = uuid::Uuid)]
    id: RunId,
    #[schema(value_type = String, example = "scrape")]
    kind: RunKind,
    /// `queued`, `running` or `finished`.
    #[schema(value_type = String, example = "finished")]
    state: RunState,
    /// What asked for it: `schedule`, `manual`, `saved` (new settings) or `restart`.
    #[schema(value_type = String, example = "manual")]
    trigger: Trigger,
    /// One word of a closed list; `null` until finished.
    #[schema(value_type = Option<String>, example = "ok")]
    outcome: Option<Outcome>,
    /// What happened and what to do about it; `null` when all went well.
    detail: Option<String>,
    /// Counts, stages with their durations, skipped items.
    report: Option<Value>,
    #[schema(value_type = String, format = DateTime, example = "2026-05-13T10:15:00Z")]
    requested_at: String,
    /// `null` while it waits.
    #[schema(value_type = Option<String>, format = DateTime)]
    started_at: Option<String>,
    /// `null` until finished.
    #[schema(value_type = Option<String>, format = DateTime)]
    finished_at: Option<String>,
}

impl From<PastRun> for RunBody {
    fn from(run: PastRun) -> Self {
        Self {
            id: run.id,
            kind: run.kind,
            state: run.state,
            trigger: run.trigger,
            outcome: run.outcome,
            detail: run.detail,
            report: run.report.and_then(|report| serde_json::from_str(&report).ok()),
            requested_at: text(run.requested_at),
            started_at: run.started_at.map(text),
            finished_at: run.finished_at.map(text),
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RunsQuery {
    /// 1 to 500; more is cut to 500. Default 50.
    #[param(value_type = Option<i64>)]
    limit: Option<String>,
}

/// Scrapes and polls of an account, newest request first.
#[utoipa::path(get, path = "/accounts/{accountId}/runs", operation_id = "listRuns",
    tag = "Accounts", security(("bearer" = [])), params(("accountId" = uuid::Uuid, Path), RunsQuery), responses(
    (status = 200, body = [RunBody]), (status = 400, body = ErrorBody),
    (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(super) async fn list(
    Shared(state): Shared<State>,
    session: Session,
    AccountPath(id): AccountPath,
    Params(query): Params<RunsQuery>,
) -> Result<Json<Vec<RunBody>>, ApiError> {
    let limit = limit_in_query(query.limit.as_deref(), LIMIT_DEFAULT)?;
    let account = owned(&state, &session, id).await?;
    let runs = state.deps.store.read().await?.past_runs(session.org, account.id, limit).await?;
    Ok(Json(runs.into_iter().map(RunBody::from).collect()))
}

/// One run.
#[utoipa::path(get, path = "/accounts/{accountId}/runs/{runId}", operation_id = "getRun",
    tag = "Accounts", security(("bearer" = [])),
    params(("accountId" = uuid::Uuid, Path), ("runId" = uuid::Uuid, Path)), responses(
    (status = 200, body = RunBody), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(super) async fn get(
    Shared(state): Shared<State>,
    session: Session,
    AccountPath(account): AccountPath,
    RunPath(id): RunPath,
) -> Result<Json<RunBody>, ApiError> {
    let account = owned(&state, &session, account).await?;
    let run = state.deps.store.read().await?.past_run(session.org, account.id, id).await?;
    run.map(|run| Json(run.into())).ok_or_else(|| ApiError::not_found(RUN_NOT_FOUND))
}
