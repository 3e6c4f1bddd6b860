//! What machines may do with a key: answer requests for codes, and ask whether there is one.
//!
//! The checks come in one order everywhere: the key, what it permits, the account, the body, the limit.

use std::str::FromStr;

use axum::Json;
use axum::extract::{FromRequest, FromRequestParts, Path, Request, State as Shared};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use chrono::TimeDelta;
use serde::Serialize;
use subtle::ConstantTimeEq;
use utoipa::ToSchema;

use super::State;
use super::api_keys::{account_ids, scopes};
use super::auth::credentials;
use super::error::{ApiError, MachineError, MachineErrorBody};
use super::extract::{Body, ClientIp};
use super::otp::{AssistanceBody, CodeRequest, Sender, SubmittedBody, forward};
use crate::domain::account::AuthType;
use crate::domain::api_key::{KeyText, Scope};
use crate::domain::event::Actor;
use crate::domain::ids::{AccountId, ApiKeyId, OrgId, UserId};
use crate::domain::run::RunKind;
use crate::store::accounts::Account;

/// A relay asks every few seconds; that it lives is noted once in this time.
const USE_NOTED_EVERY: TimeDelta = TimeDelta::minutes(1);

/// The key behind a request, read from the database with every request.
pub(super) struct Key {
    org: OrgId,
    user: UserId,
    id: ApiKeyId,
    scopes: Vec<Scope>,
    /// `None` for every account.
    account_ids: Option<Vec<AccountId>>,
}

impl FromRequestParts<State> for Key {
    type Rejection = MachineError;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, MachineError> {
        let text = key_text(&parts.headers).ok_or_else(MachineError::no_key)?;
        let text = KeyText::parse(text).ok_or_else(MachineError::invalid_key)?;
        let deps = &state.deps;
        let found = deps.store.read().await?.api_key_by_prefix(text.prefix).await?;
        let is_right = |hash: &[u8]| bool::from(hash.ct_eq(&text.digest()));
        let key = found
            .filter(|key| is_right(&key.secret_hash) && key.revoked_at.is_none())
            .ok_or_else(MachineError::invalid_key)?;
        let now = deps.now();
        if key.last_used_at.is_none_or(|last| now - last >= USE_NOTED_EVERY) {
            let mut tx = deps.store.write().await?;
            tx.note_api_key_use(key.org_id, key.id, now).await?;
            tx.commit().await?;
        }
        Ok(Self {
            org: key.org_id,
            user: key.user_id,
            id: key.id,
            scopes: scopes(&key),
            account_ids: account_ids(&key),
        })
    }
}

/// `Authorization: Api-Key <key>` or `x-api-key: <key>`; a sign-in token is neither.
fn key_text(headers: &HeaderMap) -> Option<&str> {
    let in_a_header_of_its_own = || headers.get("x-api-key")?.to_str().ok().map(str::trim);
    credentials(headers, AuthType::ApiKey).or_else(in_a_header_of_its_own)
}

impl Key {
    /// The account, if the key may do this to it.
    async fn account(&self, state: &State, id: &str, scope: Scope) -> Result<Account, MachineError> {
        let id = AccountId::from_str(id).ok();
        let is_listed = self.account_ids.as_ref().is_none_or(|ids| id.is_some_and(|id| ids.contains(&id)));
        if !is_listed || !self.scopes.contains(&scope) {
            return Err(MachineError::not_permitted());
        }
        let account = match id {
            Some(id) => state.deps.store.read().await?.account(self.org, id).await?,
            None => None,
        };
        account.ok_or_else(|| ApiError::not_found("Account not found").into())
    }
}

/// Gives a code to the login that waits for it. 202 means forwarded, not accepted by the bank.
#[utoipa::path(post, path = "/v1/accounts/{accountId}/otp", operation_id = "submitCodeWithKey",
    tag = "External API", security(("api_key" = [])),
    params(("accountId" = uuid::Uuid, Path)), request_body = CodeRequest, responses(
    (status = 202, body = SubmittedBody), (status = 400, body = MachineErrorBody),
    (status = 401, body = MachineErrorBody), (status = 403, body = MachineErrorBody),
    (status = 404, body = MachineErrorBody), (status = 429, body = MachineErrorBody)))]
pub(super) async fn submit_code(
    Shared(state): Shared<State>,
    key: Key,
    ClientIp(ip): ClientIp,
    Path(id): Path<String>,
    request: Request,
) -> Result<(StatusCode, Json<SubmittedBody>), MachineError> {
    let account = key.account(&state, &id, Scope::OtpWrite).await?;
    let Body(code) = Body::<CodeRequest>::from_request(request, &state).await?;
    let from = Sender { actor: Actor::User(key.user), ip: ip.to_string(), key: Some(key.id) };
    Ok(forward(&state, (key.org, account.id), from, code)?)
}

#[derive(Serialize, ToSchema)]
pub struct StatusBody {
    #[schema(value_type = uuid::Uuid)]
    account_id: AccountId,
    /// Whether the bank is being read right now.
    session_running: bool,
    /// The code that the login waits for, or `null`.
    pending_assistance: Option<AssistanceBody>,
}

/// Whether the account's login waits for a code. To be asked every few seconds.
#[utoipa::path(get, path = "/v1/accounts/{accountId}/status", operation_id = "getStatusWithKey",
    tag = "External API", security(("api_key" = [])), params(("accountId" = uuid::Uuid, Path)), responses(
    (status = 200, body = StatusBody), (status = 401, body = MachineErrorBody),
    (status = 403, body = MachineErrorBody), (status = 404, body = MachineErrorBody)))]
pub(super) async fn status(
    Shared(state): Shared<State>,
    key: Key,
    Path(id): Path<String>,
) -> Result<Json<StatusBody>, MachineError> {
    let account = key.account(&state, &id, Scope::StatusRead).await?;
    let session_running = state.deps.store.read().await?.is_running(key.org, account.id, RunKind::Scrape).await?;
    let pending_assistance = state.deps.assistance.pending(key.org, account.id).map(AssistanceBody::from);
    Ok(Json(StatusBody { account_id: account.id, session_running, pending_assistance }))
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn a_key_comes_in_either_of_two_headers_and_a_sign_in_token_in_neither() {
        let check = |name: &'static str, value: &'static str, expected: Option<&str>| {
            let headers = HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_static(value))]);
            assert_eq!(key_text(&headers), expected, "{name}: {value}");
        };
        check("authorization", "Api-Key rbk_1", Some("rbk_1"));
        check("authorization", "api-key  rbk_1 ", Some("rbk_1"));
        check("authorization", "API-KEY rbk_1", Some("rbk_1"));
        check("x-api-key", "rbk_1", Some("rbk_1"));
        check("authorization", "Bearer rbk_1", None);
        check("authorization", "rbk_1", None);
        check("cookie", "rbk_1", None);
    }
}
