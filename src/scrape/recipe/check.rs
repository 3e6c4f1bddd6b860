//! What must hold between the parts of a recipe.

use std::collections::{BTreeMap, BTreeSet};

use url::{Host, Url};

use super::build::{Places, unknown};
use super::fields::{CellType, Field, Locator};
use super::settings::{InputKind, RUN_MAX};
use super::tables::{FingerprintPart, Source};
use super::{Action, CALL_DEPTH_MAX, Recipe, RecipeStatus, Step};
use crate::scrape::flow::CURRENT_PAGE;
use crate::scrape::template::{Scope, Template};

/// Settings of an account that may feed an input.
const CONFIGS: [&str; 2] = ["bank_username", "bank_password"];

/// Everything that is wrong, in the order of the sections.
pub(super) fn problems(recipe: &Recipe, places: &Places) -> Vec<String> {
    let mut checks = Checks { recipe, found: Vec::new() };
    checks.meta(&places.meta);
    checks.origins(&places.origins);
    checks.inputs(&places.inputs);
    checks.flows(&places.meta);
    checks.accounts(&places.accounts);
    checks.movements(&places.movements);
    checks.session(&places.session);
    checks.found
}

struct Checks<'r> {
    recipe: &'r Recipe,
    found: Vec<String>,
}

