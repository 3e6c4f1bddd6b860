//! What was expected and what came of it: the results, and asking for more.

use axum::Json;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::State;
use super::accounts::owned;
use super::answer::{QueuedBody, limit_in_query, offset_in_query, queued};
use super::auth::Session;
use super::error::{ApiError, ErrorBody, Issue};
use super::extract::{AccountPath, ClientIp, Params, REQUEST_NOT_FOUND, RequestPath};
use super::movements::text;
use crate::domain::account::OperationMode;
use crate::domain::case::{AttemptReason, AttemptResult, Candidate, CaseStatus};
use crate::domain::expected_payment::ExpectedPayment;
use crate::domain::ids::{AccountId, AllocationId, AttemptId, ExpectedPaymentId, MovementId};
use crate::domain::money::{self, Currency};
use crate::domain::movement::Movement;
use crate::domain::run::{RunKind, Trigger};
use crate::jobs::{request_match, request_run, resend};
use crate::store::cases::{Allocation, Attempt};
use crate::store::conciliation::Request;
use crate::store::{StoreError, Tx};

const LIMIT_DEFAULT: i64 = 50;

/// A payment that a customer's endpoint listed, and where its reconciliation stands.
#[derive(Serialize, ToSchema)]
pub struct RequestItem {
    #[schema(value_type = uuid::Uuid)]
    id: ExpectedPaymentId,
    #[schema(value_type = uuid::Uuid)]
    account_id: AccountId,
    #[schema(example = "ORDER-1")]
    external_id: String,
    #[schema(value_type = String, example = "matched")]
    status: CaseStatus,
    /// Decimal text with the currency's minor digits.
    #[schema(example = "1500.00")]
    amount: String,
    #[schema(value_type = String, example = "UYU")]
    currency: Currency,
    /// The payer, as the customer named it.
    #[schema(example = "Juan Perez")]
    sender_name: String,
    /// When a poll first listed it.
    #[schema(value_type = String, format = DateTime, example = "2026-05-13T10:15:00Z")]
    created_at: String,
    /// The bank's code.
    bank: String,
    account_name: String,
}

impl From<Request> for RequestItem {
    fn from(request: Request) -> Self {
        Self {
            id: request.id,
            account_id: request.account_id,
            external_id: request.external_id,
            status: request.status,
            amount: money::print(request.amount, &request.currency),
            currency: request.currency,
            sender_name: request.name,
            created_at: text(request.registered_at),
            bank: request.bank_code,
            account_name: request.account_name,
        }
    }
}

/// One request with every attempt to match it.
#[derive(Serialize, ToSchema)]
pub struct RequestBody {
    #[serde(flatten)]
    request: RequestItem,
    /// First to last.
    attempts: Vec<AttemptBody>,
    /// The movement that pays it; `null` while none does.
    #[serde(rename = "match")]
    matched: Option<MatchBody>,
    /// What the newest attempt weighed, the most plausible first.
    candidates: Vec<CandidateBody>,
}

/// One attempt. Looking again and seeing the same makes none.
#[derive(Serialize, ToSchema)]
pub struct AttemptBody {
    #[schema(value_type = uuid::Uuid)]
    id: AttemptId,
    #[schema(value_type = uuid::Uuid)]
    request_id: ExpectedPaymentId,
    /// From 1.
    attempt_number: i64,
    #[schema(value_type = String, example = "not_found")]
    result: AttemptResult,
    /// `null` for `matched`.
    #[schema(value_type = Option<String>, example = "no_amount_match")]
    reason: Option<AttemptReason>,
    #[schema(value_type = String, format = DateTime)]
    created_at: String,
}

impl AttemptBody {
    fn new(request_id: ExpectedPaymentId, attempt: &Attempt) -> Self {
        Self {
            id: attempt.id,
            request_id,
            attempt_number: attempt.number,
            result: attempt.result,
            reason: attempt.reason,
            created_at: text(attempt.created_at),
        }
    }
}

/// The link to the movement that pays a request.
#[derive(Serialize, ToSchema)]
pub struct MatchBody {
    #[schema(value_type = uuid::Uuid)]
    id: AllocationId,
    #[schema(value_type = uuid::Uuid)]
    request_id: ExpectedPaymentId,
    #[schema(value_type = uuid::Uuid)]
    bank_transaction_id: MovementId,
    /// Always true: one movement pays a request.
    is_primary: bool,
    #[schema(example = "1500.00")]
    amount: String,
    #[schema(value_type = String, example = "UYU")]
    currency: Currency,
    /// `null` where the bank names nobody.
    sender_name: Option<String>,
    /// The bank's time.
    #[schema(value_type = String, format = DateTime)]
    received_at: String,
}

