//! What became of the polls of an account's endpoint.

use axum::Json;
use axum::extract::State as Shared;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::State;
use super::accounts::owned;
use super::answer::limit_in_query;
use super::auth::Session;
use super::error::{ApiError, ErrorBody};
use super::extract::{AccountPath, Params};
use crate::domain::expected_payment::{PollReport, SkippedOrder};
use crate::domain::ids::RunId;
use crate::domain::run::Outcome;
use crate::domain::time::Instant;
use crate::store::polls::PollRun;

const LIMIT_DEFAULT: i64 = 50;

#[derive(Serialize, ToSchema)]
pub struct PollBody {
    #[schema(value_type = uuid::Uuid)]
    id: RunId,
    /// `ok`, `endpoint_failed` or another word; `null` until the poll has ended.
    #[schema(value_type = Option<String>, example = "ok")]
    outcome: Option<Outcome>,
    #[schema(value_type = Option<String>, format = DateTime)]
    started_at: Option<Instant>,
    #[schema(value_type = Option<String>, format = DateTime)]
    finished_at: Option<Instant>,
    /// Items of the answer, skipped ones included; `null` where there was no list to read.
    listed: Option<usize>,
    new: usize,
    cancelled: usize,
    reopened: usize,
    /// Known orders that are listed with another amount or currency; each is told once.
    changed: usize,
    skipped_count: usize,
    /// The first hundred of the skipped items.
    skipped: Vec<SkippedBody>,
    /// What happened, and what to do about it; `null` when there is nothing to say.
    detail: Option<String>,
}

/// An item that was left out. It counts as listed all the same.
#[derive(Serialize, ToSchema)]
pub struct SkippedBody {
    /// Position in the answer, from 0; `reason` counts from 1, as people do.
    index: usize,
    /// `null` when the id could not be read; such an answer cancels nothing.
    external_id: Option<String>,
    #[schema(example = "item 2 (\"ORDER-2\"): amount is missing")]
    reason: String,
}

impl From<SkippedOrder> for SkippedBody {
    fn from(skipped: SkippedOrder) -> Self {
        Self { index: skipped.index, external_id: skipped.external_id, reason: skipped.reason }
    }
}

impl From<PollRun> for PollBody {
    fn from(run: PollRun) -> Self {
        // A poll without an answer has an empty report.
        let report: PollReport =
            run.report.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        Self {
            id: run.id,
            outcome: run.outcome,
            started_at: run.started_at,
            finished_at: run.finished_at,
            listed: report.listed,
            new: report.new,
            cancelled: report.cancelled,
            reopened: report.reopened,
            changed: report.changed,
            skipped_count: report.skipped_count,
            skipped: report.skipped.into_iter().map(SkippedBody::from).collect(),
            detail: run.detail,
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// 1 to 500; more is cut to 500. Default 50.
    #[param(value_type = Option<i64>)]
    limit: Option<String>,
}

/// Polls of an account, newest first: what was listed, what followed, and each item that was left out.
#[utoipa::path(get, path = "/accounts/{accountId}/polls", operation_id = "listPolls",
    tag = "Accounts", security(("bearer" = [])), params(("accountId" = uuid::Uuid, Path), ListQuery), responses(
    (status = 200, body = [PollBody]), (status = 400, body = ErrorBody),
    (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(super) async fn list(
    Shared(state): Shared<State>,
    session: Session,
    AccountPath(id): AccountPath,
    Params(query): Params<ListQuery>,
) -> Result<Json<Vec<PollBody>>, ApiError> {
    let limit = limit_in_query(query.limit.as_deref(), LIMIT_DEFAULT)?;
    let account = owned(&state, &session, id).await?;
    let polls = state.deps.store.read().await?.polls(session.org, account.id, limit).await?;
    Ok(Json(polls.into_iter().map(PollBody::from).collect()))
}
