//! What an operator measures: exact, complete, described, and for some eyes only.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::TimeDelta;
use reconbanker::demo::world::ReceiverBehaviour;
use reconbanker::domain::ids::JobId;
use reconbanker::domain::run::Outcome;
use reconbanker::scrape::Engine;
use reconbanker::store::jobs::{NewJob, Queue};
use reqwest::Method;

use crate::support::{Answer, Backend, FakeBank, GOOD_USER, TestApp, credit, each_backend, id};

const OPERATIONS: &str = include_str!("../../../docs/operations.md");
const ALERTS: &str = include_str!("../../../docs/alerts.yaml");

/// Words that a name may end in: units of measure, or what is counted.
const UNITS: [&str; 11] =
    ["accounts", "bytes", "cases", "deliveries", "fds", "info", "jobs", "logins", "seconds", "total", "up"];

/// One reading of `/metrics`, judged line by line.
#[derive(Default)]
struct Page {
    /// Types by name, as the documentation names them: with `_total` and `_info`.
    types: BTreeMap<String, String>,
    /// Values by series, labels included.
    series: BTreeMap<String, String>,
}

impl Page {
    fn parse(text: &str) -> Self {
        let mut page = Self::default();
        let (mut family, mut kind) = ("", "");
        for line in text.strip_suffix("# EOF\n").expect("the mark of the end").lines() {
            if let Some((name, help)) = line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' ')) {
                assert!(help.len() > 1 && help.ends_with('.'), "{name} says nothing: {help}");
                (family, kind) = (name, "");
            } else if let Some((name, of)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
                assert_eq!(name, family, "a type without a help above it");
                kind = of;
                let suffix = suffixes(kind)[0];
                let known = if kind == "histogram" { name.to_owned() } else { format!("{name}{suffix}") };
                assert!(page.types.insert(known, kind.to_owned()).is_none(), "{name} stands twice");
            } else if let Some((name, unit)) = line.strip_prefix("# UNIT ").and_then(|rest| rest.split_once(' ')) {
                assert_eq!(name, family, "a unit of another name");
                assert!(name.ends_with(&format!("_{unit}")), "{name} does not end in {unit}");
            } else {
                let (series, value) = line.rsplit_once(' ').expect("a value");
                let name = series.split('{').next().unwrap_or_default();
                let suffix = name.strip_prefix(family).expect("a series below its own family");
                assert!(suffixes(kind).contains(&suffix), "{name} is no {kind}");
                assert!(value.parse::<f64>().is_ok(), "{line}");
                let before = page.series.insert(series.to_owned(), value.to_owned());
                assert_eq!(before, None, "{series} stands twice");
            }
        }
        page
    }

    #[track_caller]
    fn check(&self, series: &str, expected: &str) {
        assert_eq!(self.series.get(series).map(String::as_str), Some(expected), "{series} in {:#?}", self.series);
    }

    /// Names of series without their labels.
    fn names(&self) -> BTreeSet<&str> {
        self.series.keys().filter_map(|series| series.split('{').next()).collect()
    }
}

/// What the names of a type's series have after the family's name.
fn suffixes(kind: &str) -> &'static [&'static str] {
    match kind {
        "counter" => &["_total"],
        "gauge" => &[""],
        "histogram" => &["_bucket", "_count", "_sum"],
        "info" => &["_info"],
        other => panic!("no type of ours: {other:?}"),
    }
}

fn parsed(answer: Answer) -> Page {
    assert_eq!(answer.header("content-type"), "application/openmetrics-text; version=1.0.0; charset=utf-8");
    Page::parse(answer.expect(200).as_str().expect("a text"))
}

async fn read(test: &TestApp) -> Page {
    parsed(test.api.get("/metrics").await)
}

/// Asks as somebody whom our proxy forwards.
async fn read_from(test: &TestApp, address: &'static str) -> Answer {
    test.api.send(Method::GET, "/metrics", |request| request.header("x-forwarded-for", address)).await
}

async fn start(backend: Backend) -> (TestApp, Arc<FakeBank>) {
    let bank = FakeBank::new();
    let test = TestApp::start_with(backend, Some(Arc::clone(&bank) as Arc<dyn Engine>)).await;
    (test, bank)
}

