//! Registering, signing in, and the organisation's operation mode.

use axum::Json;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::State;
use super::auth::{Session, hash_password, password_problem, verify_password};
use super::error::{ApiError, ErrorBody};
use super::extract::{Body, ClientIp, name_problem};
use crate::config::Registration;
use crate::domain::account::{OperationMode, Role};
use crate::domain::event::{Actor, EventKind, NewEvent};
use crate::domain::ids::{EventId, IdSource, OrgId, UserId};
use crate::domain::time::Instant;
use crate::jobs::wake_matcher;
use crate::store::orgs::NewUser;
use crate::store::{Store, StoreError};

#[derive(Deserialize, ToSchema)]
pub struct RegisterRequest {
    #[schema(value_type = String)]
    email: Option<String>,
    /// 12 characters to 1,024 bytes.
    #[schema(value_type = String, min_length = 12)]
    password: Option<SecretString>,
    /// At most 200 characters.
    name: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct RegisterResponse {
    #[schema(value_type = uuid::Uuid)]
    id: UserId,
    email: String,
}

/// Registers an organisation with its first user, who administers it.
///
/// By default only the very first registration is open.
#[utoipa::path(post, path = "/auth/register", operation_id = "register",
    tag = "Authentication", request_body = RegisterRequest, responses(
    (status = 201, body = RegisterResponse), (status = 400, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 409, body = ErrorBody), (status = 429, body = ErrorBody)))]
pub(super) async fn register(
    Shared(state): Shared<State>,
    ClientIp(ip): ClientIp,
    Body(request): Body<RegisterRequest>,
) -> Result<(StatusCode, Json<RegisterResponse>), ApiError> {
    state.registration_limit.count(ip)?;
    let (Some(email), Some(password)) = (request.email, request.password) else {
        return Err(ApiError::bad_request("invalid_request", "email and password required"));
    };
    let email =
        normal_email(&email).ok_or_else(|| ApiError::bad_request("invalid_email", "email is not an address"))?;
    if let Some(problem) = password_problem(secrecy::ExposeSecret::expose_secret(&password)) {
        return Err(ApiError::bad_request("weak_password", problem));
    }
    if let Some(problem) = request.name.as_deref().and_then(name_problem) {
        return Err(ApiError::invalid(vec![problem]));
    }
    let closed =
        || ApiError::forbidden("registration_closed", "registration is closed; ask the operator for an account");
    let open = match state.server.registration {
        Registration::Open => true,
        Registration::First => !state.deps.store.read().await?.has_users().await?,
        Registration::Closed => false,
    };
    if !open {
        return Err(closed());
    }
    let password_hash = hash_password(password).await?;
    let who = NewPerson { email: &email, name: request.name.as_deref(), password_hash: &password_hash };
    let only_if_first = state.server.registration == Registration::First;
    let deps = &state.deps;
    let made =
        create_organisation(&deps.store, &*deps.ids, &who, only_if_first, Some(ip.to_string()), deps.now()).await?;
    match made {
        Registered::Yes(id) => Ok((StatusCode::CREATED, Json(RegisterResponse { id, email }))),
        Registered::EmailTaken => Err(ApiError::conflict("email_taken", "Email already exists")),
        Registered::NotFirst => Err(closed()),
    }
}

/// A person about to be added.
pub struct NewPerson<'a> {
    pub email: &'a str,
    pub name: Option<&'a str>,
    pub password_hash: &'a str,
}

/// What became of a registration.
#[derive(Debug, PartialEq, Eq)]
pub enum Registered {
    Yes(UserId),
    EmailTaken,
    /// Someone else registered first.
    NotFirst,
}

