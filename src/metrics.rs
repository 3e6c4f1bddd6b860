//! What an operator measures at `/metrics`, and the only file that knows the Prometheus client.
//!
//! [`Metrics`] counts what this process did since its start. What rows know is not counted a second time: whoever
//! answers a request reads it from the database and hands it over as [`Readings`], so that several daemons on one
//! database tell the same. There is no global registry: each daemon of a process has its own.
//!
//! Names end in their unit, and labels come from closed lists; an account's id is the only one that grows, with the
//! accounts. Never a name, an amount or a path that a caller can choose.

mod process;

use std::borrow::Cow;
use std::time::Duration;

use chrono::TimeDelta;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use crate::domain::account::words;
use crate::domain::expected_payment::PollReport;
use crate::domain::run::{Outcome, RunKind};

/// What an answer with [`Metrics::page`] is called.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Begins every name of ours.
const PREFIX: &str = "reconbanker";

/// Upper bounds in seconds. A poll takes a moment, a scrape with a person's code minutes.
const RUN_BUCKETS: [f64; 10] = [0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0];
/// A receiver may take 15 s; the last bound is for what the network adds.
const DELIVERY_BUCKETS: [f64; 12] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 30.0];
const MATCH_BUCKETS: [f64; 10] = [0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0];

/// Methods that are told apart; a caller can invent others.
const METHODS: [&str; 7] = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];

words! {
    /// What came of one try of a webhook.
    Tried {
        Delivered = "delivered",
        /// It will be tried again.
        Failed = "failed",
        /// Given up: nothing is tried again before a person asks.
        Dead = "dead",
    }
}

/// Name and value, both from closed lists.
type Word = (&'static str, &'static str);

