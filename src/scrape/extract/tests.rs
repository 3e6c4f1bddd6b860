use chrono::DateTime;
use url::Url;

use super::*;
use crate::scrape::recipe::tests::demo;

const HEAD: &str = "<tr><th>Fecha<th>Concepto<th>Comprobante<th>Débito<th>Crédito<th>Saldo<th>Estado</tr>";

fn page(html: &str) -> Snapshot {
    Snapshot::from_html(html, &Url::parse("http://127.0.0.1:7001/cuentas/1/movimientos").expect("an address"))
}

fn table(rows: &str) -> Snapshot {
    page(&format!("<table class=movimientos><thead>{HEAD}</thead><tbody>{rows}</tbody></table>"))
}

/// `13/05/2026|CONCEPTO|REF|debit|credit|balance|status`
fn row(cells: &str) -> String {
    let cells: Vec<&str> = cells.split('|').collect();
    let (last, first) = cells.split_last().expect("a row has cells");
    format!("<tr><td>{}</td><td class=estado>{last}</td></tr>", first.join("</td><td>"))
}

fn account() -> AccountRow {
    AccountRow { fields: BTreeMap::from([("number", "001"), ("currency", "UYU")].map(|(k, v)| (k.into(), v.into()))) }
}

fn read(edits: &[(&str, &str)], page: &Snapshot) -> Result<MovementRows, ExtractError> {
    movements(&demo(edits).expect("the recipe is sound"), page, &account())
}

#[test]
fn a_row_is_read_below_its_headers() {
    let rows = row("13/05/2026| TRANSFERENCIA DE <b>JUAN</b> PEREZ |77||1.500,00|2.500,00|Confirmado");
    let found = read(&[], &table(&rows)).expect("the page is sound");
    let booked_on = NaiveDate::from_ymd_opt(2026, 5, 13);
    let expected = Row {
        booked_on,
        value_on: None,
        amount: "1500".parse().expect("an amount"),
        direction: CreditDebit::Credit,
        currency: "UYU".parse().expect("a currency"),
        description: "TRANSFERENCIA DE JUAN PEREZ".into(),
        counterparty_name: Some("JUAN PEREZ".into()),
        bank_reference: Some("77".into()),
        balance_after: Some("2500.00".into()),
        status: BookingStatus::Booked,
        raw: concat!(
            r#"{"Comprobante":"77","Concepto":"TRANSFERENCIA DE JUAN PEREZ","Crédito":"1.500,00","Débito":"","#,
            r#""Estado":"Confirmado","Fecha":"13/05/2026","Saldo":"2.500,00"}"#
        )
        .into(),
    };
    assert_eq!(found, MovementRows { rows: vec![expected], seen: 1, skipped: 0 });
}

#[test]
fn columns_may_move_and_have_other_names_that_the_recipe_knows() {
    let html = concat!(
        "<table class=movimientos>",
        "<tr><th colspan=2>Saldo<th>Crédito<th>Débito<th>Comprobante<th>FECHA MOV.<th>Concepto",
        "<tr><td colspan=2>10,00<td><td>5,00<td>9<td>01/05/2026<td>X<td class=estado>Confirmado</table>",
    );
    // The head's first column spans two, and so does the cell below it: still two columns of one name.
    let narrow = html.replace(" colspan=2", "");
    let edits =
        [("col = [\"Fecha\"]", "col = [\"Fecha\", \"Fecha mov.\"]"), ("css = \"td[colspan]\"", "css = \"td.pie\"")];
    let found = read(&edits, &page(&narrow)).expect("the page is sound");
    assert_eq!(found.rows[0].direction, CreditDebit::Debit);
    assert_eq!(found.rows[0].balance_after.as_deref(), Some("10.00"));
    let error = read(&edits, &page(html)).expect_err("two columns are named Saldo");
    assert_eq!(error.outcome(), Outcome::LayoutChanged);
}

