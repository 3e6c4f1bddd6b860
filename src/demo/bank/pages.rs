//! The demo bank's pages, as pure functions from what it knows to HTML.

use std::ops::RangeInclusive;

use chrono::NaiveDate;
use serde::Deserialize;

use super::codes::{self, CodeForm};
use super::ledger::{Balance, BankAccount, Line, Statement};
use crate::demo::html::{self, escape};
use crate::domain::money::Currency;
use crate::domain::movement::{BookingStatus, CreditDebit};

/// How the columns of a statement are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Headings {
    Usual,
    /// As after a redesign of the site: a reader that trusts names must notice.
    Renamed,
}

/// What the form over a statement sends, as it was typed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Filter {
    desde: String,
    hasta: String,
    pagina: String,
}

impl Filter {
    /// The period asked for: `None` when neither day was given, an error when they make no period.
    fn period(&self) -> Result<Option<RangeInclusive<NaiveDate>>, &'static str> {
        match (self.desde.trim(), self.hasta.trim()) {
            ("", "") => Ok(None),
            (_, "") | ("", _) => Err("Indique las dos fechas: desde y hasta."),
            (from, to) => match (html::parse_day(from), html::parse_day(to)) {
                (Some(from), Some(to)) if from <= to => Ok(Some(from..=to)),
                (Some(_), Some(_)) => Err("La fecha desde es posterior a la fecha hasta."),
                (None, _) | (_, None) => Err("Fecha incorrecta. Use el formato dd/mm/aaaa."),
            },
        }
    }

    fn page(&self) -> usize {
        self.pagina.parse().unwrap_or(1)
    }
}

pub(super) fn login(problem: Option<&str>) -> String {
    let problem = problem.map(html::alert).unwrap_or_default();
    let body = format!(
        r#"<h1>Banco Demo</h1>
{problem}
<form action="/login" method="post">
<label for="documento">Documento</label><input id="documento" name="documento" autocomplete="off">
<label for="clave">Contraseña</label><input id="clave" name="clave" type="password">
<button type="submit">Ingresar</button>
</form>"#
    );
    html::page("Banco Demo", &body)
}

