//! Keys of machines for the paths under `/v1`.

use super::{StoreError, Tx, on_backend};
use crate::domain::ids::{ApiKeyId, OrgId, UserId};
use crate::domain::time::Instant;

/// A key as it is kept: without its secret.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct ApiKey {
    pub org_id: OrgId,
    pub id: ApiKeyId,
    /// The person whose key it is.
    pub user_id: UserId,
    pub name: String,
    /// Unique among all keys; no secret.
    pub prefix: String,
    /// SHA-256 of the secret.
    pub secret_hash: Vec<u8>,
    /// A JSON array of scope words.
    pub scopes: String,
    /// A JSON array of ids; `None` for every account.
    pub account_ids: Option<String>,
    pub created_at: Instant,
    pub last_used_at: Option<Instant>,
    pub revoked_at: Option<Instant>,
}

macro_rules! select_api_key {
    ($rest:literal) => {
        concat!(
            "SELECT org_id, id, user_id, name, prefix, secret_hash, scopes, account_ids, created_at, last_used_at,
                    revoked_at
             FROM api_keys ",
            $rest
        )
    };
}

impl Tx {
    /// Adds a key; `false` when its prefix is taken.
    pub async fn insert_api_key(&mut self, key: &ApiKey) -> Result<bool, StoreError> {
        const SQL: &str = "INSERT INTO api_keys
            (org_id, id, user_id, name, prefix, secret_hash, scopes, account_ids, created_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (prefix) DO NOTHING";
        let rows = on_backend!(self, conn => sqlx::query(SQL)
            .bind(key.org_id).bind(key.id).bind(key.user_id).bind(&key.name).bind(&key.prefix).bind(&key.secret_hash)
            .bind(&key.scopes).bind(&key.account_ids).bind(key.created_at).execute(conn).await?.rows_affected());
        Ok(rows == 1)
    }

    /// A person's keys, newest first, revoked ones included.
    pub async fn api_keys(&mut self, org: OrgId, user: UserId) -> Result<Vec<ApiKey>, StoreError> {
        const SQL: &str = select_api_key!("WHERE org_id = $1 AND user_id = $2 ORDER BY created_at DESC, id DESC");
        Ok(on_backend!(self, conn => sqlx::query_as(SQL).bind(org).bind(user).fetch_all(conn).await?))
    }

    /// The key of this prefix, whosever it is: it says which organisation asks. Revoked ones included.
    pub async fn api_key_by_prefix(&mut self, prefix: &str) -> Result<Option<ApiKey>, StoreError> {
        const SQL: &str = select_api_key!("WHERE prefix = $1");
        Ok(on_backend!(self, conn => sqlx::query_as(SQL).bind(prefix).fetch_optional(conn).await?))
    }

    /// Revokes a person's key for good; `false` when there is none, or none any more.
    pub async fn revoke_api_key(
        &mut self,
        org: OrgId,
        user: UserId,
        id: ApiKeyId,
        now: Instant,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "UPDATE api_keys SET revoked_at = $4
            WHERE org_id = $1 AND user_id = $2 AND id = $3 AND revoked_at IS NULL";
        let rows = on_backend!(self, conn => sqlx::query(SQL)
            .bind(org).bind(user).bind(id).bind(now).execute(conn).await?.rows_affected());
        Ok(rows == 1)
    }

    /// Notes that a key was used.
    pub async fn note_api_key_use(&mut self, org: OrgId, id: ApiKeyId, now: Instant) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE api_keys SET last_used_at = $3 WHERE org_id = $1 AND id = $2";
        on_backend!(self, conn => sqlx::query(SQL).bind(org).bind(id).bind(now).execute(conn).await.map(|_| ())?);
        Ok(())
    }
}
