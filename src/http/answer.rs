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

/// A number of the query; `None` when it is left out.
pub(super) fn number_in_query(field: &str, text: Option<&str>, min: i64) -> Result<Option<i64>, ApiError> {
    let Some(text) = text else { return Ok(None) };
    match text.parse::<i64>() {
        Ok(number) if number >= min => Ok(Some(number)),
        _ => {
            let message = format!("{field} must be a whole number, {min} or more");
            Err(ApiError::invalid(vec![Issue { field: field.to_owned(), message }]))
        }
    }
}
