//! What an account is told beside its documented settings, and how it is run where those are not met.

use axum::Json;
use axum::extract::State as Shared;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::State;
use super::accounts::owned;
use super::auth::Session;
use super::error::{ApiError, ErrorBody, Issue};
use super::extract::{AccountPath, Body, ClientIp};
use crate::domain::account::SessionType;
use crate::domain::event::{EventKind, NewEvent};
use crate::domain::ids::{AccountId, EventId, OrgId};
use crate::domain::time::Instant;
use crate::jobs::Deps;
use crate::jobs::cadence::{Problem, Schedule, ScheduleText};
use crate::jobs::plan::{self, AccountSchedule};
use crate::store::Tx;

/// Session types that this daemon can run.
const SUPPORTED: &[SessionType] = &[SessionType::OneShot];
/// How many of the next readings are shown.
const UPCOMING: usize = 3;

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
    schedule: ScheduleBody,
}

/// When the account is read, and when that is next.
#[derive(Serialize, ToSchema)]
pub struct ScheduleBody {
    #[serde(flatten)]
    settings: ScheduleSettings,
    /// `account` for a schedule of its own, `default` for the deployment's.
    #[schema(example = "account")]
    source: &'static str,
    /// The bank's.
    #[schema(example = "America/Montevideo")]
    time_zone: &'static str,
    /// `null` while a reading waits or is under way, and before there are credentials.
    #[schema(value_type = Option<String>, format = DateTime)]
    next_scrape_at: Option<Instant>,
    /// The next three readings, counted from now, without jitter.
    #[schema(value_type = Vec<String>)]
    upcoming: Vec<Instant>,
}

/// When the account is read.
#[derive(Serialize, ToSchema)]
pub struct ScheduleSettings {
    scrape: ScrapeSettings,
    /// `null`, or left out when saving: day and night.
    hours: Option<HoursSettings>,
}

/// Either `every` or `cron`.
#[derive(Serialize, ToSchema)]
pub struct ScrapeSettings {
    /// From the end of one reading to the next: 1m to 7days.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "20m")]
    every: Option<String>,
    /// Minute, hour, day of month, month, weekday; in the bank's zone, five minutes or more apart.
    #[serde(rename = "cron", skip_serializing_if = "Option::is_none")]
    #[schema(example = "*/30 8-18 * * 1-5")]
    expression: Option<String>,
    /// Most that a reading is moved at random: 0s to 1h, less than the shortest time between two readings. Left out
    /// when saving: the deployment's, where that is short enough.
    #[schema(example = "2m")]
    jitter: Option<String>,
}

/// When the bank may be read, in its zone.
#[derive(Serialize, ToSchema)]
pub struct HoursSettings {
    /// The days on which the hours begin: `mon`, `tue`, `wed`, `thu`, `fri`, `sat`, `sun`.
    #[schema(value_type = Vec<String>)]
    days: Vec<&'static str>,
    #[schema(example = "07:00")]
    from: String,
    /// The first minute that is too late; of the next day where it is not later than `from`.
    #[schema(example = "22:00")]
    to: String,
}

/// All that can be set; it is replaced whole.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OptionsRequest {
    /// Required; `null` is the deployment's schedule.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<ScheduleSettings>)]
    schedule: Option<Value>,
}

