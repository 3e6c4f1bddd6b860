//! Whole runs against a bank of saved pages.

mod otp;

use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use chrono::{DateTime, NaiveDate};
use futures_util::future::BoxFuture;
use secrecy::SecretString;
use url::Url;
use uuid::Uuid;

use super::{drive, windows};
use crate::domain::ids::AnswerId;
use crate::domain::run::Outcome;
use crate::scrape::challenge::{Challenge, Code, NoCode, Verdict};
use crate::scrape::recipe::{Order, Recipe};
use crate::scrape::scripted::{Act, Click, Effect, Script, ScriptedBrowser};
use crate::scrape::{Drift, Refusal, ScrapeReport, ScrapeRequest, Watcher};

const RECIPE: &str = include_str!("tests/recipe.toml");
const LOGIN: &str = include_str!("tests/login.html");
const HOME: &str = include_str!("tests/home.html");
const FILTER: &str = include_str!("tests/filter.html");
const PAGE_1: &str = include_str!("tests/page1.html");
const PAGE_2: &str = include_str!("tests/page2.html");

const WRONG_PASSWORD: &str = "<div class='mensaje-error'>Usuario o contraseña incorrectos</div>";
const SURVEY: &str = "<div id='encuesta'>¿Nos recomendarías? <a class='cerrar' href='#'>Ahora no</a></div>";

/// Counts submissions; refuses them when it was told to. Has codes, if any.
#[derive(Default)]
struct Budget {
    submissions: AtomicUsize,
    credentials_taken: AtomicBool,
    refusal: Option<Refusal>,
    /// What a person answers, one after the other; then nobody does.
    codes: Mutex<VecDeque<&'static str>>,
    challenges: Mutex<Vec<Challenge>>,
    verdicts: Mutex<Vec<Verdict>>,
}

impl Watcher for Budget {
    fn before_submission(&self) -> BoxFuture<'_, Result<(), Refusal>> {
        self.submissions.fetch_add(1, Ordering::SeqCst);
        let answer = self.refusal.clone().map_or(Ok(()), Err);
        Box::pin(async move { answer })
    }

    fn credentials_taken(&self) {
        self.credentials_taken.store(true, Ordering::SeqCst);
    }

    fn ask_code(&self, challenge: Challenge) -> BoxFuture<'_, Result<Code, NoCode>> {
        self.challenges.lock().expect("no test panics here").push(challenge);
        let code = self.codes.lock().expect("no test panics here").pop_front();
        let answer = code.map(|code| Code { answer: AnswerId(Uuid::nil()), text: SecretString::from(code) });
        let nobody = || NoCode { outcome: Outcome::HumanTimeout, detail: "nobody answered".to_owned() };
        let answer = answer.ok_or_else(nobody);
        Box::pin(async move { answer })
    }

    fn code_judged(&self, _: AnswerId, verdict: Verdict) -> BoxFuture<'_, ()> {
        self.verdicts.lock().expect("no test panics here").push(verdict);
        Box::pin(async {})
    }
}

/// What a run left behind.
struct Ran {
    report: ScrapeReport,
    acts: Vec<Act>,
    submissions: usize,
    challenges: Vec<Challenge>,
    verdicts: Vec<Verdict>,
}

impl Ran {
    #[track_caller]
    fn ends(&self, outcome: Outcome, parts: &[&str]) {
        let detail = self.report.detail.as_deref().unwrap_or_default();
        assert_eq!(self.report.outcome, outcome, "{detail}");
        for part in parts {
            assert!(detail.contains(part), "\"{part}\" is missing in: {detail}");
        }
    }

    fn typed(&self, wanted: &str) -> bool {
        self.acts.iter().any(|act| matches!(act, Act::Typed { text, .. } if text == wanted))
    }

    fn clicks(&self, wanted: &str) -> usize {
        self.acts.iter().filter(|act| matches!(act, Act::Clicked { text, .. } if text == wanted)).count()
    }
}

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a day")
}

