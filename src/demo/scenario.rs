//! What can be watched: each scenario is a small story with an end that is checked.

mod lists;

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};

use super::client::text;
use super::stage::Stage;
use super::world::{NewBankMovement, Order, PESOS, Received, ReceiverBehaviour};
use crate::domain::account::{LoginMode, words};
use crate::domain::movement::BookingStatus;

words! {
    Scenario {
        /// Order and payment are there before anybody reads either.
        Plain = "plain",
        /// The shop expects a payment; then it arrives at the bank.
        OrderFirst = "order-first",
        /// The payment is at the bank before the shop asks for it.
        PaymentFirst = "payment-first",
        /// The bank refuses the password: typed once, then blocked.
        WrongPassword = "wrong-password",
        /// The shop's receiver fails twice; the same webhook comes again.
        ReceiverDown = "receiver-down",
        /// The bank sends a code; a person mistypes it, a machine with a key gives the right one.
        Otp = "otp",
        /// Every transfer is forwarded; nobody expects any.
        Passthrough = "passthrough",
        /// An order leaves the shop's list and comes back.
        VanishedOrder = "vanished-order",
        /// Two equal orders, one transfer: the older one is paid.
        TwoEqualOrders = "two-equal-orders",
    }
}

/// Bank users by what they do; any other one simply logs in.
pub(super) const GOOD_USER: &str = "48765432";
const WRONG_PASSWORD_USER: &str = "clave-mala";
const CODE_USER: &str = "pide-codigo";
/// A browser, a login and two pages of movements take a few seconds; this is for slow machines.
const PATIENCE: Duration = Duration::from_mins(1);

/// Tells the person at the terminal what happens, with the time since the start.
pub type Say<'a> = &'a dyn Fn(&str);

/// Plays one scenario on a fresh stage; the error says what went wrong.
pub async fn play(scenario: Scenario, stage: &mut Stage, say: Say<'_>) -> anyhow::Result<()> {
    match scenario {
        Scenario::Plain => plain(stage, say).await,
        Scenario::OrderFirst => order_first(stage, say).await,
        Scenario::PaymentFirst => payment_first(stage, say).await,
        Scenario::WrongPassword => wrong_password(stage, say).await,
        Scenario::ReceiverDown => receiver_down(stage, say).await,
        Scenario::Otp => otp(stage, say).await,
        Scenario::Passthrough => lists::passthrough(stage, say).await,
        Scenario::VanishedOrder => lists::vanished_order(stage, say).await,
        Scenario::TwoEqualOrders => lists::two_equal_orders(stage, say).await,
    }
}

async fn plain(stage: &mut Stage, say: Say<'_>) -> anyhow::Result<()> {
    expect_payment(stage, "ORDER-0", "Rosa Méndez", "840.00")?;
    pay(stage, "TRANSFERENCIA DE ROSA MENDEZ", "840.00")?;
    say("the shop expects ORDER-0: 840.00 UYU from Rosa Méndez, and the bank has booked it today");
    let account = stage.enrol(GOOD_USER).await?;
    say("enrolled an account at Banco Demo over the API");
    scrape(stage, &account, say).await?;
    let webhook = webhook(stage, 1).await?;
    check(&webhook, &matched("ORDER-0", "Rosa Méndez", "840.00"))?;
    say(&format!("the shop received webhook {} and verified its signature", webhook.webhook_id));
    Ok(())
}

async fn order_first(stage: &mut Stage, say: Say<'_>) -> anyhow::Result<()> {
    let account = stage.enrol(GOOD_USER).await?;
    say("enrolled an account at Banco Demo over the API");
    expect_payment(stage, "ORDER-1", "Juan Pérez", "1500.00")?;
    say("the shop expects ORDER-1: 1500.00 UYU from Juan Pérez");
    pay(stage, "TRANSFERENCIA DE JUAN PEREZ", "1500.00")?;
    say("the bank books a transfer: 1500.00 UYU, \"TRANSFERENCIA DE JUAN PEREZ\"");
    scrape(stage, &account, say).await?;
    let webhook = webhook(stage, 1).await?;
    check(&webhook, &matched("ORDER-1", "Juan Pérez", "1500.00"))?;
    say(&format!("the shop received webhook {} and verified its signature", webhook.webhook_id));
    say(&format!("  {}", webhook.raw));
    show_movement(stage, &account, say).await
}

