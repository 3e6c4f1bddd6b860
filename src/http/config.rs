//! An account's settings: read, and replaced whole.

mod validate;

use axum::Json;
use axum::extract::State as Shared;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

use self::validate::{Credentials, Token, Valid};
use super::State;
use super::accounts::owned;
use super::auth::Session;
use super::error::{ApiError, ErrorBody};
use super::extract::{AccountPath, Body, ClientIp};
use crate::domain::account::{
    AuthType, LoginMode, NotificationEvent, OperationMode, PollingMethod, SECRET_PRESENT, SessionType,
};
use crate::domain::event::{EventKind, NewEvent};
use crate::domain::ids::{AccountId, BankLoginId, EventId, OrgId};
use crate::domain::run::{RunKind, Trigger};
use crate::domain::time::Instant;
use crate::jobs::{plan, request_run};
use crate::store::Tx;
use crate::store::accounts::Account;
use crate::store::bank_logins::NewBankLogin;
use crate::store::configs::AccountConfig;
use crate::vault::Place;

/// The settings as read. Secrets are shown as `__secret_present__`, never as they are.
#[derive(Serialize, ToSchema)]
pub struct ConfigBody {
    id: Uuid,
    #[schema(value_type = Uuid)]
    account_id: AccountId,
    pending_orders_endpoint: Option<String>,
    webhook_url: String,
    retry_limit: i64,
    #[schema(value_type = String, example = "GET")]
    polling_method: PollingMethod,
    #[schema(value_type = Option<serde_json::Value>)]
    polling_body: Option<Box<RawValue>>,
    #[schema(value_type = String, example = "bearer")]
    auth_type: AuthType,
    auth_token: Option<&'static str>,
    #[schema(value_type = Option<String>)]
    webhook_auth_type: Option<AuthType>,
    webhook_auth_token: Option<&'static str>,
    notification_endpoint_url: Option<String>,
    #[schema(value_type = Option<String>)]
    notification_auth_type: Option<AuthType>,
    notification_auth_token: Option<&'static str>,
    #[schema(value_type = Vec<String>)]
    notification_events: Vec<NotificationEvent>,
    notify_on_expired: bool,
    #[schema(value_type = Option<serde_json::Value>)]
    webhook_extra_fields: Option<Box<RawValue>>,
    silent_ingestion: bool,
    #[schema(value_type = String, example = "one-shot")]
    session_type: SessionType,
    #[schema(value_type = String, example = "simple")]
    login_mode: LoginMode,
    bank_username: Option<String>,
}

/// Everything an account can be told. What is left out falls to its default; the bank credentials
/// alone are kept when both are left out.
#[derive(Deserialize, ToSchema)]
pub struct ConfigRequest {
    pending_orders_endpoint: Option<String>,
    /// Always required.
    #[schema(value_type = String)]
    webhook_url: Option<String>,
    retry_limit: Option<i64>,
    polling_method: Option<String>,
    #[schema(value_type = Option<serde_json::Value>)]
    polling_body: Option<Box<RawValue>>,
    auth_type: Option<String>,
    #[schema(value_type = Option<String>)]
    auth_token: Option<SecretString>,
    webhook_auth_type: Option<String>,
    #[schema(value_type = Option<String>)]
    webhook_auth_token: Option<SecretString>,
    notification_endpoint_url: Option<String>,
    notification_auth_type: Option<String>,
    #[schema(value_type = Option<String>)]
    notification_auth_token: Option<SecretString>,
    notification_events: Option<Vec<String>>,
    notify_on_expired: Option<bool>,
    #[schema(value_type = Option<serde_json::Value>)]
    webhook_extra_fields: Option<Box<RawValue>>,
    silent_ingestion: Option<bool>,
    session_type: Option<String>,
    login_mode: Option<String>,
    bank_username: Option<String>,
    #[schema(value_type = Option<String>)]
    bank_password: Option<SecretString>,
}