/// A bank that works: one account, two pages of movements, the password is "demo".
fn bank() -> Script {
    let login_error = format!("{LOGIN}{WRONG_PASSWORD}");
    let pages = [
        ("/login", LOGIN),
        ("/login?error=1", login_error.as_str()),
        ("/inicio", HOME),
        ("/cuentas/7/movimientos", FILTER),
        ("/cuentas/7/movimientos?pagina=1", PAGE_1),
        ("/cuentas/7/movimientos?pagina=2", PAGE_2),
    ];
    Script {
        base: Url::parse("http://127.0.0.1:7001/").expect("an address"),
        pages: pages.into_iter().map(|(path, html)| (path.to_owned(), html.to_owned())).collect(),
        revisions: BTreeMap::new(),
        clicks: vec![
            Click::new("/login", "Ingresar", leads_to("/inicio")).after(&["12345678", "demo"]),
            Click::new("/login", "Ingresar", leads_to("/login?error=1")),
            Click::new("/cuentas/7/movimientos", "Consultar", leads_to("?pagina=1"))
                .after(&["01/05/2026", "13/05/2026"]),
            Click::new("/cuentas/7/movimientos", "Siguiente", leads_to("?pagina=2")),
        ],
    }
}

fn leads_to(address: &str) -> Effect {
    Effect::Page(address.to_owned())
}

fn request(recipe: &str, password: &str) -> ScrapeRequest {
    let recipe = Recipe::parse("recipe.toml", recipe, &|_| None).expect("the recipe of these tests is sound");
    ScrapeRequest {
        recipe: Arc::new(recipe),
        inputs: BTreeMap::from([
            ("document".to_owned(), SecretString::from("12345678")),
            ("password".to_owned(), SecretString::from(password)),
        ]),
        portal_port: Some(7001),
        from: day("2026-05-01"),
        to: day("2026-05-13"),
        read_at: DateTime::parse_from_rfc3339("2026-05-13T18:00:00Z").expect("an instant").to_utc(),
    }
}

async fn run_with(script: Script, request: ScrapeRequest, budget: Budget) -> Ran {
    let mut browser = ScriptedBrowser::new(script);
    let report = drive(&mut browser, &request, &budget).await;
    let were_taken = budget.credentials_taken.load(Ordering::SeqCst);
    assert_eq!(were_taken, report.logged_in || report.challenged, "told while it happens, as it is told at the end");
    Ran {
        report,
        acts: browser.acts(),
        submissions: budget.submissions.load(Ordering::SeqCst),
        challenges: budget.challenges.into_inner().expect("no test panics here"),
        verdicts: budget.verdicts.into_inner().expect("no test panics here"),
    }
}

async fn run(script: Script) -> Ran {
    run_with(script, request(RECIPE, "demo"), Budget::default()).await
}

#[tokio::test]
async fn every_page_of_an_account_is_read() {
    let ran = run(bank()).await;
    ran.ends(Outcome::Ok, &[]);
    assert!(ran.report.submitted && ran.report.logged_in);
    assert_eq!(ran.submissions, 1);
    let stages: Vec<&str> = ran.report.stages.iter().map(|stage| stage.name.as_str()).collect();
    assert_eq!(stages, ["login", "accounts", "movements 1/1", "logout"]);

    let [account] = ran.report.accounts.as_slice() else { panic!("one account: {:?}", ran.report.accounts) };
    assert_eq!((account.bank_account.as_str(), account.pages, account.complete), ("0011234567", 2, true));
    let mut amounts: Vec<String> = account.movements.iter().map(|movement| movement.amount.to_decimal(2)).collect();
    amounts.sort();
    assert_eq!(amounts, ["300.00", "50.00", "75.50"]);
    assert!(ran.report.drift.is_empty(), "{:?}", ran.report.drift);
}

#[tokio::test]
async fn a_movement_booked_between_two_pages_is_read_and_no_row_twice() {
    let newest = "<tr><td>13/05/2026</td><td>TRANSFERENCIA DE EVA RIOS</td><td>104</td><td></td><td>10,00</td>\
                  <td>1.310,00</td><td class=\"estado\">Confirmado</td></tr>";
    let line = |page: &str, number: &str| {
        let row = page.lines().find(|line| line.contains(&format!("<td>{number}</td>"))).expect("the page has the row");
        row.to_owned()
    };
    let (first, second) = (line(PAGE_1, "103"), line(PAGE_1, "102"));
    // Page 1 was read before the booking, page 2 after it: its first row was the last of page 1.
    let page_1 = "/cuentas/7/movimientos?pagina=1".to_owned();
    let page_2 = "/cuentas/7/movimientos?pagina=2".to_owned();
    let mut script = bank();
    let shifted = PAGE_1.replace(&second, "").replace(&first, &format!("{newest}{first}"));
    script.revisions.insert(page_1, vec![shifted]);
    let moved_down = PAGE_2.replace("<tbody>", &format!("<tbody>{second}"));
    script.pages.insert(page_2, moved_down);

    let ran = run(script).await;
    ran.ends(Outcome::Ok, &[]);
    let movements = &ran.report.accounts[0].movements;
    let references: Vec<_> = movements.iter().filter_map(|movement| movement.bank_reference.as_deref()).collect();
    assert_eq!(references, ["101", "102", "103", "104"], "oldest first");
    assert!(movements.iter().all(|movement| movement.identity.ordinal == 0));
}

