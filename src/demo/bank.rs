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

use self::ledger::Ledger;
use self::pages::{Filter, Headings};
use super::html;
use super::world::Shared;
use crate::domain::time::Instant;

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
    Wrong,
    Locked,
    Maintenance,
    ChangePassword,
}

/// The bank behind the pages. Nothing is kept beyond the process.
pub(super) struct Bank {
    pub ledger: Ledger,
    pub session_timeout: TimeDelta,
    sessions: HashMap<String, Session>,
    wrong_in_a_row: HashMap<String, u32>,
    submissions: HashMap<String, usize>,
}

impl Bank {
    pub fn new(today: NaiveDate) -> Self {
        Self {
            ledger: Ledger::seeded(today),
            session_timeout: TimeDelta::minutes(SESSION_MINUTES),
            sessions: HashMap::new(),
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
            | Customer::Expires => {}
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
        let token = format!("{:032x}", rand::random::<u128>());
        let pages_left = (customer == Customer::Expires).then_some(1);
        self.sessions.insert(token.clone(), Session { customer, last_used: now, pages_left });
        Login::Welcome(token)
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
        Login::Welcome(token) => {
            let cookie = format!("{COOKIE}={token}; Path=/; HttpOnly; SameSite=Lax");
            ([(header::SET_COOKIE, cookie)], Redirect::to("/inicio")).into_response()
        }
        Login::Wrong => refused("Usuario o contraseña incorrectos"),
        Login::Locked => refused("Usuario bloqueado. Comuníquese con el banco."),
        Login::Maintenance => {
            let page = pages::notice("Banco Demo - Mantenimiento", "Estamos en mantenimiento. Vuelva más tarde.");
            html::answer(StatusCode::SERVICE_UNAVAILABLE, page)
        }
        Login::ChangePassword => Redirect::to("/cambio-clave").into_response(),
    }
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
mod tests {
    use axum::body::Body;
    use axum::http::Request;
    use tower::ServiceExt;

    use super::*;

    fn noon() -> Instant {
        "2026-05-13T15:00:00Z".parse().expect("instant")
    }

    fn bank() -> Bank {
        Bank::new(NaiveDate::from_ymd_opt(2026, 5, 13).expect("day"))
    }

    fn enter(bank: &mut Bank, document: &str) -> String {
        match bank.log_in(document, PASSWORD, noon()) {
            Login::Welcome(token) => token,
            other => panic!("{document} was not let in: {other:?}"),
        }
    }

    #[test]
    fn the_user_name_decides_the_answer() {
        let check = |document: &str, password: &str, expected: Login| {
            assert_eq!(bank().log_in(document, password, noon()), expected, "{document}");
        };
        check("clave-mala", PASSWORD, Login::Wrong);
        check("bloqueado", PASSWORD, Login::Locked);
        check("mantenimiento", PASSWORD, Login::Maintenance);
        check("cambia-clave", PASSWORD, Login::ChangePassword);
        check("cambia-clave", "otra", Login::Wrong);
        check("demo", "Demo", Login::Wrong);
        check("", PASSWORD, Login::Wrong);
        for document in ["demo", "41234567", "pagina-rota", "lento", "expira"] {
            enter(&mut bank(), document);
        }
    }

    #[test]
    fn three_wrong_passwords_in_a_row_lock_a_name_and_only_that_name() {
        let mut bank = bank();
        assert_eq!(bank.log_in("demo", "1", noon()), Login::Wrong);
        assert_eq!(bank.log_in("demo", "2", noon()), Login::Wrong);
        enter(&mut bank, "demo");
        assert_eq!(bank.log_in("demo", "3", noon()), Login::Wrong);
        assert_eq!(bank.log_in("demo", "4", noon()), Login::Wrong);
        assert_eq!(bank.log_in("demo", "5", noon()), Login::Locked);
        assert_eq!(bank.log_in("demo", PASSWORD, noon()), Login::Locked);
        enter(&mut bank, "4123");
        assert_eq!((bank.submissions("demo"), bank.submissions("4123"), bank.submissions("otro")), (7, 1, 0));
    }

    #[test]
    fn a_session_ends_ten_minutes_after_its_last_use() {
        let mut bank = bank();
        let token = enter(&mut bank, "demo");
        let at = |minutes: i64| noon() + TimeDelta::minutes(minutes);
        assert_eq!(bank.visit(&token, at(10)), Some(Customer::Usual));
        assert_eq!(bank.visit(&token, at(20)), Some(Customer::Usual));
        assert_eq!(bank.visit(&token, at(31)), None);
        assert_eq!(bank.visit(&token, at(31)), None);
    }

    #[test]
    fn the_session_of_expira_shows_one_page() {
        let mut bank = bank();
        let token = enter(&mut bank, "expira");
        assert_eq!(bank.visit(&token, noon()), Some(Customer::Expires));
        assert_eq!(bank.visit(&token, noon()), None);
    }

    #[tokio::test]
    async fn a_visitor_logs_in_reads_a_statement_and_leaves() {
        let site = router(Shared::for_test(noon()));
        let call = async |method: &str, path: &str, cookie: &str, form: &str| {
            let request = Request::builder()
                .method(method)
                .uri(path)
                .header(header::COOKIE, format!("otra=1; {cookie}"))
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(Body::from(form.to_owned()))
                .expect("request");
            let (head, body) = site.clone().oneshot(request).await.expect("answer").into_parts();
            let body = axum::body::to_bytes(body, 1 << 20).await.expect("body");
            (head.status.as_u16(), head.headers, String::from_utf8(body.to_vec()).expect("text"))
        };
        let text = |headers: &HeaderMap, name: &str| headers[name].to_str().expect("text").to_owned();

        let (status, headers, _) = call("GET", "/inicio", "", "").await;
        assert_eq!((status, text(&headers, "location").as_str()), (303, "/sesion-expirada"));
        let (status, headers, page) = call("POST", "/login", "", "documento=demo&clave=mala").await;
        assert_eq!(status, 200);
        assert!(page.contains(r#"<div class="mensaje-error" role="alert">Usuario o contraseña incorrectos</div>"#));
        assert!(text(&headers, "content-security-policy").contains("default-src 'none'"));

        let (status, headers, _) = call("POST", "/login", "", "documento=demo&clave=demo").await;
        assert_eq!((status, text(&headers, "location").as_str()), (303, "/inicio"));
        let cookie = text(&headers, "set-cookie");
        assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax"));
        let session = cookie.split(';').next().expect("pair");
        assert!(call("GET", "/inicio", session, "").await.2.contains("001-123456/7"));
        let path = "/cuentas/0011234567/movimientos?desde=05%2F05%2F2026&hasta=13%2F05%2F2026&pagina=2";
        assert!(call("GET", path, session, "").await.2.contains("Saldo anterior"));
        assert_eq!(call("GET", "/cuentas/999/movimientos", session, "").await.0, 404);

        assert_eq!(call("GET", "/salir", session, "").await.0, 303);
        assert_eq!(call("GET", "/inicio", session, "").await.0, 303);
    }
}
