//! A person's keys for machines: made, listed, revoked. The whole key is shown once.

use std::str::FromStr;

use axum::Json;
use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::State;
use super::auth::Session;
use super::error::{ApiError, ErrorBody, Issue};
use super::extract::{Body, ClientIp};
use crate::domain::api_key::{KeyText, Scope};
use crate::domain::event::{EventKind, NewEvent};
use crate::domain::hex;
use crate::domain::ids::{AccountId, ApiKeyId, EventId};
use crate::domain::time::Instant;
use crate::store::api_keys::ApiKey;
use crate::vault::random_bytes;

const NAME_CHARS_MAX: usize = 100;
/// Keys that a person may have at once, revoked ones aside.
const KEYS_MAX: usize = 100;
/// Draws of a prefix that nobody has. One in four thousand million is taken, so the second draw is luck enough.
const DRAWS_MAX: usize = 5;

#[derive(Serialize, ToSchema)]
pub struct ApiKeyBody {
    #[schema(value_type = uuid::Uuid)]
    id: ApiKeyId,
    name: String,
    /// The eight characters behind `rbk_`; no secret.
    prefix: String,
    #[schema(value_type = Vec<String>)]
    scopes: Vec<Scope>,
    /// `null` for every account.
    #[schema(value_type = Option<Vec<uuid::Uuid>>)]
    account_ids: Option<Vec<AccountId>>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Instant,
    /// To the minute.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_used_at: Option<Instant>,
    #[schema(value_type = Option<String>, format = DateTime)]
    revoked_at: Option<Instant>,
}

impl From<ApiKey> for ApiKeyBody {
    fn from(key: ApiKey) -> Self {
        Self {
            id: key.id,
            scopes: scopes(&key),
            account_ids: account_ids(&key),
            name: key.name,
            prefix: key.prefix,
            created_at: key.created_at,
            last_used_at: key.last_used_at,
            revoked_at: key.revoked_at,
        }
    }
}

/// What a key permits. A word that this release does not know permits nothing.
pub(super) fn scopes(key: &ApiKey) -> Vec<Scope> {
    let words: Vec<String> = serde_json::from_str(&key.scopes).unwrap_or_default();
    words.iter().filter_map(|word| Scope::from_word(word)).collect()
}

/// The accounts that a key is for; `None` for every account. A list that cannot be read names no account.
pub(super) fn account_ids(key: &ApiKey) -> Option<Vec<AccountId>> {
    key.account_ids.as_deref().map(|text| serde_json::from_str(text).unwrap_or_default())
}

#[derive(Serialize, ToSchema)]
pub struct ApiKeyList {
    keys: Vec<ApiKeyBody>,
    #[schema(value_type = Vec<String>)]
    available_scopes: &'static [Scope],
}

/// The person's keys, newest first, revoked ones included.
#[utoipa::path(get, path = "/me/api-keys", operation_id = "listApiKeys",
    tag = "User", security(("bearer" = [])), responses(
    (status = 200, body = ApiKeyList), (status = 401, body = ErrorBody)))]
pub(super) async fn list(Shared(state): Shared<State>, session: Session) -> Result<Json<ApiKeyList>, ApiError> {
    let keys = state.deps.store.read().await?.api_keys(session.org, session.user).await?;
    let keys = keys.into_iter().map(ApiKeyBody::from).collect();
    Ok(Json(ApiKeyList { keys, available_scopes: Scope::ALL }))
}

#[derive(Deserialize, ToSchema)]
pub struct CreateApiKeyRequest {
    /// 1 to 100 characters.
    #[schema(value_type = String)]
    name: Option<String>,
    /// `otp:write`, `status:read`; at least one.
    #[schema(value_type = Vec<String>)]
    scopes: Option<Vec<String>>,
    /// Left out or `null`: every account.
    #[schema(value_type = Option<Vec<uuid::Uuid>>)]
    account_ids: Option<Vec<String>>,
}

#[derive(Serialize, ToSchema)]
pub struct CreatedApiKeyBody {
    #[serde(flatten)]
    body: ApiKeyBody,
    /// The whole key. It is not kept, so it cannot be shown again.
    key: String,
}

/// Makes a key for the paths under `/v1`.
#[utoipa::path(post, path = "/me/api-keys", operation_id = "createApiKey", tag = "User", security(("bearer" = [])),
    request_body = CreateApiKeyRequest, responses(
    (status = 201, body = CreatedApiKeyBody), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 409, body = ErrorBody)))]
