//! The bank of the day: pages as Banco Demo has them, and what a run does there.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use reconbanker::domain::checkpoint::{Checkpoints, Crossing, Side};
use reconbanker::domain::ids::AnswerId;
use reconbanker::scrape::challenge::{Challenge, Code, NoCode, Verdict};
use reconbanker::scrape::scripted::{Click, Effect, Script, ScriptedEngine};
use reconbanker::scrape::{Engine, Refusal, ScrapeReport, ScrapeRequest, Watcher};
use secrecy::ExposeSecret;

use crate::support::GOOD_USER;

/// A credit of a statement: the day as the bank prints it, what it says, and pesos without cents.
pub type Row = (&'static str, &'static str, i64);

const LOGIN: &str = include_str!("../../../scrapers/demo-tabla/fixtures/login_form/input.html");
const REFUSED: &str = include_str!("../../../scrapers/demo-tabla/fixtures/bad_login/input.html");
const EMPTY: &str = include_str!("../../../scrapers/demo-tabla/fixtures/empty/input.html");
const HOME: &str = "<nav><a href='/inicio'>Inicio</a> <a href='/salir'>Salir</a></nav>
    <table id='cuentas'>
      <thead><tr><th>Cuenta</th><th>Moneda</th><th>Saldo</th><th></th></tr></thead>
      <tbody><tr><td>001-123456/7</td><td>$</td><td>0,00</td><td><a href='/cuentas/7/movimientos'>Ver</a></td></tr></tbody>
    </table>";
const MOVEMENTS: &str = "/cuentas/7/movimientos";

/// The pages of a bank that has booked these rows, newest first.
pub fn script(port: u16, rows: &[Row]) -> Script {
    let listed = format!("{MOVEMENTS}?desde=1");
    let pages = [
        ("/login", LOGIN.to_owned()),
        ("/login?error=1", REFUSED.to_owned()),
        ("/inicio", HOME.to_owned()),
        (MOVEMENTS, EMPTY.to_owned()),
        (&listed, if rows.is_empty() { EMPTY.to_owned() } else { statement(rows) }),
        ("/salir", LOGIN.to_owned()),
    ];
    Script {
        base: format!("http://127.0.0.1:{port}/").parse().expect("an address"),
        pages: pages.into_iter().map(|(path, page)| (path.to_owned(), page)).collect(),
        revisions: BTreeMap::new(),
        clicks: vec![
            Click::new("/login", "Ingresar", Effect::Page("/inicio".to_owned())).after(&[GOOD_USER, "demo"]),
            Click::new("/login", "Ingresar", Effect::Page("/login?error=1".to_owned())),
            Click::new(MOVEMENTS, "Consultar", Effect::Page(listed)),
            Click::new(MOVEMENTS, "Salir", Effect::Page("/salir".to_owned())),
        ],
    }
}

fn statement(rows: &[Row]) -> String {
    let mut balance: i64 = rows.iter().map(|(_, _, pesos)| pesos).sum();
    let mut body = String::new();
    for (day, concept, pesos) in rows {
        write!(
            body,
            "<tr><td>{day}</td><td>{concept}</td><td></td><td></td><td>{pesos},00</td><td>{balance},00</td>
             <td class='estado'>Confirmado</td></tr>"
        )
        .expect("writing to a string cannot fail");
        balance -= pesos;
    }
    let table = format!(
        "<table class='movimientos'><thead><tr><th>Fecha</th><th>Concepto</th><th>Comprobante</th><th>Débito</th>
         <th>Crédito</th><th>Saldo</th><th>Estado</th></tr></thead><tbody>{body}</tbody></table>"
    );
    EMPTY.replace("<p class=\"sin-movimientos\">No hay movimientos para el período</p>", &table)
}

/// The scripted bank, whose runs are calls like any other, and which notes in a file who submitted credentials.
pub struct Bank {
    pub engine: ScriptedEngine,
    pub checkpoints: Arc<dyn Checkpoints>,
    pub submissions: PathBuf,
}

impl Engine for Bank {
    fn scrape<'a>(&'a self, request: ScrapeRequest, watcher: &'a dyn Watcher) -> BoxFuture<'a, ScrapeReport> {
        async move {
            let user = request.inputs.get("document").expect("a user name").expose_secret().to_owned();
            let counting = Counting { bank: self, user, watcher };
            self.checkpoints.pass(Crossing::Call, Side::Before);
            let report = self.engine.scrape(request, &counting).await;
            self.checkpoints.pass(Crossing::Call, Side::After);
            report
        }
        .boxed()
    }
}

struct Counting<'a> {
    bank: &'a Bank,
    user: String,
    watcher: &'a dyn Watcher,
}

impl Watcher for Counting<'_> {
    fn before_submission(&self) -> BoxFuture<'_, Result<(), Refusal>> {
        async move {
            self.watcher.before_submission().await?;
            self.bank.checkpoints.pass(Crossing::Call, Side::Before);
            let mut file = OpenOptions::new().append(true).create(true).open(&self.bank.submissions).expect("a file");
            writeln!(file, "{}", self.user).expect("a line");
            self.bank.checkpoints.pass(Crossing::Call, Side::After);
            Ok(())
        }
        .boxed()
    }

    fn ask_code(&self, challenge: Challenge) -> BoxFuture<'_, Result<Code, NoCode>> {
        self.watcher.ask_code(challenge)
    }

    fn code_judged(&self, answer: AnswerId, verdict: Verdict) -> BoxFuture<'_, ()> {
        self.watcher.code_judged(answer, verdict)
    }
}