impl Checks<'_> {
    fn report(&mut self, place: &str, problem: &str) {
        self.found.push(format!("{place}: {problem}"));
    }

    fn require(&mut self, place: &str, holds: bool, problem: &str) {
        if !holds {
            self.report(place, problem);
        }
    }

    fn expect_flow(&mut self, place: &str, what: &str, name: &str) {
        if !self.recipe.flows.contains_key(name) {
            let problem = unknown("flow", name, self.recipe.flows.keys());
            self.report(place, &format!("{what}: {problem}"));
        }
    }

    fn expect_state(&mut self, place: &str, what: &str, name: &str) {
        if self.recipe.state(name).is_none() {
            let problem = unknown("state", name, self.recipe.states.iter().map(|state| &state.name));
            self.report(place, &format!("{what}: {problem}"));
        }
    }

    fn expect_element(&mut self, place: &str, what: &str, name: &str) {
        if self.recipe.element(name).is_none() {
            let problem = unknown("element", name, self.recipe.elements.keys());
            self.report(place, &format!("{what}: {problem}"));
        }
    }

    fn meta(&mut self, place: &str) {
        let meta = &self.recipe.meta;
        let is_id = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        self.require(place, !meta.id.is_empty() && meta.id.chars().all(is_id), "meta.id: only a-z, 0-9 and hyphens");
        self.require(place, !meta.currencies.is_empty(), "meta.currencies: at least one is needed");
    }

    fn origins(&mut self, place: &str) {
        let origins = &self.recipe.origins;
        self.require(place, !origins.login.is_empty(), "origins.login: at least one is needed");
        let groups = [
            ("login", &origins.login, Wildcards::Refused),
            ("data", &origins.data, Wildcards::Refused),
            ("assets", &origins.assets, Wildcards::Allowed),
            ("third_party", &origins.third_party, Wildcards::Allowed),
        ];
        for (name, templates, wildcards) in groups {
            for template in templates {
                if let Err(problem) = origin(template, self.recipe.meta.status, wildcards) {
                    self.report(place, &format!("origins.{name}: {problem}"));
                }
            }
        }
    }

    fn inputs(&mut self, places: &BTreeMap<String, String>) {
        let recipe = self.recipe;
        for (name, input) in &recipe.inputs {
            let at = format!("{}: inputs.{name}", places.get(name).map(String::as_str).unwrap_or_default());
            let must_be_secret = input.kind == InputKind::Password || input.config.as_deref() == Some("bank_password");
            self.require(&at, input.secret || !must_be_secret, "a password must have `secret = true`");
            let is_config = input.config.as_deref().is_none_or(|config| CONFIGS.contains(&config));
            self.require(&at, is_config, "`config` is bank_username or bank_password");
            let is_choice = input.kind == InputKind::Choice;
            self.require(&at, is_choice != input.choices.is_empty(), "`choices` belong to inputs of the type choice");
        }
    }

    fn flows(&mut self, place: &str) {
        let recipe = self.recipe;
        self.expect_flow(place, "the login", "login");
        for (name, steps) in &recipe.flows {
            for (index, step) in steps.iter().enumerate() {
                let at = format!("{name}[{index}]");
                for template in templates(step) {
                    self.template(place, &at, template);
                }
            }
            if let Err(problem) = calls_from(recipe, name, &mut Vec::new()) {
                self.report(place, &problem);
            }
        }
        // Without the mark the engine would not know when a login was tried, and could lock the user out.
        let steps = || recipe.flows.values().flatten();
        let types_secret =
            steps().any(|step| matches!(&step.action, Action::Fill { with, .. } if with.secret_input().is_some()));
        let submits = steps().any(|step| matches!(step.action, Action::Click { submits_credentials: true, .. }));
        self.require(
            place,
            submits || !types_secret,
            "a flow types a secret, and no click has `submits_credentials = true`",
        );
    }

    fn template(&mut self, place: &str, at: &str, template: &Template) {
        for dotted in template.names() {
            let known = match dotted.split_once('.') {
                Some(("input", name)) => self.recipe.inputs.contains_key(name),
                Some(("account", name)) => self.recipe.accounts.fields.contains_key(name),
                Some(_) | None => true,
            };
            self.require(place, known, &format!("{at}: `{dotted}` is not declared"));
        }
    }

    fn source(&mut self, place: &str, source: &Source) {
        let Source::Table(name) = source;
        let taken: BTreeSet<&String> = self.recipe.flows.values().flatten().filter_map(snapshot_name).collect();
        if name != CURRENT_PAGE && !taken.contains(name) {
            let problem = unknown("step that takes the snapshot", name, taken);
            self.report(place, &format!("source: {problem}; `page` is the page on screen"));
        }
    }

    fn accounts(&mut self, place: &str) {
        let accounts = &self.recipe.accounts;
        self.expect_flow(place, "accounts.flow", &accounts.flow);
        self.source(place, &accounts.source);
        let has_number = accounts.fields.get("number").is_some_and(|number| !number.optional);
        self.require(place, has_number, "accounts.fields: `number` is needed, and not optional");
        if let Some(state) = &accounts.empty_when {
            self.expect_state(place, "accounts.empty_when", state);
        }
        if let Some(input) = &accounts.choose
            && !self.recipe.inputs.contains_key(input)
        {
            let problem = unknown("input", input, self.recipe.inputs.keys());
            self.report(place, &format!("accounts.choose: {problem}"));
        }
        for (name, field) in &accounts.fields {
            self.field(place, &format!("accounts.fields.{name}"), field, None);
        }
    }

    fn movements(&mut self, place: &str) {
        let movements = &self.recipe.movements;
        self.expect_flow(place, "movements.flow", &movements.flow);
        self.source(place, &movements.source);
        match &movements.empty_when {
            Some(state) => self.expect_state(place, "movements.empty_when", state),
            None => {
                self.report(place, "movements.empty_when: name the state in which the bank says that there are none");
            }
        }
        for (name, field) in movements.fields.named() {
            let wanted = match name {
                "booked_on" | "value_on" => CellType::Date,
                "amount.credit" | "amount.debit" | "balance_after" => CellType::Money,
                _ => CellType::Text,
            };
            self.field(place, &format!("movements.fields.{name}"), field, Some(wanted));
        }
        self.require(
            place,
            movements.fields.amount.exactly_one,
            "movements.fields.amount: `exactly_one` must be true; nothing else tells the direction",
        );
        if let Some(pages) = &movements.pages {
            self.expect_element(place, "movements.pages.element", &pages.element);
            self.require(place, pages.max > 0, "movements.pages.max: at least 1");
            self.require(place, !pages.stop.is_empty(), "movements.pages.stop: say how the last page is known");
            for stop in &pages.stop {
                self.expect_element(place, "movements.pages.stop", stop.element());
            }
        }
        self.identity(place);
        let reads_shown_page = matches!(&movements.source, Source::Table(name) if name == CURRENT_PAGE);
        self.require(
            place,
            movements.pages.is_none() || reads_shown_page,
            "movements.pages needs the source { table = \"page\" }: each page is read as it is shown",
        );
        self.limits(place);
    }

    /// The caller keeps a login reserved for longer than any run may take.
    fn limits(&mut self, place: &str) {
        let problem = format!("limits.run: at most {}", humantime::format_duration(RUN_MAX));
        self.require(place, self.recipe.limits.run <= RUN_MAX, &problem);
    }

    fn identity(&mut self, place: &str) {
        let movements = &self.recipe.movements;
        let (fields, identity) = (&movements.fields, &movements.identity);
        let has_balance = fields.balance_after.is_some();
        let is_running = movements.checks.running_balance;
        self.require(place, has_balance || !is_running, "movements.checks.running_balance needs `balance_after`");
        // Equal rows are told apart by counting them within a day; a fingerprint that spans days or
        // currencies would count differently in every window, and take a new payment for a known one.
        for part in [FingerprintPart::BookedOn, FingerprintPart::Amount, FingerprintPart::Currency] {
            let problem = format!("movements.identity.fingerprint: `{part}` is always part of it");
            self.require(place, identity.fingerprint.contains(&part), &problem);
        }
        for part in &identity.fingerprint {
            let is_declared = match part {
                FingerprintPart::BookedOn
                | FingerprintPart::Amount
                | FingerprintPart::Currency
                | FingerprintPart::Description => true,
                FingerprintPart::ValueOn => fields.value_on.is_some(),
                FingerprintPart::CounterpartyName => fields.counterparty_name.is_some(),
                FingerprintPart::BankReference => fields.bank_reference.is_some(),
                FingerprintPart::BalanceAfter => has_balance && identity.balances_final,
            };
            let problem = format!("movements.identity.fingerprint: `{part}` must be a field, a balance also final");
            self.require(place, is_declared, &problem);
        }
    }

    /// `wanted` is what the field must be parsed as; `None` leaves it to the recipe.
    fn field(&mut self, place: &str, at: &str, field: &Field, wanted: Option<CellType>) {
        if let Some(wanted) = wanted {
            self.require(place, field.parse == wanted, &format!("{at}: `parse` must be \"{wanted}\""));
        }
        if let Locator::Variable(name) = &field.locator {
            let account_field = name.strip_prefix("account.").filter(|_| at.starts_with("movements"));
            let is_known = account_field.is_some_and(|name| self.recipe.accounts.fields.contains_key(name));
            self.require(place, is_known, &format!("{at}: `{name}` is not a field of the account"));
        }
    }

    fn session(&mut self, place: &str) {
        let session = &self.recipe.session;
        for state in &session.alive {
            self.expect_state(place, "session.alive", state);
        }
        let flows = [
            ("session.refresh", session.refresh.as_ref()),
            ("session.keep_alive", session.keep_alive.as_ref().map(|keep_alive| &keep_alive.flow)),
            ("session.logout", session.logout.as_ref()),
        ];
        for (what, flow) in flows {
            if let Some(flow) = flow {
                self.expect_flow(place, what, flow);
            }
        }
    }
}