/// Tells `null` from a field that is left out.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// How the account is run.
#[utoipa::path(get, path = "/accounts/{accountId}/options", operation_id = "getOptions",
    tag = "Accounts", security(("bearer" = [])), params(("accountId" = uuid::Uuid, Path)), responses(
    (status = 200, body = OptionsBody), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(super) async fn get(
    Shared(state): Shared<State>,
    session: Session,
    AccountPath(id): AccountPath,
) -> Result<Json<OptionsBody>, ApiError> {
    let account = owned(&state, &session, id).await?;
    let mut tx = state.deps.store.read().await?;
    Ok(Json(body(&mut tx, &state.deps, (session.org, account.id), state.deps.now()).await?))
}

/// Replaces the account's schedule; the next reading is planned by it at once.
///
/// Readings that a person asks for are bound neither by the schedule nor by the hours.
#[utoipa::path(put, path = "/accounts/{accountId}/options", operation_id = "saveOptions", tag = "Accounts", security(("bearer" = [])),
    params(("accountId" = uuid::Uuid, Path)), request_body = OptionsRequest, responses(
    (status = 200, body = OptionsBody), (status = 400, body = ErrorBody),
    (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(super) async fn put(
    Shared(state): Shared<State>,
    session: Session,
    ClientIp(ip): ClientIp,
    AccountPath(id): AccountPath,
    Body(request): Body<OptionsRequest>,
) -> Result<Json<OptionsBody>, ApiError> {
    let account = owned(&state, &session, id).await?;
    let deps = &state.deps;
    let now = deps.now();
    let schedule = match request.schedule {
        None => return Err(ApiError::invalid(vec![required()])),
        Some(Value::Null) => None,
        Some(value) => {
            let civil_now = plan::zone_of(&account.time_zone)?.civil_of(now);
            let accepted = Schedule::accept(&value, deps.timing.scrape_jitter, civil_now);
            Some(accepted.map_err(|problems| ApiError::invalid(problems.into_iter().map(Issue::from).collect()))?)
        }
    };
    let text = schedule.map(|schedule| json!(schedule.to_text()).to_string());
    let mut tx = deps.store.write().await?;
    if !tx.hold_account(session.org, id).await? {
        return Err(ApiError::not_found("Account not found")); // Deleted since it was looked up.
    }
    tx.save_account_options(session.org, id, text.as_deref(), now).await?;
    plan::plan_anew(&mut tx, deps, (session.org, id), now).await?;
    let event = NewEvent::engine(EventId(deps.ids.next()), now, EventKind::AccountOptionsSaved)
        .by(session.actor(), Some(ip.to_string()))
        .account(id);
    tx.record(session.org, event);
    let body = body(&mut tx, deps, (session.org, id), now).await?;
    tx.commit().await?;
    Ok(Json(body))
}

fn required() -> Issue {
    let message = "schedule is required; null is the deployment's schedule";
    Issue { field: "schedule".to_owned(), message: message.to_owned() }
}

impl From<Problem> for Issue {
    fn from(problem: Problem) -> Self {
        Self { field: problem.field, message: problem.message }
    }
}

async fn body(
    tx: &mut Tx,
    deps: &Deps,
    (org, account): (OrgId, AccountId),
    now: Instant,
) -> Result<OptionsBody, ApiError> {
    let config = tx.account_config(org, account).await?;
    let schedule = plan::schedule_of(tx, &deps.timing, (org, account)).await?;
    let schedule = schedule.ok_or_else(|| ApiError::not_found("Account not found"))?;
    let session_type = config.map_or(SessionType::OneShot, |config| config.session_type);
    let note = match session_type {
        SessionType::OneShot => None,
        SessionType::Persistent => Some(
            "persistent sessions are not supported yet: the account is read as one-shot, which opens the bank, reads \
             and closes on the schedule",
        ),
    };
    Ok(OptionsBody {
        session_type,
        effective_session_type: SessionType::OneShot,
        session_types_supported: SUPPORTED,
        note,
        schedule: schedule_body(&schedule, now),
    })
}

fn schedule_body(found: &AccountSchedule, now: Instant) -> ScheduleBody {
    let ScheduleText { scrape, hours } = found.schedule.to_text();
    let scrape = ScrapeSettings { every: scrape.every, expression: scrape.expression, jitter: Some(scrape.jitter) };
    let hours = hours.map(|hours| HoursSettings { days: hours.days, from: hours.from, to: hours.to });
    ScheduleBody {
        settings: ScheduleSettings { scrape, hours },
        source: if found.is_own { "account" } else { "default" },
        time_zone: found.zone.0.name(),
        next_scrape_at: found.next_scrape_at,
        upcoming: found.schedule.upcoming(now, found.zone, UPCOMING),
    }
}
