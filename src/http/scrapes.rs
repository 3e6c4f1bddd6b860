//! Scraping on demand, and restarting an account that was blocked.

use axum::Json;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::State;
use super::accounts::owned;
use super::auth::Session;
use super::error::{ApiError, ErrorBody};
use super::extract::{AccountPath, ClientIp};
use crate::domain::account::LoginBudget;
use crate::domain::ids::RunId;
use crate::domain::run::{RunKind, Trigger};
use crate::jobs::request_run;

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobBody {
    /// The run's id: what became of it is kept under this id.
    #[schema(value_type = String)]
    job_id: RunId,
}

/// Reads the bank now instead of at the next scheduled time.
///
/// While a run waits already, its id is returned.
#[utoipa::path(post, path = "/accounts/{accountId}/scrape", operation_id = "scrapeAccount",
    tag = "Accounts", security(("bearer" = [])), params(("accountId" = uuid::Uuid, Path)), responses(
    (status = 202, body = JobBody), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub(super) async fn scrape(
    Shared(state): Shared<State>,
    session: Session,
    ClientIp(ip): ClientIp,
    AccountPath(id): AccountPath,
) -> Result<(StatusCode, Json<JobBody>), ApiError> {
    let account = owned(&state, &session, id).await?;
    if account.bank_login_id.is_none() {
        return Err(no_credentials());
    }
    if account.blocked_at.is_some() {
        let reason = account.blocked_reason.as_deref().unwrap_or("no reason was noted");
        let message = format!("scraping is blocked: {reason}; fix the cause, then POST /accounts/{id}/restart");
        return Err(ApiError::conflict("scrape_blocked", message));
    }
    let deps = &state.deps;
    let now = deps.now();
    let mut tx = deps.store.write().await?;
    let by = (session.actor(), Some(ip.to_string()));
    let job_id = request_run(&mut tx, deps, (session.org, id), (RunKind::Scrape, Trigger::Manual), by, now).await?;
    tx.commit().await?;
    Ok((StatusCode::ACCEPTED, Json(JobBody { job_id })))
}

fn no_credentials() -> ApiError {
    ApiError::bad_request("no_credentials", "the account has no bank credentials; save them in its settings first")
}

/// Clears a block and scrapes at once.
///
/// Exactly one submission of the credentials is allowed; if the cause is still there, the account is
/// blocked again. Where nothing is blocked, it only scrapes.
#[utoipa::path(post, path = "/accounts/{accountId}/restart", operation_id = "restartAccount",
    tag = "Accounts", security(("bearer" = [])), params(("accountId" = uuid::Uuid, Path)), responses(
    (status = 202, body = JobBody), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 404, body = ErrorBody)))]
pub(super) async fn restart(
    Shared(state): Shared<State>,
    session: Session,
    ClientIp(ip): ClientIp,
    AccountPath(id): AccountPath,
) -> Result<(StatusCode, Json<JobBody>), ApiError> {
    let account = owned(&state, &session, id).await?;
    let Some(login) = account.bank_login_id else { return Err(no_credentials()) };
    let deps = &state.deps;
    let now = deps.now();
    let mut tx = deps.store.write().await?;
    let by = (session.actor(), Some(ip.to_string()));
    // The account's row before its login's, as everywhere.
    let job_id = request_run(&mut tx, deps, (session.org, id), (RunKind::Scrape, Trigger::Restart), by, now).await?;
    tx.unblock_login(session.org, login, LoginBudget::after_restart()).await?;
    tx.commit().await?;
    Ok((StatusCode::ACCEPTED, Json(JobBody { job_id })))
}
