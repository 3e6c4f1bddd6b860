//! Figures for Prometheus: what this process counted, and how the rows stand right now.

use std::time::Duration;

use axum::extract::{MatchedPath, Request, State as Shared};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::State;
use super::error::ErrorBody;
use super::extract::ClientIp;
use crate::domain::case::CaseStatus;
use crate::domain::run::RunKind;
use crate::domain::time::Instant;
use crate::jobs::Deps;
use crate::metrics::{CONTENT_TYPE, Readings};
use crate::store::gauges::{AccountGauge, DeliveryGauge, LastGood, QueueGauge};
use crate::store::{Store, StoreError};

/// How long the database may take. Prometheus itself gives up after ten seconds, and then sees nothing at all.
const PATIENCE: Duration = Duration::from_secs(5);
/// Accounts with a series of their own for each kind of run, those without a good one for longest first.
const ACCOUNTS_MAX: i64 = 10_000;

/// Figures of this daemon and its database, in the OpenMetrics text format.
///
/// Answers the networks of `server.metrics_allow`; for everybody else there is nothing at this path.
#[utoipa::path(get, path = "/metrics", tag = "Health", responses(
    (status = 200, body = String, content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8"),
    (status = 404, body = ErrorBody)))]
pub(super) async fn metrics(Shared(state): Shared<State>, ClientIp(address): ClientIp) -> Response {
    if !state.server.metrics_allow.iter().any(|network| network.contains(&address)) {
        return super::nothing_here().into_response();
    }
    let page = state.deps.metrics.page(&read(&state.deps).await);
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], page).into_response()
}

/// Counts every answer, refused requests and unknown paths included.
pub(super) async fn count_requests(Shared(state): Shared<State>, request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    let route = route.as_ref().map(MatchedPath::as_str);
    state.deps.metrics.request_answered(method.as_str(), route, response.status().as_u16());
    response
}

/// Without its database the daemon still says what it counted: that is when someone looks.
async fn read(deps: &Deps) -> Readings {
    let rows = match tokio::time::timeout(PATIENCE, Rows::read(&deps.store)).await {
        Ok(Ok(rows)) => Some(rows),
        Ok(Err(error)) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "the database does not answer for /metrics");
            None
        }
        Err(_) => {
            tracing::warn!(patience_s = PATIENCE.as_secs(), "the database did not answer in time for /metrics");
            None
        }
    };
    let mut readings = Readings::default();
    let is_up = i64::from(rows.is_some());
    readings.counts("database_up", "Whether the database answers; 0 leaves out all that rows know", [([], is_up)]);
    if let Some(rows) = rows {
        rows.tell(&mut readings, deps.now());
    }
    readings
}

/// What the database knows.
struct Rows {
    queues: Vec<QueueGauge>,
    accounts: AccountGauge,
    open_cases: Vec<(CaseStatus, i64)>,
    deliveries: DeliveryGauge,
    scraped: Vec<LastGood>,
    polled: Vec<LastGood>,
}

impl Rows {
    async fn read(store: &Store) -> Result<Self, StoreError> {
        let mut tx = store.read().await?;
        Ok(Self {
            queues: tx.queue_gauges().await?,
            accounts: tx.account_gauge().await?,
            open_cases: tx.open_case_gauges().await?,
            deliveries: tx.delivery_gauge().await?,
            scraped: tx.last_good_runs(RunKind::Scrape, ACCOUNTS_MAX).await?,
            polled: tx.last_good_runs(RunKind::Poll, ACCOUNTS_MAX).await?,
        })
    }

    fn tell(&self, readings: &mut Readings, now: Instant) {
        let jobs = self.queues.iter().flat_map(|queue| {
            let states = [("ready", queue.ready), ("running", queue.running), ("dead", queue.dead)];
            states.map(|(state, count)| ([word("queue", queue.queue.word()), word("state", state)], count))
        });
        readings.counts("jobs", "Jobs by queue and state", jobs);
        let ages = self.queues.iter().map(|queue| {
            let waited_s = queue.due_at.map_or(0, |due_at| age_s(due_at, now));
            ([word("queue", queue.queue.word())], waited_s)
        });
        readings.seconds("queue_age", "How long the first due job has waited; 0 when none is due", ages);

        let AccountGauge { enrolled, blocked, blocked_logins } = self.accounts;
        readings.counts("accounts", "Enrolled accounts", [([], enrolled)]);
        readings.counts("blocked_accounts", "Accounts that nobody reads until a person restarts", [([], blocked)]);
        readings.counts("blocked_bank_logins", "Bank logins behind blocked accounts", [([], blocked_logins)]);

        let cases = self.open_cases.iter().map(|(status, count)| ([word("status", status.word())], *count));
        readings.counts("open_cases", "Cases that may still be decided, by status", cases);

        let DeliveryGauge { pending, dead, oldest_pending_at } = self.deliveries;
        let deliveries = [("pending", pending), ("dead", dead)].map(|(state, count)| ([word("state", state)], count));
        readings.counts("deliveries", "Webhooks that are not delivered, by state", deliveries);
        let oldest_s = oldest_pending_at.map_or(0, |at| age_s(at, now));
        readings.seconds("delivery_age", "Age of the oldest pending webhook; 0 when none is", [([], oldest_s)]);

        let good = [(RunKind::Scrape, &self.scraped), (RunKind::Poll, &self.polled)];
        let ages = good.into_iter().flat_map(|(kind, accounts)| {
            accounts.iter().map(move |last| {
                let account = ("account_id", last.account_id.to_string());
                ([account, word("kind", kind.word())], age_s(last.since, now))
            })
        });
        readings.seconds("last_good_run_age", "Since the account's last good run, or its enrolment", ages);
    }
}

fn word(label: &'static str, value: &str) -> (&'static str, String) {
    (label, value.to_owned())
}

/// What lies ahead is not old yet.
fn age_s(since: Instant, now: Instant) -> i64 {
    (now - since).num_seconds().max(0)
}