#[tokio::test]
async fn a_wrong_password_is_submitted_once() {
    let ran = run_with(bank(), request(RECIPE, "falsa"), Budget::default()).await;
    ran.ends(Outcome::InvalidCredentials, &["login[5] expect", "bad_login", "contraseña incorrectos"]);
    assert_eq!((ran.submissions, ran.clicks("Ingresar")), (1, 1));
    assert!(ran.report.submitted && !ran.report.logged_in);
    assert!(!ran.report.detail.expect("a detail").contains("falsa"));
}

#[tokio::test]
async fn a_refused_submission_stops_before_the_click() {
    let refusal = Refusal { outcome: Outcome::AccountBlocked, detail: "the budget is used up".to_owned() };
    let budget = Budget { refusal: Some(refusal), ..Budget::default() };
    let ran = run_with(bank(), request(RECIPE, "demo"), budget).await;
    ran.ends(Outcome::AccountBlocked, &["the budget is used up"]);
    assert_eq!(ran.clicks("Ingresar"), 0);
    assert!(!ran.report.submitted);
}

#[tokio::test]
async fn a_secret_is_typed_into_login_origins_only() {
    let elsewhere = RECIPE.replace("http://127.0.0.1:{{portal.port}}/login", "https://datos.bank.example/login");
    let mut script = bank();
    script.pages.insert("https://datos.bank.example/login".to_owned(), LOGIN.to_owned());
    let ran = run_with(script, request(&elsewhere, "demo"), Budget::default()).await;
    ran.ends(Outcome::SecretMisplaced, &["pass_box", "https://datos.bank.example", "nothing was typed"]);
    assert!(ran.typed("12345678"), "what is no secret may be typed there");
    assert!(!ran.typed("demo"));
    assert_eq!(ran.submissions, 0);
}

#[tokio::test]
async fn a_page_of_another_site_ends_the_run() {
    let mut script = bank();
    script.pages.insert("https://evil.example/".to_owned(), LOGIN.to_owned());
    script.clicks.insert(0, Click::new("/login", "Ingresar", leads_to("https://evil.example/")));
    run(script).await.ends(Outcome::OriginDenied, &["https://evil.example"]);
}

#[tokio::test]
async fn a_time_out_names_the_states_and_what_was_on_screen() {
    let mut script = bank();
    script.pages.insert("/raro".to_owned(), "<title>Aviso</title><p>Pasó algo nuevo</p>".to_owned());
    script.clicks.insert(0, Click::new("/login", "Ingresar", leads_to("/raro")));
    let ran = run(script).await;
    ran.ends(Outcome::Timeout, &["login[5] expect", "home, bad_login", "maintenance (watched)"]);
    ran.ends(Outcome::Timeout, &["\"Aviso\" at /raro", "Pasó algo nuevo"]);
    assert!(ran.report.submitted && !ran.report.logged_in);
}

#[tokio::test]
async fn a_watched_state_is_met_in_every_step() {
    let mut script = bank();
    script.pages.insert("/login".to_owned(), "<p>Estamos en mantenimiento</p>".to_owned());
    let ran = run(script).await;
    ran.ends(Outcome::BankUnavailable, &["maintenance"]);
    assert_eq!(ran.submissions, 0);
}

#[tokio::test]
async fn a_page_click_that_changes_nothing_is_an_error() {
    let mut script = bank();
    script.clicks.retain(|click| click.text != "Siguiente");
    let ran = run(script).await;
    ran.ends(Outcome::LayoutChanged, &["next_page", "changed nothing"]);
    let account = &ran.report.accounts[0];
    assert_eq!((account.complete, account.movements.len(), account.pages), (false, 0, 1));
}

#[tokio::test]
async fn more_pages_than_the_cap_are_an_error_and_never_a_cut() {
    let one_page = RECIPE.replace("max = 40", "max = 1");
    let ran = run_with(bank(), request(&one_page, "demo"), Budget::default()).await;
    ran.ends(Outcome::LayoutChanged, &["page cap", "movements.pages.max"]);
    assert!(!ran.report.accounts[0].complete);
}

