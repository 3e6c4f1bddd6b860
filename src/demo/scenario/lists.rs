//! Stories about what the shop lists, and about a shop that lists nothing.

use anyhow::ensure;
use serde_json::{Value, json};

use super::{GOOD_USER, Say, check, expect_payment, matched, pay, scrape, wait_for, webhook};
use crate::demo::client::text;
use crate::demo::stage::Stage;

pub(super) async fn vanished_order(stage: &mut Stage, say: Say<'_>) -> anyhow::Result<()> {
    let account = stage.enrol(GOOD_USER).await?;
    expect_payment(stage, "ORDER-4", "Elena Vidal", "310.00")?;
    expect_payment(stage, "ORDER-5", "Tomás Ferro", "75.00")?;
    status_becomes(stage, "ORDER-5", &["pending", "not_found"]).await?;
    say("the shop expects ORDER-4 and ORDER-5");
    stage.world.remove_order("ORDER-5");
    say("ORDER-5 vanishes from the shop's list");
    status_becomes(stage, "ORDER-5", &["cancelled"]).await?;
    say("after repeated good answers without it, ORDER-5 is cancelled; ORDER-4 is not");
    expect_payment(stage, "ORDER-5", "Tomás Ferro", "75.00")?;
    status_becomes(stage, "ORDER-5", &["pending", "not_found"]).await?;
    say("listed again, ORDER-5 is open again");
    pay(stage, "TRANSFERENCIA DE TOMAS FERRO", "75.00")?;
    scrape(stage, &account, say).await?;
    let webhook = webhook(stage, 1).await?;
    check(&webhook, &matched("ORDER-5", "Tomás Ferro", "75.00"))?;
    say(&format!("paid: the shop received webhook {}", webhook.webhook_id));
    Ok(())
}

pub(super) async fn two_equal_orders(stage: &mut Stage, say: Say<'_>) -> anyhow::Result<()> {
    let account = stage.enrol(GOOD_USER).await?;
    for order in ["ORDER-6", "ORDER-7"] {
        expect_payment(stage, order, "Marta Ruiz", "120.00")?;
        status_becomes(stage, order, &["pending", "not_found"]).await?;
    }
    say("the shop expects two equal payments: ORDER-6 and ORDER-7, 120.00 UYU from Marta Ruiz");
    pay(stage, "TRANSFERENCIA DE MARTA RUIZ", "120.00")?;
    scrape(stage, &account, say).await?;
    let first = webhook(stage, 1).await?;
    check(&first, &matched("ORDER-6", "Marta Ruiz", "120.00"))?;
    say("one transfer came: it pays the older order, ORDER-6");
    let request = request(stage, "ORDER-7").await?;
    ensure!(request["status"] == "not_found", "ORDER-7 should wait, but is {}", request["status"]);
    say("ORDER-7 goes on waiting");
    Ok(())
}

pub(super) async fn passthrough(stage: &mut Stage, say: Say<'_>) -> anyhow::Result<()> {
    let account = stage.enrol(GOOD_USER).await?;
    stage.client.put("/me/operation-mode", json!({ "mode": "passthrough" })).await?;
    say("the organisation forwards every transfer, and expects none");
    pay(stage, "TRANSFERENCIA DE JUAN PEREZ", "1500.00")?;
    scrape(stage, &account, say).await?;
    let webhook = webhook(stage, 1).await?;
    let movements = stage.client.get(&format!("/accounts/{account}/movements?limit=1")).await?;
    let (id, received_at) = (text(&movements[0], "id")?, text(&webhook.body, "received_at")?);
    let expected = format!(
        r#"{{"id":"{id}","amount":1500.00,"currency":"UYU","name":"JUAN PEREZ","received_at":"{received_at}"}}"#
    );
    check(&webhook, &expected)?;
    say(&format!("the shop received it as webhook {}; what was booked before today is not sent", webhook.webhook_id));
    Ok(())
}

async fn request(stage: &Stage, external_id: &str) -> anyhow::Result<Value> {
    let requests = stage.client.get("/conciliation?limit=500").await?;
    let found = requests.as_array().and_then(|all| all.iter().find(|request| request["external_id"] == external_id));
    Ok(found.cloned().unwrap_or_default())
}

async fn status_becomes(stage: &Stage, external_id: &str, wanted: &[&str]) -> anyhow::Result<()> {
    wait_for(&format!("{external_id} to be {}", wanted.join(" or ")), || async {
        let request = request(stage, external_id).await?;
        Ok(request["status"].as_str().is_some_and(|status| wanted.contains(&status)))
    })
    .await
}