fn templates(step: &Step) -> impl Iterator<Item = &Template> {
    let template = match &step.action {
        Action::Goto(template) | Action::Fill { with: template, .. } => Some(template),
        Action::Expect(_) | Action::Click { .. } | Action::Otp(_) | Action::Snapshot(_) | Action::Call(_) => None,
    };
    template.into_iter()
}

fn snapshot_name(step: &Step) -> Option<&String> {
    match &step.action {
        Action::Snapshot(name) => Some(name),
        Action::Goto(_)
        | Action::Expect(_)
        | Action::Fill { .. }
        | Action::Click { .. }
        | Action::Otp(_)
        | Action::Call(_) => None,
    }
}

/// Follows all calls; `path` is the chain of flows so far.
fn calls_from<'r>(recipe: &'r Recipe, flow: &'r str, path: &mut Vec<&'r str>) -> Result<(), String> {
    if path.contains(&flow) {
        return Err(format!("flow `{flow}` calls itself: {} → {flow}", path.join(" → ")));
    }
    if path.len() > CALL_DEPTH_MAX {
        return Err(format!("flows call each other more than {CALL_DEPTH_MAX} deep: {}", path.join(" → ")));
    }
    path.push(flow);
    for step in recipe.flows.get(flow).into_iter().flatten() {
        if let Action::Call(called) = &step.action {
            calls_from(recipe, called, path)?;
        }
    }
    path.pop();
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wildcards {
    /// `https://*.bank.example`
    Allowed,
    Refused,
}

/// An origin is https; a simulated bank may use plain http on this machine.
fn origin(template: &Template, status: RecipeStatus, wildcards: Wildcards) -> Result<(), String> {
    let mut scope = Scope::new();
    // Any port will do to see the shape.
    scope.set("portal.port", 65535_u16);
    let text = template.render(&scope).map_err(|_| "only {{portal.port}} may be filled in".to_owned())?;
    let url = Url::parse(&text).map_err(|error| format!("\"{text}\" is not an address: {error}"))?;
    let is_bare = url.path() == "/" && !text.ends_with('/') && url.query().is_none() && url.fragment().is_none();
    if !is_bare || !url.username().is_empty() || url.password().is_some() {
        return Err(format!("\"{text}\" must be scheme://host or scheme://host:port, and nothing else"));
    }
    if text.contains('*') && (wildcards == Wildcards::Refused || !text.starts_with("https://*.")) {
        return Err(format!("\"{text}\": only hosts of assets and third_party may begin with `*.`"));
    }
    let is_loopback = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    match (url.scheme(), status) {
        ("https", _) => Ok(()),
        ("http", RecipeStatus::Simulated) if is_loopback => Ok(()),
        _ => Err(format!("\"{text}\" must be https; only a simulated bank may use http, on a loopback address")),
    }
}
