//! The documented settings of an account, replaced whole by each save.

use uuid::Uuid;

use super::{StoreError, Tx, on_backend};
use crate::domain::account::{AuthType, LoginMode, PollingMethod, SessionType};
use crate::domain::ids::{AccountId, OrgId};
use crate::domain::time::Instant;

/// Tokens are sealed; JSON values are kept as text.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct AccountConfig {
    pub id: Uuid,
    pub pending_orders_endpoint: Option<String>,
    pub polling_method: PollingMethod,
    /// A JSON object; sent as the body of POST polls.
    pub polling_body: Option<String>,
    pub auth_type: AuthType,
    pub auth_token_sealed: Option<Vec<u8>>,
    pub webhook_url: String,
    /// `None` falls back to `auth_type`, and the token to the polling token.
    pub webhook_auth_type: Option<AuthType>,
    pub webhook_auth_token_sealed: Option<Vec<u8>>,
    /// A JSON object, merged into every payload.
    pub webhook_extra_fields: Option<String>,
    pub notification_endpoint_url: Option<String>,
    pub notification_auth_type: Option<AuthType>,
    pub notification_token_sealed: Option<Vec<u8>>,
    /// A JSON array of event names.
    pub notification_events: Option<String>,
    pub retry_limit: i64,
    pub notify_on_expired: bool,
    pub silent_ingestion: bool,
    pub session_type: SessionType,
    pub login_mode: LoginMode,
}

impl Tx {
    /// `None` before the first save.
    pub async fn account_config(
        &mut self,
        org: OrgId,
        account: AccountId,
    ) -> Result<Option<AccountConfig>, StoreError> {
        const SQL: &str = "SELECT id, pending_orders_endpoint, polling_method, polling_body, auth_type,
                auth_token_sealed, webhook_url, webhook_auth_type, webhook_auth_token_sealed, webhook_extra_fields,
                notification_endpoint_url, notification_auth_type, notification_token_sealed, notification_events,
                retry_limit, notify_on_expired, silent_ingestion, session_type, login_mode
            FROM account_configs WHERE org_id = $1 AND account_id = $2";
        Ok(on_backend!(self, conn => sqlx::query_as(SQL).bind(org).bind(account).fetch_optional(conn).await?))
    }

    /// Replaces all settings; the row's id stays the one of the first save.
    pub async fn save_account_config(
        &mut self,
        org: OrgId,
        account: AccountId,
        config: &AccountConfig,
        now: Instant,
    ) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO account_configs
            (org_id, account_id, id, pending_orders_endpoint, polling_method, polling_body, auth_type,
             auth_token_sealed, webhook_url, webhook_auth_type, webhook_auth_token_sealed, webhook_extra_fields,
             notification_endpoint_url, notification_auth_type, notification_token_sealed, notification_events,
             retry_limit, notify_on_expired, silent_ingestion, session_type, login_mode, updated_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)
            ON CONFLICT (org_id, account_id) DO UPDATE SET
             pending_orders_endpoint = excluded.pending_orders_endpoint, polling_method = excluded.polling_method,
             polling_body = excluded.polling_body, auth_type = excluded.auth_type,
             auth_token_sealed = excluded.auth_token_sealed, webhook_url = excluded.webhook_url,
             webhook_auth_type = excluded.webhook_auth_type,
             webhook_auth_token_sealed = excluded.webhook_auth_token_sealed,
             webhook_extra_fields = excluded.webhook_extra_fields,
             notification_endpoint_url = excluded.notification_endpoint_url,
             notification_auth_type = excluded.notification_auth_type,
             notification_token_sealed = excluded.notification_token_sealed,
             notification_events = excluded.notification_events, retry_limit = excluded.retry_limit,
             notify_on_expired = excluded.notify_on_expired, silent_ingestion = excluded.silent_ingestion,
             session_type = excluded.session_type, login_mode = excluded.login_mode, updated_at = excluded.updated_at";
        on_backend!(self, conn => sqlx::query(SQL)
            .bind(org).bind(account).bind(config.id)
            .bind(&config.pending_orders_endpoint).bind(config.polling_method).bind(&config.polling_body)
            .bind(config.auth_type).bind(&config.auth_token_sealed)
            .bind(&config.webhook_url).bind(config.webhook_auth_type).bind(&config.webhook_auth_token_sealed)
            .bind(&config.webhook_extra_fields)
            .bind(&config.notification_endpoint_url).bind(config.notification_auth_type)
            .bind(&config.notification_token_sealed).bind(&config.notification_events)
            .bind(config.retry_limit).bind(config.notify_on_expired).bind(config.silent_ingestion)
            .bind(config.session_type).bind(config.login_mode).bind(now)
            .execute(conn).await.map(|_| ())?);
        Ok(())
    }
}