pub(super) async fn create(
    Shared(state): Shared<State>,
    session: Session,
    ClientIp(ip): ClientIp,
    Body(request): Body<CreateApiKeyRequest>,
) -> Result<(StatusCode, Json<CreatedApiKeyBody>), ApiError> {
    let wanted = check(request)?;
    let deps = &state.deps;
    let now = deps.now();
    let mut tx = deps.store.write().await?;
    if let Some(wanted) = &wanted.account_ids {
        let own = tx.accounts(session.org).await?;
        if wanted.iter().any(|id| !own.iter().any(|account| account.id == *id)) {
            return Err(invalid("account_ids", "account_ids may hold ids of GET /accounts only"));
        }
    }
    let in_use = tx.api_keys(session.org, session.user).await?;
    if in_use.iter().filter(|key| key.revoked_at.is_none()).count() >= KEYS_MAX {
        let message = format!("there are {KEYS_MAX} keys already; revoke one that is not used");
        return Err(ApiError::conflict("too_many_keys", message));
    }
    let secret = hex(&random_bytes::<32>());
    let mut key = ApiKey {
        org_id: session.org,
        id: ApiKeyId(deps.ids.next()),
        user_id: session.user,
        name: wanted.name,
        prefix: String::new(),
        secret_hash: KeyText { prefix: "", secret: &secret }.digest().to_vec(),
        scopes: json!(wanted.scopes).to_string(),
        account_ids: wanted.account_ids.map(|ids| json!(ids).to_string()),
        created_at: now,
        last_used_at: None,
        revoked_at: None,
    };
    let mut draws = 0;
    loop {
        key.prefix = hex(&random_bytes::<4>());
        draws += 1;
        if tx.insert_api_key(&key).await? {
            break;
        }
        if draws == DRAWS_MAX {
            return Err(ApiError::unavailable("no free key prefix was drawn; try again"));
        }
    }
    let event = NewEvent::engine(EventId(deps.ids.next()), now, EventKind::ApiKeyCreated)
        .by(session.actor(), Some(ip.to_string()))
        .subject(key.id.0)
        .payload(json!({ "scopes": wanted.scopes }));
    tx.record(session.org, event);
    tx.commit().await?;
    let text = KeyText { prefix: &key.prefix, secret: &secret }.join();
    Ok((StatusCode::CREATED, Json(CreatedApiKeyBody { body: key.into(), key: text })))
}

/// A request for a key whose accounts may still be someone else's.
struct Wanted {
    name: String,
    scopes: Vec<Scope>,
    account_ids: Option<Vec<AccountId>>,
}

fn check(request: CreateApiKeyRequest) -> Result<Wanted, ApiError> {
    let name = request.name.as_deref().map(str::trim).unwrap_or_default();
    if !(1..=NAME_CHARS_MAX).contains(&name.chars().count()) {
        return Err(invalid("name", &format!("name must have 1 to {NAME_CHARS_MAX} characters")));
    }
    let mut scopes = Vec::new();
    for word in request.scopes.unwrap_or_default() {
        let scope = Scope::from_word(&word)
            .ok_or_else(|| invalid("scopes", "scopes may hold otp:write and status:read only"))?;
        if !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    if scopes.is_empty() {
        return Err(invalid("scopes", "scopes must hold at least one of otp:write and status:read"));
    }
    let account_ids = match request.account_ids {
        None => None,
        // Whoever empties a list means to permit less; "every account" would be the opposite.
        Some(ids) if ids.is_empty() => {
            return Err(invalid("account_ids", "account_ids must name an account; null permits every account"));
        }
        Some(ids) => {
            let ids: Result<Vec<AccountId>, _> = ids.iter().map(|id| AccountId::from_str(id)).collect();
            Some(ids.map_err(|_| invalid("account_ids", "account_ids may hold ids of GET /accounts only"))?)
        }
    };
    Ok(Wanted { name: name.to_owned(), scopes, account_ids })
}

fn invalid(field: &str, message: &str) -> ApiError {
    ApiError::invalid(vec![Issue { field: field.to_owned(), message: message.to_owned() }])
}

/// Revokes a key, at once and for good.
#[utoipa::path(delete, path = "/me/api-keys/{keyId}", operation_id = "revokeApiKey",
    tag = "User", security(("bearer" = [])), params(("keyId" = uuid::Uuid, Path)), responses(
    (status = 204), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(super) async fn revoke(
    Shared(state): Shared<State>,
    session: Session,
    ClientIp(ip): ClientIp,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let not_found = || ApiError::not_found("API key not found");
    let id = ApiKeyId::from_str(&id).map_err(|_| not_found())?;
    let deps = &state.deps;
    let now = deps.now();
    let mut tx = deps.store.write().await?;
    if !tx.revoke_api_key(session.org, session.user, id, now).await? {
        return Err(not_found());
    }
    let event = NewEvent::engine(EventId(deps.ids.next()), now, EventKind::ApiKeyRevoked);
    tx.record(session.org, event.by(session.actor(), Some(ip.to_string())).subject(id.0));
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
