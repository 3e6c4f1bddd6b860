//! "Banco Demo": a bank's web site with a login, two accounts and paged statements.
//!
//! The user name decides how the bank behaves, so that one running bank can show every way in
//! which a site lets a reader down: `Customer` lists them. The password is always [`PASSWORD`].

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Form, Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use chrono::{NaiveDate, TimeDelta};
use serde::Deserialize;

use self::codes::{Check, CodeForm, Codes};
use self::ledger::Ledger;
use self::pages::{Filter, Headings};
use super::html;
use super::world::Shared;
use crate::domain::time::Instant;

mod codes;
mod history;
pub mod ledger;
mod pages;

/// The password of every customer.
pub const PASSWORD: &str = "demo";
/// So many wrong passwords in a row lock a user name.
pub const WRONG_PASSWORDS_MAX: u32 = 3;
/// How long a session lives without use.
const SESSION_MINUTES: i64 = 10;
/// How long `lento` waits for every answer.
const SLOWNESS: Duration = Duration::from_secs(2);

const COOKIE: &str = "demo_sesion";
const EXPIRED_PATH: &str = "/sesion-expirada";
const LOCKED: &str = "Usuario bloqueado. Comuníquese con el banco.";

/// How the bank treats a user name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Customer {
    /// Any other name: the password opens, three wrong ones lock.
    Usual,
    /// `clave-mala`: no password is ever right, and none ever locks.
    AlwaysWrong,
    /// `bloqueado`
    Locked,
    /// `mantenimiento`: the site is down.
    Maintenance,
    /// `cambia-clave`: must choose a new password first.
    MustChangePassword,
    /// `pagina-rota`: statements have other headings.
    BrokenPage,
    /// `lento`: every answer takes two seconds.
    Slow,
    /// `expira`: the session ends after its first page.
    Expires,
    /// `pide-codigo`, `pide-codigo-cajas`: the password alone does not open.
    AsksCode(CodeForm),
}

impl Customer {
    fn of(document: &str) -> Self {
        match document {
            "clave-mala" => Self::AlwaysWrong,
            "bloqueado" => Self::Locked,
            "mantenimiento" => Self::Maintenance,
            "cambia-clave" => Self::MustChangePassword,
            "pagina-rota" => Self::BrokenPage,
            "lento" => Self::Slow,
            "expira" => Self::Expires,
            "pide-codigo" => Self::AsksCode(CodeForm::Field),
            "pide-codigo-cajas" => Self::AsksCode(CodeForm::Boxes),
            _ => Self::Usual,
        }
    }
}

struct Session {
    customer: Customer,
    last_used: Instant,
    /// `None` when only time ends it.
    pages_left: Option<u32>,
}

/// What the bank answers to a login form.
#[derive(Debug, PartialEq, Eq)]
enum Login {
    /// In, with the session's token.
    Welcome(String),
    /// Not yet, with the token of a login that waits for its code.
    AskCode(String),
    Wrong,
    Locked,
    Maintenance,
    ChangePassword,
}

/// The bank behind the pages. Nothing is kept beyond the process.
pub(super) struct Bank {
    pub ledger: Ledger,
    pub session_timeout: TimeDelta,
    pub codes: Codes,
    sessions: HashMap<String, Session>,
    /// User names of logins that wait for a code, by their token.
    half_in: HashMap<String, String>,
    wrong_in_a_row: HashMap<String, u32>,
    submissions: HashMap<String, usize>,
}

impl Bank {
    pub fn new(today: NaiveDate) -> Self {
        Self {
            ledger: Ledger::seeded(today),
            session_timeout: TimeDelta::minutes(SESSION_MINUTES),
            codes: Codes::default(),
            sessions: HashMap::new(),
            half_in: HashMap::new(),
            wrong_in_a_row: HashMap::new(),
            submissions: HashMap::new(),
        }
    }

    /// How often the login form was posted for a user name, whatever the answer.
    pub fn submissions(&self, document: &str) -> usize {
        self.submissions.get(document).copied().unwrap_or_default()
    }

