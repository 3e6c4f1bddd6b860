//! Deleting an account, which takes typing its name.

use axum::extract::State as Shared;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::State;
use super::accounts::owned;
use super::auth::Session;
use super::error::{ApiError, ErrorBody};
use super::extract::{AccountPath, Body, ClientIp};
use crate::jobs::delete_account;

#[derive(Deserialize, ToSchema)]
pub struct DeleteAccountRequest {
    /// The account's present name, letter by letter.
    #[schema(value_type = String, example = "Operating account")]
    confirmation_name: Option<String>,
}

/// Deletes an account for good: its work stops and its secrets are erased at once; the log of what
/// happened stays.
#[utoipa::path(delete, path = "/accounts/{accountId}", operation_id = "deleteAccount",
    tag = "Accounts", security(("bearer" = [])),
    params(("accountId" = uuid::Uuid, Path)), request_body = DeleteAccountRequest, responses(
    (status = 204, description = "Deleted"), (status = 400, body = ErrorBody),
    (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(super) async fn delete(
    Shared(state): Shared<State>,
    session: Session,
    ClientIp(ip): ClientIp,
    AccountPath(id): AccountPath,
    Body(request): Body<DeleteAccountRequest>,
) -> Result<StatusCode, ApiError> {
    let account = owned(&state, &session, id).await?;
    let Some(name) = request.confirmation_name.filter(|name| !name.is_empty()) else {
        return Err(ApiError::bad_request("invalid_request", "confirmation_name is required"));
    };
    if name != account.name {
        return Err(ApiError::bad_request("confirmation_mismatch", "Confirmation name does not match"));
    }
    let deps = &state.deps;
    let now = deps.now();
    let mut tx = deps.store.write().await?;
    let by = (session.actor(), Some(ip.to_string()));
    if !delete_account(&mut tx, deps, (session.org, id), by, now).await? {
        return Err(ApiError::not_found("Account not found"));
    }
    tx.commit().await?;
    deps.running.call_off(session.org, id);
    Ok(StatusCode::NO_CONTENT)
}
