//! The order of a run: log in, list the accounts, read each one's movements, log out.

use std::num::NonZeroU32;
use std::time::Duration;

use chrono::{Days, NaiveDate};
use secrecy::ExposeSecret;
use tokio::time::{Instant, sleep, timeout};

use super::browser::Browser;
use super::extract::{self, AccountRow, ExtractError, Row};
use super::failure::Failure;
use super::flow::{Flow, LOOK_EVERY};
use super::origins::AllowedOrigins;
use super::recipe::{Input, MustChange, Order, Pages, Recipe, Source, Stop};
use super::select::find_all;
use super::snapshot::Snapshot;
use super::state::Phase;
use super::template::Scope;
use super::{AccountRead, ScrapeReport, ScrapeRequest, Stage, Watcher};
use crate::domain::run::Outcome;

/// The flow that every recipe has.
const LOGIN: &str = "login";
/// Logging out is a courtesy to the bank; the session ends with the browser anyway.
const LOGOUT_LIMIT: Duration = Duration::from_secs(10);

/// Runs a request in a browser that is open already.
pub async fn drive<B: Browser>(browser: &mut B, request: &ScrapeRequest, watcher: &dyn Watcher) -> ScrapeReport {
    let recipe = &*request.recipe;
    let origins = match prepare(request) {
        Ok(origins) => origins,
        Err(failure) => return ScrapeReport::ended(failure.outcome, failure.detail),
    };
    let scope = scope(request, None, (request.from, request.to));
    let mut run = Run {
        flow: Flow::new(browser, recipe, watcher, origins, scope),
        request,
        recipe,
        watcher,
        stages: Vec::new(),
        stage_began: Instant::now(),
        accounts: Vec::new(),
    };
    let ending = timeout(recipe.limits.run, run.sections()).await.unwrap_or_else(|_| Err(run.overdue()));
    run.log_out(ending.as_ref().err()).await;
    run.into_report(ending)
}

/// Checks a request before anything is started, and says where its run may go.
pub(super) fn prepare(request: &ScrapeRequest) -> Result<AllowedOrigins, Failure> {
    let invalid = |detail: String| Failure::new(Outcome::RecipeInvalid, detail);
    for (name, input) in &request.recipe.inputs {
        let value: Option<&str> = request.inputs.get(name).map(ExposeSecret::expose_secret);
        if let Some(problem) = problem_with(input, value) {
            let setting = input.config.as_deref().unwrap_or(name);
            return Err(invalid(format!(
                "the input `{name}` {problem}; correct `{setting}` in the account's settings"
            )));
        }
    }
    let scope = scope(request, None, (request.from, request.to));
    AllowedOrigins::resolve(&request.recipe, &scope).map_err(|error| invalid(error.to_string()))
}

/// What is wrong with the value of an input, without the value.
fn problem_with(input: &Input, value: Option<&str>) -> Option<&'static str> {
    let Some(value) = value.filter(|value| !value.is_empty()) else {
        return (!input.optional).then_some("has no value");
    };
    if !input.choices.is_empty() && !input.choices.iter().any(|choice| choice == value) {
        return Some("is none of the recipe's choices");
    }
    let fits = |pattern: &regex::Regex| pattern.find(value).is_some_and(|found| found.len() == value.len());
    let is_misshapen = input.pattern.as_ref().is_some_and(|pattern| !fits(pattern));
    is_misshapen.then_some("does not look like the recipe's pattern")
}

/// How often a list is read before a bank that keeps booking meanwhile is given up.
const STABLE_TRIES: usize = 3;

struct Run<'r, B> {
    flow: Flow<'r, B>,
    request: &'r ScrapeRequest,
    recipe: &'r Recipe,
    watcher: &'r dyn Watcher,
    /// The last one is under way since `stage_began`.
    stages: Vec<Stage>,
    stage_began: Instant,
    /// The last one may be incomplete.
    accounts: Vec<AccountRead>,
}

/// One page of movements.
struct Page {
    rows: Vec<Row>,
    is_last: bool,
}

