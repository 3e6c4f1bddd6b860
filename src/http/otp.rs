//! One-time codes that a login waits for: read and answered by people here, by machines under `/v1`.

use std::num::NonZeroU32;
use std::time::Duration;

use axum::Json;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::State;
use super::accounts::owned;
use super::auth::Session;
use super::error::{ApiError, ErrorBody, Issue};
use super::extract::{AccountPath, Body, ClientIp};
use super::limit::Policy;
use crate::deliver::notice::Descriptor;
use crate::domain::assistance::{CODE_CHARS_MAX, CodeShape};
use crate::domain::event::Actor;
use crate::domain::ids::{AccountId, AnswerId, ApiKeyId, AssistanceId, OrgId};
use crate::session::assistance::{Answer, NotTaken, Request};

/// Codes for one account at once …
const CODES_MAX: NonZeroU32 = NonZeroU32::new(5).expect("five is not zero");
/// … after which one more is taken each two minutes: five in ten minutes.
const CODE_EVERY: Duration = Duration::from_mins(2);
/// The same as answers tell it.
const POLICY: Policy = Policy { name: "codes", quota: CODES_MAX.get(), window_s: 600 };

/// A request for a one-time code.
#[derive(Serialize, ToSchema)]
pub struct AssistanceBody {
    #[schema(value_type = uuid::Uuid)]
    id: AssistanceId,
    /// Always `otp`.
    #[serde(rename = "type")]
    #[schema(example = "otp")]
    kind: &'static str,
    descriptor: DescriptorBody,
    /// Codes that this login has tried before.
    attempts: u32,
}

/// What the code looks like.
#[derive(Serialize, ToSchema)]
pub struct DescriptorBody {
    #[schema(example = 6)]
    length: usize,
    /// `numeric` or `alphanumeric`.
    #[serde(rename = "type")]
    #[schema(example = "numeric")]
    kind: &'static str,
    #[schema(example = "login")]
    purpose: &'static str,
}

impl From<Request> for AssistanceBody {
    fn from(request: Request) -> Self {
        let Descriptor { length, kind, purpose } = request.shape.into();
        let descriptor = DescriptorBody { length, kind, purpose };
        Self { id: request.id, kind: "otp", descriptor, attempts: request.attempts }
    }
}

#[derive(Deserialize, ToSchema)]
pub struct CodeRequest {
    /// 1 to 32 characters.
    #[schema(value_type = String, example = "123456")]
    code: Option<SecretString>,
}

#[derive(Serialize, ToSchema)]
pub struct SubmittedBody {
    submitted: bool,
}

/// The code that the account's login waits for, or `null`. There is at most one.
#[utoipa::path(get, path = "/accounts/{accountId}/otp", operation_id = "getPendingCode",
    tag = "Accounts", security(("bearer" = [])), params(("accountId" = uuid::Uuid, Path)), responses(
    (status = 200, body = Option<AssistanceBody>), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(super) async fn get(
    Shared(state): Shared<State>,
    session: Session,
    AccountPath(id): AccountPath,
) -> Result<Json<Option<AssistanceBody>>, ApiError> {
    let account = owned(&state, &session, id).await?;
    Ok(Json(state.deps.assistance.pending(session.org, account.id).map(AssistanceBody::from)))
}

/// Gives a code to the login that waits for it. 202 means forwarded, not accepted by the bank.
#[utoipa::path(post, path = "/accounts/{accountId}/otp", operation_id = "submitCode",
    tag = "Accounts", security(("bearer" = [])),
    params(("accountId" = uuid::Uuid, Path)), request_body = CodeRequest, responses(
    (status = 202, body = SubmittedBody), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 404, body = ErrorBody), (status = 429, body = ErrorBody)))]
pub(super) async fn submit(
    Shared(state): Shared<State>,
    session: Session,
    ClientIp(ip): ClientIp,
    AccountPath(id): AccountPath,
    Body(request): Body<CodeRequest>,
) -> Result<(StatusCode, Json<SubmittedBody>), ApiError> {
    let account = owned(&state, &session, id).await?;
    let from = Sender { actor: session.actor(), ip: ip.to_string(), key: None };
    forward(&state, (session.org, account.id), from, request)
}

/// Who gives a code.
pub(super) struct Sender {
    pub actor: Actor,
    pub ip: String,
    pub key: Option<ApiKeyId>,
}

/// Hands a code on. What cannot be the code is refused before it costs one of the bank's tries, or of ours.
pub(super) fn forward(
    state: &State,
    (org, account): (OrgId, AccountId),
    from: Sender,
    request: CodeRequest,
) -> Result<(StatusCode, Json<SubmittedBody>), ApiError> {
    let deps = &state.deps;
    let code = request.code.ok_or_else(|| invalid("code is required".to_owned()))?;
    let code = SecretString::from(code.expose_secret().trim());
    if !(1..=CODE_CHARS_MAX).contains(&code.expose_secret().chars().count()) {
        return Err(invalid(format!("code must have 1 to {CODE_CHARS_MAX} characters")));
    }
    // One that nobody waits for yet must not stand in the way of the one that is asked for a moment later.
    let pending = deps.assistance.pending(org, account).ok_or_else(nothing_pending)?;
    if !pending.shape.fits(code.expose_secret()) {
        return Err(misshapen(pending.shape));
    }
    state.code_limit.count(account)?;
    let answer = Answer { id: AnswerId(deps.ids.next()), code, actor: from.actor, ip: from.ip, key: from.key };
    deps.assistance.answer(org, account, answer).map_err(|problem| match problem {
        NotTaken::NothingPending => nothing_pending(),
        NotTaken::Misshapen(shape) => misshapen(shape),
    })?;
    Ok((StatusCode::ACCEPTED, Json(SubmittedBody { submitted: true })))
}

fn nothing_pending() -> ApiError {
    ApiError::not_found("No code is pending for this account")
}

fn misshapen(shape: CodeShape) -> ApiError {
    invalid(format!("code must be {shape}"))
}

fn invalid(message: String) -> ApiError {
    ApiError::invalid(vec![Issue { field: "code".to_owned(), message }])
}

/// How often codes may be given for one account, whoever gives them.
pub(super) struct CodeLimit {
    limiter: DefaultKeyedRateLimiter<AccountId>,
    clock: DefaultClock,
}

impl Default for CodeLimit {
    fn default() -> Self {
        let quota = Quota::with_period(CODE_EVERY).expect("two minutes are not zero").allow_burst(CODES_MAX);
        Self { limiter: RateLimiter::keyed(quota), clock: DefaultClock::default() }
    }
}

impl CodeLimit {
    /// Counts one code; refuses with the time to wait. Called for accounts that wait for one, so the table stays small.
    fn count(&self, account: AccountId) -> Result<(), ApiError> {
        self.limiter
            .check_key(&account)
            .map_err(|until| ApiError::too_many_requests(POLICY, until.wait_time_from(self.clock.now()).as_secs() + 1))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn the_sixth_code_for_an_account_waits_and_other_accounts_do_not() {
        let limit = CodeLimit::default();
        let [first, second] = [1, 2].map(|number| AccountId(Uuid::from_u128(number)));
        for _ in 0..5 {
            limit.count(first).expect("five are taken");
        }
        limit.count(first).expect_err("the sixth is not");
        limit.count(second).expect("another account has its own five");
    }
}