/// The labels of one reading.
pub type Labels<const N: usize> = [(&'static str, String); N];

/// Counters and durations of this process.
pub struct Metrics {
    registry: Registry,
    runs: Family<[Word; 2], Counter>,
    run_durations: Family<[Word; 1], Histogram>,
    poll_orders: Family<[Word; 1], Counter>,
    credential_submissions: Counter,
    delivery_attempts: Family<[Word; 1], Counter>,
    delivery_durations: Histogram,
    match_durations: Histogram,
    http_requests: Family<[(&'static str, Cow<'static, str>); 3], Counter>,
}

impl Default for Metrics {
    fn default() -> Self {
        let metrics = Self {
            registry: Registry::with_prefix(PREFIX),
            runs: Family::default(),
            run_durations: Family::<[Word; 1], Histogram>::new_with_constructor(|| Histogram::new(RUN_BUCKETS)),
            poll_orders: Family::default(),
            credential_submissions: Counter::default(),
            delivery_attempts: Family::default(),
            delivery_durations: Histogram::new(DELIVERY_BUCKETS),
            match_durations: Histogram::new(MATCH_BUCKETS),
            http_requests: Family::default(),
        };
        metrics.begin_at_zero();
        metrics.registered()
    }
}

impl Metrics {
    /// A series that appears only with its first failure would hide that failure from a rate.
    fn begin_at_zero(&self) {
        for kind in RunKind::ALL {
            drop(self.run_durations.get_or_create(&[("kind", kind.word())]));
            for outcome in Outcome::ALL {
                self.runs.get_or_create(&[("kind", kind.word()), ("outcome", outcome.word())]).inc_by(0);
            }
        }
        for tried in Tried::ALL {
            self.delivery_attempts.get_or_create(&[("result", tried.word())]).inc_by(0);
        }
        self.orders_polled(&PollReport::default());
    }

    /// Names everything that is counted. The client adds `_total`, `_info`, the unit, and the full stop.
    fn registered(mut self) -> Self {
        let all = &mut self.registry;
        all.register("build", "The program that answers", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        all.register("runs", "Scrapes and polls that ended, by how", self.runs.clone());
        let help = "How long scrapes and polls took, codes of people included";
        all.register_with_unit("run_duration", help, Unit::Seconds, self.run_durations.clone());
        all.register("poll_orders", "Orders that polls met, by what became of them", self.poll_orders.clone());
        let help = "Times that credentials were submitted to a bank";
        all.register("credential_submissions", help, self.credential_submissions.clone());
        all.register("delivery_attempts", "Tries of webhooks, by result", self.delivery_attempts.clone());
        let help = "How long customers' receivers took for one try";
        all.register_with_unit("delivery_duration", help, Unit::Seconds, self.delivery_durations.clone());
        let help = "How long the matcher took for one account, from reading to the commit";
        all.register_with_unit("match_duration", help, Unit::Seconds, self.match_durations.clone());
        all.register("http_requests", "Requests that this API answered", self.http_requests.clone());
        self
    }

    /// Counts a run that ended. `took` is `None` for one that this process did not see from its beginning.
    pub fn run_finished(&self, kind: RunKind, outcome: Outcome, took: Option<TimeDelta>) {
        self.runs.get_or_create(&[("kind", kind.word()), ("outcome", outcome.word())]).inc();
        if let Some(took) = took {
            // A clock that was set back is no duration.
            let took = took.to_std().unwrap_or_default();
            self.run_durations.get_or_create(&[("kind", kind.word())]).observe(took.as_secs_f64());
        }
    }

    /// Counts what one good poll met.
    pub fn orders_polled(&self, report: &PollReport) {
        let counts = [
            ("new", report.new),
            ("seen", report.seen),
            ("cancelled", report.cancelled),
            ("reopened", report.reopened),
            ("changed", report.changed),
            ("skipped", report.skipped_count),
        ];
        for (result, count) in counts {
            self.poll_orders.get_or_create(&[("result", result)]).inc_by(u64::try_from(count).unwrap_or(u64::MAX));
        }
    }

    /// Counts one submission of credentials; called before the click, once it is written down.
    pub fn credentials_submitted(&self) {
        self.credential_submissions.inc();
    }

    /// Counts one try of a webhook. `took` is `None` where nothing was sent.
    pub fn delivery_tried(&self, result: Tried, took: Option<Duration>) {
        self.delivery_attempts.get_or_create(&[("result", result.word())]).inc();
        if let Some(took) = took {
            self.delivery_durations.observe(took.as_secs_f64());
        }
    }

    /// Notes how long one account's decisions took.
    pub fn matched(&self, took: Duration) {
        self.match_durations.observe(took.as_secs_f64());
    }

    /// Counts an answer. `route` is the template of the path; `None` where no route is, because callers can invent
    /// paths without end.
    pub fn request_answered(&self, method: &str, route: Option<&str>, status: u16) {
        let method = METHODS.iter().find(|known| **known == method).copied().unwrap_or("other");
        let class = match status {
            ..=199 => "1xx",
            200..=299 => "2xx",
            300..=399 => "3xx",
            400..=499 => "4xx",
            500.. => "5xx",
        };
        let route = route.map_or(Cow::Borrowed("none"), |route| Cow::Owned(route.to_owned()));
        let labels = [("method", Cow::Borrowed(method)), ("route", route), ("status", Cow::Borrowed(class))];
        self.http_requests.get_or_create(&labels).inc();
    }

    /// Everything as OpenMetrics text: what was counted, what was read, and what the kernel says of this process.
    pub fn page(&self, readings: &Readings) -> String {
        let mut page = String::new();
        for registry in [&self.registry, &readings.0, &process_registry()] {
            encode_registry(&mut page, registry).expect("writing to a String cannot fail");
        }
        encode_eof(&mut page).expect("writing to a String cannot fail");
        page
    }
}

/// Figures that are read when somebody asks.
pub struct Readings(Registry);

impl Default for Readings {
    fn default() -> Self {
        Self(Registry::with_prefix(PREFIX))
    }
}

impl Readings {
    /// Adds counts of what the last word of `name` says. Without rows there is no such figure.
    pub fn counts<const N: usize>(&mut self, name: &str, help: &str, rows: impl IntoIterator<Item = (Labels<N>, i64)>) {
        self.0.register(name, help, gauges(rows));
    }

    /// Adds ages in seconds; the unit is added to `name`.
    pub fn seconds<const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        rows: impl IntoIterator<Item = (Labels<N>, i64)>,
    ) {
        self.0.register_with_unit(name, help, Unit::Seconds, gauges(rows));
    }
}

fn gauges<const N: usize>(rows: impl IntoIterator<Item = (Labels<N>, i64)>) -> Family<Labels<N>, Gauge> {
    let family = Family::<Labels<N>, Gauge>::default();
    for (labels, value) in rows {
        family.get_or_create(&labels).set(value);
    }
    family
}

/// Under the names that every Prometheus client gives them, so that usual dashboards find them.
fn process_registry() -> Registry {
    let mut registry = Registry::with_prefix("process");
    if let Some(bytes) = process::resident_bytes() {
        let help = "Memory of the daemon alone; browsers are processes of their own";
        registry.register_with_unit("resident_memory", help, Unit::Bytes, ConstGauge::new(bytes));
    }
    if let Some(count) = process::open_files() {
        registry.register("open_fds", "Open file descriptors", ConstGauge::new(count));
    }
    if let Some(at_s) = process::started_at_s() {
        let help = "When the process started, in seconds since 1970 (UTC)";
        registry.register_with_unit("start_time", help, Unit::Seconds, ConstGauge::new(at_s));
    }
    registry
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The value of one series.
    #[track_caller]
    fn check(metrics: &Metrics, series: &str, expected: &str) {
        let page = metrics.page(&Readings::default());
        let value = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        assert_eq!(value, Some(expected), "{series} in:\n{page}");
    }

    #[test]
    fn runs_are_counted_from_zero_and_measured_where_they_were_seen_whole() {
        let metrics = Metrics::default();
        let timeouts = "reconbanker_runs_total{kind=\"scrape\",outcome=\"timeout\"}";
        check(&metrics, timeouts, "0");
        metrics.run_finished(RunKind::Scrape, Outcome::Timeout, Some(TimeDelta::milliseconds(2_500)));
        metrics.run_finished(RunKind::Scrape, Outcome::Timeout, Some(TimeDelta::seconds(-3)));
        metrics.run_finished(RunKind::Scrape, Outcome::Interrupted, None);
        check(&metrics, timeouts, "2");
        check(&metrics, "reconbanker_runs_total{kind=\"scrape\",outcome=\"interrupted\"}", "1");
        check(&metrics, "reconbanker_runs_total{kind=\"poll\",outcome=\"timeout\"}", "0");
        check(&metrics, "reconbanker_run_duration_seconds_count{kind=\"scrape\"}", "2");
        check(&metrics, "reconbanker_run_duration_seconds_sum{kind=\"scrape\"}", "2.5");
        check(&metrics, "reconbanker_run_duration_seconds_bucket{le=\"1.0\",kind=\"scrape\"}", "1");
        check(&metrics, "reconbanker_run_duration_seconds_bucket{le=\"2.5\",kind=\"scrape\"}", "2");
        check(&metrics, "reconbanker_run_duration_seconds_count{kind=\"poll\"}", "0");
    }

    #[test]
    fn tries_polls_and_submissions_are_counted() {
        let metrics = Metrics::default();
        metrics.delivery_tried(Tried::Delivered, Some(Duration::from_millis(20)));
        metrics.delivery_tried(Tried::Dead, None);
        check(&metrics, "reconbanker_delivery_attempts_total{result=\"delivered\"}", "1");
        check(&metrics, "reconbanker_delivery_attempts_total{result=\"failed\"}", "0");
        check(&metrics, "reconbanker_delivery_attempts_total{result=\"dead\"}", "1");
        check(&metrics, "reconbanker_delivery_duration_seconds_count", "1");
        check(&metrics, "reconbanker_delivery_duration_seconds_bucket{le=\"0.01\"}", "0");
        check(&metrics, "reconbanker_delivery_duration_seconds_bucket{le=\"0.025\"}", "1");

        metrics.orders_polled(&PollReport { new: 3, seen: 4, skipped_count: 2, ..PollReport::default() });
        metrics.orders_polled(&PollReport { new: 1, changed: 1, ..PollReport::default() });
        for (result, expected) in [("new", "4"), ("seen", "4"), ("skipped", "2"), ("changed", "1"), ("reopened", "0")] {
            check(&metrics, &format!("reconbanker_poll_orders_total{{result=\"{result}\"}}"), expected);
        }

        metrics.credentials_submitted();
        check(&metrics, "reconbanker_credential_submissions_total", "1");
        metrics.matched(Duration::from_millis(3));
        check(&metrics, "reconbanker_match_duration_seconds_bucket{le=\"0.0025\"}", "0");
        check(&metrics, "reconbanker_match_duration_seconds_bucket{le=\"0.005\"}", "1");
    }

    #[test]
    fn a_caller_cannot_invent_series() {
        let metrics = Metrics::default();
        for (method, status) in [("GET", 200), ("GET", 204), ("GET", 404), ("BREW", 405), ("TEA", 405)] {
            metrics.request_answered(method, Some("/accounts/{accountId}"), status);
        }
        metrics.request_answered("POST", None, 503);
        let accounts = |method: &str, class: &str| {
            format!(
                "reconbanker_http_requests_total{{method=\"{method}\",route=\"/accounts/{{accountId}}\",\
                 status=\"{class}\"}}"
            )
        };
        check(&metrics, &accounts("GET", "2xx"), "2");
        check(&metrics, &accounts("GET", "4xx"), "1");
        check(&metrics, &accounts("other", "4xx"), "2");
        check(&metrics, "reconbanker_http_requests_total{method=\"POST\",route=\"none\",status=\"5xx\"}", "1");
    }
}