/// The settings, or `null` before the first save.
#[utoipa::path(get, path = "/accounts/{accountId}/config", operation_id = "getConfig",
    tag = "Accounts", security(("bearer" = [])), params(("accountId" = uuid::Uuid, Path)), responses(
    (status = 200, body = Option<ConfigBody>), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(super) async fn get(
    Shared(state): Shared<State>,
    session: Session,
    AccountPath(id): AccountPath,
) -> Result<Json<Option<ConfigBody>>, ApiError> {
    let account = owned(&state, &session, id).await?;
    let mut tx = state.deps.store.read().await?;
    let Some(config) = tx.account_config(session.org, id).await? else { return Ok(Json(None)) };
    let username = stored_username(&state, &mut tx, &account).await?;
    Ok(Json(Some(body(id, config, username))))
}

/// Replaces every setting.
#[utoipa::path(put, path = "/accounts/{accountId}/config", operation_id = "replaceConfig",
    tag = "Accounts", security(("bearer" = [])),
    params(("accountId" = uuid::Uuid, Path)), request_body = ConfigRequest, responses(
    (status = 200, body = ConfigBody), (status = 400, body = ErrorBody),
    (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(super) async fn put(
    Shared(state): Shared<State>,
    session: Session,
    ClientIp(ip): ClientIp,
    AccountPath(id): AccountPath,
    Body(request): Body<ConfigRequest>,
) -> Result<Json<ConfigBody>, ApiError> {
    let account = owned(&state, &session, id).await?;
    let guard = state.deps.outbound.guard();
    let valid = validate::check(request, session.operation_mode, guard).map_err(ApiError::invalid)?;
    let now = state.deps.now();
    let mut tx = state.deps.store.write().await?;
    if !tx.hold_account(session.org, id).await? {
        return Err(ApiError::not_found("Account not found")); // Deleted since it was looked up.
    }
    let username = save_credentials(&state, &mut tx, &account, &valid.credentials, now).await?;
    let config = sealed(&state, &mut tx, session.org, id, valid).await?;
    tx.save_account_config(session.org, id, &config, now).await?;
    let event = NewEvent::engine(EventId(state.deps.ids.next()), now, EventKind::AccountConfigured)
        .by(session.actor(), Some(ip.to_string()))
        .account(id);
    tx.record(session.org, event);
    start_schedule(&state, &mut tx, &session, id, &config, username.is_some(), now).await?;
    // What the endpoint answered before says nothing of the one that is polled from now on.
    tx.set_poll_etag(session.org, id, None).await?;
    tx.commit().await?;
    Ok(Json(body(id, config, username)))
}

fn body(account_id: AccountId, config: AccountConfig, bank_username: Option<String>) -> ConfigBody {
    let literal = |text: Option<String>| text.and_then(|text| RawValue::from_string(text).ok());
    let masked = |sealed: Option<Vec<u8>>| sealed.map(|_| SECRET_PRESENT);
    let events = config.notification_events.as_deref().and_then(|text| serde_json::from_str(text).ok());
    ConfigBody {
        id: config.id,
        account_id,
        pending_orders_endpoint: config.pending_orders_endpoint,
        webhook_url: config.webhook_url,
        retry_limit: config.retry_limit,
        polling_method: config.polling_method,
        polling_body: literal(config.polling_body),
        auth_type: config.auth_type,
        auth_token: masked(config.auth_token_sealed),
        webhook_auth_type: config.webhook_auth_type,
        webhook_auth_token: masked(config.webhook_auth_token_sealed),
        notification_endpoint_url: config.notification_endpoint_url,
        notification_auth_type: config.notification_auth_type,
        notification_auth_token: masked(config.notification_token_sealed),
        notification_events: events.unwrap_or_default(),
        notify_on_expired: config.notify_on_expired,
        webhook_extra_fields: literal(config.webhook_extra_fields),
        silent_ingestion: config.silent_ingestion,
        session_type: config.session_type,
        login_mode: config.login_mode,
        bank_username,
    }
}

async fn stored_username(state: &State, tx: &mut Tx, account: &Account) -> Result<Option<String>, ApiError> {
    let Some(login) = account.bank_login_id else { return Ok(None) };
    let Some(login) = tx.bank_login(account.org_id, login).await? else { return Ok(None) };
    let place = login_place(account.org_id, login.id, "username_sealed");
    Ok(Some(state.deps.vault.open(&place, &login.username_sealed)?.expose_secret().to_owned()))
}

fn login_place(org: OrgId, login: BankLoginId, column: &'static str) -> Place {
    Place { table: "bank_logins", column, row: login.0, org }
}

/// Seals and stores what was sent; answers with the user name that is in force afterwards.
async fn save_credentials(
    state: &State,
    tx: &mut Tx,
    account: &Account,
    credentials: &Credentials,
    now: Instant,
) -> Result<Option<String>, ApiError> {
    let stored = stored_username(state, tx, account).await?;
    let (username, password) = match credentials {
        Credentials::Keep => return Ok(stored),
        Credentials::UsernameOnly(username) if stored.as_ref() == Some(username) => return Ok(stored),
        Credentials::UsernameOnly(_) => {
            let message = "bank_password is required with a new bank_username";
            return Err(ApiError::bad_request("invalid_request", message));
        }
        Credentials::PasswordOnly(password) => {
            let missing = || ApiError::bad_request("invalid_request", "bank_username is required with bank_password");
            (stored.ok_or_else(missing)?, password)
        }
        Credentials::Both(username, password) => (username.clone(), password),
    };
    let deps = &state.deps;
    let (org, bank) = (account.org_id, tx.bank_of_account(account.org_id, account.id).await?);
    // The organisation and the bank are part of the hashed text: equal user names elsewhere differ.
    let hash = deps.vault.keyed_hash("bank login user name", &format!("{org}|{bank}|{username}"));
    let known = tx.bank_login_by_username(org, bank, &hash).await?;
    let login = known.unwrap_or_else(|| BankLoginId(deps.ids.next()));
    let name = SecretString::from(username.clone());
    let username_sealed = deps.vault.seal(&login_place(org, login, "username_sealed"), &name);
    let password_sealed = deps.vault.seal(&login_place(org, login, "password_sealed"), password);
    if known.is_some() {
        tx.set_bank_credentials(org, login, &username_sealed, &password_sealed).await?;
    } else {
        let new = NewBankLogin {
            org_id: org,
            id: login,
            bank_id: bank,
            username_hash: &hash,
            username_sealed: &username_sealed,
            password_sealed: &password_sealed,
        };
        tx.insert_bank_login(&new, now).await?;
    }
    tx.set_account_login(org, account.id, login).await?;
    Ok(Some(username))
}

/// The row to store: tokens sealed, kept where the answer's sentinel came back.
async fn sealed(
    state: &State,
    tx: &mut Tx,
    org: OrgId,
    account: AccountId,
    valid: Valid,
) -> Result<AccountConfig, ApiError> {
    let before = tx.account_config(org, account).await?;
    let seal = |column: &'static str, token: Token, kept: Option<Vec<u8>>| match token {
        Token::None => None,
        Token::Keep => kept,
        Token::New(secret) => {
            let place = Place { table: "account_configs", column, row: account.0, org };
            Some(state.deps.vault.seal(&place, &secret))
        }
    };
    let (id, auth, webhook, notification) = match before {
        Some(before) => {
            (before.id, before.auth_token_sealed, before.webhook_auth_token_sealed, before.notification_token_sealed)
        }
        None => (state.deps.ids.next(), None, None, None),
    };
    Ok(AccountConfig {
        id,
        pending_orders_endpoint: valid.pending_orders_endpoint,
        polling_method: valid.polling_method,
        polling_body: valid.polling_body,
        auth_type: valid.auth_type,
        auth_token_sealed: seal("auth_token_sealed", valid.auth_token, auth),
        webhook_url: valid.webhook_url,
        webhook_auth_type: valid.webhook_auth_type,
        webhook_auth_token_sealed: seal("webhook_auth_token_sealed", valid.webhook_auth_token, webhook),
        webhook_extra_fields: valid.webhook_extra_fields,
        notification_endpoint_url: valid.notification_endpoint_url,
        notification_auth_type: valid.notification_auth_type,
        notification_token_sealed: seal("notification_token_sealed", valid.notification_token, notification),
        notification_events: Some(serde_json::to_string(&valid.notification_events).expect("words are plain data")),
        retry_limit: valid.retry_limit,
        notify_on_expired: valid.notify_on_expired,
        silent_ingestion: valid.silent_ingestion,
        session_type: valid.session_type,
        login_mode: valid.login_mode,
    })
}

/// The first poll follows within seconds; the first scrape too, once there are credentials and the bank is open.
async fn start_schedule(
    state: &State,
    tx: &mut Tx,
    session: &Session,
    account: AccountId,
    config: &AccountConfig,
    has_credentials: bool,
    now: Instant,
) -> Result<(), ApiError> {
    let polls = config.pending_orders_endpoint.is_some() && session.operation_mode != Some(OperationMode::Passthrough);
    if polls {
        let by = (session.actor(), None);
        let what = (RunKind::Poll, Trigger::Saved);
        request_run(tx, &state.deps, (session.org, account), what, by, now).await?;
    }
    if has_credentials {
        plan::plan_first(tx, &state.deps, (session.org, account), now).await?;
    }
    Ok(())
}
