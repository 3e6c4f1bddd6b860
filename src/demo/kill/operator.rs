//! The person who looks after the daemon: asks for readings, restarts a blocked login, reads what the API shows.

use std::collections::BTreeSet;

use anyhow::Context;
use reqwest::Method;
use serde_json::Value;

use super::checker::{Entry, PaidBy, Period, Request, Row, RowKind};
use crate::demo::client::{Client, text};
use crate::demo::scenario::GOOD_USER;
use crate::demo::world::World;
use crate::domain::account::UNKNOWN_SUBMISSIONS_MAX;
use crate::domain::case::CaseStatus;

/// Rows of one page of a list: as many as the API gives.
const PAGE_ROWS: usize = 500;

pub(super) struct Operator {
    pub client: Client,
    account: String,
    /// Periods that a restart has ended.
    past: Vec<Period>,
    /// Submissions that the period under way began with, see [`Period`].
    permitted: i64,
    /// Scrapes, by run id, whose login the daemon knows to be accepted.
    accepted: BTreeSet<String>,
    pub complaints: Vec<String>,
}

impl Operator {
    pub fn new(client: Client, account: String) -> Self {
        Self {
            client,
            account,
            past: Vec::new(),
            permitted: UNKNOWN_SUBMISSIONS_MAX,
            accepted: BTreeSet::new(),
            complaints: Vec::new(),
        }
    }

    /// Asks for a reading; where the login is blocked, restarts it, which reads too. A daemon that dies meanwhile is
    /// asked again another time.
    pub async fn tend(&mut self, world: &World) {
        let Some(accounts) = self.ask(Method::GET, "/accounts").await else { return };
        if self.note_logins().await.is_none() {
            return;
        }
        if accounts[0]["scrapeBlockedAt"].is_null() {
            self.ask(Method::POST, &format!("/accounts/{}/scrape", self.account)).await;
            return;
        }
        // While it is blocked nothing is submitted: the period can be measured. It ends also when no answer comes,
        // because the restart may have counted.
        let ended = self.present(submitted(world));
        self.past.push(ended);
        self.permitted = 1;
        self.ask(Method::POST, &format!("/accounts/{}/restart", self.account)).await;
    }

    /// Every period, the one under way last.
    pub async fn periods(&mut self, world: &World) -> Vec<Period> {
        // Counted before the daemon's view is read, which can only have grown since.
        let submitted = submitted(world);
        self.note_logins().await;
        let mut periods = self.past.clone();
        periods.push(self.present(submitted));
        periods
    }

    /// Restarts that were asked for.
    pub fn restarts(&self) -> usize {
        self.past.len()
    }

    /// The period under way, when the bank has counted so many submissions in all.
    fn present(&self, submitted: i64) -> Period {
        let accepted = i64::try_from(self.accepted.len()).unwrap_or(i64::MAX);
        let past = |count: fn(&Period) -> i64| self.past.iter().map(count).sum::<i64>();
        Period {
            permitted: self.permitted,
            accepted: accepted - past(|period| period.accepted),
            submitted: submitted - past(|period| period.submitted),
        }
    }

    /// Remembers which logins were accepted; `None` when the daemon does not say.
    async fn note_logins(&mut self) -> Option<()> {
        let runs = self.ask(Method::GET, &format!("/accounts/{}/runs?limit={PAGE_ROWS}", self.account)).await?;
        let logged_in = runs.as_array()?.iter().filter(|run| is_logged_in(run));
        self.accepted.extend(logged_in.filter_map(|run| run["id"].as_str()).map(str::to_owned));
        Some(())
    }

    /// What the API answers; `None` when it does not, or refuses for good reasons.
    async fn ask(&mut self, method: Method, path: &str) -> Option<Value> {
        let (status, answer) = self.client.try_call(method.clone(), path, None).await.ok()?;
        match status {
            200..=299 => return Some(answer),
            // The login was blocked since we looked.
            409 => {}
            _ => self.complaints.push(format!("{method} {path} answered {status}: {answer}")),
        }
        None
    }

    /// Every movement that the API lists.
    pub async fn ledger(&self) -> anyhow::Result<Vec<Entry>> {
        let list = format!("/accounts/{}/movements", self.account);
        // The longer list first: what arrives between the two is then missing in neither.
        let all = self.pages(&format!("{list}?include=pending,debits&")).await?;
        let payments = self.pages(&format!("{list}?")).await?;
        let ids: BTreeSet<&str> = payments.iter().filter_map(|payment| payment["id"].as_str()).collect();
        let others = all.iter().filter(|movement| movement["id"].as_str().is_none_or(|id| !ids.contains(id)));
        let payments = payments.iter().map(|movement| entry(movement, RowKind::Payment));
        payments.chain(others.map(|movement| entry(movement, RowKind::Other))).collect()
    }

    /// Every order that the API lists.
    pub async fn requests(&self) -> anyhow::Result<Vec<Request>> {
        let mut requests = Vec::new();
        for item in self.pages("/conciliation?").await? {
            let word = text(&item, "status")?;
            let status = CaseStatus::from_word(&word).with_context(|| format!("\"{word}\" is no status"))?;
            let paid_by = if status == CaseStatus::Matched {
                let whole = self.client.get(&format!("/conciliation/{}", text(&item, "id")?)).await?;
                paid_by(&whole["match"])?
            } else {
                None
            };
            requests.push(Request { external_id: text(&item, "external_id")?, status, paid_by });
        }
        Ok(requests)
    }

    /// All rows of a list; `list` ends where its next parameter begins.
    async fn pages(&self, list: &str) -> anyhow::Result<Vec<Value>> {
        let mut rows = Vec::new();
        loop {
            let page = self.client.get(&format!("{list}limit={PAGE_ROWS}&offset={}", rows.len())).await?;
            let page = page.as_array().with_context(|| format!("{list} answered no list: {page}"))?;
            rows.extend(page.iter().cloned());
            if page.len() < PAGE_ROWS {
                return Ok(rows);
            }
        }
    }
}

fn submitted(world: &World) -> i64 {
    i64::try_from(world.login_submissions(GOOD_USER)).unwrap_or(i64::MAX)
}

/// Whether a scrape is known to have got past the login: whatever came later, a second stage began.
fn is_logged_in(run: &Value) -> bool {
    let report = &run["report"];
    run["state"] == "finished"
        && report["submitted"].as_bool() == Some(true)
        && report["stages"].as_array().is_some_and(|stages| stages.len() > 1)
}

fn entry(movement: &Value, kind: RowKind) -> anyhow::Result<Entry> {
    let row = Row {
        kind,
        amount: text(movement, "amount")?.parse()?,
        currency: text(movement, "currency")?,
        name: movement["sender_name"].as_str().map(str::to_owned),
        received_at: text(movement, "received_at")?.parse()?,
    };
    Ok(Entry { id: text(movement, "id")?, row, is_taken: !movement["excluded_at"].is_null() })
}

fn paid_by(matched: &Value) -> anyhow::Result<Option<PaidBy>> {
    if matched.is_null() {
        return Ok(None);
    }
    Ok(Some(PaidBy {
        movement: text(matched, "bank_transaction_id")?,
        amount: text(matched, "amount")?.parse()?,
        name: matched["sender_name"].as_str().map(str::to_owned),
    }))
}