#[test]
fn what_cannot_be_read_is_an_error_and_never_a_missing_row() {
    let check = |cells: &str, outcome: Outcome, expected: &str| {
        let error = read(&[], &table(&row(cells))).expect_err(cells);
        assert_eq!(error.outcome(), outcome, "{cells}");
        assert!(error.to_string().contains(expected), "expected {expected:?} in {error}");
    };
    let failed = Outcome::ParseFailed;
    check("13/05/2026|X|1|1,00|2,00|3,00|Confirmado", failed, "credit and debit are both filled");
    check("13/05/2026|X|1|||3,00|Confirmado", failed, "neither credit nor debit is filled");
    check("13/05/2026|X|1|0,00|0,00|3,00|Confirmado", failed, "neither credit nor debit is filled");
    check("13/05/2026|X|1||-2,00|3,00|Confirmado", failed, "it is negative");
    check(
        "13/05/2026|X|1||1.50|3,00|Confirmado",
        failed,
        "row 1: could not read movements.fields.amount.credit from \"1.50\"",
    );
    check("13/05/2026|X|1||1,50|3,00|Anulado", failed, "does not know this status");
    check("|X|1||1,50|3,00|Confirmado", failed, "movements.fields.booked_on");
    check("13/05/2026||1||1,50|3,00|Confirmado", failed, "movements.fields.description");
    check("13/05/2026|X|Confirmado", failed, "neither credit nor debit is filled");
}

#[test]
fn a_renamed_column_is_a_changed_page() {
    let html = format!(
        "<table class=movimientos><thead>{HEAD}</thead>{}</table>",
        row("13/05/2026|X|1||1,50|3,00|Confirmado")
    );
    for header in ["Fecha", "Concepto", "Débito", "Crédito", "Saldo", "Comprobante"] {
        let renamed = html.replacen(&format!("<th>{header}"), "<th>Otro", 1);
        let error = read(&[], &page(&renamed)).expect_err(header);
        assert_eq!(error.outcome(), Outcome::LayoutChanged, "{header}: {error}");
    }
}

#[test]
fn a_zero_in_the_other_column_is_no_amount() {
    let found = read(&[], &table(&row("13/05/2026|X|1|0,00|2,00|3,00|Confirmado"))).expect("the page is sound");
    assert_eq!((found.rows[0].direction, found.rows[0].amount.to_decimal(2).as_str()), (CreditDebit::Credit, "2.00"));
}

#[test]
fn nested_tables_and_hidden_rows_are_not_mixed_in() {
    let nested = "X<table><tr><th>Fecha<tr><td>99/99/9999</td></tr></table>";
    let rows = [
        row(&format!("13/05/2026|{nested}|1||1,50|3,00|Confirmado")),
        row("12/05/2026|OCULTO|1||1,50|1,50|Confirmado").replace("<tr>", "<tr hidden>"),
    ];
    let found = read(&[], &table(&rows.concat())).expect("the page is sound");
    assert_eq!((found.seen, found.rows.len()), (1, 1));
    assert_eq!(found.rows[0].description, "X");
}

#[test]
fn rows_that_the_selector_misses_are_a_gap() {
    let edits = [("rows = \"css=table.movimientos tbody tr\"", "rows = \"css=table.movimientos tr.fila\"")];
    let known = row("13/05/2026|X|1||1,50|3,00|Confirmado").replace("<tr>", "<tr class=fila>");
    let missed = row("12/05/2026|Y|1||1,50|1,50|Confirmado");
    assert_eq!(read(&edits, &table(&(known + &missed))), Err(ExtractError::CoverageGap { seen: 2, kept: 1 }));
}

#[test]
fn no_rows_are_believed_only_with_the_banks_word() {
    let summary = "<tr><td colspan=5>Saldo anterior<td>1,00<td></tr>";
    assert_eq!(read(&[], &page("<p>Elija un período</p>")).map_err(|e| e.outcome()), Err(Outcome::LayoutChanged));
    assert_eq!(read(&[], &table(summary)).map_err(|e| e.outcome()), Err(Outcome::LayoutChanged));
    let empty = page("<p class=sin-movimientos>No hay movimientos para el período</p>");
    assert_eq!(read(&[], &empty), Ok(MovementRows { rows: Vec::new(), seen: 0, skipped: 0 }));
}

#[test]
fn accounts_are_read_with_their_links() {
    let html = |rows: &str| {
        page(&format!(
            "<table id=cuentas><thead><tr><th>Cuenta<th>Moneda<th>Saldo<th></thead><tbody>{rows}</tbody></table>"
        ))
    };
    let recipe = demo(&[]).expect("the recipe is sound");
    let links = "<tr><td>001-123456/7<td>U$S<td>12,00<td><a href='http://127.0.0.1:7001/m/1?x=1'>Ver</a>";
    let found = accounts(&recipe, &html(links)).expect("the page is sound");
    assert_eq!((found[0].number(), found[0].fields["link"].as_str()), ("0011234567", "/m/1?x=1"));
    assert_eq!(found[0].currency(), "USD".parse().ok());
    let outcome = |rows: &str| accounts(&recipe, &html(rows)).map_err(|error| error.outcome());
    assert_eq!(outcome(""), Err(Outcome::LayoutChanged));
    assert_eq!(outcome("<tr><td>1<td>EUR<td>1,00<td><a href=/x>Ver</a>"), Err(Outcome::ParseFailed));
}