impl<B: Browser> Run<'_, B> {
    async fn sections(&mut self) -> Result<(), Failure> {
        self.begin(LOGIN.to_owned());
        self.flow.run(LOGIN).await?;
        self.flow.phase = Phase::LoggedIn;
        self.watcher.credentials_taken();

        self.begin("accounts".to_owned());
        let accounts = self.account_rows().await?;

        let mut unreadable = Ok(());
        for (index, account) in accounts.iter().enumerate() {
            self.begin(format!("movements {}/{}", index + 1, accounts.len()));
            match self.read_account(account).await {
                Ok(()) => {}
                // One account's unreadable page says nothing about the next account.
                Err(failure) if concerns_one_account(&failure) => unreadable = unreadable.and(Err(failure)),
                Err(failure) => return Err(failure),
            }
        }
        unreadable
    }

    async fn account_rows(&mut self) -> Result<Vec<AccountRow>, Failure> {
        let section = &self.recipe.accounts;
        self.flow.run(&section.flow).await?;
        let snapshot = self.source(&section.source).await?;
        let mut accounts = extract::accounts(self.recipe, &snapshot)?;
        let chosen = section.choose.as_ref().and_then(|name| self.request.inputs.get(name));
        if let Some(chosen) = chosen.map(|value| letters_and_digits(value.expose_secret())).filter(|c| !c.is_empty()) {
            accounts.retain(|account| letters_and_digits(account.number()) == chosen);
            if accounts.is_empty() {
                let detail = "the account named in the settings is not among those that the bank shows";
                return Err(Failure::new(Outcome::ActionNeeded, detail));
            }
        }
        Ok(accounts)
    }

    async fn read_account(&mut self, account: &AccountRow) -> Result<(), Failure> {
        self.accounts.push(AccountRead {
            bank_account: account.number().to_owned(),
            currency: account.currency(),
            movements: Vec::new(),
            pages: 0,
            complete: false,
        });
        let section = &self.recipe.movements;
        let mut rows = Vec::new();
        for window in windows(self.request.from, self.request.to, section.window.max_days, section.order) {
            self.flow.scope = scope(self.request, Some(account), window);
            rows.append(&mut self.read_window(account, &section.flow).await?);
        }
        let balances = extract::check_running_balance(self.recipe, &rows);
        let movements = extract::to_movements(self.recipe, account.number(), rows, self.request.read_at);
        let read = self.read();
        read.movements = movements;
        // A list whose balances do not add up may hold a row twice or miss one: nothing is concluded from it.
        read.complete = balances.is_ok();
        balances.map_err(|detail| Failure::new(Outcome::BalanceMismatch, detail))
    }

    /// Reads all pages of one window.
    ///
    /// A movement that is booked between two pages shifts the rows: one is then seen twice, or never.
    /// So after several pages the first is opened once more, and a list that changed is read again.
    async fn read_window(&mut self, account: &AccountRow, flow: &str) -> Result<Vec<Row>, Failure> {
        for _ in 0..STABLE_TRIES {
            let mut rows = Vec::new();
            self.flow.run(flow).await?;
            let first_page = self.read_pages(account, &mut rows).await?;
            if first_page == rows.len() {
                return Ok(rows);
            }
            self.flow.run(flow).await?;
            let again = self.page(account).await??;
            if again.rows.iter().map(|row| &row.raw).eq(rows[..first_page].iter().map(|row| &row.raw)) {
                return Ok(rows);
            }
        }
        let detail = "the list changed every time while its pages were read; it is read again in the next run";
        Err(Failure::new(Outcome::CoverageGap, detail))
    }

    /// Appends the rows of every page, from the one that is shown to the last; tells how many the first one had.
    async fn read_pages(&mut self, account: &AccountRow, rows: &mut Vec<Row>) -> Result<usize, Failure> {
        let limits = &self.recipe.limits;
        let mut first_page = 0;
        let mut page = self.page(account).await??;
        for pages_read in 1.. {
            self.read().pages += 1;
            let next = self.recipe.movements.pages.as_ref().filter(|_| !page.is_last);
            let first_row = page.rows.first().map(|row| row.raw.clone());
            rows.append(&mut page.rows);
            if pages_read == 1 {
                first_page = rows.len();
            }
            if rows.len() > limits.max_rows {
                return Err(cap_reached("row", "limits.max_rows", limits.max_rows));
            }
            let Some(pages) = next else { break };
            let pages_max = pages.max.min(limits.max_pages);
            if pages_read >= pages_max {
                return Err(cap_reached("page", "movements.pages.max", pages_max));
            }
            self.flow.click_element(&pages.element).await?;
            page = self.page_after(account, pages, first_row.as_deref()).await?;
        }
        Ok(first_page)
    }

    /// Waits for the page behind a click; a click that changes nothing is an error, or rows would be read twice.
    async fn page_after(
        &mut self,
        account: &AccountRow,
        pages: &Pages,
        first_row: Option<&str>,
    ) -> Result<Page, Failure> {
        let patience = self.recipe.limits.step;
        let deadline = Instant::now() + patience;
        loop {
            let page = self.page(account).await?;
            let has_changed = match (&page, pages.must_change) {
                (Ok(page), Some(MustChange::FirstRow)) => page.rows.first().map(|row| row.raw.as_str()) != first_row,
                (Ok(_), None) => true,
                // What cannot be read yet may still be loading.
                (Err(_), _) => false,
            };
            if has_changed {
                return Ok(page?);
            }
            if Instant::now() >= deadline {
                page?;
                let detail = format!(
                    "a click on `{}` changed nothing within {}: the first row is still the same",
                    pages.element,
                    humantime::format_duration(patience)
                );
                return Err(Failure::new(Outcome::LayoutChanged, detail));
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Reads the page that is shown. The inner error is the page's, the outer one the session's.
    async fn page(&mut self, account: &AccountRow) -> Result<Result<Page, ExtractError>, Failure> {
        let snapshot = self.source(&self.recipe.movements.source).await?;
        let rows = extract::movements(self.recipe, &snapshot, account);
        let is_last = is_last_page(self.recipe, &snapshot);
        Ok(rows.map(|found| Page { rows: found.rows, is_last }))
    }

    async fn source(&mut self, source: &Source) -> Result<Snapshot, Failure> {
        match source {
            Source::Table(name) => self.flow.page_named(name).await,
        }
    }

    /// Best effort: what fails here changes nothing about what was read.
    async fn log_out(&mut self, failure: Option<&Failure>) {
        let is_pointless =
            failure.is_some_and(|failure| failure.loses_session() || failure.outcome == Outcome::SessionExpired);
        let Some(flow) = &self.recipe.session.logout else { return };
        if self.flow.phase != Phase::LoggedIn || is_pointless {
            return;
        }
        self.begin("logout".to_owned());
        match timeout(LOGOUT_LIMIT, self.flow.run(flow)).await {
            Ok(Ok(())) => {}
            // Without the detail, which may quote the page.
            Ok(Err(failure)) => tracing::debug!(outcome = failure.outcome.word(), "could not log out"),
            Err(_) => tracing::debug!("could not log out in time"),
        }
    }

    fn overdue(&self) -> Failure {
        let stage = self.stages.last().map_or("start", |stage| stage.name.as_str());
        let limit = humantime::format_duration(self.recipe.limits.run);
        Failure::new(Outcome::Timeout, format!("the run was stopped after {limit} (`limits.run`), in stage `{stage}`"))
    }

    fn begin(&mut self, name: String) {
        self.note_time();
        self.stages.push(Stage { name, took_ms: 0 });
    }

    fn note_time(&mut self) {
        let took = self.stage_began.elapsed();
        if let Some(stage) = self.stages.last_mut() {
            stage.took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        }
        self.stage_began = Instant::now();
    }

    /// The account that is being read.
    fn read(&mut self) -> &mut AccountRead {
        self.accounts.last_mut().expect("an account is pushed before anything of it is read")
    }

    fn into_report(mut self, ending: Result<(), Failure>) -> ScrapeReport {
        self.note_time();
        let (outcome, detail) = match ending {
            Ok(()) => (Outcome::Ok, None),
            Err(failure) => (failure.outcome, Some(failure.detail)),
        };
        ScrapeReport {
            outcome,
            detail,
            submitted: self.flow.submitted,
            challenged: self.flow.challenged,
            logged_in: self.flow.phase == Phase::LoggedIn,
            stages: self.stages,
            drift: self.flow.into_drift(),
            accounts: self.accounts,
        }
    }
}

fn letters_and_digits(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).collect()
}

/// Whether a failure is about what one page shows, so that the next account may still be read.
fn concerns_one_account(failure: &Failure) -> bool {
    failure.is_not_there()
        || matches!(
            failure.outcome,
            Outcome::LayoutChanged | Outcome::ParseFailed | Outcome::CoverageGap | Outcome::BalanceMismatch
        )
}

fn is_last_page(recipe: &Recipe, snapshot: &Snapshot) -> bool {
    let shown = |name: &str| recipe.element(name).map(|element| find_all(snapshot, element)).unwrap_or_default();
    let mut stops = recipe.movements.pages.iter().flat_map(|pages| &pages.stop);
    stops.any(|stop| match stop {
        Stop::Missing(element) => shown(element).is_empty(),
        Stop::Disabled(element) => shown(element).first().is_some_and(|node| node.disabled),
    })
}

fn cap_reached(what: &str, setting: &str, cap: usize) -> Failure {
    let detail = format!(
        "the {what} cap was reached: there are more than {cap} {what}s (`{setting}`), and a cut list is not stored; \
         read fewer days or raise the cap"
    );
    Failure::new(Outcome::LayoutChanged, detail)
}

/// Cuts a period into windows of at most `days_max` days, in the order in which the bank lists its rows.
fn windows(from: NaiveDate, to: NaiveDate, days_max: NonZeroU32, order: Order) -> Vec<(NaiveDate, NaiveDate)> {
    let rest_of_window = Days::new(u64::from(days_max.get()) - 1);
    let mut windows = Vec::new();
    let mut next = Some(from);
    while let Some(first) = next.filter(|first| *first <= to) {
        let last = first.checked_add_days(rest_of_window).map_or(to, |last| last.min(to));
        windows.push((first, last));
        next = last.succ_opt();
    }
    match order {
        Order::OldestFirst => {}
        Order::NewestFirst => windows.reverse(),
    }
    windows
}

/// What templates refer to while this account and window are read.
fn scope(request: &ScrapeRequest, account: Option<&AccountRow>, window: (NaiveDate, NaiveDate)) -> Scope {
    let mut scope = Scope::new();
    for (name, value) in &request.inputs {
        scope.set_input(name, value.clone());
    }
    if let Some(port) = request.portal_port {
        scope.set("portal.port", port);
    }
    scope.set("window.from", window.0);
    scope.set("window.to", window.1);
    for (name, value) in account.into_iter().flat_map(|account| &account.fields) {
        scope.set(&format!("account.{name}"), value.as_str());
    }
    scope
}

#[cfg(test)]
mod tests;
