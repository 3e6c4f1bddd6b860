//! What waits, and what fails again and again: jobs, webhooks, polls, readings of banks, blocked logins.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use url::{Position, Url};

use super::storage::Daemon;
use super::{Finding, age, first_few};
use crate::domain::run::{Outcome, RunKind};
use crate::domain::time::Instant;
use crate::store::inspect::{BlockedAccount, FailedRun, FailingDelivery};

/// A job that is ready is taken within seconds by a daemon that works.
const WAIT_MAX: TimeDelta = TimeDelta::minutes(10);

/// What the queue holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Waiting {
    /// Given up, by queue.
    pub dead: Vec<(String, i64)>,
    /// Since when the job that has been due for longest waits.
    pub oldest_due: Option<Instant>,
}

pub(super) fn queue(waiting: &Waiting, daemon: Daemon, now: Instant) -> Finding {
    const NAME: &str = "queue";
    let waits = waiting.oldest_due.map(|due| now - due).filter(|waits| *waits > WAIT_MAX);
    if let Some(waits) = waits.filter(|_| daemon == Daemon::Running) {
        return Finding::fault(
            NAME,
            &format!("a job has been due for {} although a daemon runs", age(waits)),
            "look into the daemon's log, then restart it; what was under way is taken up again",
        );
    }
    if !waiting.dead.is_empty() {
        let dead: Vec<String> = waiting.dead.iter().map(|(queue, count)| format!("{count} in {queue}")).collect();
        return Finding::warning(
            NAME,
            &format!("jobs were given up: {}", first_few(&dead)),
            "look for \"job given up\" in the daemon's log; the schedule makes new jobs for what is still to be done",
        );
    }
    match waits {
        Some(waits) => Finding::fine(NAME, &format!("work waits for a daemon since {}", age(waits))),
        None => Finding::fine(NAME, "no job waits longer than it should, none was given up"),
    }
}

/// `failing` wait for another try; `dead` is how many were given up lately. `limit` is how many were asked for.
pub(super) fn deliveries(failing: &[FailingDelivery], limit: usize, dead: i64, lately: TimeDelta) -> Finding {
    let mut problems = Vec::new();
    if !failing.is_empty() {
        // Of each host the first: it is the next to be tried.
        let mut hosts: BTreeMap<String, (usize, String)> = BTreeMap::new();
        for delivery in failing {
            hosts.entry(host(delivery)).or_insert_with(|| (0, last_answer(delivery))).0 += 1;
        }
        let hosts: Vec<String> =
            hosts.into_iter().map(|(host, (count, answer))| format!("{count} to {host} ({answer})")).collect();
        let at_least = if failing.len() >= limit { "at least " } else { "" };
        problems.push(format!("{at_least}{} wait after a failed try: {}", failing.len(), first_few(&hosts)));
    }
    if dead > 0 {
        problems.push(format!("{dead} were given up in the last {}", age(lately)));
    }
    if problems.is_empty() {
        return Finding::fine("deliveries", "no webhook waits after a failure, none was given up lately");
    }
    Finding::warning(
        "deliveries",
        &problems.join("; "),
        "mend the receiver; what was given up is sent again with POST /conciliation/{id}/notify",
    )
}

/// Host and port of a delivery's URL: paths and queries may hold secrets.
fn host(delivery: &FailingDelivery) -> String {
    let url = delivery.url.as_deref().and_then(|url| Url::parse(url).ok());
    match url {
        Some(url) => url[Position::BeforeHost..Position::AfterPort].to_owned(),
        None => "no usable URL".to_owned(),
    }
}

fn last_answer(delivery: &FailingDelivery) -> String {
    match (&delivery.last_error, delivery.last_status) {
        (Some(error), _) => error.clone(),
        (None, Some(status)) => format!("status {status}"),
        (None, None) => "no answer".to_owned(),
    }
}

/// Accounts whose last run of a kind did not end well; `limit` is how many were asked for.
pub(super) fn runs(kind: RunKind, failed: &[FailedRun], limit: usize) -> Finding {
    let (name, what, remedy) = match kind {
        RunKind::Poll => (
            "polls",
            "poll",
            "mend the customer's endpoint or its settings; try with `reconbanker orders poll --dry <account>`",
        ),
        RunKind::Scrape => {
            ("scrapes", "reading", "GET /accounts/{id}/runs has each reading with what happened and what to do")
        }
    };
    if failed.is_empty() {
        return Finding::fine(name, &format!("the last {what} of every account ended well"));
    }
    let accounts: Vec<String> = failed.iter().map(|run| format!("account {}: {}", run.account_id, why(run))).collect();
    let at_least = if failed.len() >= limit { "at least " } else { "" };
    let detail = format!("the last {what} failed for {at_least}{} account(s): {}", failed.len(), first_few(&accounts));
    Finding::warning(name, &detail, remedy)
}

/// The sentence of an outcome that quotes nobody, else the outcome's word: others may quote a bank or a customer.
fn why(run: &FailedRun) -> &str {
    match (run.outcome, &run.detail) {
        (Outcome::EndpointFailed, Some(detail)) => detail,
        (outcome, _) => outcome.word(),
    }
}

