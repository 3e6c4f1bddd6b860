//! What a person sees of the shop; the control page shows the same tables.

use super::{Order, Received};
use crate::demo::html::{self, escape};

/// Webhooks shown, newest first. All are kept.
const WEBHOOKS_SHOWN: usize = 50;

pub(super) fn overview(orders: &[Order], received: &[Received]) -> String {
    let body = [
        "<h1>Tienda Demo</h1>\n<h2>Pedidos pendientes / Pending orders</h2>".to_owned(),
        orders_table(orders),
        "<h2>Avisos recibidos / Webhooks received</h2>".to_owned(),
        webhooks_table(received),
    ];
    html::page("Tienda Demo", &body.join("\n"))
}

/// The orders that await payment.
pub(in crate::demo) fn orders_table(orders: &[Order]) -> String {
    if orders.is_empty() {
        return r#"<p class="nota">Ninguno. / None.</p>"#.to_owned();
    }
    let row = |order: &Order| {
        format!(
            "<tr><td>{}</td><td>{} {}</td><td>{}</td></tr>\n",
            escape(&order.external_id),
            escape(order.currency.code()),
            html::money(order.amount),
            escape(&order.name),
        )
    };
    let rows: String = orders.iter().map(row).collect();
    format!(
        "<table id=\"pedidos\">\n<thead><tr><th>Id</th><th>Importe / Amount</th><th>Ordenante / Payer</th></tr></thead>\n<tbody>\n{rows}</tbody>\n</table>"
    )
}

/// The newest webhooks, each with what the verification said.
pub(in crate::demo) fn webhooks_table(received: &[Received]) -> String {
    if received.is_empty() {
        return r#"<p class="nota">Ninguno. / None.</p>"#.to_owned();
    }
    let row = |webhook: &Received| {
        let verified = match &webhook.verified {
            Ok(()) => "sí / yes".to_owned(),
            Err(problem) => format!("no: {}", escape(problem)),
        };
        format!(
            "<tr><td>{}</td><td>{}</td><td>{verified}</td><td><code>{}</code></td></tr>\n",
            webhook.at.format("%Y-%m-%d %H:%M:%S UTC"),
            escape(&webhook.webhook_id),
            escape(&webhook.raw),
        )
    };
    let rows: String = received.iter().rev().take(WEBHOOKS_SHOWN).map(row).collect();
    format!(
        "<table id=\"avisos\">\n<thead><tr><th>Hora / Time</th><th>webhook-id</th><th>Firma / Verified</th><th>Cuerpo / Body</th></tr></thead>\n<tbody>\n{rows}</tbody>\n</table>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_arrived_is_shown_as_text() {
        let received = Received {
            webhook_id: "<id>".to_owned(),
            at: "2026-05-13T15:00:00Z".parse().expect("instant"),
            verified: Err("signature invalid".to_owned()),
            authorization: None,
            body: serde_json::Value::Null,
            raw: r#"{"name":"<b>"}"#.to_owned(),
        };
        let page = overview(&[], &[received]);
        assert!(page.contains("<td>2026-05-13 15:00:00 UTC</td><td>&lt;id&gt;</td><td>no: signature invalid</td>"));
        assert!(page.contains("<code>{&quot;name&quot;:&quot;&lt;b&gt;&quot;}</code>"));
        assert!(page.contains("Ninguno."));
    }
}
