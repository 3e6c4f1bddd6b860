//! What the bank's statement says.

use axum::Json;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use chrono::SecondsFormat;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::State;
use super::accounts::owned;
use super::answer::{QueuedBody, limit_in_query, offset_in_query, queued};
use super::auth::Session;
use super::error::{ApiError, ErrorBody, Issue};
use super::extract::{AccountPath, ClientIp, MOVEMENT_NOT_FOUND, MovementPath, Params};
use crate::domain::account::OperationMode;
use crate::domain::ids::MovementId;
use crate::domain::money::{self, Currency};
use crate::domain::movement::Movement;
use crate::domain::time::Instant;
use crate::jobs::resend;
use crate::store::movements::Include;

const LIMIT_DEFAULT: i64 = 100;

#[derive(Serialize, ToSchema)]
pub struct MovementBody {
    #[schema(value_type = uuid::Uuid)]
    id: MovementId,
    external_id: String,
    /// Decimal text with the currency's minor digits.
    #[schema(example = "1500.00")]
    amount: String,
    #[schema(value_type = String, example = "UYU")]
    currency: Currency,
    /// `null` where the bank names nobody.
    sender_name: Option<String>,
    /// The bank's time, UTC.
    #[schema(value_type = String, format = DateTime, example = "2026-05-13T10:15:00Z")]
    received_at: String,
    /// When it was forwarded, or counted as forwarded; `null` before.
    #[schema(value_type = Option<String>, format = DateTime)]
    notified_at: Option<String>,
    /// When a match took it; `null` while it is free.
    #[schema(value_type = Option<String>, format = DateTime)]
    excluded_at: Option<String>,
}

impl From<Movement> for MovementBody {
    fn from(movement: Movement) -> Self {
        Self {
            id: movement.id,
            external_id: movement.external_id,
            amount: money::print(movement.amount, &movement.currency),
            currency: movement.currency,
            sender_name: movement.counterparty_name,
            received_at: text(movement.received_at),
            notified_at: movement.notified_at.map(text),
            excluded_at: movement.excluded_at.map(text),
        }
    }
}

/// Without a fraction when it is zero, as documented.
pub(super) fn text(at: Instant) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// 1 to 500; more is cut to 500. Default 100.
    #[param(value_type = Option<i64>)]
    limit: Option<String>,
    /// Rows to leave out at the start, 0 or more. Default 0.
    #[param(value_type = Option<i64>)]
    offset: Option<String>,
    /// `pending`, `debits`, or both with a comma: listed besides booked credits.
    include: Option<String>,
}

/// Movements of an account, newest first: booked credits, and on request what else the bank shows.
#[utoipa::path(get, path = "/accounts/{accountId}/movements", operation_id = "listMovements",
    tag = "Accounts", security(("bearer" = [])), params(("accountId" = uuid::Uuid, Path), ListQuery), responses(
    (status = 200, body = [MovementBody]), (status = 400, body = ErrorBody),
    (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(super) async fn list(
    Shared(state): Shared<State>,
    session: Session,
    AccountPath(id): AccountPath,
    Params(query): Params<ListQuery>,
) -> Result<Json<Vec<MovementBody>>, ApiError> {
    let limit = limit_in_query(query.limit.as_deref(), LIMIT_DEFAULT)?;
    let offset = offset_in_query(query.offset.as_deref())?;
    let include = include(query.include.as_deref())?;
    let account = owned(&state, &session, id).await?;
    let mut tx = state.deps.store.read().await?;
    let movements = tx.movements(session.org, account.id, include, limit, offset).await?;
    Ok(Json(movements.into_iter().map(MovementBody::from).collect()))
}

/// Sends a movement's webhook: the same one again, under the same `webhook-id`, or its first where it was
/// never forwarded. For passthrough; in reconcile mode webhooks tell of requests.
#[utoipa::path(post, path = "/accounts/{accountId}/movements/{movementId}/notify", operation_id = "notifyMovement",
    tag = "Accounts",
    security(("bearer" = [])), params(("accountId" = uuid::Uuid, Path), ("movementId" = uuid::Uuid, Path)),
    responses((status = 202, body = QueuedBody), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 404, body = ErrorBody)))]
pub(super) async fn notify(
    Shared(state): Shared<State>,
    session: Session,
    ClientIp(ip): ClientIp,
    AccountPath(account): AccountPath,
    MovementPath(id): MovementPath,
) -> Result<(StatusCode, Json<QueuedBody>), ApiError> {
    let now = state.deps.now();
    let mut tx = state.deps.store.write().await?;
    if !tx.hold_account(session.org, account).await? {
        return Err(ApiError::not_found("Account not found"));
    }
    let movement = tx.movement(session.org, id).await?.filter(|movement| movement.account_id == account);
    let movement = movement.ok_or_else(|| ApiError::not_found(MOVEMENT_NOT_FOUND))?;
    if session.operation_mode != Some(OperationMode::Passthrough) {
        let message = "movements are forwarded in passthrough mode only; in reconcile mode, resend the webhook of \
                       the request that the movement pays";
        return Err(ApiError::bad_request("not_passthrough", message));
    }
    let by = (session.actor(), Some(ip.to_string()));
    resend::movement(&mut tx, &state.deps, session.org, &movement, by, now).await?;
    tx.commit().await?;
    Ok(queued())
}

fn include(text: Option<&str>) -> Result<Include, ApiError> {
    let mut include = Include::default();
    for word in text.unwrap_or_default().split(',').map(str::trim).filter(|word| !word.is_empty()) {
        match word {
            "pending" => include.pending = true,
            "debits" => include.debits = true,
            _ => {
                let message = "include may hold pending and debits".to_owned();
                return Err(ApiError::invalid(vec![Issue { field: "include".into(), message }]));
            }
        }
    }
    Ok(include)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_lose_a_fraction_that_is_zero() {
        let check = |given: &str, expected: &str| {
            assert_eq!(text(chrono::DateTime::parse_from_rfc3339(given).expect(given).to_utc()), expected);
        };
        check("2026-05-13T10:15:00.000000Z", "2026-05-13T10:15:00Z");
        check("2026-05-13T10:15:00.250Z", "2026-05-13T10:15:00.250Z");
    }
}