/// Makes an organisation and its administrator in one transaction. `ip` is `None` at the command line.
pub async fn create_organisation(
    store: &Store,
    ids: &dyn IdSource,
    who: &NewPerson<'_>,
    only_if_first: bool,
    ip: Option<String>,
    now: Instant,
) -> Result<Registered, StoreError> {
    let (org, user) = (OrgId(ids.next()), UserId(ids.next()));
    let mut tx = store.write().await?;
    if only_if_first {
        tx.lock_users().await?;
    }
    if only_if_first && tx.has_users().await? {
        return Ok(Registered::NotFirst);
    }
    tx.insert_org(org, who.email, now).await?;
    let new = NewUser {
        org_id: org,
        id: user,
        email: who.email,
        name: who.name,
        password_hash: who.password_hash,
        role: Role::Admin,
    };
    if !tx.insert_user(&new, now).await? {
        return Ok(Registered::EmailTaken);
    }
    let actor = if ip.is_some() { Actor::User(user) } else { Actor::Operator };
    let event = NewEvent::engine(EventId(ids.next()), now, EventKind::OrgRegistered).by(actor, ip);
    tx.record(org, event.subject(user.0));
    tx.commit().await?;
    Ok(Registered::Yes(user))
}

/// Adds a person to an organisation that exists; done at the command line.
pub async fn add_to_organisation(
    store: &Store,
    ids: &dyn IdSource,
    org: OrgId,
    who: &NewPerson<'_>,
    role: Role,
    now: Instant,
) -> Result<Registered, StoreError> {
    let id = UserId(ids.next());
    let mut tx = store.write().await?;
    let new = NewUser { org_id: org, id, email: who.email, name: who.name, password_hash: who.password_hash, role };
    if !tx.insert_user(&new, now).await? {
        return Ok(Registered::EmailTaken);
    }
    let event = NewEvent::engine(EventId(ids.next()), now, EventKind::UserAdded).by(Actor::Operator, None);
    tx.record(org, event.subject(id.0).payload(json!({ "role": role.word() })));
    tx.commit().await?;
    Ok(Registered::Yes(id))
}

/// Lower-cased and trimmed; `None` when it cannot be an address.
#[must_use]
pub fn normal_email(text: &str) -> Option<String> {
    let email = text.trim().to_lowercase();
    let (local, domain) = email.split_once('@')?;
    let plausible = !local.is_empty()
        && !domain.is_empty()
        && !domain.contains('@')
        && email.len() <= 254
        && !email.chars().any(|c| c.is_whitespace() || c.is_control());
    plausible.then_some(email)
}

#[derive(Deserialize, ToSchema)]
pub struct LoginRequest {
    #[schema(value_type = String)]
    email: Option<String>,
    #[schema(value_type = String)]
    password: Option<SecretString>,
}

#[derive(Serialize, ToSchema)]
pub struct LoginResponse {
    /// Good for seven days.
    token: String,
    user: UserBody,
}

#[derive(Serialize, ToSchema)]
pub struct UserBody {
    #[schema(value_type = uuid::Uuid)]
    id: UserId,
    email: String,
    name: Option<String>,
}

/// Signs in; the token goes into `Authorization: Bearer <token>`.
#[utoipa::path(post, path = "/auth/login", operation_id = "login",
    tag = "Authentication", request_body = LoginRequest, responses(
    (status = 200, body = LoginResponse), (status = 400, body = ErrorBody),
    (status = 401, body = ErrorBody), (status = 429, body = ErrorBody)))]
pub(super) async fn login(
    Shared(state): Shared<State>,
    ClientIp(ip): ClientIp,
    Body(request): Body<LoginRequest>,
) -> Result<Json<LoginResponse>, ApiError> {
    state.log_in_limit.count(ip)?;
    let (Some(email), Some(password)) = (request.email, request.password) else {
        return Err(ApiError::bad_request("invalid_request", "email and password required"));
    };
    let user = match normal_email(&email) {
        Some(email) => state.deps.store.read().await?.user_by_email(&email).await?,
        None => None,
    };
    let matches = verify_password(password, user.as_ref().map(|user| user.password_hash.clone())).await?;
    let Some(user) = user.filter(|_| matches) else {
        return Err(ApiError::unauthorized("Invalid credentials"));
    };
    let now = state.deps.now();
    let token = state.tokens.issue(user.org_id, user.id, now)?;
    let mut tx = state.deps.store.write().await?;
    let event = NewEvent::engine(EventId(state.deps.ids.next()), now, EventKind::UserLoggedIn);
    tx.record(user.org_id, event.by(Actor::User(user.id), Some(ip.to_string())).subject(user.id.0));
    tx.commit().await?;
    Ok(Json(LoginResponse { token, user: UserBody { id: user.id, email: user.email, name: user.name } }))
}

