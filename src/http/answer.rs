//! What several resources read and answer alike.

use axum::Json;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::error::{ApiError, Issue};

/// The request is recorded; the work follows.
#[derive(Serialize, ToSchema)]
pub struct QueuedBody {
    #[schema(example = true)]
    queued: bool,
}

/// 202: recorded and queued.
pub(super) fn queued() -> (StatusCode, Json<QueuedBody>) {
    (StatusCode::ACCEPTED, Json(QueuedBody { queued: true }))
}

/// Longest list that one answer holds.
const LIMIT_MAX: i64 = 500;

/// How many entries a list is to have; more than the maximum counts as the maximum.
pub(super) fn limit_in_query(text: Option<&str>, default: i64) -> Result<i64, ApiError> {
    let wanted = format!("a whole number from 1 to {LIMIT_MAX}");
    Ok(number_in_query("limit", text, 1, &wanted)?.unwrap_or(default).min(LIMIT_MAX))
}

/// How many entries are passed over.
pub(super) fn offset_in_query(text: Option<&str>) -> Result<i64, ApiError> {
    Ok(number_in_query("offset", text, 0, "a whole number, 0 or more")?.unwrap_or(0))
}

/// A number of at least `min`, which `wanted` describes; `None` when it is left out.
fn number_in_query(field: &str, text: Option<&str>, min: i64, wanted: &str) -> Result<Option<i64>, ApiError> {
    let Some(text) = text else { return Ok(None) };
    match text.parse::<i64>() {
        Ok(number) if number >= min => Ok(Some(number)),
        _ => {
            let message = format!("{field} must be {wanted}");
            Err(ApiError::invalid(vec![Issue { field: field.to_owned(), message }]))
        }
    }
}