each_backend! {
    /// A payment from the bank to the shop moves each figure by what happened, and no other.
    async fn what_happened_is_counted_exactly(backend: Backend) {
        let (mut test, bank) = start(backend).await;
        let account = test.enrol(GOOD_USER, "reconcile").await;
        test.order("ORDER-1", "Juan Pérez", "1500.00");
        test.order("ORDER-2", "Juan Pérez", "500.50");
        bank.show(vec![credit("f1", "1500.00", "2026-11-20")]);
        test.scrape(account).await;
        test.clock.advance(TimeDelta::seconds(90));

        let page = read(&test).await;
        let version = env!("CARGO_PKG_VERSION");
        page.check(&format!("reconbanker_build_info{{version=\"{version}\"}}"), "1");
        for kind in ["scrape", "poll"] {
            page.check(&format!("reconbanker_runs_total{{kind=\"{kind}\",outcome=\"ok\"}}"), "1");
            page.check(&format!("reconbanker_runs_total{{kind=\"{kind}\",outcome=\"timeout\"}}"), "0");
            // The clock stands still while jobs run.
            page.check(&format!("reconbanker_run_duration_seconds_sum{{kind=\"{kind}\"}}"), "0.0");
            page.check(&format!("reconbanker_run_duration_seconds_bucket{{le=\"0.5\",kind=\"{kind}\"}}"), "1");
            page.check(&format!("reconbanker_run_duration_seconds_count{{kind=\"{kind}\"}}"), "1");
            let age = format!("reconbanker_last_good_run_age_seconds{{account_id=\"{account}\",kind=\"{kind}\"}}");
            page.check(&age, "90");
        }
        page.check("reconbanker_poll_orders_total{result=\"new\"}", "2");
        page.check("reconbanker_poll_orders_total{result=\"seen\"}", "0");
        page.check("reconbanker_credential_submissions_total", "1");
        page.check("reconbanker_match_duration_seconds_count", "1");
        page.check("reconbanker_delivery_attempts_total{result=\"delivered\"}", "1");
        page.check("reconbanker_delivery_attempts_total{result=\"failed\"}", "0");
        page.check("reconbanker_delivery_duration_seconds_count", "1");
        page.check("reconbanker_open_cases{status=\"not_found\"}", "1");
        page.check("reconbanker_open_cases{status=\"pending\"}", "0");
        page.check("reconbanker_deliveries{state=\"pending\"}", "0");
        page.check("reconbanker_delivery_age_seconds", "0");
        page.check("reconbanker_database_up", "1");
        page.check("reconbanker_accounts", "1");
        page.check("reconbanker_blocked_accounts", "0");
        for route in ["/accounts", "/accounts/{accountId}/scrape"] {
            let labels = format!("method=\"POST\",route=\"{route}\",status=\"2xx\"");
            page.check(&format!("reconbanker_http_requests_total{{{labels}}}"), "1");
        }
        test.finish().await;
    }

    /// A receiver that is down and a job that nobody takes are seen while they wait, and gone after.
    async fn what_waits_is_told_with_its_age(backend: Backend) {
        let (mut test, bank) = start(backend).await;
        let account = test.enrol(GOOD_USER, "passthrough").await;
        test.world.set_receiver_behaviour(ReceiverBehaviour::Status(503));
        bank.show(vec![credit("f1", "1500.00", "2026-11-20")]);
        test.scrape(account).await;
        let (org_id, run_at) = (test.org().await, test.app.deps.now());
        let mut tx = test.app.deps.store.write().await.expect("a transaction");
        let job = NewJob { id: JobId(id()), org_id, queue: Queue::Match, subject: account.0, run_id: None, run_at };
        tx.enqueue(&job, run_at).await.expect("a job");
        tx.commit().await.expect("a commit");

        // The first retry is due after four to six seconds.
        test.clock.advance(TimeDelta::seconds(3));
        let page = read(&test).await;
        page.check("reconbanker_delivery_attempts_total{result=\"failed\"}", "1");
        page.check("reconbanker_deliveries{state=\"pending\"}", "1");
        page.check("reconbanker_delivery_age_seconds", "3");
        page.check("reconbanker_jobs{queue=\"deliver\",state=\"ready\"}", "1");
        page.check("reconbanker_queue_age_seconds{queue=\"deliver\"}", "0");
        page.check("reconbanker_jobs{queue=\"match\",state=\"ready\"}", "1");
        page.check("reconbanker_queue_age_seconds{queue=\"match\"}", "3");
        page.check("reconbanker_jobs{queue=\"scrape\",state=\"running\"}", "0");
        let polled = format!("reconbanker_last_good_run_age_seconds{{account_id=\"{account}\",kind=\"poll\"}}");
        assert_eq!(page.series.get(&polled), None, "in passthrough nothing is polled");

        test.world.set_receiver_behaviour(ReceiverBehaviour::Ok);
        test.clock.advance(TimeDelta::seconds(4));
        test.settle().await;
        let page = read(&test).await;
        page.check("reconbanker_delivery_attempts_total{result=\"delivered\"}", "1");
        page.check("reconbanker_deliveries{state=\"pending\"}", "0");
        page.check("reconbanker_delivery_age_seconds", "0");
        page.check("reconbanker_jobs{queue=\"deliver\",state=\"ready\"}", "0");
        page.check("reconbanker_queue_age_seconds{queue=\"match\"}", "0");
        test.finish().await;
    }

    async fn a_blocked_account_shows(backend: Backend) {
        let (mut test, bank) = start(backend).await;
        let account = test.enrol(GOOD_USER, "reconcile").await;
        bank.refuse(Outcome::InvalidCredentials);
        test.scrape(account).await;
        let page = read(&test).await;
        page.check("reconbanker_runs_total{kind=\"scrape\",outcome=\"invalid_credentials\"}", "1");
        page.check("reconbanker_runs_total{kind=\"scrape\",outcome=\"ok\"}", "0");
        page.check("reconbanker_credential_submissions_total", "1");
        page.check("reconbanker_accounts", "1");
        page.check("reconbanker_blocked_accounts", "1");
        page.check("reconbanker_blocked_bank_logins", "1");
        test.finish().await;
    }

    /// Whoever is not allowed cannot tell the path from one that does not exist.
    async fn only_the_networks_of_the_setting_read_it(backend: Backend) {
        let settings = [("server.metrics_allow", "10.0.0.0/8"), ("server.trusted_proxies", "127.0.0.0/8")];
        let test = TestApp::start_set(backend, None, &settings).await;
        parsed(read_from(&test, "10.1.2.3").await);
        let unknown = test.api.get("/nowhere").await;
        for hidden in [test.api.get("/metrics").await, read_from(&test, "192.0.2.1").await] {
            let headers = |answer: &Answer| -> BTreeSet<String> {
                answer.headers.keys().map(ToString::to_string).collect()
            };
            assert_eq!(headers(&hidden), headers(&unknown));
            assert_eq!(hidden.status, 404);
            assert_eq!(hidden.body, unknown.body);
        }
        test.finish().await;

        let test = TestApp::start_set(backend, None, &[("server.metrics_allow", "")]).await;
        test.api.get("/metrics").await.error(404);
        test.finish().await;
    }

    async fn without_its_database_the_daemon_still_tells_what_it_counted(backend: Backend) {
        let test = TestApp::start(backend).await;
        read(&test).await.check("reconbanker_database_up", "1");
        test.app.deps.store.close().await;
        let page = read(&test).await;
        page.check("reconbanker_database_up", "0");
        page.check("reconbanker_runs_total{kind=\"poll\",outcome=\"ok\"}", "0");
        page.check("reconbanker_http_requests_total{method=\"GET\",route=\"/metrics\",status=\"2xx\"}", "1");
        for unknown in ["reconbanker_jobs", "reconbanker_accounts", "reconbanker_deliveries"] {
            assert!(!page.types.contains_key(unknown), "{unknown} cannot be known");
        }
        assert!(page.types.contains_key("process_resident_memory_bytes"));
        test.stop_daemon().await.close().await;
    }

    /// Every figure ends in its unit and has its row in the documentation, with its type; the alerts use no other.
    async fn every_figure_is_described(backend: Backend) {
        let (mut test, _bank) = start(backend).await;
        test.enrol(GOOD_USER, "reconcile").await;
        test.settle().await;
        let page = read(&test).await;
        for name in page.types.keys() {
            let unit = name.rsplit('_').next().unwrap_or_default();
            assert!(UNITS.contains(&unit), "{name} does not end in a unit");
        }
        let is_ours = |name: &str| name.starts_with("reconbanker_") || name.starts_with("process_");
        assert!(page.types.keys().all(|name| is_ours(name)), "{:?}", page.types);

        let described: BTreeMap<String, String> = OPERATIONS
            .lines()
            .filter_map(|line| {
                let (name, rest) = line.strip_prefix("| `")?.split_once("` | ")?;
                let kind = rest.split(" | ").next()?;
                is_ours(name).then(|| (name.to_owned(), kind.to_owned()))
            })
            .collect();
        assert_eq!(described, page.types);

        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let used: BTreeSet<&str> = ALERTS.split(|c: char| !is_word(c)).filter(|word| is_ours(word)).collect();
        assert!(!used.is_empty());
        let names = page.names();
        let unknown: Vec<_> = used.difference(&names).collect();
        assert!(unknown.is_empty(), "docs/alerts.yaml asks for {unknown:?}");
        test.finish().await;
    }
}