#[tokio::test]
async fn a_broken_balance_is_reported_and_the_rows_are_kept() {
    let mut script = bank();
    let broken = PAGE_2.replace("1.050,00", "1.051,00");
    script.pages.insert("/cuentas/7/movimientos?pagina=2".to_owned(), broken);
    let ran = run(script).await;
    ran.ends(Outcome::BalanceMismatch, &[]);
    assert_eq!((ran.report.accounts[0].complete, ran.report.accounts[0].movements.len()), (false, 3));
}

#[tokio::test]
async fn pop_ups_are_dismissed_but_not_for_ever() {
    let mut script = bank();
    script.pages.insert("/inicio".to_owned(), format!("{HOME}{SURVEY}"));
    script.pages.insert("/inicio?cerrada=1".to_owned(), HOME.to_owned());
    script.clicks.push(Click::new("/inicio", "Ahora no", leads_to("/inicio?cerrada=1")));
    let ran = run(script.clone()).await;
    ran.ends(Outcome::Ok, &[]);
    assert_eq!(ran.clicks("Ahora no"), 2, "after the login and when the accounts are opened");

    script.pages.remove("/inicio?cerrada=1");
    run(script).await.ends(Outcome::LayoutChanged, &["survey", "came back"]);
}

#[tokio::test]
async fn what_moves_money_is_never_clicked() {
    let mut script = bank();
    script.pages.insert("/login".to_owned(), LOGIN.replace("Ingresar</button>", "Ingresar y pagar</button>"));
    let ran = run(script).await;
    ran.ends(Outcome::RecipeInvalid, &["\"pagar\" is never clicked", "safety.allow_click"]);
    assert_eq!((ran.submissions, ran.clicks("Ingresar y pagar")), (0, 0));
}

#[tokio::test]
async fn the_second_choice_of_selector_is_reported_as_drift() {
    let mut script = bank();
    let renamed = LOGIN.replace("id=\"documento\"", "id=\"doc2\"").replace("for=\"documento\"", "for=\"doc2\"");
    script.pages.insert("/login".to_owned(), renamed);
    let ran = run(script).await;
    ran.ends(Outcome::Ok, &[]);
    let drift = Drift { element: "doc_box".to_owned(), candidate: "label=Documento".to_owned() };
    assert_eq!(ran.report.drift, [drift]);
}

#[tokio::test]
async fn a_missing_input_is_noticed_before_anything_is_opened() {
    let mut request = request(RECIPE, "demo");
    request.inputs.remove("document");
    let ran = run_with(bank(), request, Budget::default()).await;
    ran.ends(Outcome::RecipeInvalid, &["`document` has no value", "bank_username"]);
    assert!(ran.acts.is_empty(), "{:?}", ran.acts);
}

#[tokio::test]
async fn a_line_end_in_a_password_is_never_typed() {
    let ran = run_with(bank(), request(RECIPE, "demo\n"), Budget::default()).await;
    ran.ends(Outcome::RecipeInvalid, &["no key"]);
    assert_eq!(ran.submissions, 0);
}

#[tokio::test]
async fn a_crash_after_the_login_is_reported_with_what_was_submitted() {
    let mut script = bank();
    script.clicks.insert(0, Click::new("/cuentas/7/movimientos", "Consultar", Effect::Crash));
    let ran = run(script).await;
    ran.ends(Outcome::BrowserCrashed, &["open_movements[3] click"]);
    assert!(ran.report.submitted && ran.report.logged_in);
    assert!(ran.report.stages.iter().all(|stage| stage.name != "logout"));
}

#[test]
fn a_period_is_cut_into_windows_in_the_order_of_the_bank() {
    let check = |from: &str, to: &str, days_max: u32, order: Order, expected: &[(&str, &str)]| {
        let days_max = NonZeroU32::new(days_max).expect("not zero");
        let expected: Vec<_> = expected.iter().map(|(first, last)| (day(first), day(last))).collect();
        assert_eq!(windows(day(from), day(to), days_max, order), expected, "{from} to {to} by {days_max}");
    };
    check("2026-05-01", "2026-05-13", 90, Order::NewestFirst, &[("2026-05-01", "2026-05-13")]);
    check("2026-05-13", "2026-05-13", 1, Order::OldestFirst, &[("2026-05-13", "2026-05-13")]);
    let halves = [("2026-05-01", "2026-05-03"), ("2026-05-04", "2026-05-05")];
    check("2026-05-01", "2026-05-05", 3, Order::OldestFirst, &halves);
    check("2026-05-01", "2026-05-05", 3, Order::NewestFirst, &[halves[1], halves[0]]);
    check("2026-05-02", "2026-05-01", 3, Order::OldestFirst, &[]);
}