    fn log_in(&mut self, document: &str, password: &str, now: Instant) -> Login {
        *self.submissions.entry(document.to_owned()).or_default() += 1;
        let customer = Customer::of(document);
        match customer {
            Customer::AlwaysWrong => return Login::Wrong,
            Customer::Locked => return Login::Locked,
            Customer::Maintenance => return Login::Maintenance,
            Customer::Usual
            | Customer::MustChangePassword
            | Customer::BrokenPage
            | Customer::Slow
            | Customer::Expires
            | Customer::AsksCode(_) => {}
        }
        let wrong = self.wrong_in_a_row.entry(document.to_owned()).or_default();
        if *wrong < WRONG_PASSWORDS_MAX && (document.is_empty() || password != PASSWORD) {
            *wrong += 1;
            if *wrong < WRONG_PASSWORDS_MAX {
                return Login::Wrong;
            }
        }
        if *wrong == WRONG_PASSWORDS_MAX {
            return Login::Locked;
        }
        *wrong = 0;
        if customer == Customer::MustChangePassword {
            return Login::ChangePassword;
        }
        if matches!(customer, Customer::AsksCode(_)) {
            let token = new_token();
            self.half_in.insert(token.clone(), document.to_owned());
            self.codes.send(document, now);
            return Login::AskCode(token);
        }
        Login::Welcome(self.open_session(customer, now))
    }

    fn open_session(&mut self, customer: Customer, now: Instant) -> String {
        let token = new_token();
        let pages_left = (customer == Customer::Expires).then_some(1);
        self.sessions.insert(token.clone(), Session { customer, last_used: now, pages_left });
        token
    }

    /// How a login that waits for a code takes it; `None` when none waits under this token.
    fn code_form(&self, token: &str) -> Option<CodeForm> {
        let Customer::AsksCode(form) = Customer::of(self.half_in.get(token)?) else { return None };
        Some(form)
    }

    /// Takes a code; the right one opens a session, whose token comes along. `None` when no login waits.
    fn enter_code(&mut self, token: &str, code: &str, now: Instant) -> Option<(CodeForm, Check, String)> {
        let form = self.code_form(token)?;
        let document = self.half_in.get(token)?.clone();
        let check = self.codes.check(&document, code, now);
        let mut session = String::new();
        match check {
            Check::Right => session = self.open_session(Customer::AsksCode(form), now),
            Check::Locked => {
                self.wrong_in_a_row.insert(document, WRONG_PASSWORDS_MAX);
            }
            Check::Wrong | Check::Late => return Some((form, check, session)),
        }
        self.half_in.remove(token);
        Some((form, check, session))
    }

    /// Sends another code to a login that waits for one.
    fn resend_code(&mut self, token: &str, now: Instant) -> bool {
        let document = self.half_in.get(token).cloned();
        if let Some(document) = &document {
            self.codes.send(document, now);
        }
        document.is_some()
    }

    /// Counts one page of a session; `None` when there is no such session, or no longer.
    fn visit(&mut self, token: &str, now: Instant) -> Option<Customer> {
        let session = self.sessions.get_mut(token)?;
        let is_over = now - session.last_used > self.session_timeout || session.pages_left == Some(0);
        if is_over {
            self.sessions.remove(token);
            return None;
        }
        session.last_used = now;
        session.pages_left = session.pages_left.map(|left| left - 1);
        Some(session.customer)
    }

    fn log_out(&mut self, token: &str) {
        self.sessions.remove(token);
    }
}