#[test]
fn equal_rows_are_counted_from_the_oldest() {
    let recipe = demo(&[]).expect("the recipe is sound");
    let read_at = DateTime::parse_from_rfc3339("2026-05-20T12:00:00Z").expect("an instant").to_utc();
    let twin = "13/05/2026|X|1||1,00||Confirmado";
    let ordinals = |rows: &[&str]| {
        let html: String = rows.iter().map(|cells| row(cells)).collect();
        let found = movements(&recipe, &table(&html), &account()).expect("the page is sound");
        let all = to_movements(&recipe, "001", found.rows, read_at);
        all.into_iter().map(|m| (m.bank_reference.unwrap_or_default(), m.identity.ordinal)).collect::<Vec<_>>()
    };
    let oldest = twin.replace("|1|", "|3|");
    let renumbered = [twin, "13/05/2026|OTRO|2||1,00||Confirmado", oldest.as_str()];
    let expected = [("3".to_owned(), 0), ("2".to_owned(), 0), ("1".to_owned(), 1)];
    assert_eq!(ordinals(&renumbered), expected, "the bank lists newest first");
}

#[test]
fn a_day_begins_in_the_banks_zone_and_a_pending_row_may_lack_it() {
    let edits = [(
        "booked_on = { col = [\"Fecha\"], parse = \"date\" }",
        "booked_on = { col = [\"Fecha\"], parse = \"date\", optional = true }",
    )];
    let recipe = demo(&edits).expect("the recipe is sound");
    let read_at = DateTime::parse_from_rfc3339("2026-05-20T12:00:00Z").expect("an instant").to_utc();
    let html = row("|X|1||1,00||Pendiente") + &row("13/05/2026|X|1||1,00|1,00|Confirmado");
    let found = movements(&recipe, &table(&html), &account()).expect("the page is sound");
    let all = to_movements(&recipe, "001", found.rows, read_at);
    assert_eq!(all[0].received_at.to_rfc3339(), "2026-05-13T03:00:00+00:00");
    assert_eq!((all[1].received_at, all[1].booked_on), (read_at, None));
    let error =
        movements(&recipe, &table(&row("|X|1||1,00||Confirmado")), &account()).expect_err("booked without a day");
    assert!(error.to_string().contains("only a pending movement"), "{error}");
}

#[test]
fn the_identity_of_a_pending_row_survives_its_day_and_balance() {
    let recipe = demo(&[]).expect("the recipe is sound");
    let fingerprint = |cells: &str| {
        let found = movements(&recipe, &table(&row(cells)), &account()).expect(cells);
        to_movements(&recipe, "001", found.rows, DateTime::default())[0].identity.fingerprint.clone()
    };
    let pending = fingerprint("13/05/2026|X|1||1,00||Pendiente");
    assert_eq!(pending, fingerprint("14/05/2026|x|1||1,00|9,00|Pendiente"));
    assert_ne!(pending, fingerprint("13/05/2026|X|1|1,00|||Pendiente"), "a debit is another movement");
    assert_ne!(pending, fingerprint("13/05/2026|X|1||1,00||Confirmado"));
}

#[test]
fn each_balance_must_follow_from_the_one_before() {
    let recipe = demo(&[]).expect("the recipe is sound");
    let check = |rows: &[&str], expected: Result<(), &str>| {
        let html: String = rows.iter().map(|cells| row(cells)).collect();
        let found = movements(&recipe, &table(&html), &account()).expect("the page is sound");
        assert_eq!(check_running_balance(&recipe, &found.rows), expected.map_err(String::from), "{rows:?}");
    };
    let oldest = "11/05/2026|A|1||10,00|10,00|Confirmado";
    check(&["12/05/2026|B|1|15,50||-5,50|Confirmado", oldest], Ok(()));
    check(&["13/05/2026|P|1||7,00||Pendiente", "12/05/2026|B|1||1,00|11,00|Confirmado", oldest], Ok(()));
    check(&["13/05/2026|C|1||1,00|13,00|Confirmado", "12/05/2026|B|1||2,00||Confirmado", oldest], Ok(()));
    let message =
        "the balance after row 1 (booked 2026-05-12) does not follow from the rows before it: it is off by -0.50";
    check(&["12/05/2026|B|1||1,00|10,50|Confirmado", oldest], Err(message));
}
