//! The control page: what the world is, two forms, three tables. Works on a phone and without script.

use url::Url;

use super::input::{FieldError, Fields};
use crate::demo::bank::PASSWORD;
use crate::demo::bank::ledger::{DOLLARS, Ledger, NewBankMovement, PESOS};
use crate::demo::html::{self, escape};
use crate::demo::shop::pages::{orders_table, webhooks_table};
use crate::demo::shop::{Order, Received};
use crate::domain::movement::BookingStatus;

/// Everything that the page shows.
pub(super) struct View<'a> {
    pub bank: &'a Url,
    pub shop: &'a Url,
    pub ledger: &'a Ledger,
    pub orders: &'a [Order],
    pub received: &'a [Received],
    pub movement: Draft<'a>,
    pub order: Draft<'a>,
}

/// A form that was refused: what was typed, and what is wrong with it. Empty before the first try.
#[derive(Clone, Copy, Default)]
pub(super) struct Draft<'a> {
    pub typed: Option<&'a Fields>,
    pub problem: Option<&'a FieldError>,
}

impl Draft<'_> {
    fn text(&self, field: &str) -> &str {
        self.typed.and_then(|fields| fields.get(field)).map_or("", String::as_str)
    }

    fn alert(&self) -> String {
        self.problem.map(|problem| html::alert(&problem.to_string())).unwrap_or_default()
    }

    fn input(&self, label: &str, field: &str) -> String {
        let decimal = if field == "amount" { r#" inputmode="decimal""# } else { "" };
        let typed = escape(self.text(field));
        format!(r#"<label>{label} <input name="{field}"{decimal} value="{typed}" required></label>"#)
    }

    fn select(&self, label: &str, field: &str, options: &[(&str, &str)]) -> String {
        let option = |(value, text): &(&str, &str)| {
            let selected = if self.text(field) == *value { " selected" } else { "" };
            format!(r#"<option value="{value}"{selected}>{text}</option>"#)
        };
        let options: String = options.iter().map(option).collect();
        format!(r#"<label>{label} <select name="{field}">{options}</select></label>"#)
    }
}

pub(super) fn render(view: &View<'_>) -> String {
    let body = [
        introduction(view),
        movement_form(&view.movement),
        order_form(&view.order),
        "<h2>Pedidos pendientes / Pending orders</h2>".to_owned(),
        orders_table(view.orders),
        "<h2>Avisos recibidos / Webhooks received</h2>".to_owned(),
        webhooks_table(view.received),
        "<h2>Movimientos del banco / Bank movements</h2>".to_owned(),
        movements_table(&view.ledger.movements()),
    ];
    html::page("Mundo Demo", &body.join("\n"))
}

fn introduction(view: &View<'_>) -> String {
    let (bank, shop) = (escape(view.bank.as_str()), escape(view.shop.as_str()));
    format!(
        r#"<h1>Mundo Demo</h1>
<p>Aquí viven el banco y el comercio de prueba: agregue un pedido y una transferencia, y Reconbanker los une.</p>
<p class="nota" lang="en">The demo bank and the demo shop live here: add an order and a transfer, and Reconbanker brings them together.</p>
<ul>
<li><a href="{bank}">Banco Demo</a>: documento / user <code>demo</code>, contraseña / password <code>{PASSWORD}</code></li>
<li><a href="{shop}">Tienda Demo</a></li>
</ul>"#
    )
}

fn movement_form(draft: &Draft<'_>) -> String {
    let accounts = [(PESOS, "001-123456/7 ($)"), (DOLLARS, "001-123456/8 (U$S)")];
    format!(
        r#"<h2>Nueva transferencia / New transfer</h2>
{}
<form action="/form/movements" method="post">
{}
{}
{}
<button type="submit">Agregar / Add</button>
</form>"#,
        draft.alert(),
        draft.input("Ordenante / Payer", "name"),
        draft.input("Importe / Amount", "amount"),
        draft.select("Cuenta / Account", "bank_account", &accounts),
    )
}

fn order_form(draft: &Draft<'_>) -> String {
    format!(
        r#"<h2>Nuevo pedido / New order</h2>
{}
<form action="/form/orders" method="post">
{}
{}
{}
{}
<button type="submit">Agregar / Add</button>
</form>"#,
        draft.alert(),
        draft.input("Id", "external_id"),
        draft.input("Ordenante / Payer", "name"),
        draft.input("Importe / Amount", "amount"),
        draft.select("Moneda / Currency", "currency", &[("UYU", "UYU"), ("USD", "USD")]),
    )
}

fn movements_table(movements: &[NewBankMovement]) -> String {
    let rows: String = movements.iter().map(movement_row).collect();
    format!(
        r#"<table id="movimientos">
<thead><tr><th>Cuenta / Account</th><th>Fecha / Date</th><th>Concepto / Text</th><th>Importe / Amount</th><th>Estado / Status</th></tr></thead>
<tbody>
{rows}</tbody>
</table>"#
    )
}

fn movement_row(movement: &NewBankMovement) -> String {
    let credit = movement.credit.map(html::money);
    let debit = movement.debit.map(|amount| format!("-{}", html::money(amount)));
    let status = match movement.status {
        BookingStatus::Pending => "Pendiente / Pending",
        BookingStatus::Booked => "Confirmado / Booked",
    };
    format!(
        "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{status}</td></tr>\n",
        escape(&movement.bank_account),
        html::day(movement.booked_on),
        escape(&movement.concept),
        credit.or(debit).unwrap_or_default(),
    )
}