async fn payment_first(stage: &mut Stage, say: Say<'_>) -> anyhow::Result<()> {
    let account = stage.enrol(GOOD_USER).await?;
    pay(stage, "TRANSFERENCIA DE ANA LOPEZ GARCIA", "500.50")?;
    say("the bank books a transfer that nobody expects yet: 500.50 UYU");
    scrape(stage, &account, say).await?;
    wait_for("the movement to be listed", || async {
        let movements = stage.client.get(&format!("/accounts/{account}/movements")).await?;
        Ok(movements.as_array().is_some_and(|list| list.iter().any(|movement| movement["amount"] == "500.50")))
    })
    .await?;
    say("the movement is in the ledger, and waits");
    expect_payment(stage, "ORDER-2", "Ana López", "500.50")?;
    say("the shop now expects ORDER-2: 500.50 UYU from Ana López");
    let webhook = webhook(stage, 1).await?;
    check(&webhook, &matched("ORDER-2", "Ana López", "500.50"))?;
    say(&format!("the shop received webhook {} and verified its signature", webhook.webhook_id));
    Ok(())
}

async fn wrong_password(stage: &mut Stage, say: Say<'_>) -> anyhow::Result<()> {
    let account = stage.enrol(WRONG_PASSWORD_USER).await?;
    scrape(stage, &account, say).await?;
    wait_for("the account to be blocked", || async {
        let accounts = stage.client.get("/accounts").await?;
        Ok(!accounts[0]["scrapeBlockedAt"].is_null())
    })
    .await?;
    let accounts = stage.client.get("/accounts").await?;
    say(&format!("the account is blocked: {}", accounts[0]["scrapeBlockedReason"]));
    let (status, answer) =
        stage.client.try_call(reqwest::Method::POST, &format!("/accounts/{account}/scrape"), None).await?;
    ensure!(status == 409, "a scrape of a blocked account answered {status}: {answer}");
    say(&format!("another scrape is refused: {}", answer["error"]));
    let typed = stage.world.login_submissions(WRONG_PASSWORD_USER);
    ensure!(typed == 1, "the password was typed {typed} times");
    say("the password was typed exactly once");
    Ok(())
}

async fn receiver_down(stage: &mut Stage, say: Say<'_>) -> anyhow::Result<()> {
    let account = stage.enrol(GOOD_USER).await?;
    stage.world.set_receiver_behaviour(ReceiverBehaviour::Status(503));
    say("the shop's receiver answers 503");
    expect_payment(stage, "ORDER-3", "María Souza", "99.90")?;
    pay(stage, "TRANSFERENCIA DE MARIA SOUZA", "99.90")?;
    scrape(stage, &account, say).await?;
    let first = webhook(stage, 1).await?;
    stage.world.set_receiver_behaviour(ReceiverBehaviour::Ok);
    say("one attempt failed; the receiver works again");
    let second = webhook(stage, 2).await?;
    check(&second, &matched("ORDER-3", "María Souza", "99.90"))?;
    ensure!(first.webhook_id == second.webhook_id, "the retry came under another webhook-id");
    ensure!(first.raw == second.raw, "the retry came with another body");
    say(&format!("the retry came under the same webhook-id {}, with the same body", second.webhook_id));
    Ok(())
}