/// The bank's site.
pub(super) fn router(world: Arc<Shared>) -> Router {
    Router::new()
        .route("/", get(|| async { Redirect::to("/login") }))
        .route("/login", get(login_page).post(log_in))
        .route("/cambio-clave", get(change_password))
        .route(EXPIRED_PATH, get(expired))
        .route(codes::PATH, get(codes::page).post(codes::enter))
        .route(codes::RESEND_PATH, get(codes::resend))
        .route("/inicio", get(home))
        .route("/cuentas/{account}/movimientos", get(movements))
        .route("/salir", get(log_out))
        .route(html::STYLE_PATH, get(html::style))
        .fallback(|| async { not_found() })
        .with_state(world)
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct LoginForm {
    documento: String,
    clave: String,
}

async fn login_page() -> Response {
    html::answer(StatusCode::OK, pages::login(None))
}

async fn log_in(State(world): State<Arc<Shared>>, Form(form): Form<LoginForm>) -> Response {
    let document = form.documento.trim();
    let answer = world.state().bank.log_in(document, &form.clave, world.clock.now());
    if Customer::of(document) == Customer::Slow {
        world.dawdle(SLOWNESS).await;
    }
    let refused = |problem: &str| html::answer(StatusCode::OK, pages::login(Some(problem)));
    match answer {
        Login::Welcome(token) => welcome(&token),
        Login::AskCode(token) => go(codes::PATH, &token),
        Login::Wrong => refused("Usuario o contraseña incorrectos"),
        Login::Locked => refused(LOCKED),
        Login::Maintenance => {
            let page = pages::notice("Banco Demo - Mantenimiento", "Estamos en mantenimiento. Vuelva más tarde.");
            html::answer(StatusCode::SERVICE_UNAVAILABLE, page)
        }
        Login::ChangePassword => Redirect::to("/cambio-clave").into_response(),
    }
}

fn welcome(token: &str) -> Response {
    go("/inicio", token)
}

/// Sends a visitor on, with a token to be known by.
fn go(path: &str, token: &str) -> Response {
    let cookie = format!("{COOKIE}={token}; Path=/; HttpOnly; SameSite=Lax");
    ([(header::SET_COOKIE, cookie)], Redirect::to(path)).into_response()
}

fn new_token() -> String {
    format!("{:032x}", rand::random::<u128>())
}

async fn change_password() -> Response {
    let sentence = "Debe cambiar su contraseña. Hágalo en una sucursal del banco.";
    html::answer(StatusCode::OK, pages::notice("Banco Demo - Cambio de contraseña", sentence))
}

async fn expired() -> Response {
    let sentence = "Tu sesión expiró. Ingrese nuevamente.";
    html::answer(StatusCode::OK, pages::notice("Banco Demo - Sesión expirada", sentence))
}

async fn home(State(world): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    if visitor(&world, &headers).await.is_none() {
        return Redirect::to(EXPIRED_PATH).into_response();
    }
    let page = pages::home(world.state().bank.ledger.accounts());
    html::answer(StatusCode::OK, page)
}

async fn movements(
    State(world): State<Arc<Shared>>,
    Path(account): Path<String>,
    Query(filter): Query<Filter>,
    headers: HeaderMap,
) -> Response {
    let Some(customer) = visitor(&world, &headers).await else {
        return Redirect::to(EXPIRED_PATH).into_response();
    };
    let headings = if customer == Customer::BrokenPage { Headings::Renamed } else { Headings::Usual };
    let state = world.state();
    match state.bank.ledger.account(&account) {
        Some(account) => html::answer(StatusCode::OK, pages::movements(account, &filter, headings)),
        None => not_found(),
    }
}

async fn log_out(State(world): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    if let Some(token) = token(&headers) {
        world.state().bank.log_out(token);
    }
    let forgotten = format!("{COOKIE}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");
    ([(header::SET_COOKIE, forgotten)], Redirect::to("/login")).into_response()
}

fn not_found() -> Response {
    html::answer(StatusCode::NOT_FOUND, pages::notice("Banco Demo", "La página no existe."))
}

/// Who asks, if the session is good; makes slow customers wait.
async fn visitor(world: &Shared, headers: &HeaderMap) -> Option<Customer> {
    let customer = world.state().bank.visit(token(headers)?, world.clock.now())?;
    if customer == Customer::Slow {
        world.dawdle(SLOWNESS).await;
    }
    Some(customer)
}

fn token(headers: &HeaderMap) -> Option<&str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).map(|(_, value)| value)
}

#[cfg(test)]
mod tests;