/// `limit` is how many were asked for.
pub(super) fn blocked_accounts(blocked: &[BlockedAccount], limit: usize) -> Finding {
    const NAME: &str = "blocked_accounts";
    if blocked.is_empty() {
        return Finding::fine(NAME, "none");
    }
    let accounts: Vec<String> = blocked
        .iter()
        .map(|account| {
            let reason = account.blocked_reason.as_deref().unwrap_or("no reason was noted");
            let since = account.blocked_at.format("%Y-%m-%d %H:%M UTC");
            format!("account {} since {since}: {reason}", account.account_id)
        })
        .collect();
    let at_least = if blocked.len() >= limit { "at least " } else { "" };
    Finding::warning(
        NAME,
        &format!("{at_least}{} account(s) are read by nobody: {}", blocked.len(), first_few(&accounts)),
        "look at the bank's site and mend the cause, then POST /accounts/{id}/restart, which permits one try",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;

    /// More than any test lists.
    const LIMIT: usize = 100;

    fn at(text: &str) -> Instant {
        text.parse().expect("an instant")
    }

    #[test]
    fn a_job_that_nobody_takes_is_a_fault_while_a_daemon_runs() {
        let now = at("2026-11-20T13:00:00Z");
        let check = |due: Option<&str>, dead: &[(&str, i64)], daemon: Daemon, state: State, part: &str| {
            let dead = dead.iter().map(|(queue, count)| ((*queue).to_owned(), *count)).collect();
            let found = queue(&Waiting { dead, oldest_due: due.map(at) }, daemon, now);
            assert_eq!(found.state, state, "{found:?}");
            assert!(found.detail.contains(part), "{found:?}");
        };
        check(None, &[], Daemon::Running, State::Fine, "no job waits");
        check(Some("2026-11-20T12:50:00Z"), &[], Daemon::Running, State::Fine, "no job waits");
        check(Some("2026-11-20T12:49:00Z"), &[], Daemon::Running, State::Fault, "for 11 min");
        check(Some("2026-11-20T12:49:00Z"), &[], Daemon::Stopped, State::Fine, "waits for a daemon");
        check(Some("2026-11-21T13:00:00Z"), &[], Daemon::Running, State::Fine, "no job waits");
        check(None, &[("deliver", 2), ("poll", 1)], Daemon::Running, State::Warning, "2 in deliver; 1 in poll");
    }

    #[test]
    fn failing_receivers_are_told_by_host_without_path_or_query() {
        let failing = |url: Option<&str>, last_status: Option<i64>, last_error: Option<&str>| FailingDelivery {
            url: url.map(str::to_owned),
            last_status,
            last_error: last_error.map(str::to_owned),
        };
        let shop = failing(Some("https://shop.example:8443/hook?key=s3cret"), Some(503), Some("status 503; its log"));
        let all = [
            shop.clone(),
            failing(Some("https://other.example/h"), None, None),
            failing(Some("https://shop.example:8443/hook?key=s3cret"), Some(500), None),
            failing(None, Some(410), None),
        ];
        let found = deliveries(&all, LIMIT, 0, TimeDelta::days(7));
        assert_eq!(found.state, State::Warning);
        let expected = "4 wait after a failed try: 1 to no usable URL (status 410); 1 to other.example (no answer); \
                        2 to shop.example:8443 (status 503; its log)";
        assert_eq!(found.detail, expected);

        let cut = deliveries(&[shop], 1, 3, TimeDelta::days(7));
        assert!(cut.detail.starts_with("at least 1 wait after a failed try"), "{cut:?}");
        assert!(cut.detail.ends_with("; 3 were given up in the last 7 days"), "{cut:?}");
        assert_eq!(deliveries(&[], LIMIT, 0, TimeDelta::days(7)).state, State::Fine);
        assert_eq!(deliveries(&[], LIMIT, 1, TimeDelta::days(7)).state, State::Warning);
    }

    #[test]
    fn failed_runs_are_told_by_account_and_only_with_sentences_of_our_own() {
        let account = "01991c2e-7b3a-7c11-9a55-3f0c5e6f7a01";
        let failed = |outcome: Outcome, detail: &str| FailedRun {
            account_id: account.parse().expect("an id"),
            outcome,
            detail: Some(detail.to_owned()),
        };
        let check = |kind: RunKind, run: FailedRun, name: &str, reason: &str| {
            let found = runs(kind, &[run], LIMIT);
            assert_eq!((found.name, found.state), (name, State::Warning));
            assert!(found.detail.ends_with(&format!("account {account}: {reason}")), "{found:?}");
        };
        let ours = "the endpoint answered with status 500 instead of 200";
        check(RunKind::Poll, failed(Outcome::EndpointFailed, ours), "polls", ours);
        check(RunKind::Poll, failed(Outcome::Internal, "a job panicked: Ana López"), "polls", "internal");
        check(RunKind::Scrape, failed(Outcome::ActionNeeded, "Ana, llámenos"), "scrapes", "action_needed");
        assert_eq!(runs(RunKind::Poll, &[], LIMIT).state, State::Fine);
        let cut = runs(RunKind::Poll, &[failed(Outcome::Internal, "")], 1);
        assert!(cut.detail.contains("for at least 1 account(s)"), "{cut:?}");
    }

    #[test]
    fn a_blocked_account_is_named_with_its_reason_and_the_way_out() {
        let blocked = BlockedAccount {
            account_id: "01991c2e-7b3a-7c11-9a55-3f0c5e6f7a01".parse().expect("an id"),
            blocked_at: at("2026-11-20T13:00:00Z"),
            blocked_reason: Some("the bank refused the credentials".to_owned()),
        };
        let found = blocked_accounts(&[blocked], LIMIT);
        assert_eq!(found.state, State::Warning);
        let expected = "1 account(s) are read by nobody: account 01991c2e-7b3a-7c11-9a55-3f0c5e6f7a01 since \
                        2026-11-20 13:00 UTC: the bank refused the credentials";
        assert_eq!(found.detail, expected);
        assert!(found.remedy.expect("a remedy").contains("/restart"));
        assert_eq!(blocked_accounts(&[], LIMIT).state, State::Fine);
    }
}
