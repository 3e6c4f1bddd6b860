//! The catalogue of banks.

use axum::Json;
use axum::extract::State as Shared;
use serde::Serialize;
use utoipa::ToSchema;

use super::State;
use super::auth::Session;
use super::error::{ApiError, ErrorBody};
use crate::domain::ids::BankId;

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BankBody {
    #[schema(value_type = uuid::Uuid)]
    id: BankId,
    code: String,
    name: String,
    login_url: Option<String>,
    /// `active` when accounts can be enrolled; else `simulated` or `unverified`.
    status: String,
}

/// Every bank that there is a recipe for.
#[utoipa::path(get, path = "/banks", operation_id = "listBanks", tag = "Banks", security(("bearer" = [])), responses(
    (status = 200, body = [BankBody]), (status = 401, body = ErrorBody)))]
pub(super) async fn list(Shared(state): Shared<State>, _session: Session) -> Result<Json<Vec<BankBody>>, ApiError> {
    let banks = state.deps.store.read().await?.banks().await?;
    let body = |bank: crate::store::banks::Bank| BankBody {
        id: bank.id,
        code: bank.code,
        name: bank.name,
        login_url: bank.login_url,
        status: bank.status,
    };
    Ok(Json(banks.into_iter().map(body).collect()))
}
