//! Enrolled accounts.

use std::str::FromStr;

use axum::Json;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::State;
use super::auth::Session;
use super::error::{ApiError, ErrorBody, Issue};
use super::extract::{AccountPath, Body, ClientIp, name_problem};
use crate::deliver::sign::SigningSecret;
use crate::domain::event::{EventKind, NewEvent};
use crate::domain::ids::{AccountId, BankId, EventId, OrgId};
use crate::domain::time::{BankZone, Instant};
use crate::store::accounts::{Account, NewAccount};
use crate::store::banks::SIMULATED;
use crate::vault::Place;

/// An account as lists show it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountListItem {
    #[schema(value_type = uuid::Uuid)]
    id: AccountId,
    /// The bank's code.
    bank: String,
    name: String,
    status: String,
    /// When scraping stopped; `null` while it goes on.
    #[schema(value_type = Option<String>, format = DateTime)]
    scrape_blocked_at: Option<Instant>,
    scrape_blocked_reason: Option<String>,
}

impl From<Account> for AccountListItem {
    fn from(account: Account) -> Self {
        Self {
            id: account.id,
            bank: account.bank_code,
            name: account.name,
            status: account.status,
            scrape_blocked_at: account.blocked_at,
            scrape_blocked_reason: account.blocked_reason,
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct AccountBody {
    #[schema(value_type = uuid::Uuid)]
    id: AccountId,
    bank: String,
    name: String,
    status: String,
}

/// The organisation's accounts, oldest first.
#[utoipa::path(get, path = "/accounts", operation_id = "listAccounts",
    tag = "Accounts", security(("bearer" = [])), responses(
    (status = 200, body = [AccountListItem]), (status = 401, body = ErrorBody)))]
pub(super) async fn list(
    Shared(state): Shared<State>,
    session: Session,
) -> Result<Json<Vec<AccountListItem>>, ApiError> {
    let accounts = state.deps.store.read().await?.accounts(session.org).await?;
    Ok(Json(accounts.into_iter().map(AccountListItem::from).collect()))
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateAccountRequest {
    /// An id of `GET /banks`.
    #[schema(value_type = uuid::Uuid)]
    bank_id: Option<String>,
    /// 1 to 200 characters.
    #[schema(value_type = String)]
    name: Option<String>,
}

/// Enrols an account.
///
/// What the bank booked before today is baseline.
#[utoipa::path(post, path = "/accounts", operation_id = "createAccount", tag = "Accounts", security(("bearer" = [])),
    request_body = CreateAccountRequest, responses(
    (status = 201, body = AccountListItem), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub(super) async fn create(
    Shared(state): Shared<State>,
    session: Session,
    ClientIp(ip): ClientIp,
    Body(request): Body<CreateAccountRequest>,
) -> Result<(StatusCode, Json<AccountListItem>), ApiError> {
    let name = request.name.as_deref().map(str::trim).filter(|name| !name.is_empty());
    let (Some(bank_id), Some(name)) = (request.bank_id, name) else {
        return Err(ApiError::bad_request("invalid_request", "bankId and name are required"));
    };
    if let Some(problem) = name_problem(name) {
        return Err(ApiError::invalid(vec![problem]));
    }
    let bank_id = BankId::from_str(&bank_id).map_err(|_| {
        ApiError::invalid(vec![Issue { field: "bankId".into(), message: "bankId must be an id of GET /banks".into() }])
    })?;
    let account = enrol(&state, &session, bank_id, name, ip.to_string()).await?;
    Ok((StatusCode::CREATED, Json(account.into())))
}

async fn enrol(state: &State, session: &Session, bank_id: BankId, name: &str, ip: String) -> Result<Account, ApiError> {
    let deps = &state.deps;
    let now = deps.now();
    let id = AccountId(deps.ids.next());
    let secret = SigningSecret::generate().to_text();
    let sealed = deps.vault.seal(&signing_secret_place(session.org, id), &secret);
    let mut tx = deps.store.write().await?;
    let bank = tx.bank(bank_id).await?.ok_or_else(|| ApiError::not_found("Bank not found"))?;
    if bank.status == SIMULATED {
        let message = "this bank is a simulation and does not run here; start `reconbanker demo` to use it";
        return Err(ApiError::conflict("bank_not_running", message));
    }
    let zone = BankZone::parse(&bank.time_zone)
        .ok_or_else(|| ApiError::internal(&std::io::Error::other(format!("unknown time zone {}", bank.time_zone))))?;
    let new = NewAccount {
        org_id: session.org,
        id,
        bank_id,
        name,
        enrolled_on: zone.day_of(now),
        signing_secret_sealed: &sealed,
    };
    tx.insert_account(&new, now).await?;
    let event = NewEvent::engine(EventId(deps.ids.next()), now, EventKind::AccountCreated)
        .by(session.actor(), Some(ip))
        .account(id)
        .payload(json!({ "bank": bank.code }));
    tx.record(session.org, event);
    let account = tx.account(session.org, id).await?;
    tx.commit().await?;
    account.ok_or_else(|| ApiError::not_found("Account not found"))
}

fn signing_secret_place(org: OrgId, id: AccountId) -> Place {
    Place { table: "accounts", column: "signing_secret_sealed", row: id.0, org }
}

/// One account.
#[utoipa::path(get, path = "/accounts/{accountId}", operation_id = "getAccount",
    tag = "Accounts", security(("bearer" = [])), params(("accountId" = uuid::Uuid, Path)), responses(
    (status = 200, body = AccountBody), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(super) async fn get(
    Shared(state): Shared<State>,
    session: Session,
    AccountPath(id): AccountPath,
) -> Result<Json<AccountBody>, ApiError> {
    let account = owned(&state, &session, id).await?;
    Ok(Json(AccountBody { id: account.id, bank: account.bank_code, name: account.name, status: account.status }))
}

/// The account, or the 404 that an absent and a foreign one share.
pub(super) async fn owned(state: &State, session: &Session, id: AccountId) -> Result<Account, ApiError> {
    let account = state.deps.store.read().await?.account(session.org, id).await?;
    account.ok_or_else(|| ApiError::not_found("Account not found"))
}

#[derive(Serialize, ToSchema)]
pub struct WebhookSecretBody {
    /// Verifies the `webhook-signature` header (Standard Webhooks): `whsec_` and base64.
    secret: String,
}

/// The secret that this account's webhooks are signed with.
#[utoipa::path(get, path = "/accounts/{accountId}/webhook-secret", operation_id = "getWebhookSecret",
    tag = "Accounts", security(("bearer" = [])), params(("accountId" = uuid::Uuid, Path)), responses(
    (status = 200, body = WebhookSecretBody), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(super) async fn webhook_secret(
    Shared(state): Shared<State>,
    session: Session,
    AccountPath(id): AccountPath,
) -> Result<Json<WebhookSecretBody>, ApiError> {
    let account = owned(&state, &session, id).await?;
    let place = signing_secret_place(session.org, id);
    let secret: SecretString = state.deps.vault.open(&place, &account.signing_secret_sealed)?;
    Ok(Json(WebhookSecretBody { secret: secret.expose_secret().to_owned() }))
}