/// The page between the password and the accounts.
pub(super) fn code(form: CodeForm, problem: Option<&str>) -> String {
    let problem = problem.map(html::alert).unwrap_or_default();
    let fields = match form {
        CodeForm::Field => r#"<label for="codigo">Código</label><input id="codigo" name="codigo" inputmode="numeric" autocomplete="one-time-code">"#.to_owned(),
        CodeForm::Boxes => (1..=6)
            .map(|place| format!(r#"<input class="otp-digito" name="d{place}" aria-label="Dígito {place}" inputmode="numeric" maxlength="1" autocomplete="off">"#))
            .collect::<Vec<_>>()
            .join("\n"),
    };
    let (path, resend_path) = (codes::PATH, codes::RESEND_PATH);
    let body = format!(
        r#"<h1>Banco Demo</h1>
{problem}
<p>Ingrese el código que enviamos por SMS</p>
<p class="telefono-enmascarado">*** *** 123</p>
<form action="{path}" method="post">
{fields}
<button type="submit">Confirmar</button>
</form>
<p><a href="{resend_path}">Reenviar código</a></p>"#
    );
    html::page("Banco Demo - Código", &body)
}

/// A page that says one thing and leads back to the login.
pub(super) fn notice(title: &str, sentence: &str) -> String {
    let body = format!(
        r#"<h1>Banco Demo</h1>
<p>{}</p>
<p><a href="/login">Volver al inicio</a></p>"#,
        escape(sentence)
    );
    html::page(title, &body)
}

pub(super) fn home(accounts: &[BankAccount]) -> String {
    let rows: String = accounts.iter().map(account_row).collect();
    let body = format!(
        r#"<nav><a href="/salir">Salir</a></nav>
<h1>Mis cuentas</h1>
<table id="cuentas">
<thead><tr><th>Cuenta</th><th>Moneda</th><th>Saldo</th><th></th></tr></thead>
<tbody>
{rows}</tbody>
</table>"#
    );
    html::page("Banco Demo - Mis cuentas", &body)
}

fn account_row(account: &BankAccount) -> String {
    format!(
        "<tr><td>{}</td><td>{}</td><td>{}</td><td><a href=\"/cuentas/{}/movimientos\">Ver movimientos</a></td></tr>\n",
        escape(account.number),
        escape(symbol(&account.currency)),
        balance(account.balance()),
        account.digits(),
    )
}

pub(super) fn movements(account: &BankAccount, filter: &Filter, headings: Headings) -> String {
    let result = match filter.period() {
        Err(problem) => html::alert(problem),
        Ok(None) => "<p>Elija un período</p>".to_owned(),
        Ok(Some(period)) => {
            let statement = account.statement(&period);
            let address = |page: usize| {
                format!(
                    "/cuentas/{}/movimientos?desde={}&hasta={}&pagina={page}",
                    account.digits(),
                    html::day(*period.start()),
                    html::day(*period.end()),
                )
            };
            table(&statement, filter.page(), headings, address)
        }
    };
    let body = format!(
        r#"<nav><a href="/inicio">Mis cuentas</a> <a href="/salir">Salir</a></nav>
<h1>Movimientos de la cuenta {} ({})</h1>
<form id="filtro" method="get">
<label for="desde">Desde</label><input id="desde" name="desde" value="{}">
<label for="hasta">Hasta</label><input id="hasta" name="hasta" value="{}">
<button type="submit">Consultar</button>
</form>
{result}"#,
        escape(account.number),
        escape(symbol(&account.currency)),
        escape(&filter.desde),
        escape(&filter.hasta),
    );
    html::page("Banco Demo - Movimientos", &body)
}

fn table(statement: &Statement, wanted: usize, headings: Headings, address: impl Fn(usize) -> String) -> String {
    if statement.lines.is_empty() {
        return r#"<p class="sin-movimientos">No hay movimientos para el período</p>"#.to_owned();
    }
    let page = statement.page(wanted);
    let (day, credit) = match headings {
        Headings::Usual => ("Fecha", "Crédito"),
        Headings::Renamed => ("Cuándo", "Entró"),
    };
    let rows: String = page.lines.iter().map(movement_row).collect();
    let (summary, next) = if page.is_last {
        let before = balance(statement.before);
        let summary =
            format!("<tr class=\"resumen\"><td colspan=\"5\">Saldo anterior</td><td>{before}</td><td></td></tr>\n");
        (summary, String::new())
    } else {
        let link = escape(&address(page.number + 1));
        (String::new(), format!(r#"<p><a class="pag-siguiente" href="{link}">Siguiente</a></p>"#))
    };
    format!(
        r#"<table class="movimientos">
<thead><tr><th>{day}</th><th>Concepto</th><th>Comprobante</th><th>Débito</th><th>{credit}</th><th>Saldo</th><th>Estado</th></tr></thead>
<tbody>
{rows}{summary}</tbody>
</table>
{next}"#
    )
}

fn movement_row(line: &Line) -> String {
    let movement = &line.movement;
    let amount = html::money(movement.amount);
    let (debit, credit) = match movement.direction {
        CreditDebit::Credit => (String::new(), amount),
        CreditDebit::Debit => (amount, String::new()),
    };
    let status = match movement.status {
        BookingStatus::Pending => "Pendiente",
        BookingStatus::Booked => "Confirmado",
    };
    format!(
        "<tr><td>{}</td><td>{}</td><td>{}</td><td>{debit}</td><td>{credit}</td><td>{}</td><td class=\"estado\">{status}</td></tr>\n",
        html::day(movement.booked_on),
        escape(&movement.concept),
        escape(movement.reference.as_deref().unwrap_or_default()),
        line.balance.map(balance).unwrap_or_default(),
    )
}

fn balance(balance: Balance) -> String {
    let sign = if balance.overdrawn { "-" } else { "" };
    format!("{sign}{}", html::money(balance.amount))
}

/// The sign that banks here print for a currency.
fn symbol(currency: &Currency) -> &str {
    match currency.code() {
        "UYU" => "$",
        "USD" => "U$S",
        code => code,
    }
}

#[cfg(test)]
mod tests {
    use super::super::ledger::{Ledger, NewBankMovement, PESOS};
    use super::*;

    fn may(day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 5, day).expect("day")
    }

    fn filter(desde: &str, hasta: &str, pagina: &str) -> Filter {
        Filter { desde: desde.to_owned(), hasta: hasta.to_owned(), pagina: pagina.to_owned() }
    }

    fn shown(ledger: &Ledger, filter: &Filter, headings: Headings) -> String {
        movements(ledger.account(PESOS).expect("account"), filter, headings)
    }

    #[test]
    fn the_filter_asks_for_two_real_days_in_order() {
        let check = |desde: &str, hasta: &str, expected: Result<Option<(u32, u32)>, &str>| {
            let expected = expected.map(|days| days.map(|(from, to)| may(from)..=may(to)));
            match (filter(desde, hasta, "").period(), expected) {
                (Err(problem), Err(part)) => assert!(problem.contains(part), "{problem}"),
                (period, expected) => assert_eq!(period, expected, "{desde} - {hasta}"),
            }
        };
        check("", "", Ok(None));
        check(" ", " ", Ok(None));
        check("01/05/2026", "13/05/2026", Ok(Some((1, 13))));
        check("13/05/2026", "13/05/2026", Ok(Some((13, 13))));
        check("13/05/2026", "", Err("las dos fechas"));
        check("", "13/05/2026", Err("las dos fechas"));
        check("14/05/2026", "13/05/2026", Err("posterior"));
        check("2026-05-01", "13/05/2026", Err("dd/mm/aaaa"));
        check("01/05/2026", "32/05/2026", Err("dd/mm/aaaa"));
    }

    #[test]
    fn no_table_stands_on_the_page_before_a_period_is_chosen() {
        let ledger = Ledger::seeded(may(13));
        let page = shown(&ledger, &Filter::default(), Headings::Usual);
        assert!(page.contains("Elija un período"));
        assert!(!page.contains("<table"));
        assert!(page.contains(r#"<form id="filtro" method="get">"#));
    }

    #[test]
    fn the_first_page_leads_to_the_second_and_the_last_ends_with_the_earlier_balance() {
        let ledger = Ledger::seeded(may(13));
        let first = shown(&ledger, &filter("05/05/2026", "13/05/2026", ""), Headings::Usual);
        assert!(first.contains(
            "href=\"/cuentas/0011234567/movimientos?desde=05/05/2026&amp;hasta=13/05/2026&amp;pagina=2\">Siguiente</a>"
        ));
        assert!(!first.contains("Saldo anterior"));
        assert_eq!(first.matches("class=\"estado\"").count(), 10);
        assert!(first.contains(
            "<tr><td>13/05/2026</td><td>TRANSFERENCIA DE GRACIELA TECHERA</td><td>886120</td><td></td><td>1.818,00</td>\
             <td></td><td class=\"estado\">Pendiente</td></tr>"
        ));

        let last = shown(&ledger, &filter("05/05/2026", "13/05/2026", "2"), Headings::Usual);
        assert!(!last.contains("pag-siguiente"));
        assert_eq!(last.matches("class=\"estado\"").count(), 2);
        // 25310.40 + 7340.00
        assert!(last.contains(
            "<tr><td>05/05/2026</td><td>TRANSFERENCIA DE LUCIA FERNANDEZ</td><td>884102</td><td></td><td>7.340,00</td>\
             <td>32.650,40</td><td class=\"estado\">Confirmado</td></tr>\n\
             <tr class=\"resumen\"><td colspan=\"5\">Saldo anterior</td><td>25.310,40</td><td></td></tr>\n</tbody>"
        ));
    }

    #[test]
    fn an_empty_period_says_so_and_shows_no_table() {
        let ledger = Ledger::seeded(may(13));
        let page = shown(&ledger, &filter("20/05/2026", "21/05/2026", ""), Headings::Usual);
        assert!(page.contains(r#"<p class="sin-movimientos">No hay movimientos para el período</p>"#));
        assert!(!page.contains("<table"));
    }

    #[test]
    fn a_concept_cannot_write_html() {
        let mut ledger = Ledger::seeded(may(13));
        let hostile = NewBankMovement {
            bank_account: PESOS.to_owned(),
            booked_on: may(13),
            concept: "</td><script>".to_owned(),
            credit: Some("1.00".parse().expect("amount")),
            debit: None,
            status: BookingStatus::Booked,
            reference: Some("\"><i>".to_owned()),
        };
        ledger.add(hostile).expect("movement");
        let page = shown(&ledger, &filter("13/05/2026", "13/05/2026", ""), Headings::Usual);
        assert!(page.contains("<td>&lt;/td&gt;&lt;script&gt;</td><td>&quot;&gt;&lt;i&gt;</td>"));
    }

    #[test]
    fn the_broken_page_renames_two_columns() {
        let ledger = Ledger::seeded(may(13));
        let page = shown(&ledger, &filter("05/05/2026", "13/05/2026", ""), Headings::Renamed);
        assert!(page.contains("<th>Cuándo</th><th>Concepto</th><th>Comprobante</th><th>Débito</th><th>Entró</th>"));
    }

    #[test]
    fn the_home_page_lists_both_accounts() {
        let page = home(Ledger::seeded(may(13)).accounts());
        assert!(page.contains(
            "<tr><td>001-123456/7</td><td>$</td><td>63.495,53</td>\
             <td><a href=\"/cuentas/0011234567/movimientos\">Ver movimientos</a></td></tr>"
        ));
        assert!(page.contains("<td>001-123456/8</td><td>U$S</td><td>1.844,00</td>"));
    }
}
