//! How the daemon runs an account, where that is not what its settings say.

use axum::Json;
use axum::extract::State as Shared;
use serde::Serialize;
use utoipa::ToSchema;

use super::State;
use super::accounts::owned;
use super::auth::Session;
use super::error::{ApiError, ErrorBody};
use super::extract::AccountPath;
use crate::domain::account::SessionType;

/// Session types that this daemon can run.
const SUPPORTED: &[SessionType] = &[SessionType::OneShot];

#[derive(Serialize, ToSchema)]
pub struct OptionsBody {
    /// As saved; the default before the first save.
    #[schema(value_type = String, example = "persistent")]
    session_type: SessionType,
    /// As it runs.
    #[schema(value_type = String, example = "one-shot")]
    effective_session_type: SessionType,
    #[schema(value_type = Vec<String>)]
    session_types_supported: &'static [SessionType],
    /// Why the two differ; `null` when they are the same.
    note: Option<&'static str>,
}

/// How the account is run.
#[utoipa::path(get, path = "/accounts/{accountId}/options", tag = "Accounts", security(("bearer" = [])),
    params(("accountId" = uuid::Uuid, Path)), responses(
    (status = 200, body = OptionsBody), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(super) async fn get(
    Shared(state): Shared<State>,
    session: Session,
    AccountPath(id): AccountPath,
) -> Result<Json<OptionsBody>, ApiError> {
    let account = owned(&state, &session, id).await?;
    let config = state.deps.store.read().await?.account_config(session.org, account.id).await?;
    Ok(Json(options(config.map_or(SessionType::OneShot, |config| config.session_type))))
}

fn options(session_type: SessionType) -> OptionsBody {
    let note = match session_type {
        SessionType::OneShot => None,
        SessionType::Persistent => Some(
            "persistent sessions are not supported yet: the account is read as one-shot, which opens the bank, reads \
             and closes on the schedule",
        ),
    };
    OptionsBody { session_type, effective_session_type: SessionType::OneShot, session_types_supported: SUPPORTED, note }
}