#[derive(Serialize, ToSchema)]
pub struct MeResponse {
    #[schema(value_type = uuid::Uuid)]
    id: UserId,
    email: String,
    name: Option<String>,
    /// `null` until someone chooses.
    #[schema(value_type = Option<String>, example = "reconcile")]
    operation_mode: Option<OperationMode>,
}

/// The person behind the token.
#[utoipa::path(get, path = "/me", operation_id = "getMe", tag = "User", security(("bearer" = [])), responses(
    (status = 200, body = MeResponse), (status = 401, body = ErrorBody)))]
pub(super) async fn me(session: Session) -> Json<MeResponse> {
    Json(MeResponse {
        id: session.user,
        email: session.email,
        name: session.name,
        operation_mode: session.operation_mode,
    })
}

#[derive(Deserialize, ToSchema)]
pub struct OperationModeRequest {
    /// `reconcile` or `passthrough`.
    #[schema(value_type = String, example = "reconcile")]
    mode: Option<serde_json::Value>,
}

#[derive(Serialize, ToSchema)]
pub struct OperationModeResponse {
    #[schema(value_type = String, example = "reconcile")]
    operation_mode: OperationMode,
}

/// Chooses what happens with every account's movements.
///
/// The same mode again changes nothing.
#[utoipa::path(put, path = "/me/operation-mode", operation_id = "setOperationMode",
    tag = "User", security(("bearer" = [])), request_body = OperationModeRequest, responses(
    (status = 200, body = OperationModeResponse), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody)))]
pub(super) async fn set_operation_mode(
    Shared(state): Shared<State>,
    session: Session,
    ClientIp(ip): ClientIp,
    Body(request): Body<OperationModeRequest>,
) -> Result<Json<OperationModeResponse>, ApiError> {
    let mode = request.mode.as_ref().and_then(|mode| mode.as_str()).and_then(OperationMode::from_word);
    let Some(mode) = mode else {
        return Err(ApiError::bad_request("invalid_request", "mode must be 'reconcile' or 'passthrough'"));
    };
    let now = state.deps.now();
    let mut tx = state.deps.store.write().await?;
    if tx.operation_mode(session.org).await? != Some(mode) {
        // Accounts first, as in every transaction that touches movements: see `bump_revision`.
        tx.bump_all_revisions(session.org).await?;
        match mode {
            OperationMode::Passthrough => tx.mark_all_notified(session.org, now).await.map(|_| ())?,
            OperationMode::Reconcile => {
                tx.schedule_polls(session.org, now).await?;
                // What came in meanwhile may pay an order that was open all the time: nothing else would look.
                for account in tx.accounts(session.org).await? {
                    wake_matcher(&mut tx, &state.deps, (session.org, account.id), None, now).await?;
                }
            }
        }
        tx.set_operation_mode(session.org, mode).await?;
        let event = NewEvent::engine(EventId(state.deps.ids.next()), now, EventKind::OperationModeChanged)
            .by(session.actor(), Some(ip.to_string()))
            .payload(json!({ "mode": mode.word() }));
        tx.record(session.org, event);
    }
    tx.commit().await?;
    Ok(Json(OperationModeResponse { operation_mode: mode }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_compared_without_case_and_space() {
        assert_eq!(normal_email(" Ana@Example.COM ").as_deref(), Some("ana@example.com"));
        for bad in ["", "ana", "@example.com", "ana@", "a b@example.com", "a@b@c"] {
            assert_eq!(normal_email(bad), None, "{bad}");
        }
    }
}