async fn otp(stage: &mut Stage, say: Say<'_>) -> anyhow::Result<()> {
    let account = stage.enrol_as(CODE_USER, LoginMode::Assisted).await?;
    let wanted = json!({ "name": "SMS relay", "scopes": ["otp:write", "status:read"], "account_ids": [account] });
    let key = text(&stage.client.post("/me/api-keys", wanted).await?, "key")?;
    say("made an API key for a machine that reads the text messages");
    expect_payment(stage, "ORDER-4", "Luis Vera", "320.00")?;
    pay(stage, "TRANSFERENCIA DE LUIS VERA", "320.00")?;
    scrape(stage, &account, say).await?;
    let path = format!("/accounts/{account}/otp");
    let asked = code_request(stage, &path, 0).await?;
    say(&format!("the bank asks for a code: {asked}"));
    stage.client.post(&path, json!({ "code": "000000" })).await?;
    say("somebody mistypes it: 000000");
    let asked = code_request(stage, &path, 1).await?;
    say(&format!("the bank refuses it, so the login asks again: {asked}"));
    let code = stage.world.sms_code(CODE_USER);
    stage.client.post_with_key(&key, &format!("/v1{path}"), json!({ "code": code })).await?;
    say("the machine reads the code off the phone and gives it with its key");
    let webhook = webhook(stage, 1).await?;
    check(&webhook, &matched("ORDER-4", "Luis Vera", "320.00"))?;
    say(&format!("logged in, read and matched: webhook {}", webhook.webhook_id));
    let typed = (stage.world.login_submissions(CODE_USER), stage.world.codes_typed(CODE_USER));
    ensure!(typed == (1, 2), "password and codes were typed {typed:?} times");
    say("the password was typed once, each code once");
    Ok(())
}

/// The request for a code, once so many codes were tried.
async fn code_request(stage: &Stage, path: &str, attempts: u64) -> anyhow::Result<Value> {
    wait_for("the login to ask for a code", || async {
        Ok(stage.client.get(path).await?["attempts"].as_u64() == Some(attempts))
    })
    .await?;
    stage.client.get(path).await
}

fn expect_payment(stage: &Stage, external_id: &str, name: &str, amount: &str) -> anyhow::Result<()> {
    stage.world.add_order(Order {
        external_id: external_id.to_owned(),
        amount: amount.parse()?,
        currency: "UYU".parse()?,
        name: name.to_owned(),
    });
    Ok(())
}

fn pay(stage: &Stage, concept: &str, amount: &str) -> anyhow::Result<()> {
    stage.world.add_movement(NewBankMovement {
        bank_account: PESOS.to_owned(),
        booked_on: stage.world.today(),
        concept: concept.to_owned(),
        credit: Some(amount.parse()?),
        debit: None,
        status: BookingStatus::Booked,
        reference: None,
    });
    Ok(())
}

async fn scrape(stage: &Stage, account: &str, say: Say<'_>) -> anyhow::Result<()> {
    let answer = stage.client.call(reqwest::Method::POST, &format!("/accounts/{account}/scrape"), None).await?;
    say(&format!("asked for a scrape (run {}): a headless browser logs in", answer["jobId"].as_str().unwrap_or("?")));
    Ok(())
}

/// Waits until so many webhooks have arrived, and returns the last of them.
async fn webhook(stage: &Stage, count: usize) -> anyhow::Result<Received> {
    if !stage.world.wait_for_webhooks(count, PATIENCE).await {
        let accounts = stage.client.get("/accounts").await?;
        bail!(
            "no webhook came within {} s (accounts: {accounts}); the log of the daemon says why, \
             run again with --set log.filter=info",
            PATIENCE.as_secs()
        );
    }
    stage.world.received().into_iter().nth(count - 1).context("the webhook that was announced is not there")
}

/// The body a match must have, byte for byte.
fn matched(external_id: &str, name: &str, amount: &str) -> String {
    format!(
        r#"{{"external_id":"{external_id}","status":"matched","amount":{amount},"currency":"UYU","name":"{name}"}}"#
    )
}

fn check(webhook: &Received, expected: &str) -> anyhow::Result<()> {
    if let Err(problem) = &webhook.verified {
        bail!("the shop could not verify the webhook: {problem}");
    }
    ensure!(webhook.raw == expected, "the webhook says {} instead of {expected}", webhook.raw);
    Ok(())
}

async fn show_movement(stage: &Stage, account: &str, say: Say<'_>) -> anyhow::Result<()> {
    let movements = stage.client.get(&format!("/accounts/{account}/movements?limit=1")).await?;
    say(&format!("the movement as the API shows it: {}", movements[0]));
    Ok(())
}

async fn wait_for<F, Fut>(what: &str, condition: F) -> anyhow::Result<()>
where
    F: Fn() -> Fut,
    Fut: Future<Output = anyhow::Result<bool>>,
{
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !condition().await? {
        if tokio::time::Instant::now() > deadline {
            bail!("waited {} s for {what}", PATIENCE.as_secs());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}