impl MatchBody {
    fn new(allocation: &Allocation, movement: Movement) -> Self {
        Self {
            id: allocation.id,
            request_id: allocation.case_id,
            bank_transaction_id: movement.id,
            is_primary: true,
            amount: money::print(movement.amount, &movement.currency),
            currency: movement.currency,
            sender_name: movement.counterparty_name,
            received_at: text(movement.received_at),
        }
    }
}

/// A movement that was weighed.
#[derive(Serialize, ToSchema)]
pub struct CandidateBody {
    #[schema(value_type = uuid::Uuid)]
    bank_transaction_id: MovementId,
    #[schema(example = "1500.00")]
    amount: String,
    #[schema(value_type = String, example = "UYU")]
    currency: Currency,
    sender_name: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    received_at: String,
    /// Similarity of the names, 0 to 1000.
    score: i64,
}

impl CandidateBody {
    fn new(candidate: &Candidate, movement: Movement) -> Self {
        Self {
            bank_transaction_id: movement.id,
            amount: money::print(movement.amount, &movement.currency),
            currency: movement.currency,
            sender_name: movement.counterparty_name,
            received_at: text(movement.received_at),
            score: candidate.score,
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RequestsQuery {
    /// 1 to 500; more is cut to 500. Default 50.
    #[param(value_type = Option<i64>)]
    limit: Option<String>,
    /// Rows to leave out at the start, 0 or more. Default 0.
    #[param(value_type = Option<i64>)]
    offset: Option<String>,
    /// Only requests of this status: `pending`, `matched`, `not_found`, `ambiguous`, `expired`, `cancelled` or
    /// `failed`.
    status: Option<String>,
}

/// Requests of all accounts, newest registration first.
#[utoipa::path(get, path = "/conciliation", operation_id = "listRequests",
    tag = "Conciliation", security(("bearer" = [])), params(RequestsQuery), responses(
    (status = 200, body = [RequestItem]), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody)))]
pub(super) async fn list(
    Shared(state): Shared<State>,
    session: Session,
    Params(query): Params<RequestsQuery>,
) -> Result<Json<Vec<RequestItem>>, ApiError> {
    let limit = limit_in_query(query.limit.as_deref(), LIMIT_DEFAULT)?;
    let offset = offset_in_query(query.offset.as_deref())?;
    let status = query.status.as_deref().filter(|word| !word.is_empty()).map(status).transpose()?;
    let requests = state.deps.store.read().await?.requests(session.org, status, limit, offset).await?;
    Ok(Json(requests.into_iter().map(RequestItem::from).collect()))
}

fn status(word: &str) -> Result<CaseStatus, ApiError> {
    CaseStatus::from_word(word).ok_or_else(|| {
        let words: Vec<&str> = CaseStatus::ALL.iter().map(|status| status.word()).collect();
        let message = format!("status must be one of {}", words.join(", "));
        ApiError::invalid(vec![Issue { field: "status".into(), message }])
    })
}

