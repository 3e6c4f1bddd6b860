//! Who is asking: sign-in tokens, passwords, and the extractor that handlers ask for.

use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::State;
use super::error::ApiError;
use crate::domain::account::{AuthType, OperationMode, Role};
use crate::domain::event::Actor;
use crate::domain::ids::{OrgId, UserId};
use crate::domain::time::Instant;

/// Documented: a token is good for seven days, then one logs in again.
const TOKEN_DAYS: i64 = 7;

/// The person behind a request, read from the database with every request, so that a removed user's
/// token is worth nothing.
#[derive(Debug, Clone)]
pub struct Session {
    pub org: OrgId,
    pub user: UserId,
    pub email: String,
    pub name: Option<String>,
    pub role: Role,
    pub operation_mode: Option<OperationMode>,
}

impl Session {
    #[must_use]
    pub fn actor(&self) -> Actor {
        Actor::User(self.user)
    }
}

impl FromRequestParts<State> for Session {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, ApiError> {
        if !parts.headers.contains_key(header::AUTHORIZATION) {
            return Err(ApiError::unauthorized("Unauthorized"));
        }
        let invalid = || ApiError::unauthorized("Invalid token");
        let token = credentials(&parts.headers, AuthType::Bearer).ok_or_else(invalid)?;
        let claims = state.tokens.read(token, state.deps.now()).ok_or_else(invalid)?;
        let mut tx = state.deps.store.read().await?;
        let user = tx.user(claims.org, claims.sub).await?.ok_or_else(invalid)?;
        Ok(Self {
            org: user.org_id,
            user: user.id,
            email: user.email,
            name: user.name,
            role: user.role,
            operation_mode: user.operation_mode,
        })
    }
}

/// What `Authorization` says in a scheme; `None` in another one. Schemes are compared without case (RFC 9110).
pub(super) fn credentials(headers: &HeaderMap, scheme: AuthType) -> Option<&str> {
    let (named, credentials) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    named.eq_ignore_ascii_case(scheme.scheme()).then(|| credentials.trim())
}

/// Signs and reads the documented JWTs (HS256).
pub struct Tokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
}

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    sub: UserId,
    org: OrgId,
    /// Seconds since 1970.
    iat: i64,
    exp: i64,
}

impl Tokens {
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        // The crate would read the machine's clock; `read` compares with ours.
        validation.validate_exp = false;
        Self { encoding: EncodingKey::from_secret(key), decoding: DecodingKey::from_secret(key), validation }
    }

    /// A token for a person, good for seven days.
    pub fn issue(&self, org: OrgId, user: UserId, now: Instant) -> Result<String, ApiError> {
        let iat = now.timestamp();
        let claims = Claims { sub: user, org, iat, exp: iat + TOKEN_DAYS * 86_400 };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding)
            .map_err(|error| ApiError::internal(&error))
    }

    /// Whose token a request carries; `None` without one, or when it is not good. Whether the user still exists is
    /// not asked.
    pub(super) fn user_of(&self, headers: &HeaderMap, now: Instant) -> Option<UserId> {
        Some(self.read(credentials(headers, AuthType::Bearer)?, now)?.sub)
    }

    /// `None` for anything but a token of ours that has not expired.
    fn read(&self, token: &str, now: Instant) -> Option<Claims> {
        let claims = jsonwebtoken::decode::<Claims>(token, &self.decoding, &self.validation).ok()?.claims;
        (claims.exp > now.timestamp()).then_some(claims)
    }
}

/// Passwords at least this long; a passphrase is welcome.
pub const PASSWORD_CHARS_MIN: usize = 12;
/// Beyond this, hashing would be a way to keep us busy.
pub const PASSWORD_BYTES_MAX: usize = 1_024;

/// What is wrong with a password, if anything.
#[must_use]
pub fn password_problem(password: &str) -> Option<String> {
    if password.chars().count() < PASSWORD_CHARS_MIN {
        return Some(format!("password must have at least {PASSWORD_CHARS_MIN} characters"));
    }
    (password.len() > PASSWORD_BYTES_MAX).then(|| format!("password must have at most {PASSWORD_BYTES_MAX} bytes"))
}

/// Hashes with argon2id, off the async threads: it takes tens of milliseconds on purpose.
pub async fn hash_password(password: SecretString) -> Result<String, ApiError> {
    tokio::task::spawn_blocking(move || {
        argon2::Argon2::default().hash_password(password.expose_secret().as_bytes()).map(|hash| hash.to_string())
    })
    .await
    .map_err(|error| ApiError::internal(&error))?
    .map_err(|error| ApiError::internal(&error))
}

/// Compares a password with a stored hash; without a hash it spends the same time and says no, so
/// that an unknown address cannot be told from a wrong password.
pub async fn verify_password(password: SecretString, hash: Option<String>) -> Result<bool, ApiError> {
    tokio::task::spawn_blocking(move || {
        let known = hash.is_some();
        let stand_in = "$argon2id$v=19$m=19456,t=2,p=1$c3RhbmQtaW4tc2FsdA$4oxNk2o0iXhd1hOoCi2vXjz2+dFZQ3jYqq4zjrK6F0k";
        let hash = hash.unwrap_or_else(|| stand_in.to_owned());
        let Ok(parsed) = argon2::password_hash::phc::PasswordHash::new(&hash) else { return false };
        let matches = argon2::Argon2::default().verify_password(password.expose_secret().as_bytes(), &parsed).is_ok();
        known && matches
    })
    .await
    .map_err(|error| ApiError::internal(&error))
}