/// One request: its attempts with their reasons, the movement that pays it, and what else was weighed.
#[utoipa::path(get, path = "/conciliation/{requestId}", operation_id = "getRequest",
    tag = "Conciliation", security(("bearer" = [])), params(("requestId" = uuid::Uuid, Path)), responses(
    (status = 200, body = RequestBody), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(super) async fn get(
    Shared(state): Shared<State>,
    session: Session,
    RequestPath(id): RequestPath,
) -> Result<Json<RequestBody>, ApiError> {
    let org = session.org;
    let mut tx = state.deps.store.read().await?;
    let request = tx.request(org, id).await?.ok_or_else(not_found)?;
    let attempts = tx.attempts(org, id).await?;
    let matched = match tx.allocation(org, id).await? {
        Some(allocation) => {
            tx.movement(org, allocation.movement_id).await?.map(|movement| MatchBody::new(&allocation, movement))
        }
        None => None,
    };
    let mut candidates = Vec::new();
    for candidate in attempts.last().map(weighed).transpose()?.unwrap_or_default() {
        if let Some(movement) = tx.movement(org, candidate.movement_id).await? {
            candidates.push(CandidateBody::new(&candidate, movement));
        }
    }
    let attempts = attempts.iter().map(|attempt| AttemptBody::new(id, attempt)).collect();
    Ok(Json(RequestBody { request: request.into(), attempts, matched, candidates }))
}

/// The candidates as they were stored with an attempt; their number is limited there.
fn weighed(attempt: &Attempt) -> Result<Vec<Candidate>, StoreError> {
    serde_json::from_str(&attempt.candidates).map_err(|_| StoreError::Corrupt { what: "candidates of an attempt" })
}

fn not_found() -> ApiError {
    ApiError::not_found(REQUEST_NOT_FOUND)
}

/// Looks for a matching movement now. Without effect on a request that is decided.
#[utoipa::path(post, path = "/conciliation/{requestId}/run", operation_id = "runRequest",
    tag = "Conciliation", security(("bearer" = [])), params(("requestId" = uuid::Uuid, Path)), responses(
    (status = 202, body = QueuedBody), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(super) async fn run(
    Shared(state): Shared<State>,
    session: Session,
    RequestPath(id): RequestPath,
) -> Result<(StatusCode, Json<QueuedBody>), ApiError> {
    let now = state.deps.now();
    let mut tx = state.deps.store.write().await?;
    let order = held(&mut tx, &session, id).await?;
    if tx.case(session.org, id).await?.is_some_and(|case| case.status.is_open()) {
        request_match(&mut tx, &state.deps, session.org, &order, now).await?;
    }
    tx.commit().await?;
    Ok(queued())
}

/// Sends the webhook of a decided request again, under the same `webhook-id` and with the same body.
#[utoipa::path(post, path = "/conciliation/{requestId}/notify", operation_id = "notifyRequest",
    tag = "Conciliation", security(("bearer" = [])), params(("requestId" = uuid::Uuid, Path)), responses(
    (status = 202, body = QueuedBody), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 404, body = ErrorBody)))]
pub(super) async fn notify(
    Shared(state): Shared<State>,
    session: Session,
    ClientIp(ip): ClientIp,
    RequestPath(id): RequestPath,
) -> Result<(StatusCode, Json<QueuedBody>), ApiError> {
    let now = state.deps.now();
    let mut tx = state.deps.store.write().await?;
    let order = held(&mut tx, &session, id).await?;
    let by = (session.actor(), Some(ip.to_string()));
    resend::case(&mut tx, &state.deps, session.org, &order, by, now).await?;
    tx.commit().await?;
    Ok(queued())
}

/// The expected payment, with its account's row taken: no decision falls before this transaction ends.
async fn held(tx: &mut Tx, session: &Session, id: ExpectedPaymentId) -> Result<ExpectedPayment, ApiError> {
    let order = tx.expected_payment(session.org, id).await?.ok_or_else(not_found)?;
    if tx.hold_account(session.org, order.account_id).await? { Ok(order) } else { Err(not_found()) }
}

/// Asks the customer's endpoint now instead of at the next scheduled time.
#[utoipa::path(post, path = "/conciliation/poll/{accountId}", operation_id = "pollAccount",
    tag = "Conciliation", security(("bearer" = [])), params(("accountId" = uuid::Uuid, Path)), responses(
    (status = 202, body = QueuedBody), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 404, body = ErrorBody)))]
pub(super) async fn poll(
    Shared(state): Shared<State>,
    session: Session,
    ClientIp(ip): ClientIp,
    AccountPath(id): AccountPath,
) -> Result<(StatusCode, Json<QueuedBody>), ApiError> {
    owned(&state, &session, id).await?;
    if session.operation_mode == Some(OperationMode::Passthrough) {
        let message = "the operation mode is passthrough: nothing is polled";
        return Err(ApiError::bad_request("not_reconcile", message));
    }
    let deps = &state.deps;
    let now = deps.now();
    let mut tx = deps.store.write().await?;
    let config = tx.account_config(session.org, id).await?;
    if config.is_none_or(|config| config.pending_orders_endpoint.is_none()) {
        let message = "the account has no pending_orders_endpoint; save one in its settings first";
        return Err(ApiError::bad_request("no_endpoint", message));
    }
    let by = (session.actor(), Some(ip.to_string()));
    request_run(&mut tx, deps, (session.org, id), (RunKind::Poll, Trigger::Manual), by, now).await?;
    tx.commit().await?;
    Ok(queued())
}
